"""Distances between all generated and all real images: numbers that other projects report, too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganaug.evaluation.diversity.cuts import halves, summary
from ganaug.evaluation.diversity.measures import Measure
from ganaug.metrics.distances import frechet_distance, kernel_distance
from ganaug.randomness import stream

__all__ = ["overall_distances"]

MOST = 1000  # images of each side of a comparison
CUTS = 5
DISTANCES = {"cubic_kernel": kernel_distance, "frechet": frechet_distance}


def overall_distances(
    real: NDArray[np.float32],
    units: NDArray[np.int64],
    synthetic: NDArray[np.float32],
    sources: NDArray[np.int64] | None,
    seed: int,
) -> dict[str, Measure]:
    """Return the cubic kernel distance and the Fréchet distance in the features of the record.

    As for a class: half B of the real images, or as many generated ones, against half A. Of
    variations those of half B's images alone count: others are near the images that they are
    compared with, whatever the generator does. The distances compare with numbers in the same
    features and for as many images alone.

    Args:
        real, synthetic: float32 [n, D] and [m, D], of all classes.
        units: int64 [n], equal for real images that stay on one side.
        sources: int64 [m], the row of `real` that each generated image is a variation of; or None.
        seed: of the cuts.

    Returns:
        cubic_kernel and frechet; none where a side has fewer than 2 images.
    """
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in DISTANCES}
    for cut in range(CUTS):
        rng = stream(seed, "diversity/overall", cut)
        half_a, half_b = halves(units, rng)
        made = rng.permutation(len(synthetic))
        if sources is not None:
            made = made[np.isin(sources[made], half_b)]
        size = min(len(half_b), len(made), MOST)
        base = real[half_a[:MOST]]
        if min(size, len(base)) < 2:
            return {}
        ours, theirs = synthetic[made[:size]], real[half_b[:size]]
        for name, distance in DISTANCES.items():
            found[name].append((distance(base, ours), distance(base, theirs)))
    return {name: summary(np.array(both)) for name, both in found.items()}
