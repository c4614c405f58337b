"""Images that look like none of the others, by a handful of simple numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganaug.randomness import stream

__all__ = ["blank", "unlike_all"]

NEIGHBOURS = 5
BLOCK = 1000  # previews that are looked at together
COMPARED = 2000  # images that each one is compared with, at most
FEWEST = 40  # images, below which nothing is unusual
# How many times as far away from its neighbours as 99 in 100 images are from theirs.
UNUSUAL = 3.0


def blank(previews: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return bool [N]: which of uint8 [N, H, W, 3] are of one colour."""
    spread = previews.max(axis=(1, 2)).astype(int) - previews.min(axis=(1, 2))
    return np.asarray((spread <= 2).all(axis=1))


def unlike_all(previews: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the positions of images far from all others, the farthest first.

    What is compared is brightness, contrast, colour and how rough an image is at two scales, each
    by its rank in units of the usual spread. A set of several kinds of images has no outliers where
    each kind has more than five.

    Args:
        previews: uint8 [N, H, W, 3].
    """
    if len(previews) < FEWEST:
        return np.zeros(0, np.int64)
    values = _simple(previews)
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75), axis=0)
    values = (values - middle) / np.maximum(high - low, 1e-2)
    others = values[_some(len(values))]
    distances = np.empty(len(values))
    for start in range(0, len(values), 500):
        part = values[start : start + 500]
        squares = (part**2).sum(1)[:, None] + (others**2).sum(1) - 2 * part @ others.T
        # The first is the image itself, or as near as if it were.
        distances[start : start + 500] = np.partition(squares, NEIGHBOURS, axis=1)[:, NEIGHBOURS]
    distances = np.sqrt(np.maximum(distances, 0))
    far = np.flatnonzero(distances > UNUSUAL * np.quantile(distances, 0.99, method="lower"))
    return far[np.argsort(-distances[far])]


def _some(count: int) -> NDArray[np.int64]:
    if count <= COMPARED:
        return np.arange(count)
    return stream(0, "check/compared").choice(count, COMPARED, replace=False)


def _simple(previews: NDArray[np.uint8]) -> NDArray[np.float64]:
    """float64 [N, 8]: of 0..1 or a logarithm each."""
    blocks = range(0, len(previews), BLOCK)  # float32 takes four times the bytes, several times
    return np.concatenate([_simple_block(previews[at : at + BLOCK]) for at in blocks])


def _simple_block(previews: NDArray[np.uint8]) -> NDArray[np.float64]:
    images = previews.astype(np.float32) / 255
    grey = images.mean(3)
    coarse = grey.reshape(len(grey), 8, 4, 8, 4).mean((2, 4))
    columns = [
        *np.moveaxis(images.mean((1, 2)), 1, 0),
        grey.std((1, 2)),
        (images.max(3) - images.min(3)).mean((1, 2)),
        _rough(grey),
        _rough(coarse),
        (grey > 0.5).mean((1, 2)),
    ]
    return np.stack(columns, 1).astype(np.float64)


def _rough(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    across = np.abs(np.diff(grey, axis=2)).mean((1, 2))
    down = np.abs(np.diff(grey, axis=1)).mean((1, 2))
    return np.asarray(np.log(0.01 + across + down), np.float32)
