"""Letters with their masks: alone, to measure with, and several on a page, to look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision import tv_tensors

from ganaug.demo.glyphs import glyph_masks
from ganaug.randomness import stream

__all__ = ["Page", "letters", "page"]

SIDE = 128  # pixels of a page
HALF = SIDE // 2


def letters(seed: int) -> tuple[Tensor, Tensor]:
    """Return each letter in each test face, in dark ink on light paper.

    Returns:
        uint8 [216, 3, 96, 96], and bool [216, 96, 96], where there is ink.
    """
    ink = torch.from_numpy(glyph_masks("test")).flatten(0, 1)
    random = stream(seed, "letters")
    dark = torch.from_numpy(random.uniform(0.0, 0.3, (len(ink), 3, 1, 1))).float()
    light = torch.from_numpy(random.uniform(0.7, 1.0, (len(ink), 3, 1, 1))).float()
    images = light + ink[:, None] * (dark - light)
    return (images * 255).round().to(torch.uint8), ink > 0.5


@dataclass(frozen=True)
class Page:
    """A page with four letters.

    Attributes:
        image: uint8 [3, 128, 128].
        masks: bool [4, 128, 128], one for each letter.
        boxes: their bounds, XYXY.
    """

    image: tv_tensors.Image
    masks: tv_tensors.Mask
    boxes: tv_tensors.BoundingBoxes


def page(seed: int) -> Page:
    """Return a page: letters of the test faces in colour, one in each quarter of the paper."""
    random = stream(seed, "page")
    ink = torch.from_numpy(glyph_masks("test")).flatten(0, 1)
    coarse = torch.from_numpy(random.uniform(0.6, 1.0, (1, 3, 4, 4))).float()
    image = F.interpolate(coarse, (SIDE, SIDE), mode="bicubic")[0].clamp(0, 1)
    masks, boxes = torch.zeros(4, SIDE, SIDE), []
    for at in range(4):
        side = int(random.integers(52, 63))
        letter = ink[int(random.integers(len(ink)))][None, None]
        small = F.interpolate(letter, (side, side), mode="bilinear", antialias=True)[0, 0]
        top, left = (HALF * part + int(random.integers(HALF - side + 1)) for part in divmod(at, 2))
        masks[at, top : top + side, left : left + side] = small
        colour = torch.from_numpy(random.uniform(0, 0.45, (3, 1, 1))).float()
        image = image + masks[at] * (colour - image)
        rows, columns = (np.flatnonzero((masks[at] > 0.5).any(axis)) for axis in (1, 0))
        boxes.append([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    return Page(
        tv_tensors.Image((image * 255).round().to(torch.uint8)),
        tv_tensors.Mask(masks > 0.5),
        tv_tensors.BoundingBoxes(
            torch.tensor(np.array(boxes), dtype=torch.float32),
            format="XYXY",
            canvas_size=(SIDE, SIDE),
        ),
    )
