"""The two-sample test of a class: what it tells apart, and what it finds missing."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ganaug.evaluation.diversity.two_sample import RIDGE, similarities, told_apart

Points = NDArray[np.float32]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def cloud(rng: np.random.Generator, count: int, shift: float = 0) -> Points:
    """Normal points; the direction of the shift is one of little variance."""
    points = rng.standard_normal((count, 8)).astype(np.float32)
    points[:, 0] += shift
    scales = np.array([1.0, *[3.0] * 7], np.float32)
    return np.asarray(points * scales, np.float32)


def compared(real: Points, made: Points) -> tuple[float, float]:
    return told_apart(similarities([(real, made)]), len(real))


def test_equal_sets_are_not_told_apart(rng: np.random.Generator) -> None:
    found = [compared(cloud(rng, 200), cloud(rng, 200)) for _ in range(30)]
    area, missing = np.mean(found, axis=0)
    assert area == pytest.approx(0.48, abs=0.03)
    assert missing == pytest.approx(0, abs=0.02)


def test_a_shift_is_told_apart_and_nothing_is_missing(rng: np.random.Generator) -> None:
    area, missing = compared(cloud(rng, 1000), cloud(rng, 1000, shift=1.5))
    assert area == pytest.approx(0.856, abs=0.02)  # the normal distribution at 1.5 / sqrt(2)
    assert missing == pytest.approx(0, abs=0.06)


def test_half_of_the_real_points_are_missing(rng: np.random.Generator) -> None:
    real = np.concatenate([cloud(rng, 500), cloud(rng, 500, shift=3)])
    area, missing = compared(rng.permutation(real), cloud(rng, 1000))
    assert area == pytest.approx(0.74, abs=0.03)  # half of 0.5 and half of 0.983
    assert missing > 0.3
    turned = compared(cloud(rng, 1000), rng.permutation(real))
    assert turned[1] < -0.3


def test_a_ring_around_the_others_is_told_from_them(rng: np.random.Generator) -> None:
    """Equal means: no line parts them."""
    angle = rng.uniform(0, 2 * np.pi, 400)
    ring = np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)
    middle = 0.2 * rng.standard_normal((400, 2)).astype(np.float32)
    area, _ = compared(ring, middle)
    assert area > 0.95


def test_each_view_counts_as_much_whatever_its_scale(rng: np.random.Generator) -> None:
    same, other = (cloud(rng, 300), cloud(rng, 300)), (cloud(rng, 300), cloud(rng, 300, shift=3))
    both = similarities([same, other])
    scaled = similarities([(1000 * same[0], 1000 * same[1]), other])
    np.testing.assert_allclose(both, scaled, atol=1e-4)
    np.testing.assert_allclose(both**2, similarities([same]) * similarities([other]), atol=1e-5)


def test_left_out_predictions_are_those_of_fits_without_the_image(rng: np.random.Generator) -> None:
    real, made = cloud(rng, 30), cloud(rng, 20, shift=2)
    kernel = similarities([(real, made)]).astype(np.float64)
    sign = np.repeat([50 / 60, -50 / 40], (30, 20))
    left_out = np.empty(50)
    for i in range(50):
        rest = np.delete(np.arange(50), i)
        weights = np.linalg.solve(kernel[np.ix_(rest, rest)] + RIDGE * np.eye(49), sign[rest])
        left_out[i] = kernel[i, rest] @ weights
    area = (left_out[:30, None] > left_out[None, 30:]).mean()
    assert told_apart(kernel.astype(np.float32), 30)[0] == pytest.approx(area, abs=1e-3)


def test_one_image_or_all_alike_say_nothing() -> None:
    assert told_apart(np.eye(7, dtype=np.float32), 6) == (0.5, 0.0)
    assert compared(*(np.ones((20, 3), np.float32),) * 2) == (0.5, 0.0)
