from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from ganaug.errors import DataError
from ganaug.metrics import neighbours, spread
from ganaug.metrics.spread import mean_pairwise_distance, near_duplicates, spread_ratio


def points(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, 6))


def test_mean_pairwise_distance_agrees_with_all_pairs() -> None:
    cloud = points(11)
    pairs = [float(np.linalg.norm(a - b)) for a, b in combinations(cloud, 2)]
    assert mean_pairwise_distance(cloud) == pytest.approx(np.mean(pairs), rel=1e-12)


@pytest.mark.parametrize("block", [1, 3, 64])
def test_the_block_size_changes_nothing(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    cloud = points(20).astype(np.float32)
    expected = mean_pairwise_distance(cloud), near_duplicates(cloud, 2.0)
    for module in (spread, neighbours):
        monkeypatch.setattr(module, "BLOCK", block)
    assert (mean_pairwise_distance(cloud), near_duplicates(cloud, 2.0)) == expected


def test_spread_ratio_scales_with_the_synthetic_images() -> None:
    cloud = points(40)
    assert spread_ratio(cloud, cloud) == 1.0
    assert spread_ratio(cloud, 0.25 * cloud) == pytest.approx(0.25, rel=1e-12)
    assert spread_ratio(cloud, np.repeat(points(1, 1), 40, axis=0)) == 0.0


def test_spread_ratio_does_not_depend_on_the_numbers_of_images() -> None:
    real = points(1000)
    ratios = [spread_ratio(real, points(10, seed)) for seed in range(1, 101)]
    assert np.mean(ratios) == pytest.approx(1, abs=0.03)


def test_spread_ratio_of_equal_real_images() -> None:
    equal = np.ones((5, 3))
    assert spread_ratio(equal, equal) == 1.0
    assert spread_ratio(equal, points(5)[:, :3]) == float("inf")


def test_near_duplicates_counts_rows_with_a_close_other_row() -> None:
    cloud = np.array([[0.0], [0.1], [5.0], [9.0]])
    assert near_duplicates(cloud, 0.05) == 0.0
    assert near_duplicates(cloud, 0.1) == 0.5
    assert near_duplicates(cloud, 4.0) == 1.0
    assert near_duplicates(np.zeros((3, 2)), 0.0) == 1.0


def test_one_image_has_no_spread() -> None:
    with pytest.raises(DataError, match="2 or more"):
        mean_pairwise_distance(points(1))
    with pytest.raises(DataError, match="allowed"):
        near_duplicates(points(1), 1.0)
