"""Signs of a broken generator, from a few generated images: variety, latent use, distance, class.

Cheap, and without references: they tell a generator that gives one image, or noise, from one that
works, and not a good one from a better one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganaug.errors import DataError
from ganaug.metrics.consistency import cross_fitted_labels
from ganaug.metrics.features import PixelPCA, flat_pixels
from ganaug.metrics.neighbours import nearest_distance
from ganaug.metrics.spread import mean_pairwise_distance

__all__ = ["class_kept", "signs"]

COMPONENTS = 32
FEWEST = 40  # real images, under which no classifier is fitted
VISIBLE = 4 / 255  # of a pixel (root mean square): what differs by less looks the same
SURE = 0.8  # how often real images have to be taken for their own class


def signs(
    real: NDArray[np.uint8],
    real_labels: NDArray[np.int64],
    made: NDArray[np.uint8],
    again: NDArray[np.uint8],
    made_labels: NDArray[np.int64],
) -> dict[str, float]:
    """Return numbers that are small or large where a generator is broken, in pixels.

    Args:
        real: uint8 [N, H, W, C], images of each class; a class of equal images does not count.
        real_labels: int64 [N].
        made, again: uint8 [M, H, W, C], generated from the same inputs with other latents.
        made_labels: int64 [M].

    Returns:
        variety: mean distance of two generated images of a class over that of two real ones;
        latent_use: that of `made` and `again`, row by row, over it; distance: that of a generated
        image to the nearest real one of its class, over it, or over what can be seen if that is
        more. Each is a mean over classes over a mean over classes, so that a class of nearly equal
        images has little say. class_kept: see `class_kept`, where it can be told. Empty where no
        class has two different real images and two generated ones.

    Raises:
        DataError: `made`, `again` and `made_labels` differ in length.

    Examples:
        >>> signs(real, labels, made, again, made_labels)["variety"]  # doctest: +SKIP
        1.04
    """
    if not len(made) == len(again) == len(made_labels):
        raise DataError(
            f"signs: {len(made)}, {len(again)} images and {len(made_labels)} labels; allowed: as"
            " many of each; generate both from the same inputs"
        )
    theirs, ours, others = (flat_pixels(images) for images in (real, made, again))
    found = []
    for label in np.unique(made_labels):
        rows, known = made_labels == label, theirs[real_labels == label]
        between = mean_pairwise_distance(known) if len(known) > 1 else 0.0
        if between == 0 or rows.sum() < 2:
            continue
        moved = np.linalg.norm(ours[rows] - others[rows], axis=1).mean()
        away = nearest_distance(ours[rows], known).mean()
        found.append([mean_pairwise_distance(ours[rows]), moved, away, between])
    if not found:
        return {}
    spread_of_made, moved, away, spread = np.mean(found, axis=0)
    visible = VISIBLE * np.sqrt(theirs.shape[1])
    numbers = {
        "variety": float(spread_of_made / spread),
        "latent_use": float(moved / spread),
        "distance": float(away / max(spread, visible)),
    }
    kept = class_kept(real, real_labels, made, made_labels)
    return numbers if kept is None else numbers | {"class_kept": kept}


def class_kept(
    real: NDArray[np.uint8],
    real_labels: NDArray[np.int64],
    made: NDArray[np.uint8],
    made_labels: NDArray[np.int64],
) -> float | None:
    """Return how often generated images are taken for their class, over how often real ones are.

    None where it cannot be told: under 40 real images, fewer than two classes, or real images of
    which less than 80% are taken for their own class. Steel defects at 16 px are such: of good
    variations of them fewer were taken for their class than by chance.
    """
    classes = len(np.unique(real_labels))
    if len(real) < FEWEST or classes < 2:
        return None
    features = PixelPCA(real, COMPONENTS)
    units = np.arange(len(real))
    taken, made_taken = cross_fitted_labels(
        features(real), real_labels, units, features(made), np.random.default_rng(0)
    )
    right = float((taken == real_labels).mean())
    if right < SURE:
        return None
    return float((made_taken == made_labels).mean()) / right
