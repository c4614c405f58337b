"""`variation_rows`: photographs beside their variations, for a look at what a file does."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ganaug.artifact.levels import BLOCK, vary_levels
from ganaug.artifact.policy import MOST_SCALE
from ganaug.artifact.runtime import Generator
from ganaug.errors import ConfigError
from ganaug.images.pictures import on_white, read_picture
from ganaug.randomness import stream

__all__ = ["MOST_SIDE", "variation_rows"]

MOST_COLUMNS = 100  # all variations of a row are made at once
MOST_SIDE = 65_535  # no image format of ours has more


def variation_rows(
    generator: Generator,
    paths: Sequence[str | os.PathLike[str]],
    *,
    columns: int = 8,
    scales: Sequence[float] = (),
    seed: int = 0,
    side: int = 160,
) -> list[NDArray[np.uint8]]:
    """Return a row for each image and scale: the image, then its variations.

    Args:
        generator: of the variation kind.
        paths: image files.
        columns: variations in a row.
        scales: factors on the latents; a column has the same latents at each of them. None given:
            that of the policy, or 1.
        seed: of the latents.
        side: larger images are made smaller, to so many pixels at the longer side.

    Returns:
        uint8 [1 + columns, H, W, C] each; H and W are the largest, smaller images lie on white.

    Raises:
        ConfigError: a generator of the class kind, or an argument out of range.
        DataError: a file cannot be read.
        ArtifactError: the graph fails.
    """
    info = generator.info
    if info.kind != "variation":
        raise ConfigError(
            f"{generator.path.name}: makes images of a class from noise and varies none; allowed: a"
            " generator of the variation kind; look at its images in the report of: ganaug evaluate"
        )
    for name, value, least in (("columns", columns, 1), ("seed", seed, 0), ("side", side, 8)):
        most = {"columns": MOST_COLUMNS, "side": MOST_SIDE}.get(name, value)
        if not least <= value <= most:
            allowed = f"{least} or more" if value < least else f"{least} to {most:,}"
            raise ConfigError(f"{name}: {value}; allowed: {allowed}; choose another")
    chosen = tuple(scales) or (info.scale,)
    for scale in chosen:
        if not 0 <= scale <= MOST_SCALE:
            raise ConfigError(
                f"scale: {scale:g}; allowed: 0 to {MOST_SCALE:,}; 1 is what was trained"
            )
    pictures = [read_picture(path, info.channels, side) for path in paths]
    cell = (max(image.shape[0] for image in pictures), max(image.shape[1] for image in pictures))
    rows = []
    for at, image in enumerate(pictures):
        given = np.repeat(image[None], columns, axis=0)
        normal = stream(seed, "vary", index=at).standard_normal(
            (columns, info.latent_dim), dtype=np.float32
        )
        for scale in chosen:
            latents = normal * np.float32(scale)
            made = vary_levels(generator, given, latents, block=BLOCK if info.batch_exact else 1)
            rows.append(on_white(np.concatenate([image[None], made]), cell))
    return rows
