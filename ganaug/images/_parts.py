"""What all sources share: class names, labels in range, the training part with its test part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganaug.errors import DataError
from ganaug.files import open_regular
from ganaug.images.class_names import alike_noted
from ganaug.images.image_set import ImageSet, name_of
from ganaug.wording import counted, first_names

__all__ = [
    "ImageFile",
    "class_names",
    "none_read",
    "with_test",
]


class ImageFile(NamedTuple):
    """One image on disk: its path, its path inside the data set's folder, label and group."""

    path: Path
    name: str
    label: int
    group: str | None = None

    @property
    def where(self) -> str:
        """What messages call it."""
        return str(self.path)

    def open(self) -> BinaryIO:
        """Open the file, or raise `OSError`."""
        return open_regular(self.path)


def none_read(source: str, word: str = "training") -> DataError:
    """Return the error for a part, "training" or "test", without an image that can be read."""
    return DataError(f"{source}: no {word} image can be read; add images that can")


def class_names(
    source: str, labels: NDArray[np.int64], given: Sequence[str] | None
) -> tuple[str, ...]:
    """Return the given names, or "0".."K-1" where K - 1 is the largest label.

    Labels are never numbered anew: those of the data set that a generator is used with would then
    mean other classes.

    Raises:
        DataError: no names are given, and more of the numbers 0..K-1 are missing than used.
    """
    if given is not None:
        return tuple(given)
    last = int(labels.max(initial=0))
    used = len(np.unique(labels))
    if last + 1 > 2 * used:
        raise DataError(
            f"{source}: label {last}, but only {used} different labels; allowed: classes numbered"
            " from 0, with few numbers missing; number them anew or name all classes"
        )
    return tuple(str(label) for label in range(last + 1))


def _in_two_classes(images: ImageSet) -> list[str]:
    """Return a note where one image is of two classes."""
    order = np.lexsort((images.labels, images.content))
    content, labels = images.content[order], images.labels[order]
    other = np.flatnonzero((content[1:] == content[:-1]) & (labels[1:] != labels[:-1]))
    if not len(other):
        return []
    pair = [int(order[at]) for at in (other[0], other[0] + 1)]
    names = [name_of(images, at) for at in pair]
    several = f"{counted(len(other), 'image')}, such as"
    return [f"the same pixels in two classes: {several} {names[0]} and {names[1]}; remove one"]


def with_test(train: ImageSet, test: ImageSet | None, notes: Sequence[str]) -> ImageSet:
    """Join the parts, and note or refuse classes that have no image in one of them.

    Raises:
        DataError: there is no training image, or no test image in a test part.
    """
    if not len(train) or (test is not None and not len(test)):
        word = "test" if len(train) else "training"
        raise none_read(train.source, word)
    notes = [*notes, *(note for note in alike_noted(train.classes) if note not in notes)]
    notes += _in_two_classes(train)
    for word, part in (("training", train), ("test", test)):
        bare = [] if part is None else [part.classes[i] for i in np.flatnonzero(part.counts == 0)]
        if bare:
            notes.append(f"classes without a {word} image: {first_names(bare)}")
    return replace(train, test=test, notes=tuple(notes))
