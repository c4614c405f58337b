"""Images that are alike: a perceptual hash to find pairs, and two numbers to be sure of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganaug.images._pixels import to_pillow
from ganaug.randomness import stream

__all__ = ["Alike"]

SIDE = 16
RIDGE = 0.3  # of the mean variance: directions that hardly vary are noise
BITS = 64
FAR = 13  # of the bits: pairs that differ in more are not looked at
COMPARED = 2**20  # hashes at once, or those of one row
PAIRS = 2**11  # held at once, at most
# A copy that was encoded anew, scaled or lit otherwise is above both; of different photographs of
# one class nearly no pair is (cosines as they are, and after whitening).
SAME_SHAPE, SAME_DETAIL = 0.9985, 0.93


class Alike:
    """Images as unit vectors of 16x16 grey values, as they are and whitened over the set.

    Whitening takes away what all images of a set share; what is left tells them apart, whether they
    are digits on black or photographs.

    Args:
        images: uint8 [H, W, 1] or [H, W, 3] each, one or more; 32 pixels a side are enough. They
            are read one at a time.
    """

    def __init__(self, images: Iterable[NDArray[np.uint8]]) -> None:
        grey = np.stack([_small(each) for each in images]).reshape(-1, SIDE * SIDE)
        self.shape = _unit(grey - grey.mean(1, keepdims=True))
        self.flat = grey.std(1) < 1.0  # images of one colour: nothing to compare
        centred = self.shape - self.shape.mean(0)
        variances, axes = np.linalg.eigh(centred.T @ centred / len(centred))
        scale = np.sqrt(np.maximum(variances, 0) + RIDGE * max(variances.mean(), 1e-9))
        self.detail = _unit(centred @ (axes / scale).astype(np.float32))

    def near_pairs(self, parts: int | None = None) -> Iterator[NDArray[np.int64]]:
        """Yield int64 [pairs, 2], first < second, in rising order: images that are nearly the same.

        A scene that stands still has as many as the square of its frames; so a few come at a time.

        Args:
            parts: only pairs of one of the first so many images and one of the others.
        """
        hashes = self._hashes()
        end = len(hashes) if parts is None else parts
        rows = max(1, COMPARED // max(1, len(hashes)))
        for start in range(0, end, rows):
            others = start if parts is None else parts
            differ = np.bitwise_count(
                hashes[start : min(start + rows, end), None] ^ hashes[others:]
            )
            near = np.argwhere(differ <= FAR) + np.array([start, others])
            pairs = near[near[:, 1] > near[:, 0]]
            for at in range(0, len(pairs), PAIRS):
                some = pairs[at : at + PAIRS]
                yield some[self._sure(some)]

    def _sure(self, pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
        first, second = pairs[:, 0], pairs[:, 1]
        sure = ~(self.flat[first] | self.flat[second])
        for vectors, least in ((self.shape, SAME_SHAPE), (self.detail, SAME_DETAIL)):
            at = np.flatnonzero(sure)
            cosines = np.einsum("ij,ij->i", vectors[first[at]], vectors[second[at]])
            sure[at] = cosines >= least
        return sure

    def likeness(self, pairs: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return float32 [pairs]: how alike the images of each are; 1 is the same."""
        return np.einsum("ij,ij->i", self.detail[pairs[:, 0]], self.detail[pairs[:, 1]])

    def nearest_of_class(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return int64 [n]: for each of `rows`, the place in `rows` of the one most like it."""
        vectors = self.detail[rows]
        cosines = vectors @ vectors.T
        np.fill_diagonal(cosines, -np.inf)
        return cosines.argmax(1)

    def _hashes(self) -> NDArray[np.uint64]:
        """The signs of 64 random projections: vectors of a small angle share most of them."""
        planes = stream(0, "check/planes").standard_normal((self.detail.shape[1], BITS))
        bits = self.detail @ planes.astype(np.float32) > 0
        return np.packbits(bits, axis=1).view(np.uint64)[:, 0]


def _small(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    grey = to_pillow(image).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(grey, np.float32)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-6), np.float32)
