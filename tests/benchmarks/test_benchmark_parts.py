"""Parts of a comparison, each with seeds of its own, are merged into what one run gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.small_comparisons import run
from helpers.small_images import bars
from helpers.small_models import write_variation_model

from benchmarks._parts import merge_parts, write_part
from ganaug import Refit
from ganaug.artifact.policy import Policy
from ganaug.errors import ConfigError
from ganaug.evaluation.gain import GainReport
from ganaug.images import ImageSet

FIT = {"preset": "tiny", "steps": 2, "width": 4, "latent_dim": 4, "batch_size": 4}
ARMS = ["balanced", "ganaug"]


def merged(folder: Path, part: Callable[[list[int]], GainReport]) -> GainReport:
    paths = []
    for seeds in ([0], [1, 2]):
        paths.append(folder / f"{seeds[0]}.npz")
        write_part(paths[-1], part(seeds), {})
    return merge_parts(paths)[0]


def test_parts_of_draws_of_their_own_are_one_comparison(tmp_path: Path) -> None:
    def part(seeds: list[int]) -> GainReport:
        def draw(seed: int) -> ImageSet:
            return replace(bars((12, 8, 5), seed=seed), test=bars((8, 8, 8), seed=50 + seed))

        refit = Refit(draw=draw, fit_options=FIT)
        return run(None, draw(seeds[0]), arms=ARMS, seeds=seeds, refit=refit, device="cpu")

    whole, found = part([0, 1, 2]), merged(tmp_path, part)
    assert found.gain == whole.gain
    assert found.counts == whole.counts
    assert len(found.environment["policies"]) == 3


def test_parts_keep_that_two_arms_are_one_training(tmp_path: Path) -> None:
    images = replace(bars(), test=bars((8, 8, 8), seed=1))
    path = write_variation_model(
        tmp_path / "never.onnx",
        size=images.size,
        classes=images.classes,
        counts=images.counts.tolist(),
        fingerprint=images.fingerprint,
        policy=Policy(((6, 0.0),)),
    )

    def part(seeds: list[int]) -> GainReport:
        return run(path, images, arms=ARMS, seeds=seeds)

    assert merged(tmp_path, part).gain["ganaug"].verdict == "no change"
    write_part(
        tmp_path / "5.npz", run(path, replace(images, test=bars(seed=3)), arms=ARMS, seeds=[5]), {}
    )
    with pytest.raises(ConfigError, match=r"merge: settings\.test differs"):
        merge_parts([tmp_path / "0.npz", tmp_path / "5.npz"])
