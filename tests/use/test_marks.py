"""Masks, boxes and key points move with their image: by maps that are known."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_models import Planted, write_class_model, write_variation_model
from PIL import Image
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from ganaug import GANAugment, Generator
from ganaug.errors import ConfigError, DataError

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


MARKS = {
    "masks": tv_tensors.Mask(torch.zeros(HEIGHT, WIDTH)),
    "bounding boxes": tv_tensors.BoundingBoxes(
        torch.zeros(1, 4), format="XYXY", canvas_size=(HEIGHT, WIDTH)
    ),
    "key points": tv_tensors.KeyPoints(torch.zeros(1, 2), canvas_size=(HEIGHT, WIDTH)),
}


@pytest.mark.parametrize("name", MARKS)
def test_a_file_of_schema_1_says_how_to_export_it_anew(name: str, tmp_path: Path) -> None:
    for p in (0.0, 1.0):
        vary = augment(tmp_path, schema="1.0", p=p)
        with pytest.raises(ConfigError) as caught:
            vary(torch.zeros(3, HEIGHT, WIDTH), {"label": 1, "mark": MARKS[name]})
        text = str(caught.value)
        assert text.startswith(f"{name} (tv_tensors.")
        assert "is of schema 1.0" in text
        assert text.endswith(f"export it anew with: ganaug export RUN {vary.generator.path}")
    image = torch.zeros(3, HEIGHT, WIDTH)
    assert not torch.equal(augment(tmp_path, schema="1.0", scale=1.0)(image), image)


@pytest.mark.parametrize("name", MARKS)
def test_a_class_generator_replaces_what_is_marked(name: str, tmp_path: Path) -> None:
    path = write_class_model(tmp_path / "class.onnx", channels=3)
    for p in (0.0, 1.0):
        with pytest.raises(ConfigError, match=rf"{name} .*class.onnx replaces the image"):
            GANAugment(path, p=p)(torch.zeros(3, HEIGHT, WIDTH), 1, MARKS[name])


@pytest.mark.parametrize("name", MARKS)
def test_marks_of_another_size_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"{name} .*\[48, 64\] beside one of \[8, 9\]; allowed"):
        augment(tmp_path)(torch.zeros(3, 8, 9), 1, MARKS[name])


@pytest.mark.parametrize("name", MARKS)
def test_marks_beside_several_images_are_refused(name: str, tmp_path: Path) -> None:
    views = [tv_tensors.Image(torch.zeros(3, HEIGHT, WIDTH))] * 2
    with pytest.raises(DataError, match=f"2 images and {name} .*; allowed: one image"):
        augment(tmp_path)(views, MARKS[name])


@pytest.mark.parametrize("name", MARKS)
def test_marks_that_are_not_one_for_each_of_a_batch_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"{name} .* a batch of 2 images; allowed: \[2, ...\]"):
        augment(tmp_path)(torch.zeros(2, 3, HEIGHT, WIDTH), torch.tensor([0, 1]), MARKS[name])


def test_videos_are_refused_by_name(tmp_path: Path) -> None:
    video = tv_tensors.Video(torch.zeros(2, 3, HEIGHT, WIDTH))
    with pytest.raises(ConfigError, match="videos"):
        augment(tmp_path)(torch.zeros(3, HEIGHT, WIDTH), video)


@pytest.mark.parametrize(
    "labels", [{}, {"labels": ["bolt", "nut"]}, {"labels": torch.ones(2).long()}]
)
def test_the_target_of_a_detector_needs_no_labels_that_count(
    labels: dict[str, Any], tmp_path: Path
) -> None:
    boxes = boxes_of("XYXY")
    image = tv_tensors.Image(torch.rand(3, HEIGHT, WIDTH))
    made, target = augment(tmp_path, MAPS["shift"])(image, {"boxes": boxes, **labels})
    assert not torch.equal(made, image)
    assert not torch.equal(target["boxes"], boxes)
