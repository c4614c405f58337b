"""Whether there are classes to tell apart, and how a source with too few can name some."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from ganaug.errors import DataError
from ganaug.images._groups import GROUPS_FILE
from ganaug.images.image_set import ImageSet
from ganaug.images.source_kinds import kind_of
from ganaug.images.tables import folders_in, is_table, read_table

__all__ = ["require_classes", "ways_to_name_classes"]

MOST_DEEP = 10  # a link may lead back
MOST_BYTES = 2**24  # of a table that is looked into for a message


def require_classes(image_set: ImageSet) -> None:
    """Check that at least two classes have training images.

    Raises:
        DataError: there are fewer; the message names those found.
    """
    found = [image_set.classes[i] for i in np.flatnonzero(image_set.counts)]
    if len(found) < 2:
        names = ", ".join(repr(name) for name in found)
        only = f" (only {names})" if found else ""
        raise DataError(
            f"classes: {len(found)} found in {image_set.source!r}{only}; a data set needs at least"
            f" 2; {ways_to_name_classes(image_set.source)}"
        )


def ways_to_name_classes(source: str) -> str:
    """Return what to do about a source of too few classes: for a folder, also by a table.

    An .npz file has its labels in an array.

    Where the classes seem to be further down, that folder is named. A table in the folder, or
    beside it, is named where its rows name images and classes.
    """
    way = "put each class in a folder of its own"
    if source and kind_of(source) == "npz":
        return "name the array of labels 'labels' ('train_labels' beside 'train_images')"
    if not source or kind_of(source) != "folder":
        return way
    folder = Path(source)
    if (deeper := _folder_of_classes(folder)) is not None:
        return f"where the classes are the folders in {deeper}/, name that: {_check(str(deeper))}"
    for table in _tables(folder):
        for root in dict.fromkeys((table.parent, folder, *folders_in(folder))):
            try:
                named = len(read_table(table, root=root).classes)
            except DataError:
                continue
            if named > 1:
                there = [] if root == table.parent else ["--root", str(root)]
                return f"{way}, or read the table: {_check(str(table), *there)}"
    command = _check("TABLE.csv", "--root", source)
    return f"{way}, or name a table with the columns image and label: {command}"


def _folder_of_classes(folder: Path) -> Path | None:
    """Return the first folder below `folder` that branches, where each before it holds but one."""
    place = folder
    while len(below := folders_in(place)) == 1 and len(place.parts) < MOST_DEEP + len(folder.parts):
        place = below[0]
    return place if place != folder and len(below) > 1 and not _has_files(place) else None


def _has_files(folder: Path) -> bool:
    return any(
        not name.startswith(".") and (folder / name).is_file() for name in os.listdir(folder)
    )


def _check(*arguments: str) -> str:
    return f"ganaug check {shlex.join(arguments)}"


def _tables(folder: Path) -> Iterator[Path]:
    """Yield the tables in a folder, then those beside it, but for very large ones."""
    for each in (folder, folder.parent):
        with suppress(OSError):  # a folder above may not be ours to list
            for name in sorted(os.listdir(each)):
                path = each / name
                small = is_table(path) and path.stat().st_size <= MOST_BYTES
                if small and name.lower() != GROUPS_FILE:
                    yield path
