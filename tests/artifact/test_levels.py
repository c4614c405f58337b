"""Levels 0..255 through a generator and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.small_images import bars
from helpers.small_models import (
    expected_class,
    expected_variation,
    write_class_model,
    write_variation_model,
)

from ganaug import Generator
from ganaug.artifact.levels import generate_levels, vary_levels

LATENTS = np.random.default_rng(0).standard_normal((7, 4), dtype=np.float32)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_varied_as_levels(channels: int, tmp_path: Path) -> None:
    generator = Generator(write_variation_model(tmp_path / "m.onnx", channels))
    images = bars((4, 3), channels=channels).images
    made = vary_levels(generator, images, LATENTS)
    wanted = expected_variation(images.transpose(0, 3, 1, 2) / np.float32(255), LATENTS)
    assert made.dtype == np.uint8
    assert made.shape == images.shape
    assert np.abs(made - 255 * wanted.transpose(0, 2, 3, 1)).max() <= 0.51  # the nearest level
    assert np.array_equal(vary_levels(generator, images, np.zeros_like(LATENTS)), images)
    assert np.array_equal(vary_levels(generator, images, LATENTS, block=3), made)


def test_images_of_a_class_are_made_as_levels(tmp_path: Path) -> None:
    generator = Generator(write_class_model(tmp_path / "m.onnx"))
    labels = np.array([0, 1, 1, 0, 0, 1, 0])
    made = generate_levels(generator, labels, LATENTS)
    wanted = 255 * expected_class(labels, LATENTS).transpose(0, 2, 3, 1)
    assert (made.dtype, made.shape) == (np.uint8, (7, 8, 8, 1))
    assert np.abs(made - wanted).max() <= 0.51
    assert np.array_equal(generate_levels(generator, labels, LATENTS, block=2), made)
