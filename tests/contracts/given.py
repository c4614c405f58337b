"""What the objects of the contracts are built for and fed with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from contracts.files import CLASSES, COUNTS, SIZES, Files
from helpers.small_datasets import Pairs
from PIL import Image
from torchvision import tv_tensors
from torchvision.datasets import ImageFolder

__all__ = [
    "LABELS",
    "class_counts",
    "flat_images_and_names",
    "folder",
    "images_and_labels",
    "in_memory",
    "levels",
    "marked_samples",
    "no_items",
    "normalised_samples",
    "samples",
]

LABELS = [label for label, count in enumerate(COUNTS) for _ in range(count)]


def levels(*shape: int) -> Any:
    """Return uint8 values away from 0 and 255, so that a small change is not clipped."""
    return np.random.default_rng(3).integers(60, 200, shape, np.uint8)


def folder(files: Files) -> ImageFolder:
    """PNG files as torchvision reads them."""
    return ImageFolder(str(files.photos()))


def in_memory(files: Files | None = None) -> Pairs:
    """Tensors of both sizes, which a careless reader could write to."""
    images = [torch.from_numpy(levels(3, *SIZES[i % 2])) / 255 for i in range(len(LABELS))]
    return Pairs([image + i / 255 for i, image in enumerate(images)], LABELS, classes=CLASSES)


def samples(channels: int) -> Callable[[Files], Any]:
    """Single images and batches with their labels."""
    rgb = channels == 3

    def given(files: Files) -> list[Any]:
        single, batch = levels(channels, 8, 8), levels(4, channels, 11, 6)
        pil = Image.fromarray(np.moveaxis(single, 0, 2) if rgb else single[0])
        floats = torch.from_numpy(batch / np.float32(255))
        return [
            (pil, 2),
            (torch.from_numpy(single), torch.tensor(1)),
            {"image": tv_tensors.Image(floats), "label": np.array([0, 1, 2, 0])},
            [floats.clone(), torch.eye(3)[[0, 1, 2, 0]]],
        ]

    return given


def marked_samples(files: Files) -> list[Any]:
    """Images and a batch with masks, boxes and key points."""
    given = []
    for batch in ((), (4,)):
        size, random = (11, 6), np.random.default_rng(5)
        low = random.uniform(0, 3, (4, 2))
        image = torch.from_numpy(levels(*batch, 3, *size))
        objects = {
            "boxes": tv_tensors.BoundingBoxes(
                torch.from_numpy(np.concatenate([low, low + 3], 1)),
                format="XYXY",
                canvas_size=size,
            ),
            "masks": tv_tensors.Mask(torch.from_numpy(random.integers(0, 9, (4, 2, *size)))),
            "points": tv_tensors.KeyPoints(
                torch.from_numpy(random.uniform(0, 5, (4, 3, 2))), canvas_size=size
            ),
            "labels": torch.tensor([0, 1, 2, 0]),
        }
        given.append((tv_tensors.Image(image), objects))
    return given


def normalised_samples(files: Files) -> list[Any]:
    """Floats behind Normalize(0.5, 0.5)."""
    floats = torch.from_numpy(levels(4, 3, 8, 8) / np.float32(127.5) - 1)
    return [(floats[0].clone(), 2), (floats, torch.tensor([0, 1, 2, 0]))]


def class_counts(files: Files) -> dict[str, int]:
    """Images to make of each class, where there is no source."""
    return {"ant": 1, "bee": 4, "cat": 2}


def images_and_labels(files: Files) -> tuple[Any, Any]:
    """Arrays as imbalanced-learn takes them."""
    return levels(14, 8, 8), np.array(LABELS)


def flat_images_and_names(files: Files) -> tuple[Any, Any]:
    """Flat rows of floating point, and labels that are names."""
    return levels(14, 4 * 6 * 3) / 255, np.array(CLASSES)[LABELS]


def no_items() -> Pairs:
    """A data set of length 0 that has classes."""
    return Pairs([], [], classes=CLASSES, targets=[])
