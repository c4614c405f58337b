"""Masks, boxes and key points move with their image: by maps that are known."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.planted_maps import (
    HEIGHT,
    MAPS,
    POINTS,
    WIDTH,
    augment,
    bump,
    centres,
    discs,
    planted,
    sample_of,
)
from helpers.small_models import Planted, write_class_model, write_variation_model
from PIL import Image
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from ganaug import GANAugment, Generator
from ganaug.errors import ConfigError


@pytest.mark.parametrize("map_", MAPS)
def test_image_mask_box_and_key_point_move_alike(map_: str, tmp_path: Path) -> None:
    """Drawn discs: where the image shows them, the mask does, the point is, the box lies."""
    shapes = discs(POINTS)
    image = torch.where(shapes.any(0), 200, 50).to(torch.uint8).repeat(3, 1, 1)
    sample = {
        "image": tv_tensors.Image(image),
        "masks": tv_tensors.Mask(shapes),
        "points": tv_tensors.KeyPoints(POINTS, canvas_size=(HEIGHT, WIDTH)),
        "boxes": tv_tensors.BoundingBoxes(
            torch.cat([POINTS - 3, POINTS + 4], 1), format="XYXY", canvas_size=(HEIGHT, WIDTH)
        ),
        "labels": torch.arange(4),
    }
    after = augment(tmp_path, MAPS[map_])(sample)
    shown = after["image"][0] > 125
    masks = after["masks"]
    assert masks.dtype == torch.bool
    assert (shown & masks.any(0)).sum() / (shown | masks.any(0)).sum() > 0.85
    assert (centres(masks) - POINTS).norm(dim=1).max() > 2  # it did move
    assert (after["points"] - centres(masks)).norm(dim=1).max() < 0.5
    for mask, box in zip(masks, after["boxes"], strict=True):
        rows, columns = mask.any(1).nonzero(), mask.any(0).nonzero()
        tight = torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        # the box of a disc, turned and bounded again, can only be wider than the disc
        assert (box[:2] <= tight[:2] + 0.5).all()
        assert (box[2:] >= tight[2:] - 0.5).all()
        assert (box[2:] - box[:2] - (tight[2:] - tight[:2])).max() < 3.5
    assert after["labels"] is sample["labels"]


def test_key_points_of_any_shape_may_leave(tmp_path: Path) -> None:
    """v2.SanitizeKeyPoints removes those."""
    points = torch.tensor([[[4.0, 10], [30, 20]], [[63, 47], [0, 0]]])
    vary = augment(tmp_path, planted(0.0, (-16.0, 2.0)))
    image = torch.zeros(3, HEIGHT, WIDTH)
    for dtype in (torch.float32, torch.int64):
        key_points = tv_tensors.KeyPoints(points.to(dtype), canvas_size=(HEIGHT, WIDTH))
        _, after = vary(image, key_points)
        assert (after.shape, after.dtype, after.canvas_size) == ((2, 2, 2), dtype, (HEIGHT, WIDTH))
        expected = (points + torch.tensor([-16.0, 2.0])).to(dtype)
        torch.testing.assert_close(after.as_subclass(Tensor), expected, atol=1e-2, rtol=0)
    flat = tv_tensors.KeyPoints(points.flatten(0, 1), canvas_size=(HEIGHT, WIDTH))
    _, left = v2.Compose([vary, v2.SanitizeKeyPoints()])(image, flat)
    assert left.shape == (1, 2)


@pytest.mark.parametrize(
    "dtype", [torch.bool, torch.uint8, torch.int64, torch.float32, torch.float16]
)
@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3), (0,)])
def test_masks_of_any_kind(dtype: torch.dtype, shape: tuple[int, ...], tmp_path: Path) -> None:
    """Moved by whole pixels, so that each value is known; the border is mirrored."""
    values = torch.randint(0, 250, (*shape, HEIGHT, WIDTH)).to(dtype)
    if dtype == torch.int64:
        values += 2**53  # no float holds these apart
    mask = tv_tensors.Mask(values)
    _, after = augment(tmp_path, MAPS["shift"])(torch.zeros(3, HEIGHT, WIDTH), mask)
    assert type(after) is tv_tensors.Mask
    assert after.dtype == dtype
    columns = (torch.arange(WIDTH) - 8).abs() - (torch.arange(WIDTH) < 8).long()
    rows = torch.arange(HEIGHT) + 6
    rows = torch.where(rows < HEIGHT, rows, 2 * HEIGHT - 1 - rows)
    expected = values[..., rows, :][..., columns]
    assert torch.equal(after.as_subclass(Tensor), expected)


@pytest.mark.parametrize("image", ["PIL", "tensor", "tv", "grey"])
def test_beside_any_image(image: str, tmp_path: Path) -> None:
    values = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    made: Any = {
        "PIL": Image.fromarray(values),
        "grey": Image.fromarray(values).convert("L"),
        "tensor": torch.from_numpy(values).permute(2, 0, 1),
        "tv": tv_tensors.Image(torch.from_numpy(values).permute(2, 0, 1)),
    }[image]
    channels = 1 if image == "grey" else 3
    path = write_variation_model(
        tmp_path / "m.onnx", channels=channels, planted=MAPS["shift"], size=(8, 8)
    )
    mask = tv_tensors.Mask(torch.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH))
    for sample in ((made, mask), (mask, made)):  # a mask is no image, wherever it stands
        after = GANAugment(path, p=1.0, scale=0.0)(*sample)
        moved = after[0 if sample[0] is mask else 1]
        assert moved[0, 8] == mask[6, 0]


def test_each_of_a_batch_moves_by_its_own_map(tmp_path: Path) -> None:
    vary = augment(tmp_path, Planted(bend=bump(), drift=0.1), scale=1.0)
    batch = sample_of(4)
    torch.manual_seed(3)
    after = vary(batch)
    torch.manual_seed(3)
    torch.rand(4)
    latents = torch.randn(4, 4)
    moves = []
    for row in range(4):
        alone = {
            "image": tv_tensors.Image(batch["image"][row]),
            "mask": tv_tensors.Mask(batch["mask"][row]),
            "boxes": tv_tensors.wrap(batch["boxes"][row : row + 1], like=batch["boxes"]),
            "points": tv_tensors.wrap(batch["points"][row], like=batch["points"]),
        }
        params = {"rows": np.zeros(1, np.intp), "latents": latents[row : row + 1].numpy()}
        params["labels"] = None
        vary.make_params = lambda *_, fixed=params: fixed  # type: ignore[method-assign]
        one = vary(alone)
        assert torch.equal(after["mask"][row], one["mask"])
        assert torch.allclose(after["boxes"][row], one["boxes"][0])
        assert torch.allclose(after["points"][row], one["points"])
        assert torch.allclose(after["image"][row], one["image"], atol=1e-6)
        moves.append((after["points"][row] - batch["points"][row])[0])
    assert len({tuple(move.tolist()) for move in moves}) == 4
    assert after["note"] is batch["note"]


def test_what_marks_images_that_are_not_varied_stays_bit_for_bit(tmp_path: Path) -> None:
    vary = augment(tmp_path, MAPS["both"], p={"b": 1.0})
    batch = sample_of(4) | {"label": torch.tensor([0, 1, 0, 1])}
    before = copy.deepcopy(batch)
    after = vary(batch)
    for name in ("mask", "boxes", "points", "image"):
        assert torch.equal(after[name][[0, 2]], before[name][[0, 2]])
        assert not torch.equal(after[name][[1, 3]], before[name][[1, 3]])
        assert torch.equal(batch[name], before[name]), "the input was written to"


def test_without_a_variation_the_sample_is_the_same(tmp_path: Path) -> None:
    for count in (None, 3):
        sample = sample_of(count)
        assert augment(tmp_path, MAPS["both"], p=0.0)(sample) is sample


def test_nothing_marked_is_nothing_moved(tmp_path: Path) -> None:
    """Samples without any object."""
    empty = {
        "image": torch.zeros(3, HEIGHT, WIDTH),
        "boxes": tv_tensors.BoundingBoxes(
            torch.zeros(0, 4), format="XYXY", canvas_size=(HEIGHT, WIDTH)
        ),
        "masks": tv_tensors.Mask(torch.zeros(0, HEIGHT, WIDTH)),
        "points": tv_tensors.KeyPoints(torch.zeros(0, 2), canvas_size=(HEIGHT, WIDTH)),
        "labels": torch.zeros(0, dtype=torch.int64),
    }
    after = augment(tmp_path, MAPS["both"])(empty)
    for name in ("boxes", "masks", "points"):
        assert after[name].shape == empty[name].shape
        assert type(after[name]) is type(empty[name])


def test_plain_tensors_beside_an_image_are_left_alone(tmp_path: Path) -> None:
    image = tv_tensors.Image(torch.rand(3, HEIGHT, WIDTH))
    mask = torch.ones(1, HEIGHT, WIDTH)
    _, same = augment(tmp_path, MAPS["both"])(image, mask)
    assert same is mask


# What is asked of the session


class Recording:
    """A session that keeps the names it is asked for."""

    def __init__(self, session: Any) -> None:
        self.session, self.asked = session, []  # type: ignore[var-annotated]

    def run(self, names: list[str], *rest: Any) -> Any:
        self.asked.append(tuple(names))
        return self.session.run(names, *rest)


def asked_by(vary: GANAugment, *sample: Any) -> list[tuple[str, ...]]:
    opened = vary.generator._opened()
    recording = Recording(opened.session)
    opened.session = recording  # type: ignore[assignment]
    try:
        vary(*sample)
    finally:
        opened.session = recording.session
    return recording.asked


def test_only_what_is_needed_is_asked_of_the_session(tmp_path: Path) -> None:
    image, mask = torch.rand(3, HEIGHT, WIDTH), tv_tensors.Mask(torch.zeros(HEIGHT, WIDTH))
    vary = augment(tmp_path, MAPS["both"])
    assert asked_by(vary, image, 1) == [("variation",)]
    assert asked_by(vary, image[None], torch.tensor([1])) == [("variation",)]
    assert asked_by(vary, image, mask) == [("variation", "positions")]
    moved = augment(tmp_path, MAPS["both"], content=False)
    assert asked_by(moved, image, mask) == [("positions", "factor", "offset")]
    path = vary.generator.path
    generator = Generator(path, providers="cpu")
    recording = Recording(generator.session)
    generator._opened().session = recording  # type: ignore[assignment]
    generator.vary(image[None].numpy(), np.zeros((1, 4), np.float32))
    generator._opened().session = recording.session
    assert recording.asked == [("variation",)]


# Without content


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("batch", [(), (2,)])
def test_without_content_the_image_is_moved_and_recoloured(
    batch: tuple[int, ...], dtype: torch.dtype, tmp_path: Path
) -> None:
    """The whole change of the small model is map and light."""
    values = torch.rand(*batch, 3, HEIGHT, WIDTH) * 0.4 + 0.3
    image = values if dtype.is_floating_point else (values * 255).round().to(dtype)
    made = []
    for content in (True, False):
        vary = augment(tmp_path, MAPS["both"], scale=0.7, content=content)
        torch.manual_seed(0)
        made.append(vary(image))
        assert (made[-1].dtype, made[-1].shape) == (dtype, image.shape)
    assert not torch.equal(made[0], image)
    off = (made[0].double() - made[1].double()).abs().max()
    assert off <= (1e-5 if dtype.is_floating_point else 1)
    assert "content=False" in repr(vary)


def test_content_is_true_or_false_and_of_a_generator_that_has_some(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="content=0; allowed: True, False"):
        augment(tmp_path, content=0)
    path = write_class_model(tmp_path / "class.onnx", channels=3)
    with pytest.raises(ConfigError, match=r"class.onnx replaces images by others; allowed: True"):
        GANAugment(path, content=False)
    with pytest.raises(ConfigError, match=r"content=False: .*planted.onnx is of schema 1.0"):
        augment(tmp_path, schema="1.0", content=False)


# What is refused
