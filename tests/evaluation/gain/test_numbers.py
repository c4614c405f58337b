"""Numbers that a comparison and `tune` are given: of any whole type, in one line where refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.small_comparisons import files, run

from ganaug import tune
from ganaug.errors import ConfigError
from ganaug.images import ImageSet

MakeArtifact = Callable[..., Path]


def test_whole_numbers_of_numpy_are_numbers(images: ImageSet, tmp_path: Path) -> None:
    options = {"arms": ["plain"], "baseline": "plain", "out": tmp_path}
    first = run(None, images, seeds=2, steps=3, **options)
    kept = files(tmp_path)
    given: dict[str, Any] = {"steps": np.int64(3), "threads": np.int64(1), "jobs": np.int64(1)}
    for seeds in (np.int64(2), np.arange(2), (0, 1)):
        assert run(None, images, seeds=seeds, **given, **options) == first
    assert files(tmp_path) == kept


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seeds": 2_000_000_000}, "seeds: 2000000000; allowed: 1 to 1,000"),
        ({"seeds": range(2_000_000_000)}, "seeds: range(0, 2000000000); allowed: "),
        ({"seeds": range(10**30)}, "seeds: range(0, 1"),
        ({"seeds": 6.0}, "seeds: 6.0; allowed: a whole number, 1 to 1,000"),
        ({"seeds": [0.5, 1.5]}, "seed: 0.5; allowed: a whole number"),
        ({"seeds": "12"}, "seed: '1'; allowed: a whole number"),
        ({"seeds": 0}, "seeds: 0; allowed: 1 to 1,000"),
        ({"seeds": []}, "seeds: []; allowed: "),
        ({"seeds": [1, 1]}, "seeds: [1, 1]; allowed: "),
        ({"seeds": [-1]}, "seeds: [-1]; allowed: "),
        ({"steps": 2.0}, "steps: 2.0; allowed: a whole number, 1 or more"),
        ({"steps": np.int64(0)}, "steps: "),
        ({"steps": 10**9}, "steps: 1000000000; allowed: 1 to 10,000,000; leave it out for"),
        ({"threads": 0}, "threads: 0; allowed: 1 or more"),
        ({"jobs": 1.5}, "jobs: 1.5; allowed: a whole number, 1 to 1,024"),
    ],
    ids=str,
)
def test_other_numbers_are_refused_in_one_line(
    given: dict[str, Any], said: str, images: ImageSet
) -> None:
    with pytest.raises(ConfigError) as refused:
        run(None, images, **given)
    assert str(refused.value).startswith(said)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"steps": 1.5}, "steps: 1.5; allowed: a whole number, 1 or more"),
        ({"fit_steps": 1.5}, "fit_steps: 1.5; allowed: a whole number, 1 or more"),
        ({"threads": 0}, "threads: 0; allowed: 1 or more"),
        ({"seed": 0.5}, "seed: 0.5; allowed: a whole number"),
    ],
    ids=str,
)
def test_so_are_those_of_tune(
    given: dict[str, Any], said: str, artifact: MakeArtifact, images: ImageSet
) -> None:
    with pytest.raises(ConfigError) as refused:
        tune(artifact(), images, **given)
    assert str(refused.value).startswith(said)
