from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ganaug.errors import DataError
from ganaug.metrics import memorisation
from ganaug.metrics.memorisation import (
    ct_statistic,
    neighbour_distances,
    neighbour_ratio,
)


def points(n: int, seed: int, dim: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, dim))


@pytest.mark.parametrize("block", [1, 4, 1024])
def test_neighbour_distances_leave_the_own_unit_out(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(memorisation, "BLOCK", block)
    training = points(12, 0)
    units = np.repeat(np.arange(6), 2)
    found = neighbour_distances(training, training, units, units, k=3)
    for i in range(12):
        others = [np.linalg.norm(training[i] - x) for x in training[units != units[i]]]
        assert found[i] == pytest.approx(sorted(others)[:3], rel=1e-12)
    every = neighbour_distances(training, training, k=2)
    assert every[:, 0].tolist() == [0.0] * 12


def test_a_copy_is_found_among_hundreds_of_nearly_equal_frames() -> None:
    frames = np.repeat(points(2, 0, 64) * 100, 150, 0) + 1e-4 * points(300, 1, 64)
    assert neighbour_distances(frames[:150], frames)[:, 0].tolist() == [0.0] * 150


def test_where_few_others_are_left_the_last_distance_is_repeated() -> None:
    training = np.array([[0.0], [1.0], [3.0]])
    units = np.arange(3)
    found = neighbour_distances(training[:1], training, units[:1], units, k=6)
    assert found.tolist() == [[1.0, 3.0, 3.0, 3.0, 3.0, 3.0]]
    with pytest.raises(DataError, match="none of them of another unit"):
        neighbour_distances(training, training, np.zeros(3, int), np.zeros(3, int))


def test_copies_have_the_ratio_0_and_central_images_1() -> None:
    training = points(60, 0, dim=20)
    held_out, middle = points(60, 1, dim=20), 0.05 * points(60, 2, dim=20)
    copies = training[:20] + 0.01 * points(20, 3, dim=20)
    ratios = [neighbour_ratio(neighbour_distances(x, training)) for x in (copies, held_out, middle)]
    assert ratios[0].max() < 0.1 < 0.6 < ratios[1].min()
    assert np.median(ratios[2]) > np.median(ratios[1]) - 0.05  # though they are near everything
    same = neighbour_ratio(np.zeros((2, 6)))
    assert same.tolist() == [1.0, 1.0]


def test_ct_is_the_mann_whitney_z() -> None:
    rng = np.random.default_rng(0)
    unseen, made = rng.random(40), rng.random(30) - 0.2
    p = stats.mannwhitneyu(made, unseen, use_continuity=False, method="asymptotic").pvalue
    assert 2 * stats.norm.cdf(ct_statistic(unseen, made)) == pytest.approx(p, rel=1e-9)
    rounded = np.round(unseen, 1), np.round(made, 1)  # with ties
    p = stats.mannwhitneyu(*rounded[::-1], use_continuity=False, method="asymptotic").pvalue
    assert 2 * stats.norm.cdf(ct_statistic(*rounded)) == pytest.approx(p, rel=1e-9)
    assert ct_statistic(unseen, np.zeros(30)) < -6 < 6 < ct_statistic(unseen, np.ones(30) * 2)
    assert ct_statistic(np.ones(5), np.ones(7)) == 0.0
    with pytest.raises(DataError, match="0 unseen"):
        ct_statistic(unseen[:0], made)
