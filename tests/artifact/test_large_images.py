"""An image that would take gigabytes is refused with the size that fits; a user can allow it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.artifact_calls import latents_of, refused
from PIL import Image

from ganaug import GANAugment, Generator
from ganaug.artifact.arrays import check_area
from ganaug.errors import ConfigError, DataError


def test_a_photograph_of_12_megapixels_is_refused_with_the_size_that_fits(
    variation: Generator,
) -> None:
    photograph = Image.new("L", (4000, 3000))
    text = refused(DataError, GANAugment(variation, p=1.0), photograph)
    assert text == (
        "images: 3000 x 4000, 12.0 megapixels, which take about 1.7 GB; allowed: 4 (megapixels of"
        " an image that is varied); put v2.Resize(1732) or a smaller one before it, or set"
        " GANAUG_MAX_MEGAPIXELS=12"
    )
    check_area(1732, 2309)  # what v2.Resize(1732) makes of it
    with pytest.raises(DataError):
        check_area(1733, 2310)
    assert GANAugment(variation, p=0.0)(photograph) is photograph


def test_more_is_allowed_by_the_user(variation: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    image = torch.zeros(1, 1, 1001, 1000).numpy()
    monkeypatch.setenv("GANAUG_MAX_MEGAPIXELS", "1")
    assert "v2.Resize(999)" in refused(DataError, variation.vary, image, latents_of(1))
    monkeypatch.setenv("GANAUG_MAX_MEGAPIXELS", "2")
    assert variation.vary(image, latents_of(1)).shape == image.shape
    monkeypatch.setenv("GANAUG_MAX_MEGAPIXELS", "many")
    assert "GANAUG_MAX_MEGAPIXELS" in refused(ConfigError, variation.vary, image, latents_of(1))


@pytest.mark.parametrize("sides", [(1, 10**8), (10**8, 1)])
def test_a_strip_is_refused_too(sides: tuple[int, int]) -> None:
    assert "v2.Resize(1)" in refused(DataError, check_area, *sides)


def test_a_class_generator_replaces_any_image(class_kind: Generator, tmp_path: Path) -> None:
    image, label = GANAugment(class_kind, p=1.0)(Image.new("L", (2200, 2000)), 1)
    assert image.size == (2200, 2000)
    assert label == 1
    assert np.asarray(image).any()
