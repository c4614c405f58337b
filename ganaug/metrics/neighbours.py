"""Nearest neighbours: coverage, precision, and distances to references.

Distances are Euclidean and computed as the root of the sum of squared differences, never from
inner products: equal rows have the distance 0 exactly, and no result depends on the block size.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from ganaug.errors import DataError

__all__ = [
    "coverage",
    "covered",
    "inside",
    "nearest_distance",
    "neighbour_radius",
    "precision",
    "radius_within",
]

Features = NDArray[np.floating]
BLOCK = 1024  # rows at a time, so that memory grows with N and not with its square


def coverage(real: Features, synthetic: Features, k: int = 5) -> float:
    """Return the fraction of real images with a synthetic image in their k-NN ball, in 0..1.

    The ball around a real image reaches to its k-th nearest other real image, border included
    (`<=`): where k + 1 real images are equal the radius is 0, and only `<=` counts exact copies of
    them. Naeem et al., "Reliable fidelity and diversity metrics for generative models", ICML 2020;
    the code published with that paper has `<`.

    Args:
        real: float [N, D], N > k.
        synthetic: float [M, D], M of 1 or more.
        k: neighbours, 1 or more.

    Raises:
        DataError: too few images, or shapes that do not fit.
    """
    _check(real, synthetic, k)
    radius = neighbour_radius(real, k)
    found = 0
    for rows, distances in _blocks(real, synthetic):
        found += int(covered(distances, radius[rows]).sum())
    return found / len(real)


def precision(real: Features, synthetic: Features, k: int = 5) -> float:
    """Return the fraction of synthetic images inside the k-NN ball of a real image, in 0..1.

    Kynkäänniemi et al., "Improved precision and recall metric for assessing generative models",
    NeurIPS 2019. Arguments, balls and errors as in `coverage`.
    """
    _check(real, synthetic, k)
    radius = neighbour_radius(real, k)
    found = 0
    for _, distances in _blocks(synthetic, real):
        found += int(inside(distances.T, radius).sum())
    return found / len(synthetic)


def covered(distances: NDArray[np.float64], radius: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return bool [N]: which real images have a synthetic image in their ball.

    Args:
        distances: float64 [N, M], of N real images to M synthetic ones, M of 1 or more.
        radius: float64 [N], of the balls.
    """
    return np.asarray(distances.min(1) <= radius)


def inside(distances: NDArray[np.float64], radius: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return bool [M]: which synthetic images lie in the ball of a real one; as `covered`."""
    return np.asarray((distances <= radius[:, None]).any(0))


def neighbour_radius(points: Features, k: int = 5) -> NDArray[np.float64]:
    """Return float64 [N]: the distance of each point to its k-th nearest other point.

    Raises:
        DataError: not more than k points.
    """
    if not 1 <= k < len(points):
        raise DataError(
            f"k = {k} neighbours of {len(points)} images; allowed: 1 to {len(points) - 1}; give"
            " more images"
        )
    radius = np.empty(len(points))
    for rows, distances in _blocks(points, points):
        radius[rows] = radius_within(distances, k, rows)
    return radius


def radius_within(
    distances: NDArray[np.float64], k: int = 5, itself: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """Return float64 [B]: the distance of each point to its k-th nearest other point.

    Args:
        distances: float64 [B, N], of B of the points to all N of them, N > k.
        k: neighbours, 1 or more; 1 gives the distance to the nearest other point.
        itself: int64 [B], the column of each point; None where the B points are the first ones.
    """
    rows = np.arange(len(distances))
    others = distances.copy()
    others[rows, rows if itself is None else itself] = np.inf  # no point is its own neighbour
    others.partition(k - 1, axis=1)
    return others[:, k - 1]


def nearest_distance(
    queries: Features,
    references: Features,
    exclude: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """Return float64 [N]: the distance of each query to its nearest reference.

    Args:
        queries: float [N, D].
        references: float [M, D].
        exclude: int64 [N], for each query the row of a reference that does not count (the image
            that it is a variation of, or itself), or None.

    Raises:
        DataError: no reference is left, or shapes that do not fit.
    """
    _check_pair(queries, references)
    if len(references) < (1 if exclude is None else 2):
        raise DataError(
            f"nearest distance: {len(references)} references; allowed: 1 or more beside an excluded"
            " one; give more images"
        )
    nearest = np.empty(len(queries))
    for rows, distances in _blocks(queries, references):
        if exclude is not None:
            distances[np.arange(len(distances)), exclude[rows]] = np.inf
        nearest[rows] = distances.min(1)
    return nearest


def _blocks(
    first: Features, second: Features
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Yield rows of `first` and their distances to all of `second`, float64 [rows, M]."""
    for start in range(0, len(first), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(first)))
        yield rows, cdist(first[rows], second)


def _check(real: Features, synthetic: Features, k: int) -> None:
    _check_pair(real, synthetic)
    if not 1 <= k < len(real) or not len(synthetic):
        raise DataError(
            f"{len(real)} real and {len(synthetic)} synthetic images with k = {k}; allowed: more"
            " than k real images and 1 synthetic one; give more images"
        )


def _check_pair(first: Features, second: Features) -> None:
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise DataError(
            f"features {list(first.shape)} and {list(second.shape)}; allowed: [N, D] and [M, D];"
            " compute both with the same features"
        )
