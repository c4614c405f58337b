"""Distances between all generated and all real images: numbers that other projects report, too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganaug.evaluation.diversity.report import Measure
from ganaug.evaluation.diversity.subsamples import halves, summary
from ganaug.metrics.distances import frechet_distance, kernel_distance
from ganaug.randomness import stream

__all__ = ["overall_distances"]

MOST = 1000  # images of each side of a comparison
CUTS = 5


def overall_distances(
    real: NDArray[np.float32],
    units: NDArray[np.int64],
    synthetic: NDArray[np.float32],
    seed: int,
) -> dict[str, Measure]:
    """Return the cubic kernel distance and the Fréchet distance in the features of the record.

    As for a class: half B of the real images, or as many generated ones, against half A. They
    compare with numbers in the same features and for as many images alone.

    Args:
        real, synthetic: float32 [n, D] and [m, D], of all classes.
        units: int64 [n], equal for real images that stay on one side.
        seed: of the cuts.

    Returns:
        cubic_kernel and frechet; none where a side has fewer than 2 images.
    """
    found: list[list[tuple[float, float]]] = []
    for cut in range(CUTS):
        rng = stream(seed, "diversity/overall", cut)
        half_a, half_b = halves(units, rng)
        made = rng.permutation(len(synthetic))
        size = min(len(half_b), len(made), MOST)
        base = real[half_a[:MOST]]
        if min(size, len(base)) < 2:
            return {}
        ours, theirs = synthetic[made[:size]], real[half_b[:size]]
        found.append(
            [
                (measure(base, ours), measure(base, theirs))
                for measure in (kernel_distance, frechet_distance)
            ]
        )
    table = np.array(found)
    return {name: summary(table[:, at]) for at, name in enumerate(("cubic_kernel", "frechet"))}
