"""What marks places of an image, masks, bounding boxes and key points, and how it moves along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._pytree import tree_flatten
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F

from ganaug.errors import ConfigError, DataError
from ganaug.use._pixels import num_images
from ganaug.use._positions import moved_points, nearest_pixels

__all__ = ["MARKS", "check_marks", "move_mark", "name_of", "refuse_marks"]

_NAMES = {
    tv_tensors.Mask: "masks (tv_tensors.Mask)",
    tv_tensors.BoundingBoxes: "bounding boxes (tv_tensors.BoundingBoxes)",
    tv_tensors.KeyPoints: "key points (tv_tensors.KeyPoints)",
}
MARKS = tuple(_NAMES)

_XYXY = tv_tensors.BoundingBoxFormat.XYXY
_CXCYWH = tv_tensors.BoundingBoxFormat.CXCYWH
_CORNERS = tv_tensors.BoundingBoxFormat.XYXYXYXY
_SPACING, _FEWEST, _MOST = 2.0, 8, 64  # of the points on an edge: pixels, and how many


def name_of(mark: Tensor) -> str:
    """Return what kind of mark it is, for messages."""
    return next(name for kind, name in _NAMES.items() if isinstance(mark, kind))


def check_marks(marks: Sequence[Any], images: Sequence[Any]) -> None:
    """Refuse marks of which it cannot be told how they move with the images of their sample.

    Raises:
        DataError: several images, another size, or in a batch not one entry for each image.
    """
    if len(images) != 1:
        raise DataError(
            f"{len(images)} images and {name_of(marks[0])} in one sample; allowed: one image with"
            " what marks it, since each image moves in its own way; apply GANAugment to each"
        )
    (image,) = images
    batch = num_images(image)
    if isinstance(image, PIL.Image.Image):
        size = (image.height, image.width)
    else:
        size = (int(image.shape[-2]), int(image.shape[-1]))
    for mark in marks:
        masks = isinstance(mark, tv_tensors.Mask)
        found = tuple(mark.shape[-2:]) if masks else tuple(mark.canvas_size)
        if found != size:
            raise DataError(
                f"{name_of(mark)} for an image of height and width {list(found)} beside one of"
                f" {list(size)}; allowed: the same size; resize them together"
            )
        if batch is not None and (len(mark) != batch or mark.ndim < (3 if masks else 2)):
            raise DataError(
                f"{name_of(mark)} of shape {list(mark.shape)} beside a batch of {batch} images;"
                f" allowed: [{batch}, ...], the entries of each image; apply GANAugment before"
                " samples are collated"
            )


def refuse_marks(item: Any, what: str) -> None:
    """Raise `ConfigError` where masks, boxes or key points lie beside the image of an item.

    Args:
        item: of a data set.
        what: names it.
    """
    for value in tree_flatten(item)[0]:
        if isinstance(value, MARKS):
            raise ConfigError(
                f"{what}: has {name_of(value)}, which do not move with a generated image here;"
                " allowed: (image, label); vary both together by GANAugment in an AugmentedDataset"
            )


def move_mark(mark: Any, positions: Tensor, rows: NDArray[np.intp], *, single: bool) -> Tensor:
    """Return a checked mark moved with its image.

    Args:
        mark: masks [..., H, W], boxes or key points, or a batch with one entry for each image.
        positions: float32 [k, H, W, 2], where the pixels of the varied images were read.
        rows: their places in the batch; the entries of other images are kept bit for bit.
        single: there is one image, and all entries are its own.
    """
    plain = mark.detach().as_subclass(Tensor)
    if single:
        moved = _moved(mark, plain, positions[0])
    else:
        moved = plain.clone()
        for row, each in zip(rows.tolist(), positions, strict=True):
            moved[row : row + 1] = _moved(mark, plain[row : row + 1], each)
    wrapped: Tensor = tv_tensors.wrap(moved, like=mark)
    return wrapped


def _moved(mark: Tensor, plain: Tensor, positions: Tensor) -> Tensor:
    if plain.numel() == 0:
        return plain.clone()
    if isinstance(mark, tv_tensors.Mask):
        return plain.flatten(-2)[..., nearest_pixels(positions.to(plain.device))]
    exact = plain.to("cpu", torch.float64)
    if isinstance(mark, tv_tensors.BoundingBoxes):
        exact = _moved_boxes(mark, exact, positions.cpu())
    else:
        exact = moved_points(exact.flatten(0, -2), positions.cpu()).reshape(exact.shape)
    return (exact if plain.is_floating_point() else _whole(mark, exact)).to(plain)


def _whole(mark: Tensor, exact: Tensor) -> Tensor:
    """Return marks in whole numbers, boxes rounded in their own format and still on the canvas.

    A box with an odd side has corners between pixels, around a middle that is whole.
    """
    rounded = exact.round()
    if isinstance(mark, tv_tensors.BoundingBoxes) and mark.format is _CXCYWH and mark.clamping_mode:
        middle, sides = rounded.chunk(2, 1)
        canvas = middle.new_tensor(mark.canvas_size[::-1])
        rounded = torch.cat([middle, sides.minimum(2 * middle.minimum(canvas - middle))], 1)
    return rounded


def _moved_boxes(boxes: tv_tensors.BoundingBoxes, values: Tensor, positions: Tensor) -> Tensor:
    """Return the bounds of the moved outlines of `values` [K, 4, 5 or 8], clamped to the canvas.

    Bounds have the format of `boxes`. Those of rotated boxes are turned as the middle of the box
    was.
    """
    rotated = tv_tensors.is_rotated_bounding_format(boxes.format)
    inner = _CORNERS if rotated else _XYXY
    values = F.convert_bounding_box_format(values, boxes.format, inner)
    corners = values if rotated else values[:, [0, 1, 2, 1, 2, 3, 0, 3]]
    outlines = _outlines(corners.unflatten(1, (4, 2)))
    count, points = outlines.shape[:2]
    # boxes count from the edge of the first pixel, points from its centre
    moved = moved_points(outlines.flatten(0, 1) - 0.5, positions) + 0.5
    outlines = moved.unflatten(0, (count, points))
    bounds = _turned_bounds(outlines) if rotated else _bounds(outlines)
    clamped = F.clamp_bounding_boxes(bounds, inner, boxes.canvas_size, boxes.clamping_mode)
    formatted: Tensor = F.convert_bounding_box_format(clamped, inner, boxes.format)
    return formatted


def _outlines(corners: Tensor) -> Tensor:
    """Return points on the edges between corners [K, 4, 2] in turn: [K, 4 n, 2], n on each edge.

    Both ends are among them, so that their mean is the middle of the edge.
    """
    following = corners.roll(-1, 1)
    longest = float((following - corners).norm(dim=2).nan_to_num().max())
    count = int(min(max(longest / _SPACING, _FEWEST), _MOST))
    along = torch.linspace(0, 1, count + 1, dtype=corners.dtype, device=corners.device)[:, None]
    return torch.lerp(corners[:, :, None], following[:, :, None], along).flatten(1, 2)


def _bounds(outlines: Tensor) -> Tensor:
    return torch.cat([outlines.amin(1), outlines.amax(1)], 1)


def _turned_bounds(outlines: Tensor) -> Tensor:
    """Return the corners [K, 8] of the rectangles around outlines [K, 4 n, 2].

    They are turned as the edges were: the upper one and its opposite, and at a right angle to those
    the other two.
    """
    upper, right, lower, left = outlines.unflatten(1, (4, -1)).mean(2).unbind(1)
    across, down = right - left, lower - upper
    along = _direction(_direction(across) + _direction(torch.stack([down[:, 1], -down[:, 0]], 1)))
    normal = torch.stack([-along[:, 1], along[:, 0]], 1)
    frame = torch.stack([along, normal], 2)  # columns
    low, high = _bounds(outlines @ frame).chunk(2, 1)
    corners = torch.stack(
        [
            low,
            torch.stack([high[:, 0], low[:, 1]], 1),
            high,
            torch.stack([low[:, 0], high[:, 1]], 1),
        ],
        1,
    )
    return (corners @ frame.mT).flatten(1)


def _direction(vectors: Tensor) -> Tensor:
    """Return vectors [K, 2] at length 1; of no length, the one to the right."""
    length = vectors.norm(dim=1, keepdim=True)
    return torch.where(length > 0, vectors / length, vectors.new_tensor([1.0, 0.0]))
