"""Which class images are taken for: by a classifier, and by what they look like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from ganaug.evaluation.diversity.beyond import strayed
from ganaug.metrics.consistency import cross_fitted_labels
from ganaug.metrics.neighbours import inside, neighbour_radius

__all__ = ["NO_CLASS", "taken_for"]

NO_CLASS = -1  # of an image that is taken for another class, and not like it
STRAYED = 0.5  # share of images whose detail lies beyond that of the class; a tenth is usual
FEWEST_TO_STRAY = 10
Features = NDArray[np.float32]
Taken = tuple[NDArray[np.int64], NDArray[np.int64]]


def taken_for(
    real: list[Features],
    units: list[NDArray[np.int64]],
    synthetic: list[Features],
    real_texture: list[Features],
    synthetic_texture: list[Features],
    neighbours: int,
    rng: np.random.Generator,
) -> list[Taken] | None:
    """Return for each class int64 [n] and [m]: what its real and generated images are taken for.

    An image is taken for another class where classifiers that have not seen it say so, and it lies
    inside the k-NN ball of a real image of that class, in features and in texture; and where the
    images of one class that are taken for another do not stray from its detail; else the class is
    `NO_CLASS`. A classifier alone puts every image into some class, also noise and averages.

    Args:
        real, synthetic: by class, float32 [n, D] and [m, D].
        real_texture, synthetic_texture: by class, float32 [n, E] and [m, E].
        units: by class, int64 [n], equal for real images that stay in one fold.
        neighbours: k of the balls.
        rng: deals the folds.

    Returns:
        None where fewer than two classes have real images.
    """
    counts, made = [len(each) for each in real], [len(each) for each in synthetic]
    if sum(count > 0 for count in counts) < 2 or len(np.unique(np.concatenate(units))) < 2:
        return None
    numbers = np.arange(len(real))
    labels, meant = np.repeat(numbers, counts), np.repeat(numbers, made)
    theirs, ours = np.concatenate(real), np.concatenate(synthetic)
    taken, our_taken = cross_fitted_labels(theirs, labels, np.concatenate(units), ours, rng)
    spaces = [
        (theirs, ours, real),
        (np.concatenate(real_texture), np.concatenate(synthetic_texture), real_texture),
    ]
    radii = [
        [neighbour_radius(x, neighbours) if len(x) > neighbours else None for x in by_class]
        for _, _, by_class in spaces
    ]

    def checked(which: int, own: NDArray[np.int64], found: NDArray[np.int64]) -> NDArray[np.int64]:
        sure = found.copy()
        wrong = found != own
        for first, other in np.unique(np.stack([own[wrong], found[wrong]], 1), axis=0).tolist():
            rows = np.flatnonzero((found == other) & (own == first))
            like = np.ones(len(rows), bool)
            for space, radius in zip(spaces, radii, strict=True):
                reach = radius[other]
                if reach is None:
                    like[:] = False
                else:
                    like &= inside(cdist(space[2][other], space[which][rows]), reach)
            if len(rows) >= FEWEST_TO_STRAY:
                texture = spaces[1][which][rows]
                like &= strayed(real_texture[other], texture) < STRAYED
            sure[rows[~like]] = NO_CLASS
        return sure

    of_real = np.split(checked(0, labels, taken), np.cumsum(counts)[:-1])
    of_made = np.split(checked(1, meant, our_taken), np.cumsum(made)[:-1])
    return list(zip(of_real, of_made, strict=True))
