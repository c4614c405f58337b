"""Images on both sides of a split: equal ones, whatever their files, and ones that look alike."""

from __future__ import annotations

from itertools import chain

import numpy as np
from numpy.typing import NDArray

from ganaug.images.alike import Alike
from ganaug.images.image_set import ImageSet, content_key, name_of

__all__ = ["also_in", "copies_noted", "near_copies"]

MOST = 100_000  # images that are compared; of larger sets some of each side are


def also_in(images: ImageSet, other: ImageSet) -> NDArray[np.bool_]:
    """bool [N]: images with the content of one of `other`: as a file, or in pixels.

    Another tool often writes an image anew: then the file differs, and the pixels do not. Whether
    one side is turned as EXIF says, and the other is not, makes no difference.
    """
    files = np.concatenate([other.keys, other.other_keys])
    same = np.isin(images.keys, files) | np.isin(images.content, other.content)
    if len(images.other_keys):
        same |= np.isin(images.other_keys, files)
    return same | np.isin(_stored(images), _stored(other))


def _stored(images: ImageSet) -> NDArray[np.uint64]:
    return np.array([content_key(image.tobytes()) for image in images.images], np.uint64)


def copies_noted(train: ImageSet, test: ImageSet) -> tuple[str, ...]:
    """Return notes about test images that are training images, or look nearly like one."""
    notes = []
    same = also_in(test, train)
    if same.any():
        notes.append(f"{int(same.sum())} of {len(test)} test images are also training images")
    whole, compared = len(train) + len(test), ""
    if whole > MOST:
        rows, compared = _in_even_steps(test, whole), " that were compared"
        train, test, same = train.take(_in_even_steps(train, whole)), test.take(rows), same[rows]
    near = [(ours, theirs) for ours, theirs in near_copies(train, test) if not same[ours]]
    if near:
        ours, theirs = near[0]
        notes.append(
            f"{len(near)} of {len(test)} test images{compared} look nearly like a training image,"
            f" such as {name_of(test, ours)} like {name_of(train, theirs)}; results on them look"
            " too good: give such images one group in groups.csv"
        )
    return tuple(notes)


def _in_even_steps(images: ImageSet, whole: int) -> NDArray[np.int64]:
    """Return positions of those that are compared where both sides have `whole` images."""
    count = max(1, len(images) * MOST // whole)
    return np.linspace(0, len(images) - 1, count).round().astype(np.int64)


def near_copies(train: ImageSet, test: ImageSet) -> list[tuple[int, int]]:
    """Return (test image, training image) of those that look alike, each test image at most once.

    A copy that was encoded anew, at another quality or size, or a little lighter; see `Alike`.
    """
    if not len(train) or not len(test):
        return []
    alike = Alike(chain(train.images, test.images))
    likest, best = np.full(len(test), -np.inf), np.full(len(test), -1)
    for pairs in alike.near_pairs(parts=len(train)):
        likeness = alike.likeness(pairs)
        order = np.argsort(-likeness, kind="stable")
        ours, first = np.unique(pairs[order, 1] - len(train), return_index=True)
        rows = order[first]
        better = likeness[rows] > likest[ours]
        ours, rows = ours[better], rows[better]
        likest[ours], best[ours] = likeness[rows], pairs[rows, 0]
    found = np.flatnonzero(best >= 0)
    return list(zip(found.tolist(), best[found].tolist(), strict=True))
