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
from ganaug.images._pixels import UNREADABLE, Damage, choose_layout, converted, read_header, resized

__all__ = ["load_rgb", "on_white", "read_picture"]


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
        Damage(False).found(str(path), error)  # raises
        raise


def load_rgb(path: str | os.PathLike[str]) -> Image.Image:
    """Return the image file `path` in RGB: torchvision's loader, for the formats of ganaug alone.

    Raises:
        OSError: it is of none of them; and what else Pillow raises on damaged files.
    """
    with open_regular(path) as stream, open_image(stream) as image:
        return image.convert("RGB")


def on_white(images: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return uint8 [n, H, W, C] in the middle of white images of `size`, (height, width)."""
    count, height, width, channels = images.shape
    canvas = np.full((count, *size, channels), 255, np.uint8)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    canvas[:, top : top + height, left : left + width] = images
    return canvas
