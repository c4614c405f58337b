"""`resized`: other pixels, and nothing else that is other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.small_images import bars
from PIL import Image

from ganaug.errors import ConfigError
from ganaug.images import load_images, resized


@pytest.mark.parametrize("channels", [1, 3])
def test_everything_but_the_pixels_stays(channels: int) -> None:
    images = replace(bars((8, 6), (20, 24), channels, groups=True), names=tuple("abcdefghijklmn"))
    images = replace(images, source="bars", notes=("a note",)).hold_out()
    small = resized(images, (10, 12))
    assert small.size == (10, 12)
    assert small.channels == channels
    assert small.test is not None
    assert images.test is not None
    for one, other in ((small, images), (small.test, images.test)):
        assert one.images.shape == (len(other), 10, 12, channels)
        assert one.keys.tolist() == other.keys.tolist()
        assert one.labels.tolist() == other.labels.tolist()
        assert one.groups is not None
        assert other.groups is not None
        assert one.groups.tolist() == other.groups.tolist()
        assert (one.names, one.classes) == (other.names, other.classes)
        assert (one.source, one.notes, one.held_out) == (other.source, other.notes, other.held_out)
        assert one.ordered_fingerprint == other.ordered_fingerprint


def test_the_filter_averages() -> None:
    images = bars((2, 2), (16, 16))
    stripes = np.zeros_like(images.images)
    stripes[:, :, ::2] = 200
    found = resized(replace(images, images=stripes), 8).images
    assert np.abs(found.astype(int) - 100).max() <= 30  # every second pixel would be 0 or 200
    pillow = Image.fromarray(images.images[0, ..., 0]).resize((8, 8), Image.Resampling.BILINEAR)
    assert np.array_equal(resized(images, 8).images[0, ..., 0], np.asarray(pillow))


def test_a_set_of_that_size_is_itself() -> None:
    images = bars((4, 4), (12, 10))
    assert resized(images, (12, 10)) is images
    assert resized(images, 12) is not images


@pytest.mark.parametrize("size", [7, (8,), "32", 8.5])
def test_a_bad_size_is_refused(size: object) -> None:
    with pytest.raises(ConfigError, match=r"size: .*allowed: a side, or height and width"):
        resized(bars((2, 2)), size)  # type: ignore[arg-type]


def test_a_folder_at_another_size_has_the_same_fingerprint(shared_data: Path) -> None:
    folder = shared_data / "neu-defects"
    large, small = load_images(folder, size=144), load_images(folder, size=48)
    found = resized(large, 48)
    assert found.size == small.size
    assert found.channels == small.channels == 1
    assert found.fingerprint == small.fingerprint
    assert found.test is not None
    assert small.test is not None
    assert found.test.fingerprint == small.test.fingerprint
    # Twice resized: not to the bit, but the same picture.
    assert np.abs(found.images.astype(int) - small.images).mean() < 4
