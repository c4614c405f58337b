"""Single photographs, read for a generator: no labels, each at a size of its own."""

from __future__ import annotations

import os

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
    pixels_at,
    read_header,
    unreadable,
)

__all__ = ["on_white", "prepared", "read_picture"]


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
            return prepared(upright(opened), str(path), channels, longest)
    except UNREADABLE as error:
        raise unreadable(str(path), error) from error


def prepared(
    image: Image.Image, name: str, channels: int, longest: int | None = None
) -> NDArray[np.uint8]:
    """Return an opened image as uint8 [H, W, C]; see `read_picture`. `name` is for messages.

    Raises:
        DataError: it has more than 8 bits a channel; and one of `UNREADABLE` where it is damaged.
    """
    header = read_header(image, name)
    mode = "grey" if channels == 1 else "rgb"
    size = (header.height, header.width)
    if longest is not None and max(size) > longest:
        height, width = (max(1, round(side * longest / max(size))) for side in size)
        size = (height, width)
    layout = choose_layout([header], size, mode)
    return pixels_at(converted(image, layout.mode), size)


def on_white(images: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return uint8 [n, H, W, C] in the middle of white images of `size`, (height, width)."""
    count, height, width, channels = images.shape
    canvas = np.full((count, *size, channels), 255, np.uint8)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    canvas[:, top : top + height, left : left + width] = images
    return canvas
