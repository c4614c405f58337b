"""How far images of one class lie apart: spread, and near-duplicates among them."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from ganaug.errors import DataError
from ganaug.metrics.neighbours import BLOCK, Features, nearest_distance

__all__ = ["mean_pair", "mean_pairwise_distance", "near_duplicates", "spread_ratio"]


def spread_ratio(real: Features, synthetic: Features) -> float:
    """Return the mean pairwise distance of the synthetic images over that of the real ones.

    Near 1 for a faithful generator, near 0 for a collapsed one. The mean over pairs of different
    images has the same expectation for any number of them, so sets of unequal size compare without
    being cut to one. Infinite where only the real images are all equal, and 1 where both are.

    Args:
        real, synthetic: float [N, D] and [M, D], each with 2 rows or more.

    Raises:
        DataError: fewer than 2 images.
    """
    theirs = mean_pairwise_distance(real)
    ours = mean_pairwise_distance(synthetic)
    if theirs == 0:
        return 1.0 if ours == 0 else float("inf")
    return ours / theirs


def mean_pairwise_distance(points: Features) -> float:
    """Return the mean Euclidean distance of two different rows of float [N, D], N of 2 or more."""
    n = len(points)
    if points.ndim != 2 or n < 2:
        raise DataError(
            f"mean pairwise distance of features {list(points.shape)}; allowed: [N, D] with N of 2"
            " or more; give more images"
        )
    sums = np.empty(n)
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        sums[start:stop] = cdist(points[start:stop], points).sum(1)
    return mean_pair(float(sums.sum()), n)


def mean_pair(total: float, n: int) -> float:
    """Return the mean distance of two different points, from the sum of all n x n distances."""
    return total / (n * (n - 1))


def near_duplicates(images: Features, threshold: float) -> float:
    """Return the fraction of rows with another row at most `threshold` away, in 0..1.

    Args:
        images: float [N, D], N of 2 or more.
        threshold: a distance, 0 or more; 0 finds exact duplicates.

    Raises:
        DataError: fewer than 2 images.
    """
    itself = np.arange(len(images), dtype=np.int64)
    return float((nearest_distance(images, images, itself) <= threshold).mean())
