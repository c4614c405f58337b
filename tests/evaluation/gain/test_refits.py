from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.small_comparisons import run
from helpers.small_images import bars

from ganaug import Refit, TrainingLoop
from ganaug.artifact.runtime import Generator
from ganaug.errors import ConfigError
from ganaug.evaluation.gain import GainReport
from ganaug.images import ImageSet


@pytest.fixture(scope="module")
def refitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, GainReport]:
    """A comparison with a generator of its own for each seed, fitted and exported for real."""
    out = tmp_path_factory.mktemp("refit")
    images = replace(bars((14, 8)), test=bars((6, 6), seed=1))
    options = {"preset": "tiny", "steps": 2, "width": 4}
    report = run(
        None,
        images,
        seeds=1,
        arms=["balanced", "ganaug"],
        refit=Refit(fit_options=options),
        out=out,
    )
    return out, report


def test_refits_train_a_generator_for_each_seed(refitted: tuple[Path, GainReport]) -> None:
    out, report = refitted
    assert report.claim == "for the method"
    assert report.counts == ((11, 6),)  # 80% of each class
    assert report.settings.refit is not None
    assert report.settings.refit["preset"] == "tiny"
    (generator,) = out.rglob("generator.onnx")
    assert generator.parent.name.startswith("seed-0000-")


def test_a_refitted_comparison_goes_on_from_its_folder(
    refitted: tuple[Path, GainReport],
) -> None:
    out, report = refitted
    (generator,) = out.rglob("generator.onnx")
    before = generator.stat().st_mtime_ns
    again = run(
        None,
        replace(bars((14, 8)), test=bars((6, 6), seed=1)),
        seeds=1,
        arms=["balanced", "ganaug"],
        refit=Refit(fit_options={"preset": "tiny", "steps": 2, "width": 4}),
        out=out,
    )
    assert again == report
    assert generator.stat().st_mtime_ns == before


def test_new_generators_are_tuned_where_asked_at_their_own_size(tmp_path: Path) -> None:
    counts = (60, 54, 48, 40, 12, 6)
    images = replace(bars(counts), test=bars((6,) * 6, seed=1))
    small = {"preset": "tiny", "steps": 5, "width": 4, "batch_size": 4, "size": 8}
    arguments: dict[str, Any] = {
        "seeds": 1,
        "arms": ["balanced", "ganaug"],
        "baseline": "balanced",
        "refit": Refit(tuned=True, fit_options=small),
        "out": tmp_path,
    }
    told: list[tuple[int, int]] = []
    report = run(
        None, images, progress=lambda done, total, left: told.append((done, total)), **arguments
    )
    (policy,) = report.environment["policies"]
    assert {"p", "scale", "reason"} <= set(policy)
    (tuned,) = tmp_path.rglob("tuned-*.onnx")
    written = Generator(tuned).info
    assert written.size == (8, 8)
    assert written.policy is not None
    assert written.policy.source == "tune"
    assert told[-1][0] == told[-1][1]
    assert run(None, images, **arguments) == report


def test_policies_are_learnt_with_networks_alone(images: ImageSet) -> None:
    with pytest.raises(ConfigError, match=r"tuned: .*leave tuned out"):
        run(None, images, refit=Refit(tuned=True), classifier=TrainingLoop(print))


def test_generators_of_noise_are_trained_beside_real_images(
    images: ImageSet, tmp_path: Path
) -> None:
    short = {"kind": "class", "steps": 1, "width": 4, "batch_size": 8}
    refit = Refit(fit_options=short)
    report = run(None, images, arms=None, baseline="balanced", refit=refit, seeds=1)
    assert report.chosen == "mixed"
    assert report.settings.quick is False
