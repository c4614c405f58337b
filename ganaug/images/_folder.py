"""Image sets from folders: ImageFolder's layout, with train/ and test/ and groups if they exist."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ganaug.errors import Complain, DataError, did_you_mean, refuse
from ganaug.images._groups import groups_files, with_groups
from ganaug.images._left_out import (
    FOREIGN,
    SPLITS,
    THUMBNAILS,
    LeftOut,
    masks_noted,
    refuse_flat_parts,
    refuse_links_to_nowhere,
    refuse_parts,
    too_high,
)
from ganaug.images._open import FORMATS
from ganaug.images._parts import ImageFile
from ganaug.images.class_names import alike_noted, composed
from ganaug.wording import counted

__all__ = ["EXTENSIONS", "Listing", "list_folder"]

EXTENSIONS = tuple(FORMATS)


class Listing(NamedTuple):
    """The files of a folder, none of them opened."""

    classes: tuple[str, ...]
    train: list[ImageFile]
    test: list[ImageFile]
    notes: list[str]


def list_folder(folder: Path, complain: Complain = refuse) -> Listing:
    """Return the files of one folder for each class, or of train/ and test/ that hold these.

    A folder with images directly inside is one class, "all". Groups are those of groups.csv.

    Args:
        folder: of the data set.
        complain: told of each class folder without images, of test classes that are no training
            classes, of a wrong groups.csv and the like; what is wrong is left out, then.

    Raises:
        DataError: the folders do not say which class an image is of, or groups.csv is wrong.
    """
    notes: list[str] = []
    left_out = LeftOut(folder)
    below = _shown_folders(folder, left_out)
    training, testing = _part(below, "train"), _part(below, "test")
    used = [name for name in (training, testing) if name is not None]
    other = [name for name in below if name not in used]
    parts = [name for name in below if name.lower() in SPLITS and _has_folders(folder / name)]
    grouped: list[str] = []  # parts that may have a groups.csv of their own
    if training is not None and (training in parts or not other):
        classes, train = _read_classes(folder, folder / training, notes, left_out, complain)
        test, grouped = [], used
        refuse_links_to_nowhere(folder, complain, SPLITS)
        if testing is not None:
            place = folder / testing
            test = _read_test(folder, folder / training, place, classes, notes, left_out, complain)
        _tell_beside(folder, f"beside {_shown(used, ' and ')}", notes, left_out)
        if other:
            judged = "" if testing else "; images to judge on are those in test/: rename it"
            notes.append(f"not used beside {_shown(used, ' and ')}: {_shown(other)}{judged}")
    elif parts and parts == [testing]:
        raise DataError(
            f"{folder}: has {testing}/ but no train/; allowed: both, or class folders alone; put"
            " the training classes in train/"
        )
    elif parts:
        raise DataError(
            f"{folder}: {_shown(parts)} hold folders and look like parts of a data set, not like"
            " classes; allowed: train/ and test/, or class folders alone; rename them to train/"
            " and test/"
        )
    elif below:
        classes, train = _read_classes(folder, folder, notes, left_out, complain)
        test = []
        notes += [*_left_beside(folder), *refuse_flat_parts(folder, classes)]
    else:
        classes = ("all",)
        train = _files(folder, folder, 0, left_out, complain)
        test = []
        if not train:
            raise DataError(
                f"{folder}: no images{left_out.beside('all')}; allowed: {', '.join(EXTENSIONS)};"
                " put each class in a folder of its own"
            )
    notes += left_out.notes
    return Listing(classes, *with_groups(folder, train, test, notes, complain, grouped), notes)


def _left_beside(folder: Path) -> list[str]:
    """Return a note where `folder` is the training part of a data set, named without the rest."""
    place = Path(os.path.abspath(folder))  # `folder` may be "."
    name, whole = place.name, place.parent
    if name.lower() not in SPLITS or not whole.is_dir():
        return []
    groups = [path.name for path in groups_files(whole)]
    if name.lower() != "train":  # the folder above is refused, or does not use this part
        return [
            f"{each} beside {name}/ is not read; put one into {name}/, of paths inside that"
            for each in groups
        ]
    beside = [f"{each}/" for each in _folders(whole) if each.lower() == "test"] + groups
    if not beside:
        return []
    verb = "is" if len(beside) == 1 else "are"
    above = folder.parent if folder.name == name else folder / os.pardir
    return [
        f"{' and '.join(beside)} beside {name}/ {verb} not read; name {above} as the source to use"
        " all of it"
    ]


def _part(names: Sequence[str], word: str) -> str | None:
    """Return the one folder called `word` in any case, or None."""
    found = [name for name in names if name.lower() == word]
    return found[0] if len(found) == 1 else None


def _shown(names: Sequence[str], between: str = ", ") -> str:
    return between.join(f"{name}/" for name in names)


def _read_classes(
    source: Path, folder: Path, notes: list[str], left_out: LeftOut, complain: Complain
) -> tuple[tuple[str, ...], list[ImageFile]]:
    """Return class names, sorted as ImageFolder sorts them, and the files of each."""
    classes = tuple(_shown_folders(folder, left_out))
    if not classes:
        raise DataError(
            f"{folder}: no class folders; allowed: one folder for each class; put the images of"
            f" each class in {folder}{os.sep}CLASS{os.sep}"
        )
    for name in classes:
        if not name.isascii() and (known := os.fsencode(name).decode(errors="replace")) != name:
            way = "rename it"
            if "\ufffd" not in known:  # it is: Python takes names of files for something else
                way = f"set PYTHONUTF8=1, with which Python reads it as {known!r}"
            raise DataError(
                f"{folder}: class folder {name!r} has a name that is not UTF-8 here; allowed:"
                f" UTF-8; {way}"
            )
    _refuse_twice(folder, classes)
    notes += [note for note in alike_noted(classes) if note not in notes]
    _tell_beside(folder, "beside the class folders", notes, left_out)
    refuse_links_to_nowhere(folder, complain)
    owners: dict[str, tuple[str, Path]] = {}
    files = [
        file
        for at, name in enumerate(classes)
        for file in _files(source, folder / name, at, left_out, complain, owners)
    ]
    notes += too_high(folder, [file.path for file in files])
    notes += masks_noted([file.path for file in files])
    return classes, files


def _tell_beside(folder: Path, where: str, notes: list[str], left_out: LeftOut) -> None:
    """Note the images and the like that lie in `folder`, `where` only folders are read."""
    loose = _image_names(folder)
    if loose:
        notes.append(f"not used {where}: {counted(len(loose), 'image')}, such as {loose[0]}")
    left_out.files("", folder, _entries(folder))
    left_out.hidden("", folder)


def _refuse_twice(folder: Path, classes: Sequence[str]) -> None:
    """Raise `DataError` where two folders have one name, in two forms of Unicode."""
    first: dict[str, str] = {}
    for name in classes:
        other = first.setdefault(composed(name), name)
        if other != name:
            raise DataError(
                f"{folder}: two class folders are called {composed(name)!r}, which is spelled"
                f" {other!a} and {name!a} there; allowed: one folder for each class; move"
                " the images into one of them"
            )


def _read_test(
    source: Path,
    train: Path,
    test: Path,
    classes: tuple[str, ...],
    notes: list[str],
    left_out: LeftOut,
    complain: Complain,
) -> list[ImageFile]:
    """Return the files of the folder `test`, labelled by the classes of the folder `train`."""
    if not _folders(test):
        complain(
            DataError(
                f"{test}: no class folders; allowed: one folder for each class, as in"
                f" {train.name}/; sort its images into them, or load {train} alone"
            )
        )
        return []
    named, files = _read_classes(source, test, notes, left_out, complain)
    label_of = {composed(name): label for label, name in enumerate(classes)}
    found = [composed(name) for name in named]  # file systems differ in that
    for name in found:
        if name not in label_of:
            complain(
                DataError(
                    f"{test}: class {name!r} is not in {train.name}/"
                    f"{did_you_mean(name, classes)}; allowed: {', '.join(classes)}; rename it or"
                    " add training images"
                )
            )
    known = [file for file in files if found[file.label] in label_of]
    return [file._replace(label=label_of[found[file.label]]) for file in known]


def _files(
    source: Path,
    folder: Path,
    label: int,
    left_out: LeftOut,
    complain: Complain,
    owners: dict[str, tuple[str, Path]] | None = None,
) -> list[ImageFile]:
    """Return the images of a class folder and the folders in it, in ImageFolder's order.

    Hidden files and folders are left out, and a folder is read once, whatever links lead to it.
    `owners` says of which class each folder is, and by which path; one is complained of that a link
    puts into two.
    """
    found: list[tuple[str, str]] = []
    owners = {} if owners is None else owners
    pending = [folder]
    name = folder.name if folder != source else "all"
    elsewhere = False
    while pending:
        here = pending.pop()
        real = os.path.realpath(here)
        owner, by = owners.setdefault(real, (name, here))
        if owner != name:
            link = next(filter(os.path.islink, (*_way(source, here), *_way(source, by))), here)
            complain(
                DataError(
                    f"{link}: is read for the classes {owner!r} and {name!r}, by a link; allowed:"
                    " each folder for one class; remove the link"
                )
            )
        if by != here:
            elsewhere = True
            continue
        below = _shown_folders(here, left_out, name)
        pending += [here / each for each in reversed(below)]
        found += [(str(here), each) for each in _image_names(here)]
        left_out.files(name, here, _entries(here))
        left_out.hidden(name, here)
        refuse_links_to_nowhere(here, complain)
    if not found and folder != source and not elsewhere:
        complain(
            DataError(
                f"{folder}: a class folder without images{left_out.beside(name)}; allowed:"
                f" {', '.join(EXTENSIONS)}; add images or remove the folder"
            )
        )
    paths = [Path(parent, each) for parent, each in sorted(found)]
    for parent in dict.fromkeys(path.parent for path in paths if folder != source):
        refuse_parts(folder, parent, complain)
    return [ImageFile(path, path.relative_to(source).as_posix(), label) for path in paths]


def _way(source: Path, folder: Path) -> list[Path]:
    """Return `folder` and the folders around it up to `source`, which is not among them."""
    return [each for each in (folder, *folder.parents) if source in each.parents]


def _shown_folders(folder: Path, left_out: LeftOut, name: str = "") -> list[str]:
    """Return the folders in `folder` but those of other programs; the class `name` lost these."""
    return left_out.folders(name, folder, _folders(folder))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            shown = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be read ({error.strerror}); allowed: a folder of images; check the"
            " path and its permissions"
        ) from error
    return sorted(shown, key=lambda entry: entry.name)


def _folders(folder: Path) -> list[str]:
    # os.path, unlike DirEntry, takes a link to itself for what it is: no folder and no file
    return [entry.name for entry in _entries(folder) if os.path.isdir(entry)]


def _has_folders(folder: Path) -> bool:
    """Whether folders are in it beside those of other programs, which a class may have, too."""
    return any(name.lower() not in FOREIGN | THUMBNAILS for name in _folders(folder))


def _image_names(folder: Path) -> list[str]:
    """Return the image files in `folder`; a link counts wherever it leads, so that it is missed."""
    return [
        entry.name
        for entry in _entries(folder)
        if entry.name.lower().endswith(EXTENSIONS)
        and (os.path.isfile(entry) or (entry.is_symlink() and not os.path.isdir(entry)))
    ]
