from __future__ import annotations

import numpy as np
import pytest

from ganaug.errors import DataError
from ganaug.metrics.features import PixelPCA


def images(n: int, height: int = 6, width: int = 5, channels: int = 1) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (n, height, width, channels), np.uint8)


def test_all_components_keep_every_distance() -> None:
    real = images(40)
    features = PixelPCA(real, components=30)(real)
    pixels = real.reshape(40, -1) / 255
    assert features.dtype == np.float32
    for i, j in ((0, 1), (3, 17), (20, 39)):
        expected = np.linalg.norm(pixels[i] - pixels[j])
        assert np.linalg.norm(features[i] - features[j]) == pytest.approx(expected, rel=1e-4)


def test_components_are_of_the_real_images_alone() -> None:
    real = images(40)
    fitted = PixelPCA(real, components=8)
    assert fitted(real).shape == (40, 8)
    assert 0 < fitted.explained < 1
    assert (fitted(real[:3]) == fitted(real)[:3]).all()


def test_few_images_give_few_components() -> None:
    assert PixelPCA(images(3))(images(10)).shape == (10, 2)
    assert PixelPCA(images(3))(images(3)[:0]).shape == (0, 2)


def test_equal_images_are_no_error() -> None:
    flat = np.full((5, 4, 4, 1), 7, np.uint8)
    fitted = PixelPCA(flat)
    assert fitted.explained == 1.0
    assert np.abs(fitted(flat)).max() < 1e-6


def test_large_images_are_averaged_in_blocks() -> None:
    small = images(10, 8, 8, 3)
    large = small.repeat(8, axis=1).repeat(8, axis=2)
    distance = [
        float(np.linalg.norm(np.subtract(*PixelPCA(each)(each)[:2]))) for each in (small, large)
    ]
    # 64 px are averaged to 32 px, where each pixel of the 8 px images stands 16 times.
    assert distance[1] == pytest.approx(4 * distance[0], rel=1e-4)
    assert PixelPCA(images(3, 200, 1))(images(3, 200, 1)).shape == (3, 2)


def test_other_sizes_and_too_few_images_are_refused() -> None:
    with pytest.raises(DataError, match=r"allowed: \[6, 5, 1\]"):
        PixelPCA(images(4))(images(4, 5, 6))
    with pytest.raises(DataError, match="2 or more"):
        PixelPCA(images(1))
