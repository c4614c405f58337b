"""The images of a source one by one, as they lie there: for a look at them before they are loaded.

`load_images` refuses a set at the first thing that is wrong with it. Here nothing is converted,
resized or refused, so that everything can be told at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganaug.errors import DataError
from ganaug.images._folder import list_folder
from ganaug.images._image_folder import files_of, groups_not_read
from ganaug.images._npz import StoredPart, stored_parts
from ganaug.images._parts import ImageFile, class_names, none_read
from ganaug.images._pixels import (
    UNREADABLE,
    Damage,
    key_of_pixels,
    picture_key,
    to_pillow,
    unreadable,
)
from ganaug.images._reading import Encoded, read_encoded
from ganaug.images.class_names import classes_of, own_names
from ganaug.images.columns import BY_NAME, Columns, Keyed, refuse_columns
from ganaug.images.huggingface import SavedPart, saved_parts
from ganaug.images.image_set import ImageSet, content_key
from ganaug.images.pictures import prepared
from ganaug.images.relabelled import by_name
from ganaug.images.source_kinds import kind_of
from ganaug.images.sources import load_images, open_huggingface
from ganaug.images.tables import read_table
from ganaug.images.torch_datasets import (
    check_dataset,
    item_of,
    torchvision_parts,
)
from ganaug.progress import Progress
from ganaug.wording import one_line

__all__ = ["UNREADABLE", "Original", "Originals", "Readable", "decoded", "originals", "readable"]

TOLD = 100  # images between two calls of a progress


class Original(NamedTuple):
    """One image: its name for messages, its part and group, and how it is read.

    `inside` is its name inside the source, the same wherever that lies; None where `name` is it.
    `read()` returns the image, which may not be decoded yet, its label and its content key (see
    `ImageSet`). It raises one of `UNREADABLE` where the image is damaged. `open()` opens its file;
    None where it has none.
    """

    name: str
    test: bool
    group: str | None
    read: Callable[[], tuple[Image.Image, int, int]]
    inside: str | None = None
    open: Callable[[], BinaryIO] | None = None


class Originals(NamedTuple):
    """All images of a source; `classes` is None where the labels themselves name the classes.

    `as_rgb`: other modes are converted without being asked, as the data set would do it.
    `problems`: what `load_images` refuses about the folder, a line each. `upright`: images are
    turned as EXIF says, where that is asked for.
    """

    source: str
    items: tuple[Original, ...]
    classes: tuple[str, ...] | None
    notes: tuple[str, ...] = ()
    as_rgb: bool = False
    problems: tuple[str, ...] = ()
    upright: bool = True


def originals(
    source: Any,
    *,
    root: str | os.PathLike[str] | None = None,
    download: bool = False,
    exif: bool = True,
    columns: Columns = BY_NAME,
    missing: bool = True,
    as_folder: bool = False,
) -> Originals:
    """Return the images of anything that `load_images` takes, whose `columns` are named or found.

    Files that a table names may be `missing`; who reads them is told. With `as_folder` those of an
    ImageFolder are turned as those of its folder, and not left as torchvision gives them.

    Raises:
        DataError: there is no such source, or it does not say which class an image is of.
        ConfigError: `root`, `download` or `columns` are given for a source that has none.
    """
    kind = kind_of(source)
    if kind == "table" and not download:
        table = read_table(source, columns=columns, root=root, missing=missing)
        rows = (*_files(table.files, False, exif), *_files(table.test, True, exif))
        items = tuple(item._replace(name=str(item.inside)) for item in rows)
        return Originals(table.source, items, table.classes, tuple(table.notes))
    if kind == "huggingface" and root is None and not download:
        name, dataset = open_huggingface(source)
        saved, told, _ = saved_parts(name, dataset, columns)
        items = tuple(item for part in saved for item in _saved(part, exif))
        return Originals(name, items, saved[0].classes, tuple(told))
    if isinstance(source, str | os.PathLike | ImageSet):
        refuse_columns(columns)
    else:
        source = Keyed.where_named(source, columns)
    if kind == "torchvision":
        train, test = torchvision_parts(source, root=root, download=download)
        items = (*_items(source, train, False), *_items(source, test, True))
        return Originals(source, items, classes_of(train))
    if root is not None or download:
        return _loaded(load_images(source, root=root, download=download))  # which refuses them
    if kind == "folder":
        path, problems = Path(source), list[str]()
        found = list_folder(path, lambda error: problems.append(str(error)))
        items = (*_files(found.train, False, exif), *_files(found.test, True, exif))
        notes = tuple(found.notes)
        return Originals(str(path), items, found.classes, notes, problems=tuple(problems))
    if kind == "npz":
        path = Path(source)
        names, parts, told = stored_parts(path)
        items = tuple(item for part in parts for item in _stored(path, part))
        classes = None if parts[0].unnamed else names
        return Originals(str(path), items, classes, tuple(told))
    if isinstance(source, ImageSet):
        return _loaded(source)
    if kind != "dataset":  # the digits, or what is refused
        return _loaded(load_images(source))
    name = check_dataset(source)
    listed = files_of(source)
    if listed is not None:
        turned = exif and as_folder
        items = tuple(_files(listed.files, False, exif=turned))
        notes, root = tuple(listed.notes), str(listed.root)
        return Originals(root, items, listed.classes, notes, as_rgb=True, upright=turned)
    told = groups_not_read(source)
    return Originals(name, (*_items(name, source, False),), classes_of(source), tuple(told))


class Readable(NamedTuple):
    """The training images of a source that can be read.

    `labels` and content `keys` are those of `items`; `notes` tell of images that were skipped;
    `unnamed` tells that `classes` are the labels as text.
    """

    items: tuple[Original, ...]
    labels: NDArray[np.int64]
    keys: NDArray[np.uint64]
    classes: tuple[str, ...]
    notes: tuple[str, ...]
    unnamed: bool

    def take(self, rows: NDArray[np.int64]) -> Readable:
        """Return the images at `rows`, int64, alone."""
        items = tuple(self.items[at] for at in rows)
        return self._replace(items=items, labels=self.labels[rows], keys=self.keys[rows])

    def pixel_keys(self) -> NDArray[np.uint64]:
        """Decode all images, and return uint64 [N], equal for images of equal pixels.

        Raises:
            DataError: an image cannot be read.
        """
        keys: list[int] = []
        for item in self.items:
            try:
                keys.append(key_of_pixels(item.read()[0])[0])
            except UNREADABLE as error:
                raise unreadable(item.name, error) from error
        return np.array(keys, np.uint64)


def readable(
    found: Originals, *, skip_corrupt: bool = False, progress: Progress | None = None
) -> Readable:
    """Read each training image once; none is decoded, but with `skip_corrupt`, to find damage.

    Raises:
        DataError: the source cannot be used, or an image cannot be read that is not skipped.
    """
    if found.problems:
        raise DataError(found.problems[0])
    damage = Damage(skip_corrupt, folder=found.source)
    items = [item for item in found.items if not item.test]
    kept: list[Original] = []
    read: list[tuple[int, int]] = []
    for at, item in enumerate(items, start=1):
        try:
            image, label, key = item.read()
            if skip_corrupt:
                image.load()
        except UNREADABLE as error:
            damage.found(item.name, error)
        else:
            kept.append(item)
            read.append((label, key))
        if progress is not None and (at % TOLD == 0 or at == len(items)):
            progress(at, len(items))
    if not kept:
        raise none_read(found.source)
    labels = np.array([label for label, _ in read], np.int64)
    keys = np.array([key for _, key in read], np.uint64)
    classes = class_names(found.source, labels, found.classes)
    notes = tuple(damage.notes)
    return Readable(tuple(kept), labels, keys, classes, notes, found.classes is None)


def decoded(item: Original, channels: int, longest: int | None = None) -> NDArray[np.uint8]:
    """Return an image as uint8 [H, W, C]; see `read_picture`.

    Raises:
        DataError: it cannot be read, or has more than 8 bits a channel.
    """
    try:
        return prepared(item.read()[0], item.name, channels, longest)
    except UNREADABLE as error:
        raise unreadable(item.name, error) from error


def _files(files: Sequence[ImageFile], test: bool, exif: bool) -> Iterator[Original]:
    for file in files:
        read = partial(_read_file, file, exif)
        yield Original(file.where, test, file.group, read, file.name, file.open)


def _read_file(file: Encoded, exif: bool) -> tuple[Image.Image, int, int]:
    image, key, _ = read_encoded(file, exif=exif)
    return image, file.label, key


def _saved(part: SavedPart, exif: bool) -> Iterator[Original]:
    for image in part.images:
        read = partial(_read_file, image, exif)
        yield Original(image.name, part.name == "test", image.group, read, open=image.open)


def _stored(path: Path, part: StoredPart) -> Iterator[Original]:
    for at in range(len(part.images)):
        group = None if part.groups is None else str(part.groups[at])
        test = part.word.startswith("test_")
        read, inside = partial(_read_stored, part, at), f"{part.word}[{at}]"
        yield Original(f"{path}: {inside}", test, group, read, inside)


def _read_stored(part: StoredPart, at: int) -> tuple[Image.Image, int, int]:
    pixels = np.ascontiguousarray(part.images[at])
    return to_pillow(pixels), int(part.labels[at]), content_key(pixels.tobytes())


def _items(source: str, dataset: Any, test: bool) -> Iterator[Original]:
    word, dataset = " (test)" if test else "", by_name(dataset)
    classes = len(own_names(dataset) or ())
    for at in range(len(dataset)):
        name = f"{source}[{at}]{word}"
        yield Original(name, test, None, partial(_read_item, dataset, at, name, classes))


def _read_item(dataset: Any, at: int, name: str, classes: int) -> tuple[Image.Image, int, int]:
    try:
        image, label = item_of(dataset, at, name, classes)
    except (OSError, SyntaxError):  # what `load_images` takes for a damaged image
        raise
    except UNREADABLE as error:
        raise DataError(
            f"{name}: reading it raised {type(error).__name__} ({one_line(error)}); allowed: an"
            " item for each number below the length; correct the data set"
        ) from error
    return image, label, picture_key(image)


def _loaded(images: ImageSet) -> Originals:
    parts = [images] if images.test is None else [images, images.test]
    items = []
    for part in parts:
        for at in range(len(part)):
            name = f"{images.source}[{at}]" if part.names is None else part.names[at]
            name += " (test)" if part is images.test and part.names is None else ""
            group = None if part.groups is None else str(part.groups[at])
            read = partial(_read_loaded, part, at)
            items.append(Original(name, part is images.test, group, read))
    return Originals(images.source, tuple(items), images.classes, images.notes)


def _read_loaded(images: ImageSet, at: int) -> tuple[Image.Image, int, int]:
    return to_pillow(images.images[at]), int(images.labels[at]), int(images.keys[at])
