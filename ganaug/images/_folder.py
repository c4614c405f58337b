"""Image sets from folders: ImageFolder's layout, with train/ and test/ and groups if they exist."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganaug.errors import DataError, did_you_mean
from ganaug.images._parts import one_line, with_test
from ganaug.images._pixels import (
    UNREADABLE,
    Damage,
    Header,
    choose_layout,
    read_header,
    read_pixels,
)
from ganaug.images.image_set import ImageSet, content_key

__all__ = [
    "EXTENSIONS",
    "GROUPS_FILE",
    "ImageFile",
    "Listing",
    "list_folder",
    "load_folder",
    "read_files",
    "with_groups",
]

# Those of torchvision's ImageFolder.
EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
GROUPS_FILE = "groups.csv"
SPLITS = ("train", "training", "test", "testing", "val", "valid", "validation")


class ImageFile(NamedTuple):
    """One image on disk: its path, its path inside the data set's folder, label and group."""

    path: Path
    name: str
    label: int
    group: str | None = None


class Listing(NamedTuple):
    """The files of a folder, none of them opened."""

    classes: tuple[str, ...]
    train: list[ImageFile]
    test: list[ImageFile]
    notes: list[str]


def load_folder(
    folder: Path, *, size: tuple[int, int] | None, mode: str | None, skip_corrupt: bool
) -> ImageSet:
    """Load a folder with one folder for each class, or with train/ and test/ that hold these.

    A folder with images directly inside is one class, "all". See `load_images`.
    """
    classes, train, test, notes = list_folder(folder)
    return read_files(
        str(folder), classes, train, test, size=size, mode=mode, skip=skip_corrupt, notes=notes
    )


def list_folder(folder: Path) -> Listing:
    """Return what `load_folder` reads, with the groups of groups.csv.

    Raises:
        DataError: the folders do not say which class an image is of, or groups.csv is wrong.
    """
    notes: list[str] = []
    below = _folders(folder)
    training, testing = _part(below, "train"), _part(below, "test")
    used = [name for name in (training, testing) if name is not None]
    other = [name for name in below if name not in used]
    parts = [name for name in below if name.lower() in SPLITS and _folders(folder / name)]
    if training is not None and (training in parts or not other):
        classes, train = _read_classes(folder, folder / training, notes)
        test = []
        if testing is not None:
            test = _read_test(folder, folder / training, folder / testing, classes, notes)
        if other:
            notes.append(f"not used beside {_shown(used, ' and ')}: {_shown(other)}")
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
        classes, train = _read_classes(folder, folder, notes)
        test = []
    else:
        classes = ("all",)
        train = _files(folder, folder, 0)
        test = []
        if not train:
            raise DataError(
                f"{folder}: no images; allowed: {', '.join(EXTENSIONS)}; put each class in a"
                " folder of its own"
            )
    return Listing(classes, *with_groups(folder, train, test, notes), notes)


def _part(names: Sequence[str], word: str) -> str | None:
    """Return the one folder called `word` in any case, or None."""
    found = [name for name in names if name.lower() == word]
    return found[0] if len(found) == 1 else None


def _shown(names: Sequence[str], between: str = ", ") -> str:
    return between.join(f"{name}/" for name in names)


def read_files(
    source: str,
    classes: Sequence[str],
    train: Sequence[ImageFile],
    test: Sequence[ImageFile],
    *,
    size: tuple[int, int] | None,
    mode: str | None,
    skip: bool,
    notes: Sequence[str] = (),
    as_rgb: bool = False,
) -> ImageSet:
    """Decode the files into an image set: all headers first, then each image at its final size.

    Memory holds the images at the training size alone. The content key of an image is the hash of
    its file. See `choose_layout` for `size`, `mode` and `as_rgb`.
    """
    damage = Damage(skip, folder=source)
    files: list[ImageFile] = []
    headers: list[Header] = []
    num_train = 0
    for at, file in enumerate((*train, *test)):
        try:
            with Image.open(file.path) as image:
                headers.append(read_header(image, str(file.path)))
        except UNREADABLE as error:
            damage.found(str(file.path), error)
            continue
        files.append(file)
        num_train += at < len(train)
    if not num_train:
        raise DataError(f"{source}: no training image can be read; add images that can")
    layout = choose_layout(headers, size, mode, as_rgb=as_rgb, folder=source)

    def load(at: int) -> tuple[Image.Image, int]:
        content = files[at].path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            image.load()
        return image, content_key(content)

    pixels = read_pixels(headers, load, layout, damage, keep_rgb=mode == "rgb")

    def part(rows: NDArray[np.bool_]) -> ImageSet:
        chosen = [files[at] for at in pixels.kept[rows]]
        grouped = bool(chosen) and all(file.group is not None for file in chosen)
        groups = np.unique([str(file.group) for file in chosen], return_inverse=True)[1]
        return ImageSet(
            images=pixels.images[rows],
            labels=np.array([file.label for file in chosen], dtype=np.int64),
            classes=tuple(classes),
            groups=groups.astype(np.int64) if grouped else None,
            names=tuple(file.name for file in chosen),
            keys=pixels.keys[rows],
            source=source,
        )

    training = part(pixels.kept < num_train)
    rest = part(pixels.kept >= num_train) if test else None
    return with_test(training, rest, (*notes, *layout.notes, *damage.notes))


def _read_classes(
    source: Path, folder: Path, notes: list[str]
) -> tuple[tuple[str, ...], list[ImageFile]]:
    """Return class names, sorted as ImageFolder sorts them, and the files of each."""
    classes = tuple(_folders(folder))
    if not classes:
        raise DataError(
            f"{folder}: no class folders; allowed: one folder for each class; put the images of"
            f" each class in {folder}{os.sep}CLASS{os.sep}"
        )
    for name in classes:
        if not name.isascii() and os.fsencode(name).decode(errors="replace") != name:
            raise DataError(
                f"{folder}: class folder {name!r} has a name that is not UTF-8; allowed: UTF-8;"
                " rename it"
            )
    loose = _image_names(folder)
    if loose:
        notes.append(f"not used beside the class folders: {len(loose)} images such as {loose[0]}")
    files = [f for at, name in enumerate(classes) for f in _files(source, folder / name, at)]
    return classes, files


def _read_test(
    source: Path, train: Path, test: Path, classes: tuple[str, ...], notes: list[str]
) -> list[ImageFile]:
    """Return the files of the folder `test`, labelled by the classes of the folder `train`."""
    if not _folders(test):
        raise DataError(
            f"{test}: no class folders; allowed: one folder for each class, as in {train.name}/;"
            f" sort its images into them, or load {train} alone"
        )
    found, files = _read_classes(source, test, notes)
    for name in found:
        if name not in classes:
            raise DataError(
                f"{test}: class {name!r} is not in {train.name}/"
                f"{did_you_mean(name, classes)}; allowed: {', '.join(classes)}; rename it or add"
                " training images"
            )
    return [file._replace(label=classes.index(found[file.label])) for file in files]


def _files(source: Path, folder: Path, label: int) -> list[ImageFile]:
    """Return the images of a class folder and the folders in it, in ImageFolder's order.

    Hidden files and folders are left out, and a folder is read once, whatever links lead to it.
    """
    found: list[tuple[str, str]] = []
    seen: set[str] = set()
    pending = [folder]
    while pending:
        here = pending.pop()
        real = os.path.realpath(here)
        if real in seen:
            continue
        seen.add(real)
        pending += [here / name for name in reversed(_folders(here))]
        found += [(str(here), name) for name in _image_names(here)]
    if not found and folder != source:
        raise DataError(
            f"{folder}: a class folder without images; allowed: {', '.join(EXTENSIONS)}; add"
            " images or remove the folder"
        )
    paths = [Path(parent, name) for parent, name in sorted(found)]
    return [ImageFile(path, path.relative_to(source).as_posix(), label) for path in paths]


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
    return [entry.name for entry in _entries(folder) if entry.is_dir()]


def _image_names(folder: Path) -> list[str]:
    """Return the image files in `folder`; a link counts wherever it leads, so that it is missed."""
    return [
        entry.name
        for entry in _entries(folder)
        if entry.name.lower().endswith(EXTENSIONS)
        and (entry.is_file() or (entry.is_symlink() and not entry.is_dir()))
    ]


def with_groups(
    folder: Path, train: list[ImageFile], test: list[ImageFile], notes: list[str]
) -> tuple[list[ImageFile], list[ImageFile]]:
    """Return the files with their groups from groups.csv, where the folder has one.

    Without training files the file may name none of the images: it is that of other parts, too.
    """
    path = folder / GROUPS_FILE
    if not path.is_file():
        return train, test
    groups = _read_groups(path)
    parts = []
    for files in (train, test):
        missing = [file.name for file in files if file.name not in groups]
        # Groups of the training part alone are of use, and so are those of the test part.
        if missing and len(missing) < len(files):
            raise DataError(
                f"{path}: no group for {missing[0]!r} ({len(missing)} of {len(files)} images have"
                " none); allowed: one line 'file,group' for each image; add the missing lines"
            )
        parts.append([file._replace(group=groups.get(file.name)) for file in files])
    used = [{file.group for file in files if file.group is not None} for files in parts]
    if train and not (used[0] or used[1]):
        raise DataError(
            f"{path}: names none of the images; allowed: paths inside {folder}, such as"
            f" {train[0].name!r}; correct the column 'file'"
        )
    stale = sorted(set(groups) - {file.name for files in parts for file in files})
    if stale:
        notes.append(f"{GROUPS_FILE}: {len(stale)} lines name no image here, such as {stale[0]}")
    both = sorted(used[0] & used[1])
    if both:
        notes.append(
            f"{GROUPS_FILE}: {len(both)} groups have images in train/ and in test/, such as"
            f" {both[0]}; results on test/ will look too good"
        )
    return parts[0], parts[1]


def _read_groups(path: Path) -> dict[str, str]:
    """Return {file: group} of a groups.csv; raise `DataError` where it is not one."""
    groups: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            columns = list(reader.fieldnames or ())
            for wanted in ("file", "group"):
                if wanted not in columns:
                    raise DataError(
                        f"{path}: no column {wanted!r} (found: {', '.join(columns) or 'none'}"
                        f"){did_you_mean(wanted, columns)}; allowed: a first line 'file,group';"
                        " correct it"
                    )
            for row in reader:
                name, group = row["file"] or "", row["group"] or ""
                name = PurePosixPath(name.strip().replace("\\", "/")).as_posix()
                group = group.strip()
                if not group or groups.get(name, group) != group:
                    what = f"a second group {group!r}" if group else "no group"
                    raise DataError(
                        f"{path}: line {reader.line_num}: {what} for {name!r}; allowed: one group"
                        " for each image; correct the line"
                    )
                groups[name] = group
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path}: cannot be read ({one_line(error)}); allowed: UTF-8 text with the columns"
            " 'file' and 'group'; correct or remove it"
        ) from error
    return groups
