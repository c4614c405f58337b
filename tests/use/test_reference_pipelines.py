"""`GANAugment` in the pipelines of torchvision's references for detection and segmentation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_models import Planted, write_variation_model
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import tv_tensors
from torchvision.transforms import v2

from ganaug import GANAugment

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
COUNT = 6


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A map that turns, and shifts by what is drawn."""
    turn = Planted(affine=((0.95, 0.2, 0.0), (-0.2, 0.95, 0.0)), drift=0.2)
    path = tmp_path_factory.mktemp("models") / "turn.onnx"
    return write_variation_model(path, channels=3, planted=turn)


def photograph(index: int) -> Image.Image:
    random = np.random.default_rng(index)
    height, width = random.integers(40, 90, 2)
    return Image.fromarray(random.integers(0, 256, (height, width, 3), np.uint8))


class Scenes:
    """Photographs with boxes, masks and labels of objects, as a wrapped COCO data set has them."""

    def __init__(self, transform: Any) -> None:
        self.transform = transform

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> Any:
        image, random = photograph(index), np.random.default_rng(index)
        size = (image.height, image.width)
        low = random.uniform(0, 20, (index, 2))
        boxes = np.concatenate([low, low + random.uniform(4, 18, (index, 2))], 1)
        masks = np.zeros((index, *size), np.uint8)
        for mask, (left, top, right, bottom) in zip(masks, boxes.astype(int), strict=True):
            mask[top:bottom, left:right] = 1
        target = {
            "image_id": index,
            "boxes": tv_tensors.BoundingBoxes(
                torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
                format="XYXY",
                canvas_size=size,
            ),
            "masks": tv_tensors.Mask(torch.from_numpy(masks)),
            "labels": torch.from_numpy(random.integers(0, 91, index)),
        }
        return self.transform(image, target)


class Segments:
    """Photographs with a mask of classes, 255 where there is none."""

    def __init__(self, transform: Any) -> None:
        self.transform = transform

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> Any:
        image, random = photograph(index), np.random.default_rng(index)
        classes = random.integers(0, 21, (image.height, image.width))
        return self.transform(image, tv_tensors.Mask(torch.from_numpy(classes)))


FILL = defaultdict(lambda: tuple(255 * value for value in MEAN), {tv_tensors.Mask: 0})
DETECTION: dict[str, Callable[[], list[Any]]] = {
    "hflip": lambda: [v2.RandomHorizontalFlip(0.5)],
    "lsj": lambda: [
        v2.ScaleJitter(target_size=(64, 64), antialias=True),
        v2.RandomCrop((64, 64), pad_if_needed=True, fill=FILL),
        v2.RandomHorizontalFlip(0.5),
    ],
    "multiscale": lambda: [
        v2.RandomShortestSize(min_size=(32, 48, 64), max_size=90),
        v2.RandomHorizontalFlip(0.5),
    ],
    "ssd": lambda: [
        v2.RandomPhotometricDistort(),
        v2.RandomZoomOut(fill=FILL),
        v2.RandomIoUCrop(),
        v2.RandomHorizontalFlip(0.5),
    ],
    "ssdlite": lambda: [v2.RandomIoUCrop(), v2.RandomHorizontalFlip(0.5)],
}


@pytest.mark.parametrize("place", ["first", "last", "of tensors"])
@pytest.mark.parametrize("name", DETECTION)
def test_detection(name: str, place: str, artifact: Path) -> None:
    gan, others = GANAugment(artifact, p=0.7), DETECTION[name]()
    steps = {
        "first": [gan, *others, v2.PILToTensor()],
        "last": [*others, gan, v2.PILToTensor()],
        "of tensors": [v2.PILToTensor(), *others, gan],
    }[place]
    transform = v2.Compose(
        [
            *steps,
            v2.ToDtype(torch.float, scale=True),
            v2.ConvertBoundingBoxFormat(tv_tensors.BoundingBoxFormat.XYXY),
            v2.SanitizeBoundingBoxes(),
            v2.ToPureTensor(),
        ]
    )
    loader = DataLoader(
        Scenes(transform), batch_size=2, collate_fn=lambda batch: tuple(zip(*batch, strict=True))
    )
    seen = 0
    for _ in range(3):
        for images, targets in loader:
            for image, target in zip(images, targets, strict=True):
                assert type(image) is torch.Tensor
                assert image.dtype == torch.float32
                boxes, count = target["boxes"], len(target["boxes"])
                assert count == len(target["labels"]) == len(target["masks"])
                assert target["masks"].shape[-2:] == image.shape[-2:]
                assert (boxes[:, 2:] - boxes[:, :2] >= 1).all()
                assert (boxes >= 0).all()
                assert (boxes[:, 0::2] <= image.shape[2]).all()
                assert (boxes[:, 1::2] <= image.shape[1]).all()
                for box, mask in zip(boxes, target["masks"], strict=True):
                    seen += filled(box, mask)
    assert seen > 10


def filled(box: torch.Tensor, mask: torch.Tensor) -> int:
    """Assert that an object fills its box; objects of few pixels are not looked at."""
    height, width = mask.shape
    x, y = torch.arange(width) + 0.5, torch.arange(height)[:, None] + 0.5
    within = (x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3])
    if within.sum() < 30:
        return 0
    # a rectangle that is turned by 12 degrees, or cut off at two corners besides
    assert (mask[within] > 0).float().mean() > 0.4
    return 1


@pytest.mark.parametrize("place", ["first", "before the tensors", "behind Normalize"])
def test_segmentation(place: str, artifact: Path) -> None:
    gan = GANAugment(artifact, p=0.7)
    behind = GANAugment(artifact, p=0.7, mean=MEAN, std=STD)
    steps = [
        v2.RandomResize(min_size=40, max_size=120),
        v2.RandomHorizontalFlip(0.5),
        v2.RandomCrop(
            (48, 48), pad_if_needed=True, fill=defaultdict(lambda: 0, {tv_tensors.Mask: 255})
        ),
    ]
    kinds = {tv_tensors.Image: torch.float32, tv_tensors.Mask: torch.int64, "others": None}
    last = [
        v2.ToImage(),
        v2.ToDtype(dtype=kinds, scale=True),
        v2.Normalize(mean=MEAN, std=STD),
    ]
    whole = {
        "first": [gan, *steps, *last],
        "before the tensors": [*steps, gan, *last],
        "behind Normalize": [*steps, *last, behind],
    }[place]
    loader = DataLoader(Segments(v2.Compose([*whole, v2.ToPureTensor()])), batch_size=3)
    for images, masks in loader:
        assert images.shape == (3, 3, 48, 48)
        assert masks.shape == (3, 48, 48)
        assert masks.dtype == torch.int64
        assert set(masks.unique().tolist()) <= {*range(21), 255}
