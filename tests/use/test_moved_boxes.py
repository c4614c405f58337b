"""Bounding boxes move with their image: by maps that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.planted_maps import (
    BOTH,
    FORMATS,
    HEIGHT,
    MAPS,
    PLAIN,
    SHIFT,
    TURN,
    TURNED,
    WIDTH,
    augment,
    boxes_of,
    bump,
    corners_of,
    planted,
)
from helpers.small_models import Planted
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("map_", [SHIFT, TURN, BOTH], ids=["shift", "turn", "both"])
def test_boxes_move_as_torchvision_moves_them(
    map_: tuple[float, tuple[float, float]], name: str, tmp_path: Path
) -> None:
    """Where lines stay straight, torchvision's own bounds of corners are exact."""
    boxes = boxes_of(name)
    image = torch.zeros(3, HEIGHT, WIDTH, dtype=torch.uint8)
    _, after = augment(tmp_path, planted(*map_))(image, boxes)
    assert type(after) is type(boxes)
    assert (after.format, after.canvas_size, after.dtype, after.shape) == (
        boxes.format,
        boxes.canvas_size,
        boxes.dtype,
        boxes.shape,
    )
    angle, shift = map_
    expected = F.affine(boxes, angle=angle, translate=list(shift), scale=1.0, shear=[0.0, 0.0])
    torch.testing.assert_close(corners_of(after), corners_of(expected), atol=0.05, rtol=0)


@pytest.mark.parametrize("name", PLAIN)
def test_boxes_of_whole_numbers_stay_whole_and_on_the_canvas(name: str, tmp_path: Path) -> None:
    boxes = boxes_of(name, torch.int64)
    _, after = augment(tmp_path, MAPS["both"])(torch.zeros(3, HEIGHT, WIDTH), boxes)
    assert after.dtype == torch.int64
    exact = augment(tmp_path, MAPS["both"])(torch.zeros(3, HEIGHT, WIDTH), boxes_of(name))[1]
    assert (after.as_subclass(Tensor) - exact.as_subclass(Tensor)).abs().max() <= 1
    found = corners_of(after)
    assert (found >= 0).all()
    assert (found <= torch.tensor([WIDTH, HEIGHT] * 2)).all()


@pytest.mark.parametrize("name", PLAIN)
def test_boxes_of_whole_numbers_stay_where_nothing_moves(name: str, tmp_path: Path) -> None:
    """Also where a side is odd, and the middle whole: corners then lie between pixels."""
    values = torch.tensor([[4, 4, 3, 3], [20, 9, 5, 4], [5, 21, 10, 7], [33, 24, 7, 24]])
    if name == "XYXY":
        values[:, 2:] += values[:, :2]
    canvas = (HEIGHT, WIDTH)
    boxes = tv_tensors.BoundingBoxes(values, format=name, canvas_size=canvas)
    _, after = augment(tmp_path, Planted())(torch.zeros(3, HEIGHT, WIDTH), boxes)
    assert after.dtype == torch.int64
    assert after.tolist() == values.tolist()


def test_whole_numbers_are_the_nearest_ones_on_the_canvas(tmp_path: Path) -> None:
    across = torch.arange(1, WIDTH)
    values = torch.stack([across, across * 0 + 20, across * 0 + 3, across * 0 + 8], 1)
    for shift in (0.3, -0.4, 6.0, -7.7):
        vary = augment(tmp_path, planted(0.0, (shift, 0.0)))
        image = torch.zeros(3, HEIGHT, WIDTH)
        how = {"format": "CXCYWH", "canvas_size": (HEIGHT, WIDTH)}
        _, exact = vary(image, tv_tensors.BoundingBoxes(values.double(), **how))
        _, after = vary(image, tv_tensors.BoundingBoxes(values, **how))
        inside = (values[:, 0] + shift > 3) & (values[:, 0] + shift < WIDTH - 3)
        nearest = torch.as_tensor(values[:, 0] + shift).round().long()
        assert after[inside, 0].tolist() == nearest[inside].tolist()
        assert (after[inside, 2] == 3).all()
        middle, width = after[:, 0].double(), after[:, 2].double()
        assert (middle - width / 2 >= 0).all()
        assert (middle + width / 2 <= WIDTH).all()
        assert (after - exact).abs().max() <= 1.01


def test_a_box_is_bound_by_its_outline_and_not_by_its_corners(tmp_path: Path) -> None:
    """A bend in the middle of the image leaves the corners of a large box where they are."""
    boxes = tv_tensors.BoundingBoxes(
        [[8.0, 20, 56, 28]], format="XYXY", canvas_size=(HEIGHT, WIDTH)
    )
    mask = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    mask[20:28, 8:56] = True
    sample = (torch.zeros(3, HEIGHT, WIDTH), boxes, tv_tensors.Mask(mask))
    _, after, moved = augment(tmp_path, Planted(bend=4 * bump() * np.float32([[[0]], [[1]]])))(
        *sample
    )
    rows = moved.any(1).nonzero()
    assert rows.max() + 1 > 32  # far below its corners
    assert after[0, 3] == pytest.approx(float(rows.max() + 1), abs=1)
    assert after[0, 1] == pytest.approx(float(rows.min()), abs=1)


def test_boxes_that_leave_are_removed_with_their_labels_and_masks(tmp_path: Path) -> None:
    boxes = tv_tensors.BoundingBoxes(
        [[2.0, 10, 8, 20], [30, 10, 40, 20], [3, 30, 6, 33]],
        format="XYXY",
        canvas_size=(HEIGHT, WIDTH),
    )
    masks = tv_tensors.Mask(torch.stack([torch.full((HEIGHT, WIDTH), i) for i in range(3)]))
    target = {"boxes": boxes, "labels": torch.tensor([5, 6, 7]), "masks": masks}
    vary = augment(tmp_path, planted(0.0, (-16.0, 0.0)))
    image = torch.zeros(3, HEIGHT, WIDTH)
    _, moved = vary(image, target)
    torch.testing.assert_close(
        moved["boxes"].as_subclass(Tensor),
        torch.tensor([[0.0, 10, 0, 20], [14, 10, 24, 20], [0, 30, 0, 33]]),
        atol=1e-3,
        rtol=0,
    )
    _, left = v2.Compose([vary, v2.SanitizeBoundingBoxes()])(image, target)
    assert left["labels"].tolist() == [6]
    assert left["boxes"].shape == (1, 4)
    assert left["masks"].unique().tolist() == [1]


@pytest.mark.parametrize("name", TURNED)
def test_rotated_boxes_that_leave_are_removed(name: str, tmp_path: Path) -> None:
    boxes = tv_tensors.BoundingBoxes(
        torch.tensor([[6.0, 20, 8, 4, 30], [40, 20, 10, 6, 30]]),
        format="CXCYWHR",
        canvas_size=(HEIGHT, WIDTH),
    )
    boxes = F.convert_bounding_box_format(boxes, new_format=tv_tensors.BoundingBoxFormat[name])
    sample = (torch.zeros(3, HEIGHT, WIDTH), {"boxes": boxes, "labels": torch.tensor([5, 6])})
    vary = augment(tmp_path, planted(0.0, (-20.0, 0.0)))
    _, left = v2.Compose([vary, v2.SanitizeBoundingBoxes()])(*sample)
    assert left["labels"].tolist() == [6]


def test_boxes_without_a_clamping_mode_are_not_clamped(tmp_path: Path) -> None:
    boxes = tv_tensors.BoundingBoxes(
        [[2.0, 10, 8, 20]], format="XYXY", canvas_size=(HEIGHT, WIDTH), clamping_mode=None
    )
    vary = augment(tmp_path, planted(0.0, (-16.0, 0.0)))
    _, after = vary(torch.zeros(3, HEIGHT, WIDTH), boxes)
    assert after.clamping_mode is None
    expected = torch.tensor([[-14.0, 10, -8, 20]])
    torch.testing.assert_close(after.as_subclass(Tensor), expected, atol=0.01, rtol=0)
