from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, f1_score

from ganaug.evaluation.statistics import (
    TestPart,
    bootstrap_interval,
    error_reduction,
    macro_f1,
    mean_or_none,
    paired_t,
    rarer_half,
    recall_by_class,
    thirds,
    verdict,
    wider,
)


def part(labels: np.ndarray, groups: np.ndarray | None = None, name: str = "a") -> TestPart:
    return TestPart(labels, groups, name)


def test_recall_and_f1_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 100)
    predicted = np.where(rng.random(100) < 0.6, labels, rng.integers(0, 4, 100))
    recall = recall_by_class(labels, predicted, 4)
    assert recall.mean() == pytest.approx(balanced_accuracy_score(labels, predicted))
    assert macro_f1(labels, predicted, 4) == pytest.approx(
        f1_score(labels, predicted, average="macro")
    )


def test_classes_without_test_images_do_not_count() -> None:
    labels, predicted = np.array([0, 0, 2]), np.array([0, 1, 2])
    recall = recall_by_class(labels, predicted, 3)
    assert np.isnan(recall[1])
    assert np.nanmean(recall) == 0.75
    assert macro_f1(labels, predicted, 3) == pytest.approx((2 / 3 + 1) / 2)


def test_the_rarer_half_and_the_thirds_follow_the_counts() -> None:
    counts = np.array([50, 5, 20, 5, 100])
    assert rarer_half(counts).tolist() == [1, 3]
    rare, middle, frequent = thirds(counts)
    assert (rare.tolist(), middle.tolist(), frequent.tolist()) == ([1], [3, 2, 0], [4])
    assert [len(third) for third in thirds(np.arange(2))] == [0, 2, 0]


def test_means_and_error_reduction() -> None:
    assert mean_or_none(np.array([np.nan, 1.0, 0.0])) == 0.5
    assert mean_or_none(np.array([np.nan])) is None
    assert error_reduction([0.9, 0.95], [0.8, 0.9]) == pytest.approx(0.5)
    assert error_reduction([0.9], [1.0]) is None


def test_the_t_interval_is_the_one_of_scipy() -> None:
    ours = np.array([0.91, 0.93, 0.90, 0.95, 0.92])
    theirs = np.array([0.90, 0.90, 0.91, 0.91, 0.90])
    low, high, p = paired_t(ours - theirs)
    reference = stats.ttest_rel(ours, theirs)
    interval = reference.confidence_interval(0.95)
    assert (low, high) == pytest.approx((interval.low, interval.high))
    assert p == pytest.approx(reference.pvalue)


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ([0.3], (-1.0, 1.0, 1.0)),
        ([0.0] * 6, (0.0, 0.0, 1.0)),
        ([0.25] * 6, (0.25, 0.25, 0.0)),
        ([1.0, -1.0], (-1.0, 1.0, 1.0)),
    ],
)
def test_the_t_interval_without_variance_or_with_one_seed(
    differences: list[float], expected: tuple[float, float, float]
) -> None:
    assert paired_t(differences) == pytest.approx(expected)


def test_the_bootstrap_over_images_has_the_standard_error_of_the_gain() -> None:
    """One seed, images alone: the variance is that of a mean in each class."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [40, 80, 160])
    difference = rng.choice([-1, 0, 1], len(labels), p=[0.1, 0.6, 0.3])
    low, high = bootstrap_interval([difference], [part(labels)], draws=4000)
    variance = sum(np.var(difference[labels == c]) / (labels == c).sum() for c in range(3)) / 9
    mean = np.mean([difference[labels == c].mean() for c in range(3)])
    assert (low + high) / 2 == pytest.approx(mean, abs=0.01)
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(variance), rel=0.06)


def test_the_bootstrap_resamples_seeds_and_whole_groups() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 60)
    groups = np.arange(120) // 10
    by_group = rng.choice([-1, 1], 12)[groups]
    same = [by_group] * 4
    alone = bootstrap_interval(same, [part(labels)] * 4)
    grouped = bootstrap_interval(same, [part(labels, groups)] * 4)
    assert grouped[1] - grouped[0] > 2 * (alone[1] - alone[0])
    apart = bootstrap_interval([np.full(120, d) for d in (0, 0, 1, 1)], [part(labels)] * 4)
    assert apart[0] <= 0.1
    assert apart[1] >= 0.9


def test_the_bootstrap_draws_the_images_of_each_test_part_once() -> None:
    """Seeds on one test part share its luck; seeds on parts of their own average theirs out."""
    rng = np.random.default_rng(0)
    labels = np.zeros(50, np.int64)
    difference = rng.choice([-1, 1], 50)
    shared = bootstrap_interval([difference] * 8, [part(labels)] * 8)
    own = bootstrap_interval([difference] * 8, [part(labels, name=str(i)) for i in range(8)])
    assert own[1] - own[0] < 0.6 * (shared[1] - shared[0])


def test_the_bootstrap_is_a_function_of_its_arguments() -> None:
    labels = np.repeat([0, 1], 30)
    difference = np.random.default_rng(0).choice([-1, 0, 1], 60)
    tests = [part(labels)] * 2
    first = bootstrap_interval([difference] * 2, tests)
    assert bootstrap_interval([difference] * 2, tests) == first
    assert bootstrap_interval([difference] * 2, tests, seed=1) != first
    assert bootstrap_interval([difference * 0] * 2, tests) == (0.0, 0.0)


def test_the_wider_interval() -> None:
    assert wider((0, 1), (0.2, 0.9)) == (0, 1)
    assert wider((0.2, 0.9), (0, 1)) == (0, 1)


@pytest.mark.parametrize(
    ("seeds", "t", "bootstrap", "identical", "word"),
    [
        (6, (0.01, 0.03), (0.005, 0.03), False, "helps"),
        (6, (-0.03, -0.01), (-0.03, -0.005), False, "hurts"),
        (6, (0.01, 0.03), (-0.005, 0.03), False, "no evidence"),
        (6, (-0.01, 0.03), (0.005, 0.03), False, "no evidence"),
        (6, (0.0, 0.03), (0.005, 0.03), False, "no evidence"),
        (5, (0.01, 0.03), (0.005, 0.03), False, "no evidence"),
        (1, (0.0, 0.0), (0.0, 0.0), True, "no change"),
        (6, (0.0, 0.0), (0.0, 0.0), True, "no change"),
    ],
)
def test_the_verdict(
    seeds: int,
    t: tuple[float, float],
    bootstrap: tuple[float, float],
    identical: bool,
    word: str,
) -> None:
    assert verdict(seeds, t, bootstrap, identical) == word


def simulated(gain: float, rng: np.random.Generator, seeds: int = 8) -> str:
    """The verdict on two arms whose chances differ by `gain`, with luck by seed and by image."""
    labels = np.repeat(np.arange(5), 60)
    chance = np.clip(rng.normal(0.8, 0.2, len(labels)), 0, 1)  # of each test image
    tests, differences = [part(labels)] * seeds, []
    for _ in range(seeds):
        luck = rng.normal(0, 0.01, 2)
        ours = rng.random(len(labels)) < chance + gain + luck[0]
        theirs = rng.random(len(labels)) < chance + luck[1]
        differences.append(ours.astype(int) - theirs)
    low, high, _ = paired_t([float(d.mean()) for d in differences])
    return verdict(seeds, (low, high), bootstrap_interval(differences, tests, draws=300))


def test_equal_arms_are_seldom_told_apart_and_a_gain_is_found() -> None:
    rng = np.random.default_rng(0)
    equal = [simulated(0.0, rng) for _ in range(200)]
    assert 200 - equal.count("no evidence") <= 17  # 5% of 200, and three deviations
    better = [simulated(0.06, rng) for _ in range(50)]
    assert better.count("helps") >= 40
    assert "hurts" not in better
