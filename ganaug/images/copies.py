"""Images on both sides of a split: equal ones, whatever their files, and ones that look alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganaug.images.alike import Alike
from ganaug.images.image_set import ImageSet, content_key

__all__ = ["also_in", "copies_noted", "near_copies"]


def also_in(images: ImageSet, other: ImageSet) -> NDArray[np.bool_]:
    """bool [N]: images with the content of one of `other`: as a file, or in pixels.

    Another tool often writes an image anew: then the file differs, and the pixels do not.
    """
    same = np.isin(images.keys, other.keys) | np.isin(images.content, other.content)
    return same | np.isin(_stored(images), _stored(other))


def _stored(images: ImageSet) -> NDArray[np.uint64]:
    return np.array([content_key(image.tobytes()) for image in images.images], np.uint64)


def copies_noted(train: ImageSet, test: ImageSet) -> tuple[str, ...]:
    """Return notes about test images that are training images, or look nearly like one."""
    notes = []
    same = also_in(test, train)
    if same.any():
        notes.append(f"{int(same.sum())} of {len(test)} test images are also training images")
    near = [(ours, theirs) for ours, theirs in near_copies(train, test) if not same[ours]]
    if near:
        ours, theirs = near[0]
        notes.append(
            f"{len(near)} of {len(test)} test images look nearly like a training image, such as"
            f" {_name(test, ours)} like {_name(train, theirs)}; results on them look too good: give"
            " such images one group in groups.csv"
        )
    return tuple(notes)


def _name(images: ImageSet, at: int) -> str:
    return f"image {at}" if images.names is None else images.names[at]


def near_copies(train: ImageSet, test: ImageSet) -> list[tuple[int, int]]:
    """Return (test image, training image) of those that look alike, each test image at most once.

    A copy that was encoded anew, at another quality or size, or a little lighter; see `Alike`.
    """
    if not len(train) or not len(test):
        return []
    alike = Alike(np.concatenate([train.images, test.images]))
    pairs = alike.near_pairs(parts=len(train))
    pairs = pairs[np.argsort(-alike.likeness(pairs), kind="stable")]
    best: dict[int, int] = {}
    for theirs, ours in pairs.tolist():
        best.setdefault(ours - len(train), theirs)
    return sorted(best.items())
