"""Which test images the generator was trained on: a gain on these says nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganaug.errors import DataError
from ganaug.images import ImageSet
from ganaug.images.copies import also_in
from ganaug.images.grouping import group_numbers

__all__ = ["trained_on"]


def trained_on(train: ImageSet, judged: ImageSet, data: Mapping[str, Any]) -> NDArray[np.bool_]:
    """bool [N]: images of `judged` that the generator has seen, as far as fingerprints tell.

    It may have been fitted on the training part, where that has copies of test images, on all
    images before they were split, on that but its own fifth, or on the test part; and these may
    have been turned as EXIF says, or not, whatever these here are. So may each training that its
    weights come from.

    Args:
        train, judged: the two parts.
        data: what the generator's file or run says of its images, `start_data`.
    """
    classes = data["classes"]
    trainings, own = _trainings(data), _hashes(train, classes)
    seen = also_in(judged, train) if trainings & own else np.zeros(len(judged), bool)
    hashes = trainings - own
    if not hashes:
        return seen
    for one, other in product(_both_ways(train), _both_ways(judged)):
        for images in _fitted_on(one, other):
            if hashes & _hashes(images, classes):
                seen |= np.isin(other.content, images.content)
    return seen


def _trainings(data: Mapping[str, Any]) -> set[str]:
    """Hashes of the images of a training, and of those that its weights come from."""
    start = data.get("started_from") or {"hashes": []}
    # older files have no hash of the pixels
    found = [data["fingerprint"], data.get("pixels"), *start["hashes"]]
    return {each for each in found if isinstance(each, str)}


def _hashes(images: ImageSet, classes: Sequence[str]) -> set[str]:
    """Hashes that a training with such classes, or without labels, gives to these images."""
    found = {images.fingerprint, images.content_fingerprint}
    return found if len(classes) > 1 else found | {images.merged(*classes).fingerprint}


def _both_ways(images: ImageSet) -> list[ImageSet]:
    """Return the images, and with the keys of the other way to turn them, where that differs."""
    other = images.other_keys
    alike = not len(other) or (other == images.keys).all()
    return [images] if alike else [images, replace(images, keys=other)]


def _fitted_on(train: ImageSet, judged: ImageSet) -> Iterator[ImageSet]:
    """What may have been fitted on: all images, or the test part; with the held-out fifth or not,
    which may be one of whole groups."""
    ways: list[NDArray[np.int64] | None] = [None]
    if train.groups is not None and judged.groups is not None:
        # those of two parts are counted apart
        ways.append(np.concatenate([train.groups, judged.groups + train.groups.max() + 1]))
    if train.group_names and judged.group_names:
        ways.append(group_numbers([*train.group_names, *judged.group_names]))
    both = (train, judged)
    for groups in ways:
        whole = ImageSet(
            np.zeros((len(train) + len(judged), 1, 1, 1), np.uint8),  # nobody looks at them
            np.concatenate([part.labels for part in both]),
            train.classes,
            groups=groups,
            keys=np.concatenate([part.keys for part in both]),
            pixel_keys=np.concatenate([part.content for part in both]),
        )
        for images in (whole, whole.take(np.arange(len(train), len(whole)))):
            yield images
            with suppress(DataError):  # nothing to hold out
                yield images.hold_out()
