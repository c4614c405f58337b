"""What a training would cost: from real steps, without a run folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.short_runs import SHORT
from helpers.small_images import bars

from ganaug.errors import ConfigError, DataError
from ganaug.training.dry_run import estimate_fit
from ganaug.training.fit import fit
from ganaug.training.run_folder import read_run


@pytest.mark.parametrize("kind", ["variation", "class"])
def test_the_estimate_is_of_that_training(tmp_path: Path, kind: str) -> None:
    options = SHORT | {"kind": kind, "steps": 100}
    found = estimate_fit(bars(), **options)
    assert found.config.size == (12, 12)
    assert found.images == len(bars().hold_out())
    assert found.precision == "fp32"
    assert 0 < 100 * found.step_seconds < found.seconds
    assert found.memory_mb is None or 20 < found.memory_mb < 50_000
    saved = read_run(fit(bars(), tmp_path / "run", **options | {"steps": 1}))
    weights = sum(weight.numel() for weight in saved.generator.parameters())
    assert found.parameters["generator"] == weights
    assert found.parameters["discriminator"] > 1000


def test_what_fit_refuses_is_refused() -> None:
    with pytest.raises(DataError, match="needs at least 2"):
        estimate_fit(bars((20,)), **SHORT)
    with pytest.raises(ConfigError, match="no such option"):
        estimate_fit(bars(), **SHORT, stepss=3)
