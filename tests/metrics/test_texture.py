from __future__ import annotations

import numpy as np
from helpers.small_images import bars
from scipy import ndimage

from ganaug.metrics.texture import detail_by_scale


def test_each_scale_is_the_energy_that_averaging_takes_away() -> None:
    image = np.zeros((1, 4, 4, 1), np.uint8)
    image[0, :, ::2] = 255  # stripes of one pixel: all detail is at the finest scale
    assert np.allclose(np.exp(detail_by_scale(image)) - 1e-4, [[0.25, 0.0]], atol=1e-6)
    wide = np.zeros((1, 4, 4, 1), np.uint8)
    wide[0, :, :2] = 255
    assert np.allclose(np.exp(detail_by_scale(wide)) - 1e-4, [[0.0, 0.25]], atol=1e-6)


def test_blur_takes_the_fine_scales_first() -> None:
    sharp = bars((30,), (32, 32)).images
    blurred = ndimage.gaussian_filter(sharp.astype(np.float32), (0, 1.5, 1.5, 0)).astype(np.uint8)
    lost = (detail_by_scale(sharp) - detail_by_scale(blurred)).mean(0)
    assert lost[0] > lost[1] > lost[3]
    assert lost[0] > 0.3


def test_odd_sides_and_strips() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 5, 7, 3), np.uint8)
    assert detail_by_scale(images).shape == (3, 2)
    assert detail_by_scale(images[:, :1]).tolist() == [[0.0]] * 3
    assert detail_by_scale(images[:0]).shape == (0, 2)
