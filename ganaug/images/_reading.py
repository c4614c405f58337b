"""Image sets from files: all headers first, then each image at its final size."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganaug.files import open_regular
from ganaug.images._decoding import Sink, cores, read_pixels
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
from ganaug.images.cache import Cache, Decoded, Progress
from ganaug.images.image_set import ImageSet
from ganaug.images.stored import chosen

__all__ = ["read_files"]


class _How(NamedTuple):
    """How files are read; see `load_images` and `choose_layout`."""

    size: tuple[int, int] | None
    mode: str | None
    skip: bool
    as_rgb: bool
    exif: bool


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
    entry: str | None = None,
    progress: Progress | None = None,
) -> ImageSet:
    """Decode the files into an image set: all headers first, then each image at its final size.

    Memory holds the images at the training size alone; with a `cache` they stay in its file, and
    are decoded where it does not have them. The content key of an image is the hash of its file,
    and another one where it is turned: with `exif`, as its EXIF orientation says. See
    `choose_layout` for `size`, `mode` and `as_rgb`. `entry` is what the cache knows them by, where
    that is not their `source`. Notes tell how many images have an orientation, and of pages beyond
    the first.
    """
    files = (*train, *test)
    how = _How(size, mode, skip, as_rgb, exif)
    decode = partial(_decode, source, tuple(classes), files, len(train), how)
    if cache is None:
        found = decode(progress=progress)
    else:
        found = cache.read(entry or source, how._asdict(), files, decode)
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
            other_keys=pixels.other_keys[rows],
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
    _refuse_none(source, positions, num_train)
    layout = choose_layout(headers, how.size, how.mode, as_rgb=how.as_rgb, folder=source)

    def load(at: int) -> tuple[Image.Image, int, int]:
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
    _refuse_none(source, kept, num_train)  # here, so that no cache keeps an entry of them
    return Decoded(pixels._replace(kept=kept), (*told.notes, *layout.notes, *damage.notes))


def _refuse_none(source: str, positions: Sequence[int] | NDArray[np.int64], num_train: int) -> None:
    if not len(positions) or positions[0] >= num_train:
        raise none_read(source)
