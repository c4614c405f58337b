"""Differentiable augmentation of what the discriminator sees (Zhao et al. 2020, "DiffAugment").

Randomness is drawn once, from counters, by `draw`; `apply` is a pure function of images and draws,
so that real and generated images, and both images of a pair, can be given the same treatment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ganaug.devices import sent

__all__ = ["Draws", "apply", "draw"]

SHIFT = 0.125  # of each side
CUTOUT = 0.5  # of each side


@dataclass(frozen=True)
class Draws:
    """What was drawn for N images: integer offsets, colour factors and cut-out centres."""

    shift: Tensor | None = None  # int64 [N, 2]: rows, columns, in 0..2 * reach
    colour: Tensor | None = None  # float32 [N, 3]: brightness, saturation, contrast
    cutout: Tensor | None = None  # float32 [N, 2]: centre, in 0..1 of each side

    def to(self, device: torch.device) -> Draws:
        """Return the same draws on `device`."""
        parts = (self.shift, self.colour, self.cutout)
        return Draws(*(None if part is None else sent(part, device) for part in parts))

    def take(self, rows: slice) -> Draws:
        """Return what was drawn for some of the images."""
        parts = (self.shift, self.colour, self.cutout)
        return Draws(*(None if part is None else part[rows] for part in parts))


def draw(
    names: tuple[str, ...], count: int, size: tuple[int, int], stream: np.random.Generator
) -> Draws:
    """Draw what `apply` needs for `count` images of `size` (height, width)."""
    values: dict[str, Tensor] = {}
    if "shift" in names:
        reach = [2 * _reach(side) + 1 for side in size]
        values["shift"] = torch.from_numpy(stream.integers(0, reach, (count, 2)))
    if "colour" in names:
        low, high = (-0.5, 0.0, 0.5), (0.5, 2.0, 1.5)
        values["colour"] = torch.from_numpy(stream.uniform(low, high, (count, 3))).float()
    if "cutout" in names:
        values["cutout"] = torch.from_numpy(stream.random((count, 2), dtype=np.float32))
    return Draws(**values)


def apply(images: Tensor, draws: Draws) -> Tensor:
    """Return `images` (float [N, C, H, W]) augmented by `draws`, row by row; differentiable."""
    if draws.colour is not None:
        images = _colour(images, draws.colour)
    if draws.shift is not None:
        images = _shift(images, draws.shift)
    if draws.cutout is not None:
        images = _cutout(images, draws.cutout)
    return images


def _reach(side: int) -> int:
    return math.floor(side * SHIFT)


def _shift(images: Tensor, offsets: Tensor) -> Tensor:
    """Translate each image by its offset, with zeros moving in.

    One-hot matrices select rows and columns: a product is several times faster to differentiate
    than an index on a CPU.
    """
    height, width = images.shape[2:]
    rows = _selector(offsets[:, 0], height, images.dtype)
    columns = _selector(offsets[:, 1], width, images.dtype)
    return rows[:, None] @ images @ columns[:, None].mT


def _selector(offset: Tensor, side: int, dtype: torch.dtype) -> Tensor:
    """[N, side, side]: row i picks the source row i + offset - reach, or nothing outside."""
    at = torch.arange(side, device=offset.device)
    source = at + offset[:, None] - _reach(side)
    return (source[:, :, None] == at).to(dtype)


def _colour(images: Tensor, factors: Tensor) -> Tensor:
    brightness, saturation, contrast = factors.to(images.dtype)[:, :, None, None, None].unbind(1)
    images = images + brightness
    grey = images.mean(1, keepdim=True)
    images = (images - grey) * saturation + grey
    mean = images.mean((1, 2, 3), keepdim=True)
    return (images - mean) * contrast + mean


def _cutout(images: Tensor, centre: Tensor) -> Tensor:
    rows = _far(centre[:, 0], images.shape[2])[:, None, :, None]
    columns = _far(centre[:, 1], images.shape[3])[:, None, None, :]
    return images * (rows | columns)


def _far(centre: Tensor, side: int) -> Tensor:
    """Bool [N, side]: the positions outside the cut-out on one axis."""
    at = torch.arange(side, device=centre.device)
    return (at + 0.5 - centre[:, None] * side).abs() >= CUTOUT * side / 2
