"""One random affine map for all images of a pair: classes that the data set does not have.

Both images of a pair, turned and sheared alike, are still a pair of one class, of a shape that was
not there before. From those a generator learns what images of any class share, and the
discriminator can learn less by heart.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

__all__ = ["draw", "move"]

TURN = 0.4  # radians, to either side
STRETCH = 0.2  # of each side, as the logarithm of its factor
SHEAR = 0.3


def draw(
    share: float, count: int, size: tuple[int, int], stream: np.random.Generator
) -> Tensor | None:
    """Return affine maps, float32 [count, 2, 3], as `affine_grid` takes them; None without any.

    A fraction `share` of them is drawn at random, in pixels; the others leave an image as it is.
    """
    if share == 0:
        return None
    moved = stream.random(count) < share
    turn = np.where(moved, stream.uniform(-TURN, TURN, count), 0.0)
    across, down = np.where(moved, np.exp(stream.uniform(-STRETCH, STRETCH, (2, count))), 1.0)
    shear = np.where(moved, stream.uniform(-SHEAR, SHEAR, count), 0.0)
    cosine, sine = np.cos(turn), np.sin(turn)
    height, width = size  # positions of a grid count in halves of each side, so that sides differ
    maps = np.zeros((count, 2, 3), np.float32)
    maps[:, 0, 0] = cosine * across
    maps[:, 0, 1] = (cosine * shear - sine) * down * height / width
    maps[:, 1, 0] = sine * across * width / height
    maps[:, 1, 1] = (sine * shear + cosine) * down
    return torch.from_numpy(maps)


def move(images: Tensor, maps: Tensor) -> Tensor:
    """Return `images` (float [N, C, H, W]) moved by `maps`, row by row; borders are mirrored."""
    grid = affine_grid(maps, list(images.shape), align_corners=False)
    moved = grid_sample(
        images, grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )
    return moved.contiguous(memory_format=torch.channels_last)
