"""An `ImageSet` as torch's data sets and loaders take it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ganaug.images import ImageSet

__all__ = ["ImageDataset"]


class ImageDataset(Dataset[tuple[Tensor, int]]):
    """The training images of an image set as a map-style data set.

    Item i is (uint8 [C, H, W], label), as an ImageFolder with `v2.ToImage` would give it.

    Attributes:
        pixels: all images, uint8 [N, C, H, W].
        targets: the label of each.
        classes: class names by label.
        class_to_idx: {class name: label}.
    """

    def __init__(self, images: ImageSet) -> None:
        self.pixels = torch.from_numpy(np.asarray(images.images)).permute(0, 3, 1, 2).contiguous()
        self.targets: list[int] = images.labels.tolist()
        self.classes = list(images.classes)
        self.class_to_idx = {name: label for label, name in enumerate(images.classes)}

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.pixels[index], self.targets[index]
