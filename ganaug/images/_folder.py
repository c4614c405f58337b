"""Image sets from folders: ImageFolder's layout, with train/ and test/ and groups if they exist."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from ganaug.errors import Complain, DataError, did_you_mean, refuse
from ganaug.files import open_regular
from ganaug.images._decoding import Sink, cores, read_pixels
from ganaug.images._groups import GROUPS_FILE, with_groups
from ganaug.images._left_out import SPLITS, LeftOut, refuse_parts, too_high
from ganaug.images._open import FORMATS, open_image
from ganaug.images._orientation import Told, as_shown
from ganaug.images._parts import ImageFile, with_test
from ganaug.images._pixels import (
    UNREADABLE,
    Damage,
    Header,
    choose_layout,
    read_header,
)
from ganaug.images.cache import Cache, Decoded, Progress
from ganaug.images.image_set import ImageSet
from ganaug.images.stored import chosen
from ganaug.wording import counted

__all__ = ["EXTENSIONS", "Listing", "list_folder", "load_folder", "read_files"]

EXTENSIONS = tuple(FORMATS)


class Listing(NamedTuple):
    """The files of a folder, none of them opened."""

    classes: tuple[str, ...]
    train: list[ImageFile]
    test: list[ImageFile]
    notes: list[str]


class _How(NamedTuple):
    """How files are read; see `load_images` and `choose_layout`."""

    size: tuple[int, int] | None
    mode: str | None
    skip: bool
    as_rgb: bool
    exif: bool


def load_folder(
    folder: Path,
    *,
    size: tuple[int, int] | None,
    mode: str | None,
    skip_corrupt: bool,
    exif: bool,
    cache: Cache | None = None,
) -> ImageSet:
    """Load a folder with one folder for each class, or with train/ and test/ that hold these.

    A folder with images directly inside is one class, "all". See `load_images`.
    """
    classes, train, test, notes = list_folder(folder)
    return read_files(
        str(folder),
        classes,
        train,
        test,
        size=size,
        mode=mode,
        skip=skip_corrupt,
        notes=notes,
        exif=exif,
        cache=cache,
    )


def list_folder(folder: Path, complain: Complain = refuse) -> Listing:
    """Return what `load_folder` reads, with the groups of groups.csv.

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
    parts = [name for name in below if name.lower() in SPLITS and _folders(folder / name)]
    if training is not None and (training in parts or not other):
        classes, train = _read_classes(folder, folder / training, notes, left_out, complain)
        test = []
        if testing is not None:
            place = folder / testing
            test = _read_test(folder, folder / training, place, classes, notes, left_out, complain)
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
        classes, train = _read_classes(folder, folder, notes, left_out, complain)
        test = []
        notes += _left_beside(folder)
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
    return Listing(classes, *with_groups(folder, train, test, notes, complain), notes)


def _left_beside(folder: Path) -> list[str]:
    """Return a note where `folder` is the training part of a data set, named without the rest."""
    whole = folder.absolute().parent
    if folder.name.lower() != "train" or not whole.is_dir():
        return []
    beside = [f"{name}/" for name in _folders(whole) if name.lower() == "test"]
    beside += [GROUPS_FILE] if (whole / GROUPS_FILE).is_file() else []
    if not beside:
        return []
    verb = "is" if len(beside) == 1 else "are"
    return [
        f"{' and '.join(beside)} beside {folder.name}/ {verb} not read; name {folder.parent} as the"
        " source to use all of it"
    ]


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
    exif: bool = False,
    cache: Cache | None = None,
) -> ImageSet:
    """Decode the files into an image set: all headers first, then each image at its final size.

    Memory holds the images at the training size alone; with a `cache` they stay in its file, and
    are decoded where it does not have them. The content key of an image is the hash of its file,
    and another one where it is turned: with `exif`, as its EXIF orientation says. See
    `choose_layout` for `size`, `mode` and `as_rgb`. Notes tell how many images have an orientation,
    and of pages beyond the first.
    """
    files = (*train, *test)
    how = _How(size, mode, skip, as_rgb, exif)
    decode = partial(_decode, source, tuple(classes), files, len(train), how)
    found = decode() if cache is None else cache.read(source, how._asdict(), files, decode)
    pixels = found.pixels
    num_train = int(np.searchsorted(pixels.kept, len(train)))

    def part(rows: slice) -> ImageSet:
        shown = [files[at] for at in pixels.kept[rows]]
        grouped = bool(shown) and all(file.group is not None for file in shown)
        groups = np.unique([str(file.group) for file in shown], return_inverse=True)[1]
        return ImageSet(
            images=chosen(pixels.images, rows),
            labels=np.array([file.label for file in shown], dtype=np.int64),
            classes=tuple(classes),
            groups=groups.astype(np.int64) if grouped else None,
            names=tuple(file.name for file in shown),
            keys=pixels.keys[rows],
            pixel_keys=pixels.pixel_keys[rows],
            source=source,
        )

    training = part(slice(0, num_train))
    rest = part(slice(num_train, None)) if test else None
    return with_test(training, rest, (*notes, *found.notes))


def _decode(
    source: str,
    classes: tuple[str, ...],
    listed: Sequence[ImageFile],
    num_train: int,
    how: _How,
    into: Callable[[tuple[int, int, int]], Sink] | None = None,
    progress: Progress | None = None,
) -> Decoded:
    """Decode the `listed` files, of which the first `num_train` are for training."""
    damage = Damage(how.skip, folder=source)
    told = Told(source, turned=how.exif)
    positions: list[int] = []
    headers: list[Header] = []
    for at, file in enumerate(listed):
        try:
            with open_regular(file.path) as stream, open_image(stream) as image:
                header = read_header(image, str(file.path))
                headers.append(told.header(header, image, classes[file.label]))
        except UNREADABLE as error:
            damage.found(str(file.path), error)
            continue
        positions.append(at)
    if not positions or positions[0] >= num_train:
        raise DataError(f"{source}: no training image can be read; add images that can")
    layout = choose_layout(headers, how.size, how.mode, as_rgb=how.as_rgb, folder=source)

    def load(at: int) -> tuple[Image.Image, int]:
        with open_regular(listed[positions[at]].path) as stream:
            content = stream.read()
        with open_image(io.BytesIO(content)) as image:
            image.load()
        return as_shown(image, content, exif=how.exif)

    pixels = read_pixels(
        headers,
        load,
        layout,
        damage,
        keep_rgb=how.mode == "rgb",
        into=into,
        threads=cores(),
        progress=progress,
    )
    kept = np.array(positions, dtype=np.int64)[pixels.kept]
    return Decoded(pixels._replace(kept=kept), (*told.notes, *layout.notes, *damage.notes))


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
        if not name.isascii() and os.fsencode(name).decode(errors="replace") != name:
            raise DataError(
                f"{folder}: class folder {name!r} has a name that is not UTF-8; allowed: UTF-8;"
                " rename it"
            )
    loose = _image_names(folder)
    if loose:
        notes.append(
            f"not used beside the class folders: {counted(len(loose), 'image')}, such as {loose[0]}"
        )
    left_out.files("", folder, _entries(folder))
    files = [
        file
        for at, name in enumerate(classes)
        for file in _files(source, folder / name, at, left_out, complain)
    ]
    notes += too_high(folder, [file.path for file in files])
    return classes, files


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
    found, files = _read_classes(source, test, notes, left_out, complain)
    for name in found:
        if name not in classes:
            complain(
                DataError(
                    f"{test}: class {name!r} is not in {train.name}/"
                    f"{did_you_mean(name, classes)}; allowed: {', '.join(classes)}; rename it or"
                    " add training images"
                )
            )
    known = [file for file in files if found[file.label] in classes]
    return [file._replace(label=classes.index(found[file.label])) for file in known]


def _files(
    source: Path, folder: Path, label: int, left_out: LeftOut, complain: Complain
) -> list[ImageFile]:
    """Return the images of a class folder and the folders in it, in ImageFolder's order.

    Hidden files and folders are left out, and a folder is read once, whatever links lead to it.
    """
    found: list[tuple[str, str]] = []
    seen: set[str] = set()
    pending = [folder]
    name = folder.name if folder != source else "all"
    while pending:
        here = pending.pop()
        real = os.path.realpath(here)
        if real in seen:
            continue
        seen.add(real)
        below = _shown_folders(here, left_out, name)
        pending += [here / each for each in reversed(below)]
        found += [(str(here), each) for each in _image_names(here)]
        left_out.files(name, here, _entries(here))
    if not found and folder != source:
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


def _image_names(folder: Path) -> list[str]:
    """Return the image files in `folder`; a link counts wherever it leads, so that it is missed."""
    return [
        entry.name
        for entry in _entries(folder)
        if entry.name.lower().endswith(EXTENSIONS)
        and (os.path.isfile(entry) or (entry.is_symlink() and not os.path.isdir(entry)))
    ]
