"""The two-sample test of a class: what it tells apart, and what it finds missing."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ganaug.evaluation.diversity_class import told_apart, whitened


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def cloud(rng: np.random.Generator, count: int, shift: float = 0) -> NDArray[np.float32]:
    """Normal points; the direction of the shift is one of little variance."""
    points = rng.standard_normal((count, 8)).astype(np.float32)
    points[:, 0] += shift
    scales = np.array([1.0, *[3.0] * 7], np.float32)
    return np.asarray(points * scales, np.float32)


def test_equal_sets_are_not_told_apart(rng: np.random.Generator) -> None:
    found = [told_apart(*whitened(cloud(rng, 200), cloud(rng, 200))) for _ in range(30)]
    area, missing = np.mean(found, axis=0)
    assert area == pytest.approx(0.5, abs=0.02)
    assert missing == pytest.approx(0, abs=0.02)


def test_a_shift_is_told_apart_and_nothing_is_missing(rng: np.random.Generator) -> None:
    area, missing = told_apart(*whitened(cloud(rng, 1000), cloud(rng, 1000, shift=1.5)))
    assert area == pytest.approx(0.856, abs=0.02)  # the normal distribution at 1.5 / sqrt(2)
    assert missing == pytest.approx(0, abs=0.06)


def test_half_of_the_real_points_are_missing(rng: np.random.Generator) -> None:
    real = np.concatenate([cloud(rng, 500), cloud(rng, 500, shift=3)])
    area, missing = told_apart(*whitened(rng.permutation(real), cloud(rng, 1000)))
    assert area == pytest.approx(0.74, abs=0.03)  # half of 0.5 and half of 0.983
    assert missing > 0.3
    turned = told_apart(*whitened(cloud(rng, 1000), rng.permutation(real)))
    assert turned[1] < -0.3


def test_too_few_for_five_folds_or_all_alike_say_nothing(rng: np.random.Generator) -> None:
    assert told_apart(np.zeros((6, 2)), np.zeros((1, 2))) == (0.5, 0.0)
    assert told_apart(*whitened(*(np.ones((20, 3), np.float32),) * 2)) == (0.5, 0.0)
