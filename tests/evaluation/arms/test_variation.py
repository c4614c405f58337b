"""`GANAugment` in an arm, and the untrained warp in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.small_images import bars
from helpers.small_models import write_class_model

from ganaug.artifact.policy import Policy
from ganaug.artifact.runtime import Generator
from ganaug.errors import ConfigError
from ganaug.evaluation.arms import parse_arm
from ganaug.evaluation.arms.random_warp import RandomWarp, matched_strength, mean_absolute_change
from ganaug.evaluation.arms.variation import make_variation
from ganaug.images import ImageSet

MakeArtifact = Callable[..., Path]


def test_a_warp_is_matched_in_how_much_it_changes() -> None:
    torch.default_generator.manual_seed(0)
    pixels = torch.from_numpy(bars((40,)).images).permute(0, 3, 1, 2)
    for wanted in (3.0, 12.0):
        strength = matched_strength(pixels, wanted, seed=1)
        torch.default_generator.manual_seed(2)  # other draws than those it was matched on
        found = mean_absolute_change(pixels.repeat(4, 1, 1, 1), RandomWarp(strength))
        assert found == pytest.approx(wanted, rel=0.15)
    assert torch.equal(RandomWarp(0.0)(pixels), pixels)


def test_p_rises_from_a_share_of_the_largest_class(
    images: ImageSet, artifact: MakeArtifact
) -> None:
    pixels = torch.from_numpy(images.images).permute(0, 3, 1, 2)
    labels = torch.from_numpy(np.repeat([0, 1, 2], 400))
    batch = pixels[:1].repeat(1200, 1, 1, 1)
    arm = parse_arm("ganaug@top=0.9@from=1")
    vary = make_variation(arm, artifact(), images, pixels, 0)
    assert vary is not None
    torch.default_generator.manual_seed(0)
    changed = (vary(batch, labels) != batch).flatten(1).any(1).view(3, 400).float().mean(1)
    # 24, 12 and 6 images: none, two thirds of the way, and all of it.
    assert changed.numpy() == pytest.approx([0.0, 0.6, 0.9], abs=0.07)


def test_a_warp_needs_a_generator_that_varies(images: ImageSet, artifact: MakeArtifact) -> None:
    pixels = torch.from_numpy(images.images).permute(0, 3, 1, 2)
    with pytest.raises(ConfigError, match="the generator's kind is 'class'"):
        make_variation(parse_arm("warp@p=1"), artifact("class"), images, pixels, 0)


def test_a_warp_changes_the_images_that_the_generator_would(
    images: ImageSet, artifact: MakeArtifact
) -> None:
    pixels = torch.from_numpy(images.images).permute(0, 3, 1, 2).contiguous()
    labels = torch.from_numpy(images.labels)
    assert Generator(artifact()).info.kind == "variation"
    changed = []
    for head in ("ganaug", "warp"):
        vary = make_variation(parse_arm(f"{head}@p=0.5"), artifact(), images, pixels, 0)
        assert vary is not None
        torch.default_generator.manual_seed(1)
        changed.append((vary(pixels, labels) != pixels).flatten(1).any(1))
    assert torch.equal(changed[0], changed[1])
    assert 0 < changed[0].sum() < len(pixels)


@pytest.mark.parametrize("arm", ["ganaug", "ganaug@p=0.5", "ganaug@scale=0.5", "ganaug@until=0.5"])
def test_a_class_that_a_class_generator_never_saw_stays_as_it_is(arm: str, tmp_path: Path) -> None:
    images = replace(bars((8, 4)), classes=("bar 0", "bar 1", "empty"))
    policy = Policy(((0, 1.0),), source="tune")
    file = write_class_model(
        tmp_path / "class.onnx", classes=images.classes, counts=(8, 4, 0), policy=policy
    )
    pixels = torch.from_numpy(images.images).permute(0, 3, 1, 2).contiguous()
    vary = make_variation(parse_arm(arm), file, images, pixels, 0)
    torch.default_generator.manual_seed(0)
    varied = vary(pixels, torch.full((12,), 2))
    assert torch.equal(varied, pixels)
    assert not torch.equal(vary(pixels, torch.from_numpy(images.labels)), pixels)
