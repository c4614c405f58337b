"""A data set for tests, and the bytes of its items."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

__all__ = ["Pairs", "as_bytes", "tensors"]


class Pairs(Dataset[Any]):
    """Images and labels, with what `attributes` says about them."""

    def __init__(self, images: list[Any], given: list[Any], **attributes: Any) -> None:
        self.images, self.given = images, given
        self.__dict__.update(attributes)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Any:
        return self.images[index], self.given[index]


def tensors(n: int, dtype: torch.dtype = torch.float32, channels: int = 3) -> list[torch.Tensor]:
    levels = np.random.default_rng(5).integers(60, 200, (n, channels, 8, 8), np.uint8)
    images = torch.from_numpy(levels)
    return list(images if dtype == torch.uint8 else (images / 255).to(dtype))


def as_bytes(item: Any) -> bytes:
    image, label = item
    content = image.tobytes() if isinstance(image, Image.Image) else image.numpy().tobytes()
    return content + str(int(label)).encode()
