"""Which test images the generator was trained on: a gain on these says nothing."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ganaug.artifact.format import Metadata
from ganaug.errors import DataError
from ganaug.evaluation.splits import fitted_on, merged_as_trained
from ganaug.images import ImageSet

__all__ = ["trained_on"]


def trained_on(train: ImageSet, judged: ImageSet, metadata: Metadata) -> NDArray[np.bool_]:
    """bool [N]: images of `judged` that the generator has seen, as far as fingerprints tell.

    It may have been fitted on all images before they were split, on that but its own fifth, or on
    the test part; and these may have been turned as EXIF says, or not, whatever these here are.
    """
    if fitted_on(merged_as_trained(train, metadata), metadata):
        return np.zeros(len(judged), bool)
    ways = product(_both_ways(train), _both_ways(judged))
    return np.any([_trained_on(*both, metadata) for both in ways], axis=0)


def _both_ways(images: ImageSet) -> list[ImageSet]:
    """Return the images, and with the keys of the other way to turn them, where that differs."""
    other = images.other_keys
    alike = not len(other) or (other == images.keys).all()
    return [images] if alike else [images, replace(images, keys=other)]


def _trained_on(train: ImageSet, judged: ImageSet, metadata: Metadata) -> NDArray[np.bool_]:
    both = (train, judged)
    if not metadata.data.get("groups") or train.groups is None or judged.groups is None:
        both = (replace(train, groups=None), replace(judged, groups=None))  # as it was fitted
    groups = None
    if both[0].groups is not None and both[1].groups is not None:
        # `fit` held out whole groups; those of two parts are counted apart
        groups = np.concatenate([both[0].groups, both[1].groups + both[0].groups.max() + 1])
    whole = ImageSet(
        np.zeros((len(train) + len(judged), 1, 1, 1), np.uint8),  # nobody looks at them
        np.concatenate([part.labels for part in both]),
        train.classes,
        groups=groups,
        keys=np.concatenate([part.keys for part in both]),
        pixel_keys=np.concatenate([part.content for part in both]),
    )
    for images in (whole, both[1]):
        candidates = [images]
        if metadata.data.get("held_out"):
            with suppress(DataError):  # nothing to hold out
                candidates.append(images.hold_out())
        for candidate in candidates:
            if fitted_on(merged_as_trained(candidate, metadata), metadata):
                return np.isin(judged.content, candidate.content)
    return np.zeros(len(judged), bool)
