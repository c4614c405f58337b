"""Which class images are taken for: by a classifier, and by what they look like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from ganaug.evaluation.diversity.beyond import strayed
from ganaug.evaluation.diversity.features import InFeatures
from ganaug.metrics.consistency import cross_fitted_labels
from ganaug.metrics.neighbours import inside, neighbour_radius

__all__ = ["NO_CLASS", "Taken", "taken_for"]

NO_CLASS = -1  # of an image that is taken for another class, and not like it
STRAYED = 0.5  # share of images whose detail lies beyond that of the class; a tenth is usual
FEWEST_TO_STRAY = 10
Rows = NDArray[np.int64]
Taken = tuple[Rows, Rows]  # classes of the real images of a class, and of its generated ones


def taken_for(
    real: list[InFeatures],
    units: list[Rows],
    synthetic: list[InFeatures],
    neighbours: int,
    rng: np.random.Generator,
) -> list[Taken] | None:
    """Return for each class int64 [n] and [m]: what its real and generated images are taken for.

    An image is taken for another class where classifiers that have not seen it say so, and it lies
    inside the k-NN ball of a real image of that class, in features and in texture; and where the
    images of one class that are taken for another do not stray from its detail; else the class is
    `NO_CLASS`. A classifier alone puts every image into some class, also noise and averages.

    Args:
        real, synthetic: by class, n and m images.
        units: by class, int64 [n], equal for real images that stay in one fold.
        neighbours: k of the balls.
        rng: deals the folds.

    Returns:
        None where fewer than two classes have real images.
    """
    counts, made = ([len(each.features) for each in side] for side in (real, synthetic))
    if sum(count > 0 for count in counts) < 2 or len(np.unique(np.concatenate(units))) < 2:
        return None
    numbers = np.arange(len(real))
    taken, our_taken = cross_fitted_labels(
        np.concatenate([each.features for each in real]),
        np.repeat(numbers, counts),
        np.concatenate(units),
        np.concatenate([each.features for each in synthetic]),
        rng,
    )
    radii = [
        [neighbour_radius(space, neighbours) for space in (each.features, each.texture)]
        if len(each.features) > neighbours
        else None
        for each in real
    ]

    def checked(images: InFeatures, own: int, found: Rows) -> Rows:
        """Return what `images` of the class `own` are taken for; a classifier `found` it."""
        sure = found.copy()
        for other in np.unique(found[found != own]).tolist():
            rows = np.flatnonzero(found == other)
            features, texture = images.features[rows], images.texture[rows]
            theirs, radius = real[other], radii[other]
            like = np.zeros(len(rows), bool)
            if radius is not None:
                like = inside(cdist(theirs.features, features), radius[0])
                like &= inside(cdist(theirs.texture, texture), radius[1])
            if len(rows) >= FEWEST_TO_STRAY:
                like &= strayed(theirs.texture, texture) < STRAYED
            sure[rows[~like]] = NO_CLASS
        return sure

    of_real = np.split(taken, np.cumsum(counts)[:-1])
    of_made = np.split(our_taken, np.cumsum(made)[:-1])
    return [
        (checked(real[own], own, of_real[own]), checked(synthetic[own], own, of_made[own]))
        for own in numbers.tolist()
    ]
