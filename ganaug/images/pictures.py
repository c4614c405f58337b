"""Single photographs, read for a generator: no labels, each at a size of its own."""

from __future__ import annotations

import os
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganaug.errors import DataError
from ganaug.files import open_regular
from ganaug.images._open import open_image
from ganaug.images._orientation import upright
from ganaug.images._pixels import (
    UNREADABLE,
    choose_layout,
    converted,
    read_header,
    resized,
    unreadable,
)

__all__ = ["load_rgb", "on_white", "read_picture", "rgb_of"]


def read_picture(
    path: str | os.PathLike[str], channels: int, longest: int | None = None
) -> NDArray[np.uint8]:
    """Return the image file `path` as uint8 [H, W, C].

    Args:
        path: of a file that Pillow reads, of 8 bits a channel; transparency is dropped. It
            is turned as its EXIF orientation says.
        channels: 1 (grey) or 3 (RGB), to which it is converted.
        longest: the image is made smaller, aspect kept, so that no side is longer; None = as it is.

    Raises:
        DataError: there is no such file, it cannot be read, or has more than 8 bits a channel.
    """
    if not os.path.isfile(path):
        raise DataError(f"{path}: no such image file; allowed: an image; correct the path")
    try:
        with open_regular(path) as stream, open_image(stream) as opened:
            image = upright(opened)
            header = read_header(image, str(path))
            mode = "grey" if channels == 1 else "rgb"
            size = (header.height, header.width)
            if longest is not None and max(size) > longest:
                height, width = (max(1, round(side * longest / max(size))) for side in size)
                size = (height, width)
            layout = choose_layout([header], size, mode)
            return resized(converted(image, layout.mode), size)
    except UNREADABLE as error:
        raise unreadable(str(path), error) from error


def load_rgb(path: str | os.PathLike[str], *, exif: bool) -> Image.Image:
    """Return the image file `path` in RGB, turned as `exif` says and checked as for `fit`.

    Raises:
        DataError: as `read_picture`.
    """
    try:
        with open_regular(path) as stream:
            return rgb_of(stream, str(path), exif=exif)
    except UNREADABLE as error:
        raise unreadable(str(path), error) from error


def rgb_of(stream: BinaryIO, name: str, *, exif: bool) -> Image.Image:
    """Return the image file in `stream` in RGB; see `load_rgb`.

    Raises:
        DataError: it cannot be read, or has more than 8 bits a channel.
    """
    try:
        with open_image(stream) as opened:
            header = read_header(opened, name)
            choose_layout([header], (header.height, header.width), "rgb")
            return converted(upright(opened) if exif else opened, "RGB").copy()
    except UNREADABLE as error:
        raise unreadable(name, error) from error


def on_white(images: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return uint8 [n, H, W, C] in the middle of white images of `size`, (height, width)."""
    count, height, width, channels = images.shape
    canvas = np.full((count, *size, channels), 255, np.uint8)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    canvas[:, top : top + height, left : left + width] = images
    return canvas
