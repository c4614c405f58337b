"""What a generator changes: known maps are found again, and strengths are the same latents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.planted_maps import BEND, planted
from helpers.small_images import bars
from helpers.small_models import (
    Planted,
    expected_class,
    expected_variation,
    projection,
    write_class_model,
    write_variation_model,
)
from torchvision.transforms.v2 import functional as F

from ganaug import Generator
from ganaug.artifact.policy import Policy
from ganaug.evaluation.diversity.changes import SCALES, class_changes, strengths
from ganaug.evaluation.diversity.samples import draw_samples
from ganaug.images import ImageSet
from ganaug.randomness import stream

CLASSES = ("bar 0", "bar 1")


def generator_of(path: Path, map_: Planted | None = None, **options: object) -> Generator:
    values = {"classes": CLASSES, "planted": map_, **options}
    return Generator(write_variation_model(path / "m.onnx", **values))  # type: ignore[arg-type]


def test_without_a_map_nothing_moves_and_light_is_what_the_latent_adds(tmp_path: Path) -> None:
    """The model adds a number to the whole image, as its offset; no pixel comes near 0 or 1."""
    images = ImageSet(np.full((3, 12, 8, 1), 128, np.uint8), np.array([0, 0, 1]), CLASSES)
    policy = Policy(p=((2, 0.5),), scale=0.5)
    (change,) = class_changes(generator_of(tmp_path, policy=policy), images, [1])
    assert change.name == "bar 1"
    assert np.array_equal(change.image, images.images[2])
    latents = stream(0, "report/changes", index=1).standard_normal((32, 4), dtype=np.float32)
    added = np.abs(0.5 * latents @ projection(4, 1)).mean()
    assert change.moved.shape == change.light.shape == change.detail.shape == (12, 8)
    assert change.moved == pytest.approx(np.zeros((12, 8)), abs=1e-4)
    assert change.light == pytest.approx(np.full((12, 8), added), abs=1e-4)
    assert change.detail == pytest.approx(np.zeros((12, 8)), abs=1e-4)


def test_a_shift_is_found_in_pixels(tmp_path: Path) -> None:
    map_ = Planted(((1.0, 0.0, 2 * 3 / 16), (0.0, 1.0, 2 * 4 / 12)))  # 3 px across, 4 px down
    images = bars((3, 2), size=(12, 16))
    found = class_changes(generator_of(tmp_path, map_), images, [0, 1])
    for each in found:
        assert each.moved == pytest.approx(np.full((12, 16), 5.0), abs=1e-3)


def test_a_bend_is_strongest_in_the_middle(tmp_path: Path) -> None:
    (found,) = class_changes(generator_of(tmp_path, BEND), bars((3, 2), size=(24, 24)), [0])
    row, column = np.unravel_index(found.moved.argmax(), found.moved.shape)
    assert 8 <= row < 16
    assert 8 <= column < 16
    assert found.moved[0, 0] < found.moved[12, 12] / 4


def test_detail_is_what_is_left_when_the_map_is_undone(tmp_path: Path) -> None:
    """A turned image is read where the map says, so that light and detail stay small."""
    image = F.gaussian_blur(torch.rand(1, 1, 48, 64, generator=torch.Generator().manual_seed(0)), 9)
    levels = np.rint(255 * image.numpy()).astype(np.uint8).transpose(0, 2, 3, 1)
    images = ImageSet(np.repeat(levels, 2, 0), np.array([0, 1]), CLASSES)
    generator = generator_of(tmp_path, planted(20, (3.0, 2.0)), latent_dim=4)
    (found,) = class_changes(generator, images, [0])
    assert found.moved.mean() > 3
    assert found.detail.max() < 1e-4


@pytest.mark.parametrize("write", [write_class_model, write_variation_model])
def test_files_that_do_not_tell_have_no_maps(write: object, tmp_path: Path) -> None:
    """A class generator has no source, and schema 1 had no further outputs."""
    options = {} if write is write_class_model else {"schema": "1.0"}
    file = write(tmp_path / "m.onnx", classes=CLASSES, size=(12, 12), **options)  # type: ignore[operator]
    samples = draw_samples(Generator(file), bars((3, 2)))
    assert samples.changes == ()
    assert len(samples.strengths) == 8


def test_strengths_are_one_latent_times_each_scale(tmp_path: Path) -> None:
    images = bars((3, 1))
    policy = Policy(p=((2, 0.5),), scale=0.7)
    found = strengths(generator_of(tmp_path, policy=policy), images, [1, 0])
    assert [each.name for each in found] == ["bar 1", "bar 0"] * 4
    assert found[0].scales == tuple(sorted((*SCALES, 0.7)))
    for at, row in ((0, 3), (1, 0), (2, 3), (3, 1), (7, 0)):  # three images, then the first again
        source = images.images[row][None].transpose(0, 3, 1, 2) / np.float32(255)
        assert np.array_equal(found[at].images[0], images.images[row])  # at 0
        latent = stream(0, "report/strength", index=at).standard_normal((1, 4), dtype=np.float32)
        for scale, shown in zip(found[at].scales, found[at].images, strict=True):
            made = np.rint(255 * expected_variation(source, scale * latent))[0].transpose(1, 2, 0)
            assert np.abs(shown - made).max() <= 1


def test_strengths_of_a_class_generator(tmp_path: Path) -> None:
    images = bars((3, 1), size=(8, 8))
    file = write_class_model(tmp_path / "m.onnx", classes=CLASSES)
    found = strengths(Generator(file), images, [1, 0])
    assert [each.images.shape for each in found] == [(len(SCALES), 8, 8, 1)] * 8
    latent = stream(0, "report/strength", index=0).standard_normal((1, 4), dtype=np.float32)
    made = 255 * expected_class(np.array([1]), 2 * latent)[0].transpose(1, 2, 0)
    assert np.abs(found[0].images[-1] - made).max() <= 1
