"""Memorisation: are generated images nearer to training images than unseen real ones are?

Two numbers, because a generator can be near its training images for two reasons. The C_T test of
Meehan et al. compares distances to the nearest training image; averages and dull images, which
lie near everything, come out low in it, too. The neighbour ratio divides that distance by the
distances to the next training images: only a copy is much nearer to one image than to the others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from ganaug.errors import DataError
from ganaug.metrics.neighbours import Features

__all__ = ["ct_statistic", "neighbour_distances", "neighbour_ratio"]

NEXT = 5  # training images after the nearest one that its distance is compared with
SPARE = 10  # candidates beyond those wanted
BLOCK = 500  # rows at a time: what stays in the processor's cache is several times as fast


def neighbour_distances(
    queries: Features,
    training: Features,
    query_units: NDArray[np.int64] | None = None,
    training_units: NDArray[np.int64] | None = None,
    *,
    k: int = 1 + NEXT,
) -> NDArray[np.float64]:
    """Return float64 [N, k]: distances to the k nearest training images, rising.

    Args:
        queries: float [N, D].
        training: float [M, D], all images that the generator was trained on.
        query_units, training_units: int64 [N] and [M]; a training image of the unit of a query
            (the query itself, its source, other frames of one object) does not count for it. None
            leaves nothing out.
        k: neighbours; where fewer count, the last distance is repeated.

    Raises:
        DataError: no training image is left for a query.
    """
    found = np.empty((len(queries), k))
    kept = min(k, len(training))
    middle = training.mean(0, dtype=np.float64)
    targets = training - middle
    lengths = (targets**2).sum(1)
    for start in range(0, len(queries), BLOCK):
        rows = slice(start, min(start + BLOCK, len(queries)))
        centred = queries[rows] - middle
        # A product of matrices finds the candidates, a few too many as it rounds; their distances
        # are then taken from differences, so that an exact copy is at 0. In float32 it would round
        # so much that of hundreds of nearly equal frames the copied one may be left out.
        squares = -2 * centred @ targets.T
        squares += lengths
        if query_units is not None and training_units is not None:
            squares[query_units[rows, None] == training_units[None]] = np.inf
        last = min(kept + SPARE, len(training)) - 1
        candidates = np.argpartition(squares, last, axis=1)[:, : last + 1]
        distances = np.sqrt(((centred[:, None] - targets[candidates]) ** 2).sum(2))
        distances[np.isinf(np.take_along_axis(squares, candidates, 1))] = np.inf
        nearest = np.sort(distances, axis=1)[:, :kept]
        for column in range(1, kept):  # fewer others than k
            missing = np.isinf(nearest[:, column])
            nearest[missing, column] = nearest[missing, column - 1]
        found[rows, :kept] = nearest
        found[rows, kept:] = nearest[:, -1:]
    if len(found) and np.isinf(found[:, 0]).any():
        raise DataError(
            f"memorisation: {len(training)} training images, none of them of another unit;"
            " allowed: images of 2 units or more; give more images"
        )
    return found


def neighbour_ratio(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64 [N] in 0..1: the nearest distance over the mean of the next ones.

    Args:
        distances: float64 [N, k], rising, k of 2 or more, as `neighbour_distances` gives them.
            A copy has 0; an image whose neighbours are all equally far has 1, also where all
            distances are 0, as where training images are repeated.
    """
    after = distances[:, 1:].mean(1)
    return np.divide(distances[:, 0], after, out=np.ones(len(distances)), where=after > 0)


def ct_statistic(unseen: NDArray[np.float64], synthetic: NDArray[np.float64]) -> float:
    """Return the z of the Mann-Whitney test on distances to the nearest training image.

    Meehan, Chaudhuri and Dasgupta, "A non-parametric test to detect data-copying in generative
    models", AISTATS 2020, in one cell. Far below 0: generated images lie nearer to the training
    images than unseen real ones do; far above 0: they lie farther away. Ties share their rank, and
    the variance is corrected for them.

    Args:
        unseen: float64 [N], distances of real images that were not trained on (or left out).
        synthetic: float64 [M].

    Raises:
        DataError: one of them is empty.
    """
    n, m = len(unseen), len(synthetic)
    if not n or not m:
        raise DataError(
            f"C_T test: {n} unseen and {m} synthetic images; allowed: 1 or more; give more images"
        )
    values = np.concatenate([unseen, synthetic])
    ranks = rankdata(values)
    wins = float(ranks[n:].sum()) - m * (m + 1) / 2  # pairs in which the synthetic one is farther
    ties = np.unique(values, return_counts=True)[1].astype(np.float64)
    total = n + m
    variance = n * m / 12 * (total + 1 - float((ties**3 - ties).sum()) / (total * (total - 1)))
    return 0.0 if variance <= 0 else float((wins - n * m / 2) / np.sqrt(variance))
