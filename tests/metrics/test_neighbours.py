from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ganaug.errors import DataError
from ganaug.metrics import neighbours
from ganaug.metrics.neighbours import (
    coverage,
    covered,
    inside,
    nearest_distance,
    neighbour_radius,
    precision,
    radius_within,
)

Points = NDArray[np.float64]


def points(n: int, seed: int, dim: int = 5) -> Points:
    return np.random.default_rng(seed).standard_normal((n, dim))


def slow_distance(a: Points, b: Points) -> float:
    return float(np.sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True))))


def slow_radius(real: Points, at: int, k: int) -> float:
    others = [slow_distance(real[at], real[j]) for j in range(len(real)) if j != at]
    return sorted(others)[k - 1]


def slow_coverage(real: Points, synthetic: Points, k: int) -> float:
    hits = [
        any(slow_distance(real[i], each) <= slow_radius(real, i, k) for each in synthetic)
        for i in range(len(real))
    ]
    return sum(hits) / len(real)


def slow_precision(real: Points, synthetic: Points, k: int) -> float:
    radii = [slow_radius(real, i, k) for i in range(len(real))]
    hits = [
        any(slow_distance(each, r) <= radius for r, radius in zip(real, radii, strict=True))
        for each in synthetic
    ]
    return sum(hits) / len(synthetic)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_coverage_and_precision_agree_with_the_definition(k: int) -> None:
    real, synthetic = points(23, 0), 1.5 * points(17, 1) + 0.3
    assert coverage(real, synthetic, k) == slow_coverage(real, synthetic, k)
    assert precision(real, synthetic, k) == slow_precision(real, synthetic, k)
    assert 0 < coverage(real, synthetic, k) < 1


def test_exact_copies_of_duplicated_images_are_inside() -> None:
    """With k + 1 equal real images the radius is 0: `<` would miss the copies (prdc does)."""
    real = np.repeat(points(4, 0), 6, axis=0)
    synthetic = real[::6].copy()
    assert neighbour_radius(real, 5).tolist() == [0.0] * 24
    assert coverage(real, synthetic, 5) == slow_coverage(real, synthetic, 5) == 1.0
    assert precision(real, synthetic, 5) == slow_precision(real, synthetic, 5) == 1.0
    assert precision(real, synthetic + 1e-6, 5) == 0.0


@pytest.mark.parametrize("block", [1, 2, 7, 100])
def test_the_block_size_changes_nothing(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    real, synthetic = points(29, 0).astype(np.float32), points(31, 1).astype(np.float32)
    exclude = np.arange(31) % 29

    def found() -> list[float]:
        return [
            coverage(real, synthetic),
            precision(real, synthetic),
            *neighbour_radius(real, 3),
            *nearest_distance(synthetic, real, exclude),
        ]

    expected = found()
    monkeypatch.setattr(neighbours, "BLOCK", block)
    assert found() == expected


def test_distances_at_hand_give_the_same() -> None:
    real, synthetic = points(23, 0), 1.5 * points(17, 1) + 0.3
    within = np.array([[slow_distance(a, b) for b in real] for a in real])
    before = within.copy()
    radius = radius_within(within, 3)
    assert (within == before).all()
    assert radius.tolist() == [slow_radius(real, i, 3) for i in range(23)]
    part = np.array([20, 4, 11])
    assert (radius_within(within[part], 3, part) == radius[part]).all()
    between = np.array([[slow_distance(a, b) for b in synthetic] for a in real])
    assert covered(between, radius).mean() == coverage(real, synthetic, 3)
    assert inside(between, radius).mean() == precision(real, synthetic, 3)


def test_a_collapsed_generator_covers_little_and_a_wild_one_is_imprecise() -> None:
    real, honest = points(100, 0), points(100, 1)
    collapsed = np.repeat(points(2, 2), 50, axis=0)
    assert coverage(real, collapsed) < 0.3 < 0.9 < coverage(real, honest)
    assert precision(real, 4 * honest) < 0.5 < precision(real, honest)


def test_nearest_distance_leaves_the_excluded_reference_out() -> None:
    references = points(6, 0)
    itself = np.arange(6)
    found = nearest_distance(references, references, itself)
    assert nearest_distance(references, references).tolist() == [0.0] * 6
    for i in range(6):
        others = [slow_distance(references[i], references[j]) for j in range(6) if j != i]
        assert found[i] == pytest.approx(min(others), rel=1e-12)


@pytest.mark.parametrize(
    ("real", "synthetic", "k"),
    [
        (points(5, 0), points(5, 1), 5),
        (points(5, 0), points(5, 1), 0),
        (points(5, 0), points(0, 1), 2),
        (points(5, 0), points(5, 1, dim=4), 2),
    ],
)
def test_too_few_images_or_other_features_are_refused(
    real: Points, synthetic: Points, k: int
) -> None:
    with pytest.raises(DataError, match="allowed"):
        coverage(real, synthetic, k)
    with pytest.raises(DataError, match="allowed"):
        precision(real, synthetic, k)


def test_nearest_distance_needs_a_reference_beside_the_excluded_one() -> None:
    one = points(1, 0)
    with pytest.raises(DataError, match="1 references; allowed"):
        nearest_distance(one, one, np.zeros(1, np.int64))
