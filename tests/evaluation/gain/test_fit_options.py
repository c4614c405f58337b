"""Arguments of `fit` for new generators: which are taken, and what is kept under them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.small_comparisons import run
from helpers.small_images import bars

from ganaug import Refit
from ganaug.artifact.rewrite import rewrite_metadata
from ganaug.errors import ArtifactError, ConfigError
from ganaug.evaluation.trainings.generators import start_hash
from ganaug.training import export, fit

SHORT: dict[str, Any] = {"preset": "tiny", "steps": 2, "width": 4, "batch_size": 4}
ARMS: dict[str, Any] = {"seeds": 1, "arms": ["balanced", "ganaug"], "baseline": "balanced"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 5}, "fit_options: 'seed'; allowed: arguments of ganaug.fit without source, out,"),
        ({"all_images": True}, "fit_options: 'all_images'; .*leave it out"),
        ({"tick": print}, "fit_options: 'tick'"),
        ({"progress": True}, "fit_options: 'progress'"),
        ({"device": "cpu"}, "fit_options: 'device'"),
        ({"steps": {1}}, r"fit_options: steps=\{1\}; allowed: numbers, texts, paths and lists"),
    ],
)
def test_what_the_comparison_gives_itself_is_refused_before_any_work(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    refit = Refit(fit_options=SHORT | options)
    with pytest.raises(ConfigError, match=message) as caught:
        run(None, bars((14, 8)), refit=refit, out=tmp_path / "out", **ARMS)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_generator_is_kept_with_the_file_that_it_started_from(tmp_path: Path) -> None:
    images = replace(bars((14, 8)), test=bars((6, 6), seed=1))
    start = tmp_path / "start.onnx"

    def kept(**options: Any) -> set[str]:
        refit = Refit(fit_options=SHORT | {"steps": np.int64(2)} | options)
        run(None, images, refit=refit, out=tmp_path / "out", **ARMS)
        return {path.parent.name for path in (tmp_path / "out").rglob("generator.onnx")}

    for seed, runs in ((0, 1), (1, 2)):
        origin = fit(bars(seed=3), tmp_path / f"origin-{seed}", seed=seed, device="cpu", **SHORT)
        export(origin, start, force=True)
        assert len(kept(start_from=start)) == runs
        rewrite_metadata(start, warnings=["what a later command wrote"])
        assert len(kept(start_from=str(start))) == runs
    assert len(kept(start_from=tmp_path / "origin-0")) == 3
    assert len(kept()) == 4


def test_a_start_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"start_from: .* has no checkpoint .*name another"):
        start_hash(str(tmp_path))
    with pytest.raises(ArtifactError, match=r"none\.onnx"):
        start_hash(str(tmp_path / "none.onnx"))
