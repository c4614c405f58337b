"""Texture: how much detail an image has at each scale.

Blurred images, averages of images and checkerboards lie among the real images in pixels and in
most learned features, and even near their middle; their detail gives them away (Durall et al.,
"Watch your up-convolution", CVPR 2020).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["detail_by_scale"]

SCALES = 4
FLOOR = 1e-4  # added to an energy before the logarithm: about half a step of 256 grey levels


def detail_by_scale(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return float32 [N, up to 4]: the logarithm of the energy of each scale of detail.

    A scale is what an image loses when its 2x2 blocks are averaged (a Laplacian pyramid, Burt and
    Adelson 1983); the next scale is that of the averaged image.

    Args:
        images: uint8 [N, H, W, C], H and W of 2 or more (else one column of zeros).
    """
    level = images.astype(np.float32) / np.float32(255)
    energies: list[NDArray[np.float32]] = []
    while min(level.shape[1:3]) >= 2 and len(energies) < SCALES:
        n, height, width, channels = level.shape
        rows, columns = height // 2, width // 2
        even = level[:, : 2 * rows, : 2 * columns]
        blocks = even.reshape(n, rows, 2, columns, 2, channels)
        level = blocks.mean((2, 4))
        detail = blocks - level[:, :, None, :, None]
        energies.append(np.log(FLOOR + (detail**2).mean((1, 2, 3, 4, 5))))
    if not energies:
        return np.zeros((len(images), 1), np.float32)
    return np.stack(energies, axis=1).astype(np.float32)
