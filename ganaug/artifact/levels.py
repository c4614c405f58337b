"""Run a generator on pixels as they are stored: levels 0..255 in, levels 0..255 out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganaug.artifact.runtime import Generator

__all__ = ["generate_levels", "vary_levels"]

BLOCK = 256  # images of one call: memory stays bounded


def vary_levels(
    generator: Generator,
    images: NDArray[np.uint8],
    latents: NDArray[np.float32],
    *,
    block: int = BLOCK,
) -> NDArray[np.uint8]:
    """Return a variation of each image.

    Args:
        generator: a variation generator.
        images: uint8 [N, H, W, C] in 0..255, N of 1 or more.
        latents: float32 [N, Z], scaled.
        block: images run at a time. Where `info.batch_exact` is False, a result can depend on it.

    Returns:
        uint8 [N, H, W, C], rounded to the nearest level.

    Raises:
        ConfigError, DataError, ArtifactError: as `Generator.vary`.
    """
    made = []
    for start in range(0, len(images), block):
        levels = images[start : start + block].transpose(0, 3, 1, 2)
        pixels = np.ascontiguousarray(levels, np.float32) / np.float32(255)
        made.append(_levels(generator.vary(pixels, latents[start : start + block])))
    return np.concatenate(made)


def generate_levels(
    generator: Generator,
    labels: NDArray[np.int64],
    latents: NDArray[np.float32],
    *,
    block: int = BLOCK,
) -> NDArray[np.uint8]:
    """Return an image of each label's class.

    Args:
        generator: a class generator.
        labels: int64 [N], indices of `info.classes`, N of 1 or more.
        latents: float32 [N, Z], scaled.
        block: as in `vary_levels`.

    Returns:
        uint8 [N, H, W, C], rounded to the nearest level.

    Raises:
        ConfigError, DataError, ArtifactError: as `Generator.generate`.
    """
    return np.concatenate(
        [
            _levels(
                generator.generate(labels[start : start + block], latents[start : start + block])
            )
            for start in range(0, len(labels), block)
        ]
    )


def _levels(images: NDArray[np.float32]) -> NDArray[np.uint8]:
    """uint8 [N, H, W, C] of float32 [N, C, H, W] in 0..1, which the run time has checked."""
    return np.rint(images.transpose(0, 2, 3, 1) * np.float32(255)).astype(np.uint8)
