"""Distances between whole sets of images: the kernel distance and the Fréchet distance.

Each is unbiased or plainly biased in the number of images, and says so; none tells a lack of
variety from bad images. They stand in the record beside coverage and precision.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from ganaug.errors import DataError
from ganaug.metrics.neighbours import BLOCK, Features
from ganaug.metrics.spread import mean_pairwise_distance

__all__ = ["energy_distance", "energy_of_means", "frechet_distance", "kernel_distance"]


def kernel_distance(real: Features, synthetic: Features) -> float:
    """Return the squared maximum mean discrepancy with the kernel (x.y / D + 1)^3, unbiased.

    Bińkowski et al., "Demystifying MMD GANs", ICLR 2018 (KID, there over blocks of images; here
    over all of them). 0 in the mean for two sets of one distribution, so it may be negative.

    Args:
        real, synthetic: float [N, D] and [M, D], each with 2 rows or more.

    Raises:
        DataError: fewer than 2 images, or shapes that do not fit.
    """
    _check(real, synthetic)
    x, y = np.asarray(real, np.float64), np.asarray(synthetic, np.float64)
    within = 0.0
    for points in (x, y):
        own = float(((((points**2).sum(1) / points.shape[1]) + 1) ** 3).sum())
        n = len(points)
        within += (_cubic_sum(points, points) - own) / (n * (n - 1))
    return within - 2 * _cubic_sum(x, y) / (len(x) * len(y))


def _cubic_sum(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    parts = [
        (((x[start : start + BLOCK] @ y.T) / x.shape[1] + 1) ** 3).sum()
        for start in range(0, len(x), BLOCK)
    ]
    return float(np.sum(parts))


def energy_distance(real: Features, synthetic: Features) -> float:
    """Return the kernel distance with the kernel -|x - y|, over the spread of the real images.

    2 E|x - y| - E|x - x'| - E|y - y'|, the pairs of one set being of different images, which
    makes it unbiased (Székely and Rizzo 2013; a maximum mean discrepancy by Sejdinovic et al.,
    Annals of Statistics 2013), divided by E|x - x'|. Arguments and errors as in
    `kernel_distance`; infinite where the real images are all equal and others are not.
    """
    _check(real, synthetic)
    theirs = mean_pairwise_distance(real)
    ours = mean_pairwise_distance(synthetic)
    sums = [
        cdist(real[start : start + BLOCK], synthetic).sum() for start in range(0, len(real), BLOCK)
    ]
    between = float(np.sum(sums)) / (len(real) * len(synthetic))
    return energy_of_means(between, theirs, ours)


def energy_of_means(between: float, theirs: float, ours: float) -> float:
    """Return `energy_distance` from three means of distances.

    Args:
        between: of a real and a synthetic image.
        theirs, ours: of two different real images, and of two different synthetic ones.
    """
    distance = 2 * between - theirs - ours
    if theirs == 0:
        return 0.0 if distance == 0 else float("inf")
    return distance / theirs


def frechet_distance(real: Features, synthetic: Features) -> float:
    """Return the Fréchet distance of two normal distributions fitted to the features.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)): Heusel et al., "GANs trained by a two time-scale
    update rule converge to a local Nash equilibrium", NeurIPS 2017, there on Inception features,
    which makes it the FID. Biased upwards for few images: compare equal numbers only.

    Args:
        real, synthetic: float [N, D] and [M, D], each with 2 rows or more.

    Raises:
        DataError: fewer than 2 images, or shapes that do not fit.
    """
    _check(real, synthetic)
    x, y = np.asarray(real, np.float64), np.asarray(synthetic, np.float64)
    c1, c2 = (np.atleast_2d(np.cov(points, rowvar=False)) for points in (x, y))
    # tr (C1 C2)^(1/2) is the sum of the roots of the eigenvalues of the symmetric root C1^(1/2)
    # C2 C1^(1/2), which are real and not negative but for rounding.
    values, vectors = np.linalg.eigh(c1)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    middle = np.linalg.eigvalsh(root @ c2 @ root).clip(0)
    gap = x.mean(0) - y.mean(0)
    squared = gap @ gap + np.trace(c1) + np.trace(c2) - 2 * np.sqrt(middle).sum()
    return max(0.0, float(squared))  # of equal sets it is 0 but for rounding


def _check(real: Features, synthetic: Features) -> None:
    shapes = f"features {list(real.shape)} and {list(synthetic.shape)}"
    if real.ndim != 2 or synthetic.ndim != 2 or real.shape[1] != synthetic.shape[1]:
        raise DataError(
            f"{shapes}; allowed: [N, D] and [M, D]; compute both with the same features"
        )
    if len(real) < 2 or len(synthetic) < 2:
        raise DataError(f"{shapes}; allowed: 2 rows or more in each; give more images")
