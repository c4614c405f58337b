"""Pictures of images side by side."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ganaug.errors import ConfigError, DataError
from ganaug.files import atomic_path
from ganaug.images._pixels import to_pillow

__all__ = ["MARK", "picture_grid", "save_png"]

MARK = "ganaug"  # in the file, as the software that made it

READABLE_SIDE = 64


def picture_grid(
    rows: Sequence[NDArray[np.uint8]], *, scale: int | None = None, gap: int = 2
) -> Image.Image:
    """Return one picture with a row of images for each item of `rows`, on white.

    Args:
        rows: uint8 [n, H, W, C] in 0..255, C = 1 or 3; H and W the same in all rows, n free. The
            picture is grey where all rows are, else RGB.
        scale: whole factor by which images are enlarged, pixel by pixel. None takes the one that
            brings the longer side nearest to 64 pixels, at least 1.
        gap: pixels between and around the images.

    Raises:
        DataError: no images, another dtype or shape, or two sizes.
        ConfigError: a scale under 1 or a gap under 0.

    Examples:
        >>> picture_grid([np.zeros((5, 28, 28, 1), np.uint8)], gap=2).size
        (292, 60)
    """
    for row in rows:
        if row.dtype != np.uint8 or row.ndim != 4 or row.shape[3] not in (1, 3):
            raise DataError(
                f"picture grid: a row is {row.dtype} {list(row.shape)}; allowed: uint8"
                " [n, H, W, C] with C = 1 or 3; convert it first"
            )
    sizes = sorted({row.shape[1:3] for row in rows})
    if len(sizes) != 1 or not any(len(row) for row in rows):
        raise DataError(
            f"picture grid: {sum(map(len, rows))} images of sizes {sizes}; allowed: images of one"
            " size; resize or add them first"
        )
    height, width = sizes[0]
    if scale is None:
        scale = max(1, round(READABLE_SIDE / max(height, width)))
    if scale < 1 or gap < 0:
        raise ConfigError(
            f"picture grid: scale {scale}, gap {gap}; allowed: scale from 1, gap from 0; correct"
            " them"
        )
    channels = max(row.shape[3] for row in rows)
    down, across = height * scale + gap, width * scale + gap
    columns = max(len(row) for row in rows)
    canvas = np.full((len(rows) * down + gap, columns * across + gap, channels), 255, np.uint8)
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            top, left = y * down + gap, x * across + gap
            tile = image.repeat(scale, axis=0).repeat(scale, axis=1)
            canvas[top : top + height * scale, left : left + width * scale] = tile
    return to_pillow(canvas)


def save_png(path: str | os.PathLike[str], image: Image.Image) -> None:
    """Write `image` to `path` as PNG, atomically, marked as a picture of ganaug.

    Raises:
        RunError: the folder does not exist or cannot be written.
    """
    information = PngInfo()
    information.add_text("Software", MARK)
    with atomic_path(path) as temporary:
        image.save(temporary, format="PNG", pnginfo=information)
