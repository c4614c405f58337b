"""Image sets from encoded images: all headers first, then each image at its final size."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import BinaryIO, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganaug.images._decoding import Sink, in_order, read_pixels
from ganaug.images._open import open_image
from ganaug.images._orientation import Told, as_shown
from ganaug.images._parts import ImageFile, none_read, with_test
from ganaug.images._pixels import (
    UNREADABLE,
    Damage,
    Header,
    choose_layout,
    read_header,
)
from ganaug.images.cache import Cache, Decoded
from ganaug.images.columns import Columns
from ganaug.images.grouping import group_names, group_numbers
from ganaug.images.image_set import ImageSet
from ganaug.images.stored import chosen
from ganaug.launch import cores
from ganaug.progress import Progress

__all__ = ["Encoded", "Reading", "read_encoded", "read_files"]


@dataclass(frozen=True)
class Reading:
    """How the images of any source are read; see `load_images`.

    Attributes:
        as_rgb: convert to RGB what a data set would hand out as RGB; see `choose_layout`.
    """

    size: tuple[int, int] | None
    mode: str | None
    skip_corrupt: bool
    exif: bool
    cache: Cache | None = None
    progress: Progress | None = None
    as_rgb: bool = False

    @property
    def key(self) -> dict[str, object]:
        """What decides which pixels there are, under the names that caches know."""
        return {
            "size": self.size,
            "mode": self.mode,
            "skip": self.skip_corrupt,
            "as_rgb": self.as_rgb,
            "exif": self.exif,
        }


class Encoded(Protocol):
    """An image as a file that nobody has decoded: on disk, or in a row of a data set."""

    @property
    def where(self) -> str:
        """What messages call it: `name`, behind what the source is called."""

    @property
    def name(self) -> str:
        """What to call it inside its source."""

    @property
    def label(self) -> int:
        """Its class."""

    @property
    def group(self) -> str | None:
        """The object that it shows."""

    def open(self) -> BinaryIO:
        """Open the file, or raise `OSError`; several threads do that at once."""


def read_files(
    source: str,
    classes: Sequence[str],
    train: Sequence[Encoded],
    test: Sequence[Encoded],
    reading: Reading,
    *,
    notes: Sequence[str] = (),
    entry: str | None = None,
    columns: Columns | None = None,
    unnamed: bool = False,
) -> ImageSet:
    """Decode the files into an image set: all headers first, then each image at its final size.

    Memory holds the images at the training size alone; with a cache they stay in its file, and
    are decoded where it does not have them. The content key of an image is the hash of its file,
    and another one where it is turned: with `exif`, as its EXIF orientation says. `entry` is what
    the cache knows them by, where that is not their `source`; `columns` and `unnamed` are those of
    the set. Notes tell how many images have an orientation, and of pages beyond the first.
    """
    files = (*train, *test)
    decode = partial(_decode, source, tuple(classes), files, len(train), reading)
    if reading.cache is None:
        found = decode()
    else:
        on_disk = cast(Sequence[ImageFile], files)  # others have no cache
        found = reading.cache.read(entry or source, reading.key, on_disk, decode)
    pixels = found.pixels
    num_train = int(np.searchsorted(pixels.kept, len(train)))

    def part(rows: slice) -> ImageSet:
        shown = [files[at] for at in pixels.kept[rows]]
        groups = [file.group for file in shown]
        return ImageSet(
            images=chosen(pixels.images, rows),
            labels=np.array([file.label for file in shown], dtype=np.int64),
            classes=tuple(classes),
            groups=group_numbers(groups),
            group_names=group_names(groups),
            names=tuple(file.name for file in shown),
            keys=pixels.keys[rows],
            pixel_keys=pixels.pixel_keys[rows],
            other_keys=pixels.other_keys[rows],
            source=source,
            columns=columns,
            unnamed=unnamed,
        )

    training = part(slice(0, num_train))
    rest = part(slice(num_train, None)) if test else None
    return with_test(training, rest, (*notes, *found.notes))


def _decode(
    source: str,
    classes: tuple[str, ...],
    listed: Sequence[Encoded],
    num_train: int,
    reading: Reading,
    into: Callable[[tuple[int, int, int]], Sink] | None = None,
) -> Decoded:
    """Decode the `listed` files, of which the first `num_train` are for training."""
    damage = Damage(reading.skip_corrupt, folder=source)
    told = Told(source, turned=reading.exif)
    positions: list[int] = []
    headers: list[Header] = []

    def broken(at: int) -> Exception | None:
        """What is found by decoding; images that are skipped must not decide mode and size."""
        try:
            read_encoded(listed[at], exif=reading.exif)[0].load()
        except UNREADABLE as error:
            return error
        return None

    skipped = in_order(broken, len(listed), cores()) if reading.skip_corrupt else repeat(None)
    for at, (file, found) in enumerate(zip(listed, skipped, strict=False)):
        if found is not None:
            damage.found(file.where, found)
            continue
        try:
            with file.open() as stream, open_image(stream) as image:
                header = read_header(image, file.where)
                headers.append(told.header(header, image, classes[file.label]))
        except UNREADABLE as error:
            damage.found(file.where, error)
            continue
        positions.append(at)
    _refuse_none(source, positions, num_train)
    layout = choose_layout(
        headers, reading.size, reading.mode, as_rgb=reading.as_rgb, folder=source
    )

    def load(at: int) -> tuple[Image.Image, int, int]:
        return read_encoded(listed[positions[at]], exif=reading.exif)

    pixels = read_pixels(
        headers,
        load,
        layout,
        damage,
        keep_rgb=reading.mode == "rgb",
        into=into,
        threads=cores(),
        progress=reading.progress,
    )
    kept = np.array(positions, dtype=np.int64)[pixels.kept]
    _refuse_none(source, kept, num_train)  # here, so that no cache keeps an entry of them
    return Decoded(pixels._replace(kept=kept), (*told.notes, *layout.notes, *damage.notes))


def read_encoded(file: Encoded, *, exif: bool) -> tuple[Image.Image, int, int]:
    """Return an opened image as EXIF turns it, where asked, and its two content keys (`as_shown`).

    Raises:
        Exception: one of `UNREADABLE`.
    """
    with file.open() as stream:
        content = stream.read()
    return as_shown(open_image(io.BytesIO(content)), content, exif=exif)


def _refuse_none(source: str, positions: Sequence[int] | NDArray[np.int64], num_train: int) -> None:
    if not len(positions) or positions[0] >= num_train:
        raise none_read(source)
