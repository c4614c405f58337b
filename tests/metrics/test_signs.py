"""Signs of a broken generator: planted failures move each number, and only far."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.small_images import bars
from numpy.typing import NDArray

from ganaug.errors import DataError
from ganaug.metrics.signs import class_kept, signs

REAL = bars((30, 30, 30), seed=1)
MADE, AGAIN = bars((8, 8, 8), seed=2), bars((8, 8, 8), seed=3)


def found(made: NDArray[np.uint8], again: NDArray[np.uint8] = AGAIN.images) -> dict[str, float]:
    return signs(REAL.images, REAL.labels, made, again, MADE.labels)


def test_other_real_images_look_like_real_ones() -> None:
    numbers = found(MADE.images)
    assert 0.7 < numbers["variety"] < 1.3
    assert 0.7 < numbers["latent_use"] < 1.3
    assert numbers["distance"] < 0.8
    assert numbers["class_kept"] > 0.7


def test_by_hand_on_two_pixels() -> None:
    def images(*levels: int) -> NDArray[np.uint8]:
        return np.array(levels, np.uint8).reshape(-1, 1, 1, 1)

    real, labels = images(0, 51), np.array([0, 0])
    numbers = signs(real, labels, images(0, 102), images(51, 102), np.array([0, 0]))
    assert numbers == pytest.approx({"variety": 2.0, "latent_use": 0.5, "distance": 0.5})


def test_a_class_of_nearly_equal_images_has_little_say() -> None:
    """A blank class, of which the generator makes slightly unclean images."""
    blank = np.full((30, *REAL.images.shape[1:]), 100, np.uint8)
    blank[0, 0, 0] = 101
    real = np.concatenate([REAL.images, blank])
    labels = np.concatenate([REAL.labels, np.full(30, 3)])
    unclean = np.random.default_rng(0).integers(98, 103, (8, *blank.shape[1:])).astype(np.uint8)
    made = np.concatenate([MADE.images, unclean])
    again = np.concatenate([AGAIN.images, unclean])
    made_labels = np.concatenate([MADE.labels, np.full(8, 3)])
    numbers = signs(real, labels, made, again, made_labels)
    alone = found(MADE.images)
    for name in ("variety", "latent_use", "distance"):
        assert numbers[name] == pytest.approx(alone[name], abs=0.03)


def test_a_distance_that_cannot_be_seen_is_small() -> None:
    """Real images that differ by 1 grey level, and others that are 3 of them away."""
    real, labels = np.full((2, 4, 4, 1), 100, np.uint8), np.array([0, 0])
    real[1] += 1
    made = np.full((2, 4, 4, 1), 104, np.uint8)
    assert signs(real, labels, made, made, labels)["distance"] == pytest.approx(3 / 4)


def test_one_image_has_no_variety() -> None:
    one = np.repeat(MADE.images[:1], len(MADE), axis=0)
    assert found(one, one)["variety"] == 0
    assert found(one, one)["latent_use"] == 0


def test_an_unused_latent_is_seen_where_the_sources_differ() -> None:
    numbers = found(MADE.images, MADE.images)
    assert numbers["latent_use"] == 0
    assert numbers["variety"] > 0.7


def test_noise_is_far_from_real_images() -> None:
    noise = np.random.default_rng(0).integers(0, 2, MADE.images.shape).astype(np.uint8) * 255
    assert found(noise)["distance"] > 1.5


def test_images_of_another_class_lose_theirs() -> None:
    swapped = np.roll(MADE.images, 8, axis=0)
    assert found(swapped)["class_kept"] < 0.1


def test_a_class_that_cannot_be_told_says_nothing() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, REAL.images.shape).astype(np.uint8)
    assert class_kept(noise, REAL.labels, MADE.images, MADE.labels) is None
    few = bars((6, 6, 6))
    assert class_kept(few.images, few.labels, MADE.images, MADE.labels) is None
    one = bars((60,))
    assert class_kept(one.images, one.labels, MADE.images[:8], MADE.labels[:8]) is None


def test_equal_images_and_single_ones_do_not_count() -> None:
    same = np.repeat(REAL.images[:1], 10, axis=0)
    labels = np.zeros(10, np.int64)
    assert signs(same, labels, MADE.images, AGAIN.images, MADE.labels) == {}
    assert signs(REAL.images[:1], labels[:1], MADE.images, AGAIN.images, MADE.labels) == {}


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(DataError, match="24, 23 images and 24 labels"):
        found(MADE.images, AGAIN.images[1:])
