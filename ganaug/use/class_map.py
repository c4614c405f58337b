"""Which class of the file a class of a data set is: by name, and refused where that is unclear."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ganaug.artifact.format import Metadata
from ganaug.errors import ArtifactError, DataError, did_you_mean
from ganaug.images.class_names import position_of, unclear_label
from ganaug.wording import first_names

__all__ = ["class_map", "refuse_numbered", "refuse_unclear"]


def class_map(classes: Sequence[str], info: Metadata, name: str) -> NDArray[np.int64]:
    """Return int64 [len(classes)]: the artifact's label of each class of a data set, by name.

    Names are equal in whichever Unicode form they are written: file systems differ in that.

    Raises:
        ArtifactError: the artifact does not know a class, was trained without labels, or on labels
            that may mean other classes (`refuse_numbered`).
    """
    refuse_numbered(classes, info, name)
    if not info.config.get("conditional", True):
        if len(classes) == 1:
            return np.zeros(1, np.int64)
        raise ArtifactError(
            f"{name} was trained without labels, and the data set has {len(classes)} classes;"
            " allowed: images without labels; fit a generator that keeps the class (the default),"
            " or take the images alone with GANAugment(..., labels_getter=None)"
        )
    found: list[int] = []
    for each in classes:
        label = position_of(each, info.classes)
        if label is None:
            raise ArtifactError(
                f"the data set's class {each!r} is not in"
                f" {name}{did_you_mean(each, info.classes)}; allowed:"
                f" {first_names(info.classes, form=repr)}; rename the class, or fit and export for"
                " this data set"
            )
        found.append(label)
    return np.array(found, np.int64)


def refuse_numbered(classes: Sequence[str], info: Metadata, name: str) -> None:
    """Raise `ArtifactError` where the file's classes are labels that could mean two of `classes`.

    Labels without names are called by their numbers: 2 was perhaps the third folder, not folder 2.
    """
    unclear = unclear_label(classes) if info.data.get("unnamed") else None
    if unclear is not None:
        raise ArtifactError(
            f"{name} was fitted on labels without class names, and in the data set {unclear}"
            f" ({first_names(classes, form=repr)}); allowed: a file whose classes have names, where"
            " these are whole numbers out of order; fit on this data set, or on one with .classes"
        )


def refuse_unclear(classes: Sequence[str], what: str, instead: str) -> None:
    """Raise `DataError` where a label without class names could mean two of `classes`."""
    unclear = unclear_label(classes)
    if unclear is not None:
        raise DataError(
            f"{what}: {unclear} ({first_names(classes, form=repr)}); allowed: labels that come with"
            f" class names, where the classes are whole numbers out of order; {instead}"
        )
