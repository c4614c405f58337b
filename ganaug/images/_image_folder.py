"""The files of torchvision's ImageFolder, whole or a part of it, and their groups."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganaug.images._groups import GROUPS_FILE, groups_files, with_groups
from ganaug.images._left_out import (
    SPLITS,
    LeftOut,
    foreign_noted,
    hidden_noted,
    masks_noted,
    refuse_links_to_nowhere,
    refuse_parts,
    too_high,
)
from ganaug.images._parts import ImageFile
from ganaug.images.class_names import classes_of
from ganaug.images.relabelled import by_name
from ganaug.images.wrappers import parts_of, pieces_of, reads_items_itself

__all__ = ["Listed", "files_of", "groups_not_read"]


class Listed(NamedTuple):
    """The files that a data set hands out as they are, in its order.

    Attributes:
        root: the folder of the ImageFolder.
        classes: class names by label.
        files: with the groups of groups.csv.
        notes: about the whole folder.
        is_whole: whether the data set is the ImageFolder itself.
    """

    root: Path
    classes: tuple[str, ...]
    files: list[ImageFile]
    notes: list[str]
    is_whole: bool


def files_of(dataset: Any) -> Listed | None:
    """Return the files of an ImageFolder without transforms, also through Subset and ConcatDataset.

    None for any other data set, such as one of several folders, with samples outside its own, or
    one whose labels are mapped by name, whose items have to be read.
    """
    folders = {id(folder): folder for folder in _innermost(dataset)}
    (folder, *others) = folders.values()
    if others or not _is_plain(folder) or by_name(dataset) is not dataset:
        return None
    root = Path(folder.root)
    if not all(Path(path).is_relative_to(root) for path, _ in folder.samples):
        return None
    whole, notes = _files(folder)
    picked = _picked(dataset)
    if picked is None:
        return None
    classes = classes_of(dataset) or tuple(folder.classes)
    files = [whole[at] for at in picked]
    return Listed(root, classes, files, notes, dataset is folder)


def groups_not_read(dataset: Any) -> list[str]:
    """Return a note on the groups.csv of ImageFolders inside a data set that is read by items."""
    from torchvision.datasets import ImageFolder

    roots = [Path(each.root) for each in _innermost(dataset) if isinstance(each, ImageFolder)]
    roots = [Path(os.path.abspath(root)) for root in roots]
    named = dict.fromkeys(root.name for root in roots if groups_files(_base(root)))
    return [
        f"{GROUPS_FILE} of the folder {name} is not read: images of one object may be trained and"
        " judged on; give the folder itself, or one ImageFolder without transforms"
        for name in named
    ]


def _innermost(dataset: Any) -> Iterator[Any]:
    parts = parts_of(dataset)
    if not parts:
        yield dataset
    for part in parts:
        yield from _innermost(part)


def _picked(dataset: Any) -> NDArray[np.int64] | None:
    """Return which files of the folder the items are; None where a subclass may give others."""
    pieces = pieces_of(dataset)
    if not pieces:
        return np.arange(len(dataset.samples))
    if reads_items_itself(dataset):
        return None
    found: list[NDArray[np.int64]] = []
    for part, positions in pieces:
        inner = _picked(part)
        if inner is None:
            return None
        found.append(inner[positions])
    return np.concatenate(found)


def _is_plain(dataset: Any) -> bool:
    """Whether it hands out its files as they are, so that these can be read themselves."""
    from torchvision.datasets import DatasetFolder, ImageFolder
    from torchvision.datasets.folder import default_loader

    return (
        isinstance(dataset, ImageFolder)
        and type(dataset).__getitem__ is DatasetFolder.__getitem__
        and dataset.loader is default_loader
        and dataset.transform is None
        and dataset.target_transform is None
    )


def _not_read(root: Path, classes: Sequence[str]) -> list[str]:
    """Return notes on the files in the folders of the classes that torchvision does not list."""
    left = LeftOut(root)
    for name in classes:
        for here, below, _ in os.walk(root / name):
            below.sort()
            with os.scandir(here) as entries:
                left.files(name, Path(here), sorted(entries, key=lambda entry: entry.name))
    return left.notes


def _base(root: Path) -> Path:
    """Return where groups.csv lies: for a part of a larger folder perhaps in that."""
    place = Path(os.path.abspath(root))  # `root` may be "."
    is_part = place.name.lower() in SPLITS and not groups_files(root)
    return place.parent if is_part and groups_files(place.parent) else root


def _files(dataset: Any) -> tuple[list[ImageFile], list[str]]:
    """Return the files of an ImageFolder, with the groups of its groups.csv, and notes.

    Where that lies in the folder above, its paths are inside that.
    """
    root, notes = Path(dataset.root), list[str]()
    base = _base(root)
    part = Path() if base is root else Path(Path(os.path.abspath(root)).name)
    files = [
        ImageFile(Path(path), (part / Path(path).relative_to(root)).as_posix(), label)
        for path, label in dataset.samples
    ]
    notes += too_high(root, [file.path for file in files])
    notes += masks_noted([file.path for file in files])
    names = [file.path.relative_to(root).as_posix() for file in files]
    notes += foreign_noted(names) + hidden_noted(names)
    notes += _not_read(root, dataset.classes)
    for folder in (root, *dict.fromkeys(file.path.parent for file in files)):
        refuse_links_to_nowhere(folder)
    for file in files:
        refuse_parts(root / file.path.relative_to(root).parts[0], file.path.parent)
    if base is root:
        return with_groups(base, files, [], notes)[0], notes
    return with_groups(base, [], files, [])[1], notes  # which may name the other part alone
