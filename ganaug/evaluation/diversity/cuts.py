"""Real images cut into halves again and again, and what all the cuts give together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganaug.evaluation.diversity.measures import Measure

__all__ = ["FEWEST_IMAGES", "NEIGHBOURS", "can_be_halved", "halves", "rounded", "summary"]

NEIGHBOURS = 5  # in the ball of an image
FEWEST_IMAGES = 2 * (NEIGHBOURS + 1)


def can_be_halved(units: NDArray[np.int64]) -> bool:
    """Whether half of a class is more than a ball, whole units on one side.

    Args:
        units: int64 [n], those of its images.
    """
    largest = int(np.unique(units, return_counts=True)[1].max(initial=0))
    return len(units) >= FEWEST_IMAGES and len(units) - largest > NEIGHBOURS


def halves(
    units: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut rows 0..n-1 into two halves, whole units on one side where there are two or more.

    Args:
        units: int64 [n], equal for images that stay on one side.
        rng: shuffles units, and the rows of each half.
    """
    names, unit = np.unique(units, return_inverse=True)
    if len(names) < 2:
        unit, names = np.arange(len(units)), np.arange(len(units))  # there is no other way
    counts = np.bincount(unit).tolist()
    sizes = [0, 0]
    side = np.zeros(len(names), np.int64)
    for name in rng.permutation(len(names)).tolist():  # the smaller side takes the next unit
        side[name] = int(sizes[1] < sizes[0])
        sizes[side[name]] += counts[name]
    on_b = side[unit] == 1
    return rng.permutation(np.flatnonzero(~on_b)), rng.permutation(np.flatnonzero(on_b))


def summary(both: NDArray[np.float64], images: int | None = None) -> Measure:
    """Return the mean over cuts of float64 [cuts, 2], with interval and z.

    Args:
        both: of generated images, and of real ones in their place.
        images: of how many images the numbers are fractions; None where they are no fractions.
    """
    value, reference = (float(mean) for mean in both.mean(0))
    deviation = float(both[:, 1].std(ddof=1))
    if images is not None:  # where all or none are counted there is no deviation to see
        share = (min(max(reference, 0.0), 1.0) * images + 1) / (images + 2)
        deviation = max(deviation, float(np.sqrt(share * (1 - share) / images)))
    z = (value - reference) / max(deviation, 1e-9)
    low, high = np.quantile(both[:, 0], (0.025, 0.975))
    return Measure(*(rounded(each) for each in (value, reference, low, high, z)))


def rounded(value: float) -> float:
    """Return `value` with five digits: the record is written into files."""
    return float(f"{float(np.clip(value, -1e6, 1e6)):.5g}")
