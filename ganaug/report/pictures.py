"""Pictures of real images beside generated ones, and of what differs between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganaug.evaluation.diversity.samples import ClassSamples
from ganaug.images import to_pillow
from ganaug.images.grid import picture_grid
from ganaug.wording import counted

__all__ = ["Picture", "class_pictures", "heat_row", "strip", "tiles", "with_count"]

LARGEST = 64  # pixels of a side: the page carries every picture inside
# Black, violet, orange, white: darker is less, also in print and for the colour-blind.
HEAT = ((0, 0, 0), (72, 22, 110), (180, 54, 96), (246, 140, 62), (255, 255, 245))


class Picture(NamedTuple):
    """A picture with its caption, and the class that it shows."""

    caption: str
    image: Image.Image
    name: str = ""


def class_pictures(samples: Iterable[ClassSamples], counts: Mapping[str, int]) -> list[Picture]:
    """Return a picture of each class, with its name and how many images the generator had."""
    return [Picture(with_count(each.name, counts), tiles(each.rows), each.name) for each in samples]


def with_count(name: str, counts: Mapping[str, int]) -> str:
    """Return the name of a class with how many images the generator has of it, where known."""
    return f"{name}, fitted on {counted(counts[name], 'image')}" if name in counts else name


def tiles(rows: Sequence[NDArray[np.uint8]]) -> Image.Image:
    """Return `picture_grid` of rows, uint8 [n, H, W, C], made smaller where they are large."""
    return picture_grid([_smaller(row) for row in rows])


def heat_row(
    image: NDArray[np.uint8], maps: Sequence[NDArray[np.float32]], tops: Sequence[float]
) -> Image.Image:
    """Return an image with maps beside it, in colours from black at 0 to white at the top.

    Args:
        image: uint8 [H, W, C].
        maps: float32 [H, W] each, from 0 up.
        tops: the value of white in each.
    """
    shown = [np.broadcast_to(image, (*image.shape[:2], 3))]
    places, colours = np.linspace(0, 1, len(HEAT)), np.array(HEAT, np.float64)
    for values, top in zip(maps, tops, strict=True):
        part = np.clip(values / max(top, 1e-12), 0, 1)
        heat = [np.interp(part, places, colours[:, channel]) for channel in range(3)]
        shown.append(np.rint(np.stack(heat, -1)).astype(np.uint8))
    return tiles([np.stack(shown)])


def strip(images: NDArray[np.uint8]) -> tuple[Image.Image, tuple[int, int]]:
    """Return images, uint8 [n, H, W, C], side by side, and the width and height of one of them."""
    small = _smaller(images)
    joined = np.concatenate(list(small), axis=1)
    return to_pillow(joined), (small.shape[2], small.shape[1])


def _smaller(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 [n, h, w, C] of [n, H, W, C]: at most `LARGEST` pixels a side."""
    height, width = images.shape[1:3]
    ratio = LARGEST / max(height, width)
    if ratio >= 1 or not len(images):
        return images
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    made = [np.asarray(to_pillow(each).resize(size, Image.Resampling.LANCZOS)) for each in images]
    return np.stack(made).reshape(len(images), size[1], size[0], images.shape[3])
