"""Images that another tool made: loaded as the real ones are, and none of them a test image."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ganaug.errors import DataError, named_path
from ganaug.evaluation.splits import Split, in_class_order
from ganaug.images import ImageSet, load_images
from ganaug.images.copies import also_in
from ganaug.wording import first_names

__all__ = ["load_made", "made_for"]


def load_made(
    folder: str | os.PathLike[str],
    real: ImageSet,
    *,
    exif: bool = True,
    skip_corrupt: bool = False,
) -> ImageSet:
    """Return the images in `folder` in the classes, at the size and in the mode of `real`.

    Args:
        folder: one folder for each class, named as it is; or an .npz file with class names.
            Classes may be missing.
        real: the images they are to stand beside.
        exif, skip_corrupt: as for `load_images`.

    Raises:
        DataError: there is no such folder, it has no classes, or one that `real` does not have.
    """
    mode = "grey" if real.channels == 1 else "rgb"
    made = load_images(
        named_path(folder), size=real.size, mode=mode, exif=exif, skip_corrupt=skip_corrupt
    )
    if made.classes == ("all",) and "all" not in real.classes:
        raise DataError(
            f"{folder}: images without classes; allowed: a folder for each class, named as it is"
            f" ({first_names(real.classes)}); sort the images into them"
        )
    notes = made.notes if made.test is None else (*made.notes, "its test part is not used")
    found = in_class_order(replace(made, test=None), real)
    return replace(found, notes=tuple(f"{made.data_name}: {note}" for note in notes))


def made_for(
    folders: Sequence[str],
    splits: Mapping[int, Split],
    alone: Sequence[str] = (),
    *,
    exif: bool = True,
    skip_corrupt: bool = False,
) -> tuple[dict[tuple[int, str], ImageSet], tuple[str, ...]]:
    """Return the images of each folder for each seed's split, and notes for the report.

    A folder is read once, where the training images of all seeds have one size and one mode.

    Args:
        folders: of the arms.
        splits: by seed.
        alone: those that an arm shows without real images.
        exif, skip_corrupt: as for `load_images`.

    Raises:
        DataError: as in `load_made`; or images that are also test images; or fewer than two classes
            where they are shown alone.
    """
    made: dict[tuple[int, str], ImageSet] = {}
    notes: list[str] = []
    for folder in folders:
        read: dict[tuple[int, ...], ImageSet] = {}
        copies = 0
        for seed, split in splits.items():
            shape = split.train.images.shape[1:]
            if shape not in read:
                read[shape] = load_made(folder, split.train, exif=exif, skip_corrupt=skip_corrupt)
            found = made[seed, folder] = in_class_order(read[shape], split.train)
            _refuse_test_images(found, split.test)
            copies = max(copies, int(also_in(found, split.train).sum()))
        first = next(iter(read.values()))
        notes += first.notes
        if folder in alone:
            notes += _missing(first)
        if copies:
            notes.append(
                f"{first.data_name}: {copies} of {len(first)} images are also training images"
            )
    if folders and any(split.train.held_out for split in splits.values()):
        notes.append(
            "there is no test part, so that a fifth of the images is judged on: what made the"
            " images of the folder must not have seen that fifth"
        )
    return made, tuple(notes)


def _refuse_test_images(made: ImageSet, test: ImageSet) -> None:
    leaked = np.flatnonzero(also_in(made, test))
    if len(leaked):
        first = leaked[0] if made.names is None else made.names[leaked[0]]
        raise DataError(
            f"{made.source}: {len(leaked)} of {len(made)} images are also test images, such as"
            f" {first}; allowed: images that are not judged on; remove them, or give another test"
            " part"
        )


def _missing(made: ImageSet) -> tuple[str, ...]:
    """Return a note about the classes without images; refuse fewer than two classes with some."""
    bare = [made.classes[label] for label in np.flatnonzero(made.counts == 0)]
    if len(made.classes) - len(bare) < 2:
        raise DataError(
            f"{made.source}: {len(made.classes) - len(bare)} class with images; alone, without real"
            " images, at least 2 are needed; add another class, or take the arm"
            f" folder:{made.source}"
        )
    return (f"{made.data_name}: no images of {first_names(bare)}",) if bare else ()
