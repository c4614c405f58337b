"""Maps that are known, and what they move: shapes, boxes, samples."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from helpers.small_models import Planted, write_variation_model
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F

from ganaug import GANAugment

__all__ = [
    "BEND",
    "BOTH",
    "FORMATS",
    "HEIGHT",
    "MAPS",
    "PLAIN",
    "POINTS",
    "SHIFT",
    "TURN",
    "TURNED",
    "WIDTH",
    "augment",
    "boxes_of",
    "bump",
    "centres",
    "corners_of",
    "discs",
    "planted",
    "sample_of",
]

HEIGHT, WIDTH = 48, 64
FORMATS = [each.name for each in tv_tensors.BoundingBoxFormat]
PLAIN, TURNED = FORMATS[:3], FORMATS[3:]

# Each with what torchvision's `affine` does to the image: angle and shift in pixels.
SHIFT = (0.0, (8.0, -6.0))
TURN = (-18.0, (0.0, 0.0))
BOTH = (14.0, (5.0, 3.0))


def planted(angle: float, shift: tuple[float, float]) -> Planted:
    """The map that moves an image as F.affine(image, angle, shift, 1, 0) does."""
    turn = math.radians(angle)
    back = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    sides = np.array([WIDTH, HEIGHT]) / 2
    by = back * sides[None, :] / sides[:, None]
    offset = -(back @ np.array(shift)) / sides
    (a, b), (c, d) = by.tolist()
    return Planted(((a, b, float(offset[0])), (c, d, float(offset[1]))))


def augment(folder: Path, map_: Planted | None = None, **options: Any) -> GANAugment:
    """A transform that always varies, light apart only by `scale`."""
    values = {"channels": 3, "size": (8, 8), "planted": map_}
    metadata = {key: options.pop(key) for key in ("schema",) if key in options}
    path = write_variation_model(folder / "planted.onnx", **values, **metadata)
    return GANAugment(path, **{"p": 1.0, "scale": 0.0, **options})


def bump() -> np.ndarray:
    """float32 [2, 6, 8]: a bend in the middle of the image."""
    y, x = np.mgrid[-1:1:6j, -1:1:8j]
    hill = np.exp(-3 * (x**2 + y**2))
    return np.stack([0.15 * hill, -0.12 * hill]).astype(np.float32)


BEND = Planted(bend=bump())
MAPS = {"shift": planted(*SHIFT), "turn": planted(*TURN), "both": planted(*BOTH), "bend": BEND}


def discs(points: Tensor, radius: float = 3.0) -> Tensor:
    """bool [P, H, W]: a disc around each point (pixels)."""
    y, x = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    across, down = points[:, 0, None, None], points[:, 1, None, None]
    return (x - across) ** 2 + (y - down) ** 2 <= radius**2


def centres(shapes: Tensor) -> Tensor:
    """float [P, 2]: the mean place of the pixels that are set in [P, H, W]."""
    y, x = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    weight = shapes.double()
    total = weight.sum((1, 2))
    return torch.stack([(weight * x).sum((1, 2)), (weight * y).sum((1, 2))], 1) / total[:, None]


POINTS = torch.tensor([[20.0, 20], [32, 24], [40, 30], [28, 33]])


def boxes_of(name: str, dtype: torch.dtype = torch.float64) -> tv_tensors.BoundingBoxes:
    """Some boxes, inside and at the border, in the format `name`."""
    if name in PLAIN:
        inner, values = "XYXY", [[10, 12, 30, 20], [1, 2, 14, 40], [20, 5, 21, 44], [0, 0, 64, 48]]
    else:
        inner = "CXCYWHR"
        values = [
            [30, 20, 20, 8, 0],
            [33, 25, 24, 6, 35],
            [20, 24, 10, 12, -80],
            [40, 22, 9, 9, 100],
        ]
    boxes = tv_tensors.BoundingBoxes(
        torch.tensor(values, dtype=dtype), format=inner, canvas_size=(HEIGHT, WIDTH)
    )
    converted: tv_tensors.BoundingBoxes = F.convert_bounding_box_format(
        boxes, new_format=tv_tensors.BoundingBoxFormat[name]
    )
    return converted


def corners_of(boxes: tv_tensors.BoundingBoxes) -> Tensor:
    turned = boxes.format.name in TURNED
    inner = tv_tensors.BoundingBoxFormat["XYXYXYXY" if turned else "XYXY"]
    return F.convert_bounding_box_format(boxes, new_format=inner).as_subclass(Tensor)


def sample_of(count: int | None) -> dict[str, Any]:
    """A sample with all three kinds of marks; a batch of `count`."""
    batch = () if count is None else (count,)
    random = torch.Generator().manual_seed(4)
    low = torch.rand(*(batch or (3,)), 2, generator=random) * 20 + 5
    return {
        "image": tv_tensors.Image(torch.rand(*batch, 3, HEIGHT, WIDTH, generator=random)),
        "mask": tv_tensors.Mask(torch.randint(0, 9, (*batch, 2, HEIGHT, WIDTH), generator=random)),
        "boxes": tv_tensors.BoundingBoxes(
            torch.cat([low, low + 12], -1), format="XYXY", canvas_size=(HEIGHT, WIDTH)
        ),
        "points": tv_tensors.KeyPoints(
            torch.rand(*batch, 4, 2, generator=random) * 40, canvas_size=(HEIGHT, WIDTH)
        ),
        "note": object(),
    }
