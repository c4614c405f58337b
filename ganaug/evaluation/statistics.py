"""Scores of a classifier, and the statistics of a paired comparison over seeds.

Words: the gain is the difference in balanced accuracy between two arms of one seed. Its interval
is judged twice: over seeds (paired t), and over seeds and test images (bootstrap). A verdict other
than "no evidence" needs both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ganaug.images import ImageSet
from ganaug.randomness import stream

__all__ = [
    "FEWEST_SEEDS",
    "TestPart",
    "bootstrap_interval",
    "error_reduction",
    "macro_f1",
    "mean_or_none",
    "paired_t",
    "rarer_half",
    "recall_by_class",
    "thirds",
    "verdict",
    "wider",
]

LEVEL = 0.95
FEWEST_SEEDS = 6
Interval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class TestPart:
    """What a seed was judged on: labels, and which images are one unit of resampling.

    Attributes:
        labels: int64 [N].
        groups: int64 [N], equal for images of one object, or None where each stands alone.
        fingerprint: seeds with equal fingerprints were judged on the same images.
    """

    __test__ = False  # not a test case, whatever pytest makes of the name

    labels: NDArray[np.int64]
    groups: NDArray[np.int64] | None
    fingerprint: str

    @classmethod
    def of(cls, images: ImageSet) -> TestPart:
        """Return the test part that consists of `images`."""
        return cls(images.labels, images.groups, images.fingerprint)


def recall_by_class(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int
) -> NDArray[np.float64]:
    """Return the fraction of each class found, float64 [classes]; NaN for a class without images.

    Balanced accuracy is the mean over the classes that have test images.
    """
    total = np.bincount(labels, minlength=num_classes)
    found = np.bincount(labels[labels == predicted], minlength=num_classes)
    result: NDArray[np.float64] = np.where(total > 0, found / np.maximum(total, 1), np.nan)
    return result


def macro_f1(labels: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int) -> float:
    """Return the mean over the classes with test images of 2 TP / (2 TP + FP + FN)."""
    total = np.bincount(labels, minlength=num_classes)
    found = np.bincount(labels[labels == predicted], minlength=num_classes)
    claimed = np.bincount(predicted, minlength=num_classes)
    f1 = 2 * found / np.maximum(total + claimed, 1)
    return float(f1[total > 0].mean())


def rarer_half(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the labels of the floor(classes / 2) classes with the fewest training images."""
    return np.argsort(counts, kind="stable")[: len(counts) // 2].astype(np.int64)


def thirds(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Return the labels of the rare, the middle and the frequent third of the classes.

    Where the classes cannot be divided by three, the middle third takes what is left over.
    """
    order = np.argsort(counts, kind="stable").astype(np.int64)
    third = len(order) // 3
    return order[:third], order[third : len(order) - third], order[len(order) - third :]


def mean_or_none(values: NDArray[np.float64]) -> float | None:
    """Return the mean of the values that are not NaN, or None where there are none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def error_reduction(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    """Return 1 - sum of our errors / sum of theirs, errors being 1 - score; None without errors."""
    before = sum(1 - score for score in theirs)
    return 1 - sum(1 - score for score in ours) / before if before > 0 else None


def paired_t(differences: Sequence[float]) -> tuple[float, float, float]:
    """Return (low, high, p) of the paired t test of a mean of 0, at 95%.

    A gain lies in -1..1, and so does its interval; with one seed nothing more is known, and p is 1.
    Without any variance the interval is the mean itself, and p is 1 where that is 0, else 0.
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 2:
        return -1.0, 1.0, 1.0
    mean, error = float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))
    if error <= 1e-12:
        return mean, mean, 1.0 if abs(mean) <= 1e-12 else 0.0
    reach = float(stats.t.ppf(0.5 + LEVEL / 2, len(values) - 1)) * error
    p = 2 * float(stats.t.sf(abs(mean) / error, len(values) - 1))
    return max(mean - reach, -1.0), min(mean + reach, 1.0), p


def bootstrap_interval(
    differences: Sequence[NDArray[np.floating] | NDArray[np.integer]],
    tests: Sequence[TestPart],
    *,
    draws: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return the 95% percentile interval of the gain over seeds x test images.

    Each draw takes seeds with replacement and, in each class, units (whole groups, or images) with
    replacement; seeds that share a test part share the drawn units. The statistic is the mean over
    seeds of the mean over classes of the mean difference. Noise that belongs to one seed and one
    image alone enters about three times (Owen, "The pigeonhole bootstrap", Annals of Applied
    Statistics, 2007), so the interval errs on the wide side.

    Args:
        differences: for each seed [N]: correct in our arm (0 or 1) minus correct in the other.
        tests: the test part of each seed.
        draws: number of bootstrap draws.
        seed: of the draws; the result is a function of the arguments alone.
    """
    rng = stream(seed, "evaluate/bootstrap")
    by_seed = np.zeros((draws, len(tests)))
    for fingerprint in dict.fromkeys(test.fingerprint for test in tests):
        members = [i for i, test in enumerate(tests) if test.fingerprint == fingerprint]
        test = tests[members[0]]
        stacked = np.stack([differences[i] for i in members], 1).astype(np.float64)
        by_seed[:, members] = _resampled_gain(stacked, test, draws, rng)
    picks = rng.integers(len(tests), size=(draws, len(tests)))
    gains = np.take_along_axis(by_seed, picks, 1).mean(1)
    low, high = np.quantile(gains, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return float(low), float(high)


def _resampled_gain(
    differences: NDArray[np.float64], test: TestPart, draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """float64 [draws, seeds]: the gain of each seed [N, seeds] on resampled test images."""
    total = np.zeros((draws, differences.shape[1]))
    present = np.unique(test.labels)
    for label in present:
        rows = np.flatnonzero(test.labels == label)
        groups = np.arange(len(rows)) if test.groups is None else test.groups[rows]
        _, unit = np.unique(groups, return_inverse=True)
        sizes = np.bincount(unit).astype(np.float64)
        sums = np.zeros((len(sizes), differences.shape[1]))
        np.add.at(sums, unit, differences[rows])
        block = max(1, 2_000_000 // len(sizes))  # of draws, so that memory stays small
        for start in range(0, draws, block):
            n = min(block, draws - start)
            # Counting with bincount is several times faster than rng.multinomial.
            drawn = rng.integers(len(sizes), size=(n, len(sizes)))
            drawn += np.arange(n)[:, None] * len(sizes)
            times = np.bincount(drawn.ravel(), minlength=n * len(sizes)).reshape(n, -1)
            total[start : start + n] += (times @ sums) / (times @ sizes)[:, None]
    return total / len(present)


def wider(first: Interval, second: Interval) -> Interval:
    """Return the wider of two intervals."""
    return first if first[1] - first[0] >= second[1] - second[0] else second


def verdict(seeds: int, t: Interval, bootstrap: Interval, identical: bool = False) -> str:
    """Return "helps", "hurts", "no evidence" or "no change".

    "helps" where both intervals lie above 0, "hurts" where both lie below, "no change" where the
    arms are identical, else, and always under 6 seeds, "no evidence".
    """
    if identical:
        return "no change"
    if seeds >= FEWEST_SEEDS:
        if t[0] > 0 and bootstrap[0] > 0:
            return "helps"
        if t[1] < 0 and bootstrap[1] < 0:
            return "hurts"
    return "no evidence"
