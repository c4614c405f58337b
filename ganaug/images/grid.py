"""Pictures of images side by side."""

from __future__ import annotations

import math
import os
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from ganaug.errors import ConfigError, DataError
from ganaug.files import atomic_path
from ganaug.images._pixels import to_pillow

__all__ = ["MARK", "picture_grid", "save_png", "thumbnail"]

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

MARK = "ganaug"  # in the file, as the software that made it

READABLE_SIDE = 64
TEXT, LONGEST_NAME = 12, 160  # pixels: of a name's letters, and across


def picture_grid(
    rows: Sequence[NDArray[np.uint8]],
    *,
    names: Sequence[str] = (),
    scale: int | None = None,
    gap: int = 2,
) -> Image.Image:
    """Return one picture with a row of images for each item of `rows`, on white.

    Args:
        rows: uint8 [n, H, W, C] in 0..255, C = 1 or 3; H and W the same in all rows, n free. The
            picture is grey where all rows are, else RGB.
        names: one a row, written beside it. A name that is no ASCII even without its accents is
            "row 3" there. None given: no space for them.
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
    picture = to_pillow(canvas)
    return _beside(picture, names, down, gap) if names else picture


def _beside(picture: Image.Image, names: Sequence[str], down: int, gap: int) -> Image.Image:
    """Return the picture with a name to the left of each row, of which each is `down` pixels."""
    font = ImageFont.load_default(TEXT)
    shown = [_short(_drawable(name, row), font) for row, name in enumerate(names, start=1)]
    across = math.ceil(max(font.getlength(name) for name in shown)) + TEXT
    whole = Image.new(picture.mode, (across + picture.width, picture.height), "white")
    whole.paste(picture, (across, 0))
    pen = ImageDraw.Draw(whole)
    for at, name in enumerate(shown):
        pen.text((across - TEXT // 2, gap + (at + 0.5) * down), name, "black", font, "rm")
    return whole


def _drawable(name: str, row: int) -> str:
    """Return a name without accents, or the number of its row: Pillow's own font knows ASCII."""
    parts = unicodedata.normalize("NFKD", name)
    letters = "".join(each for each in parts if not unicodedata.combining(each))
    return letters if letters.isascii() and letters.isprintable() else f"row {row}"


def _short(name: str, font: Font) -> str:
    """Return as much of a name as there is space for."""
    if font.getlength(name) <= LONGEST_NAME:
        return name
    while font.getlength(f"{name}...") > LONGEST_NAME:
        name = name[:-1]
    return f"{name}..."


def thumbnail(image: Image.Image, side: int) -> Image.Image:
    """Return an image made small, RGB, in the middle of a black square of `side` pixels.

    It may have any shape: a side that would round to 0 is one pixel.
    """
    longest = max(image.size)
    width, height = (max(1, round(each * side / longest)) for each in image.size)
    tile = Image.new("RGB", (side, side))
    place = (side - width) // 2, (side - height) // 2
    tile.paste(image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC), place)
    return tile


def save_png(path: str | os.PathLike[str], image: Image.Image) -> None:
    """Write `image` to `path` as PNG, atomically, marked as a picture of ganaug.

    Raises:
        RunError: the folder does not exist or cannot be written.
    """
    information = PngInfo()
    information.add_text("Software", MARK)
    with atomic_path(path) as temporary:
        image.save(temporary, format="PNG", pnginfo=information)
