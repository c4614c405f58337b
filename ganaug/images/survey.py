"""`survey`: looks at every image of a source once, and keeps what a check of the data needs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganaug.errors import DataError
from ganaug.images._open import open_image
from ganaug.images._orientation import Told
from ganaug.images._parts import class_names, none_read
from ganaug.images._pixels import (
    UNREADABLE,
    Damage,
    Header,
    Layout,
    check_mode,
    check_size,
    choose_layout,
    converted,
    inside,
    key_of_pixels,
    read_header,
)
from ganaug.images.class_names import alike_noted
from ganaug.images.columns import BY_NAME, Columns
from ganaug.images.grouping import group_numbers
from ganaug.images.image_set import ImageSet
from ganaug.images.labels import check_range
from ganaug.images.originals import Original, originals
from ganaug.images.torch_datasets import other_pixels
from ganaug.progress import Progress

__all__ = ["PREVIEW_SIDE", "Survey", "survey"]

PREVIEW_SIDE = 32
READ_AGAIN = 20  # items, to see whether they change


@dataclass(frozen=True, eq=False)
class Survey:
    """All images of a source that can be read, N of them, in the order of the source.

    Attributes:
        source: what the user named.
        classes: their names, by label.
        headers: name, Pillow's mode, height and width of each image, as it lies there.
        labels: int64 [N].
        test: bool [N], whether an image is of the test part.
        keys: uint64 [N], the content keys that `load_images` gives.
        groups: the group of each image, or None.
        previews: uint8 [N, 32, 32, 3], each image in small; never enlarged to more than that.
        unreadable: a line for each image that cannot be read.
        notes: what the source says of itself.
        layout: how `load_images` would store the images, or None where it refuses them.
        refusals: why it does, a line for each reason.
    """

    source: str
    classes: tuple[str, ...]
    headers: tuple[Header, ...]
    labels: NDArray[np.int64]
    test: NDArray[np.bool_]
    keys: NDArray[np.uint64]
    groups: tuple[str | None, ...]
    previews: NDArray[np.uint8]
    unreadable: tuple[str, ...]
    notes: tuple[str, ...]
    layout: Layout | None
    refusals: tuple[str, ...]
    items: tuple[Original, ...]

    def __len__(self) -> int:
        return len(self.headers)

    def name(self, at: int) -> str:
        """Return what to call image `at`: its path inside the source."""
        return inside(self.headers[at].name, self.source)

    def pixel_key(self, at: int) -> int:
        """Return a hash of the size and the pixels of image `at`, decoded; grey counts as RGB."""
        return key_of_pixels(self.items[at].read()[0])[0]

    def image_set(self, equal: NDArray[np.int64]) -> ImageSet:
        """Return the previews as an image set, with the labels, keys and groups of the source.

        Args:
            equal: int64 [N], the same for images of equal pixels.

        Raises:
            DataError: there is no training image, or none of a test part.
        """
        grey = bool((self.previews == self.previews[..., :1]).all())
        rows = [np.flatnonzero(~self.test), np.flatnonzero(self.test)]
        parts = [
            ImageSet(
                images=self.previews[at][..., :1] if grey else self.previews[at],
                labels=self.labels[at],
                classes=self.classes,
                groups=group_numbers([self.groups[i] for i in at]),
                keys=self.keys[at],
                pixel_keys=equal[at].astype(np.uint64),
                source=self.source,
            )
            for at in rows
        ]
        return replace(parts[0], test=parts[1] if len(parts[1]) else None)


def survey(
    source: Any,
    *,
    size: int | Sequence[int] | None = None,
    mode: str | None = None,
    root: str | os.PathLike[str] | None = None,
    download: bool = False,
    exif: bool = True,
    columns: Columns = BY_NAME,
    progress: Progress | None = None,
) -> Survey:
    """Read every image of `source` once, and go on where one is damaged.

    JPEG files are decoded at a fraction of their size, which is many times as fast.

    Args:
        source, size, mode, root, download, exif: as for `load_images`.
        columns: its image, label and group.
        progress: called as `progress(done, total)` after each image.

    Raises:
        DataError: there is no such source, it does not say which class an image is of, or no
            training image can be read.
        ConfigError: an argument has a value that is not allowed.
    """
    sides = check_size(size)
    check_mode(mode)
    found = originals(source, root=root, download=download, exif=exif, columns=columns)
    damage = Damage(True, folder=found.source)
    told = Told(found.source, turned=exif and found.upright)
    kept: list[Original] = []
    headers: list[Header] = []
    labels: list[int] = []
    keys: list[int] = []
    previews = np.empty((len(found.items), PREVIEW_SIDE, PREVIEW_SIDE, 3), np.uint8)
    # A fraction of a JPEG is not what another file of its pixels looks like in small.
    quick = all(item.name.lower().endswith((".jpg", ".jpeg")) for item in found.items)
    for at, item in enumerate(found.items):
        try:
            image, label, key = item.read()
            header = read_header(image, item.name)
            previews[len(kept)] = _preview(image, quick)
            _tell_of_file(told, item, header, found.classes, label)
        except UNREADABLE as error:
            damage.found(item.name, error)
        else:
            kept.append(item)
            headers.append(header)
            labels.append(label)
            keys.append(key)
        if progress is not None:
            progress(at + 1, len(found.items))
    label_of = np.array(labels, np.int64)
    test = np.array([item.test for item in kept], bool)
    if not (~test).any():
        raise none_read(found.source)
    classes = class_names(found.source, label_of[~test], found.classes)
    check_range(label_of, len(classes), where=found.source)
    refusals = [*found.problems, *_changing(kept, keys)]
    if any(item.test for item in found.items) and not test.any():
        refusals.append(str(none_read(found.source, "test")))
    layout: Layout | None = None
    try:
        layout = choose_layout(
            headers,
            sides,
            mode,
            as_rgb=found.as_rgb and mode is None,
            folder=found.source,
            complain=lambda error: refusals.append(str(error)),
        )
    except DataError as error:
        refusals.append(str(error))
    return Survey(
        source=found.source,
        classes=classes,
        headers=tuple(headers),
        labels=label_of,
        test=test,
        keys=np.array(keys, np.uint64),
        groups=tuple(item.group for item in kept),
        previews=previews[: len(kept)],
        unreadable=tuple(damage.skipped),
        notes=tuple(dict.fromkeys((*found.notes, *told.notes, *alike_noted(classes)))),
        layout=None if refusals else layout,
        refusals=tuple(refusals),
        items=tuple(kept),
    )


def _changing(items: Sequence[Original], keys: Sequence[int]) -> list[str]:
    """Return what is wrong where an item has other pixels when it is read again; some are.

    Files stay as they are.
    """
    for at in np.unique(np.linspace(0, len(items) - 1, READ_AGAIN).round().astype(int)).tolist():
        with suppress(*UNREADABLE):
            if items[at].open is None and items[at].read()[2] != keys[at]:
                return [str(other_pixels(items[at].name))]
    return []


def _tell_of_file(
    told: Told, item: Original, header: Header, classes: tuple[str, ...] | None, label: int
) -> None:
    """Note what the file of an image holds beside its first picture as it lies there."""
    if item.open is not None:
        known = classes is not None and label < len(classes)
        with item.open() as stream, open_image(stream) as image:
            told.header(header, image, classes[label] if classes and known else str(label))


def _preview(image: Image.Image, quick: bool) -> NDArray[np.uint8]:
    if quick:
        image.draft(None, (2 * PREVIEW_SIDE, 2 * PREVIEW_SIDE))  # of use to JPEG alone
    if image.mode[0] in "IF":  # more than 8 bits, which Pillow does not convert
        values = np.nan_to_num(np.asarray(image.convert("F")), posinf=0, neginf=0).clip(0)
        image = Image.fromarray(np.uint8(255 * values / max(float(values.max()), 1.0)))
    small = converted(image, "RGB").resize((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.BILINEAR)
    return np.asarray(small, np.uint8)
