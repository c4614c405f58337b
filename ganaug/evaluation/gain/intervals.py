"""The two intervals of a paired comparison over seeds.

The gain is the difference in balanced accuracy between two arms of one seed. Its interval is
computed twice: over seeds (paired t), and over seeds and test images (bootstrap).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ganaug.evaluation.gain.scores import balanced_accuracy
from ganaug.evaluation.gain.units import TestPart, pooled
from ganaug.randomness import stream

__all__ = [
    "FEWEST_SEEDS",
    "FEWEST_UNITS",
    "MOST_SEEDS",
    "QUICK_SEEDS",
    "Variances",
    "beyond_classes",
    "binomial_interval",
    "bootstrap_interval",
    "hull",
    "paired_t",
    "seeds_to_settle",
    "variances",
]

CONFIDENCE = 0.95
UPPER = 0.5 + CONFIDENCE / 2
FEWEST_SEEDS = 6  # for a verdict
QUICK_SEEDS = 2  # of a quick look
FEWEST_UNITS = 5  # groups or images beyond one for each class; see `beyond_classes`
MOST_SEEDS = 1000  # nobody would train more classifiers than that
Interval = tuple[float, float]
Difference = NDArray[np.floating] | NDArray[np.integer]


def paired_t(differences: Sequence[float]) -> tuple[float, float, float]:
    """Return (low, high, p) of the paired t test of a mean of 0, at 95%.

    A gain lies in -1..1, and so does its interval; with one seed nothing more is known, and p is 1.
    Without any variance the interval is the mean itself. p is then 1 where that is 0, else that of
    the sign test, 2 / 2^seeds: that a few seeds agree to the last digit may be luck.
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 2:
        return -1.0, 1.0, 1.0
    mean, error = float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))
    if error <= 1e-12:
        return mean, mean, 1.0 if abs(mean) <= 1e-12 else 2.0 ** (1 - len(values))
    reach = float(stats.t.ppf(UPPER, len(values) - 1)) * error
    p = 2 * float(stats.t.sf(abs(mean) / error, len(values) - 1))
    return max(mean - reach, -1.0), min(mean + reach, 1.0), p


@dataclass(frozen=True)
class Variances:
    """What the mean gain owes to chance, as variances of that mean.

    Attributes:
        seeds: of the seeds, with the noise that belongs to one seed and one image.
        images: of test images that several seeds share; further seeds do not lower it.
        seed_freedom, image_freedom: degrees of freedom of the two estimates.
    """

    seeds: float
    images: float
    seed_freedom: int
    image_freedom: int

    @property
    def stretch(self) -> float:
        """The t quantile over the normal one, at the degrees of freedom of the sum (Satterthwaite,
        Biometrics Bulletin 2, 1946)."""
        total = self.seeds + self.images
        if total <= 0 or not self.seed_freedom:
            return 1.0
        freedom = total**2 / (
            self.seeds**2 / self.seed_freedom + self.images**2 / max(self.image_freedom, 1)
        )
        return float(stats.t.ppf(UPPER, freedom) / stats.norm.ppf(UPPER))


def bootstrap_interval(
    differences: Sequence[Difference],
    tests: Sequence[TestPart],
    *,
    draws: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return the 95% interval of the gain for new seeds and new test images, by a bootstrap.

    Each draw takes seeds with replacement and, apart from that, units of the test parts (whole
    groups, or images) with replacement; of a drawn unit all seeds that have it take part. Drawing
    both in one table counts the noise that belongs to one seed and one image about three times
    (Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1, 2007), and so finds hardly
    any gain. Here the effects of the units are scaled to the variance that is theirs alone before
    they are drawn (see `variances`), as in the random-effects bootstrap with reflated effects
    (Carpenter, Goldstein and Rasbash, Applied Statistics 52, 2003), and the interval is stretched
    from the normal to the t quantile of its degrees of freedom, since seeds are few.

    Seeds without a common image carry the luck of their images in their spread; then seeds alone
    are drawn. With a single seed, units alone are.

    Args:
        differences: for each seed [N]: correct in our arm (0 or 1) minus correct in the other.
        tests: the test part of each seed.
        draws: number of bootstrap draws.
        seed: of the draws; the result is a function of the arguments alone.
    """
    rng = stream(seed, "evaluate/bootstrap")
    gains = _gains(differences, tests)
    count = len(gains)
    moved = np.zeros(draws)
    if count > 1:
        deviations = (gains - gains.mean()) * math.sqrt(count / (count - 1))
        moved += deviations[rng.integers(count, size=(draws, count))].mean(1)
    effects = _unit_effects(differences, tests)
    if effects.share > 0:
        moved += math.sqrt(effects.share) * _resampled_sum(effects.values, draws, rng)
    low, high = np.quantile(moved, [1 - UPPER, UPPER]) * variances(differences, tests).stretch
    mean = gains.mean()
    return max(-1.0, float(mean + low)), min(1.0, float(mean + high))  # no gain lies beyond


def variances(differences: Sequence[Difference], tests: Sequence[TestPart]) -> Variances:
    """Return the variance of the mean gain that seeds and shared test images cause.

    The gain is a mean over a table of seeds x images with effects of seeds, of images and of single
    cells. The variance of the seeds' means over their number holds the first and the last, the
    variance over images holds the last two, so the last is estimated from the residuals and taken
    off once: the components of variance of a fully crossed readers x cases study (Gallas, "One-shot
    estimate of MRMC variance", Academic Radiology 13, 2006; Cameron, Gelbach and Miller, Journal of
    Business & Economic Statistics 29, 2011, equation 2.11). Where seeds have some images in common,
    each of these counts for the pairs of seeds that share it. Images are stratified by class;
    groups of images enter by their linearised sums.

    Args:
        differences: for each seed [N]: correct in our arm (0 or 1) minus correct in the other.
        tests: the test part of each seed.
    """
    gains = _gains(differences, tests)
    effects = _unit_effects(differences, tests)
    return Variances(
        seeds=float(gains.var(ddof=1) / len(gains)) if len(gains) > 1 else 0.0,
        images=float(effects.share * (effects.values**2).sum()),
        seed_freedom=len(gains) - 1,
        image_freedom=effects.freedom if effects.share > 0 else 0,
    )


def _gains(differences: Sequence[Difference], tests: Sequence[TestPart]) -> NDArray[np.float64]:
    """float64 [seeds]: the mean over classes of the mean difference."""
    pairs = zip(differences, tests, strict=True)
    return np.array([balanced_accuracy(test.labels, one) for one, test in pairs])


@dataclass(frozen=True, eq=False)
class _UnitEffects:
    """Effects of the units of all test parts on the mean gain.

    Attributes:
        values: float64 [units]: by how much the unit moves the mean over all seeds; they add up
            to 0, and their squares to the variance over images.
        share: the part of that variance that is the units' own, and not of single cells or in the
            spread of the seeds, in 0..1.
        freedom: degrees of freedom of that variance.
    """

    values: NDArray[np.float64]
    share: float
    freedom: int


def _unit_effects(differences: Sequence[Difference], tests: Sequence[TestPart]) -> _UnitEffects:
    """Return the effects of the units, over the seeds that have them.

    What the variance of the seeds' means leaves out is the covariance of two seeds by the images
    that they share: the mean over pairs of seeds of the products of a unit's influences. That is
    `share` of the squares of `values`, whether all seeds have the same units, some, or none.
    """
    units = pooled(tests)
    table = np.zeros((units.count, len(tests)))  # by unit and seed
    twice: dict[int, NDArray[np.float64]] = {}  # by unit: its effect one way and the other
    for fingerprint, numbers in units.by_part.items():
        members = [i for i, test in enumerate(tests) if test.fingerprint == fingerprint]
        given = np.stack([differences[i] for i in members], 1).astype(np.float64)
        influence, both_ways = _influence(given, tests[members[0]])
        np.add.at(table, np.ix_(numbers, np.array(members)), influence / len(tests))
        for unit, effect in both_ways.items():
            rows = twice.setdefault(int(numbers[unit]), np.zeros((2, len(tests))))
            rows[:, members] += np.stack([effect, -effect]) / math.sqrt(2) / len(tests)
    by_seed = np.concatenate([table, *twice.values()])
    values, share = by_seed.sum(1), 1.0
    if len(tests) > 1:
        residual = ((by_seed - by_seed.mean(1, keepdims=True)) ** 2).sum()
        noise = residual * len(tests) / (len(tests) - 1)
        total = (values**2).sum()
        share = max(0.0, 1 - float(noise / total)) if units.shared and total > 0 else 0.0
    return _UnitEffects(values, share, units.freedom)


def _influence(
    table: NDArray[np.float64], test: TestPart
) -> tuple[NDArray[np.float64], dict[int, NDArray[np.float64]]]:
    """float64 [units, seeds] of differences [N, seeds]: by how much a unit moves the gain.

    The linearised ratio of sums over whole groups; the factor of n / (n - 1) units of a class makes
    squares add up to an unbiased variance. Classes of a single unit are collapsed into one stratum
    (Cochran, Sampling Techniques, 1977, section 5A.12): they are compared with each other, which
    finds rather too large a variance.

    Two kinds of class have no variance that could be relied on: the only one of a single unit, and
    those of under `FEWEST_UNITS` units among classes of as many and more on average, whose units
    often all change alike. There the squares of the effects themselves are taken, not of what is
    left of them beside their mean: right where there is no gain, and rather large where there is.
    These effects are returned apart, float64 [seeds] by unit, to count one way and the other.
    """
    unit, present = test.units, np.unique(test.labels)
    result = np.zeros((int(unit.max()) + 1, table.shape[1]))
    many = len(result) >= FEWEST_UNITS * len(present)
    both_ways: dict[int, NDArray[np.float64]] = {}
    single: dict[int, NDArray[np.float64]] = {}  # by unit: the means of classes it makes up alone
    for label in present:
        rows = np.flatnonzero(test.labels == label)
        count = len(np.unique(unit[rows]))
        if many and 1 < count < FEWEST_UNITS:
            for at in np.unique(unit[rows]).tolist():
                effect = table[rows[unit[rows] == at]].sum(0) / (len(rows) * len(present))
                both_ways[at] = both_ways.get(at, 0.0) + effect
        elif count > 1:
            scale = math.sqrt(count / (count - 1)) / (len(rows) * len(present))
            np.add.at(result, unit[rows], scale * (table[rows] - table[rows].mean(0)))
        else:
            at = int(unit[rows[0]])
            single[at] = single.get(at, 0.0) + table[rows].mean(0) / len(present)
    if len(single) > 1:
        means = np.stack(list(single.values()))
        scale = math.sqrt(len(means) / (len(means) - 1))
        result[list(single)] += scale * (means - means.mean(0))
    elif single:
        ((at, mean),) = single.items()
        both_ways[at] = both_ways.get(at, 0.0) + mean
    return result, both_ways


def beyond_classes(tests: Sequence[TestPart]) -> int | None:
    """Return how many groups or images there are to judge on, beyond one for each class.

    These are the degrees of freedom of what test images make of the gain. With very few, the
    estimate of it is now and then far too small, and then so is the interval: with two classes of
    two groups each, and a gain of 0, both intervals exclude 0 in 7 to 11 of 100 comparisons
    instead of 5; from `FEWEST_UNITS` on in 3 to 7 (500 simulated comparisons each).

    Args:
        tests: the test part of each seed.

    Returns:
        None where no two seeds have an image in common: then its luck is that of its seed.
    """
    units = pooled(tests)
    return units.freedom if units.shared or len(tests) == 1 else None


def _resampled_sum(
    values: NDArray[np.float64], draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """float64 [draws]: sums of as many values as there are, drawn with replacement."""
    total = np.zeros(draws)
    block = max(1, 2_000_000 // len(values))  # of draws, so that memory stays small
    for start in range(0, draws, block):
        n = min(block, draws - start)
        total[start : start + n] = values[rng.integers(len(values), size=(n, len(values)))].sum(1)
    return total


def seeds_to_settle(mean: float, found: Variances) -> int | None:
    """Return how many seeds would settle a gain of `mean`, or None where `MOST_SEEDS` would not.

    So many that an interval excludes 0 with a chance of 80%, if the true gain is `mean` and seeds
    scatter as they did: mean^2 = (t(0.975) + t(0.8))^2 x (variance of a seed / seeds + variance of
    the test images). Where the images alone make more noise than that, only more of them help.
    """
    seeds = found.seed_freedom + 1
    of_one = found.seeds * seeds
    if seeds < 2 or mean == 0:
        return None
    numbers = np.arange(FEWEST_SEEDS, MOST_SEEDS + 1)
    quantiles = stats.t.ppf(UPPER, numbers - 1) + stats.t.ppf(0.8, numbers - 1)
    enough = mean**2 >= quantiles**2 * (of_one / numbers + found.images)
    return int(numbers[enough.argmax()]) if enough.any() else None


def binomial_interval(successes: int, trials: int) -> Interval:
    """Return the 95% interval of a fraction, after Wilson (1927); (0, 1) without trials."""
    if not trials:
        return 0.0, 1.0
    found = stats.binomtest(successes, trials).proportion_ci(CONFIDENCE, method="wilson")
    return float(found.low), float(found.high)


def hull(first: Interval, second: Interval) -> Interval:
    """Return the interval that just holds two intervals."""
    return min(first[0], second[0]), max(first[1], second[1])
