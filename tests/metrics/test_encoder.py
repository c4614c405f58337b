from __future__ import annotations

import numpy as np
import pytest
from helpers.small_images import bars

from ganaug.errors import DataError
from ganaug.metrics.encoder import SmallEncoder


@pytest.fixture(scope="module")
def encoder() -> SmallEncoder:
    return SmallEncoder(bars((50, 50, 50)).images, steps=60)


def test_the_same_images_give_the_same_features(encoder: SmallEncoder) -> None:
    images = bars((20, 10, 10), seed=1).images
    found = encoder(images)
    assert found.dtype == np.float32
    assert found.shape == (40, 64)
    one, other = (SmallEncoder(bars((50, 50, 50)).images, steps=3)(images) for _ in range(2))
    assert np.allclose(one, other, atol=1e-4)
    assert np.allclose(encoder(images[:3]), found[:3], atol=1e-4)
    assert encoder(images[:0]).shape == (0, 64)


def test_it_learns_what_stays_when_an_image_is_moved_and_relit(encoder: SmallEncoder) -> None:
    images = bars((20, 20, 20), seed=2).images
    moved = np.roll((0.85 * images.astype(np.float32)).astype(np.uint8), 1, axis=1)
    untrained = SmallEncoder(bars((50, 50, 50)).images, steps=0)

    def stays(features: SmallEncoder) -> float:
        here, there = features(images), features(moved)
        apart = np.sqrt(((here[:, None] - here[None]) ** 2).sum(2)).mean()
        return float(np.sqrt(((here - there) ** 2).sum(1)).mean() / apart)

    assert stays(encoder) < 0.9 * stays(untrained)


def test_few_images_and_other_sizes_are_refused(encoder: SmallEncoder) -> None:
    with pytest.raises(DataError, match="127 images; allowed: 128 or more"):
        SmallEncoder(bars((127,)).images)
    with pytest.raises(DataError, match=r"allowed: \[12, 12, 1\]"):
        encoder(bars((2,), (10, 10)).images)


@pytest.mark.parametrize("shape", [(32, 32, 3), (64, 20, 1), (3, 40, 1)])
def test_any_shape(shape: tuple[int, int, int]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (128, *shape), np.uint8)
    assert SmallEncoder(images, steps=1)(images[:5]).shape == (5, 64)
