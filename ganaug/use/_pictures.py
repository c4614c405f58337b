"""Images of any type that a source yields, as PIL images and as pixels of the training size."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from ganaug.images import to_pillow
from ganaug.use._pixels import read_pixels

__all__ = ["picture_of", "small_pixels"]


def picture_of(image: Any) -> Image.Image:
    """Return an image of any type that a source yields as a PIL image of 8 bits."""
    if isinstance(image, Image.Image):
        return image
    tensor: Tensor = image.float() if image.dtype == torch.bfloat16 else image  # unknown to numpy
    if tensor.is_floating_point():
        tensor = (tensor * 255).round().clamp(0, 255)
    pixels: NDArray[np.uint8] = tensor.cpu().numpy().astype(np.uint8).transpose(1, 2, 0)
    return to_pillow(pixels)


def small_pixels(image: Any, size: tuple[int, int], channels: int) -> NDArray[np.uint8]:
    """Return uint8 [height, width, channels] of an image, resized as the generator sees it."""
    pixels = torch.from_numpy(read_pixels(image))
    if pixels.shape[2:] != size:
        pixels = interpolate(pixels, size, mode="bilinear", antialias=True).clamp(0, 1)
    scaled = (pixels[0] * 255).round().to(torch.uint8).numpy().transpose(1, 2, 0)
    found: NDArray[np.uint8] = (
        np.repeat(scaled, channels, 2) if channels > scaled.shape[2] else (scaled[..., :channels])
    )
    return found
