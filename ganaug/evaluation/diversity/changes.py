"""What a generator changes in an image, and how much of it at which strength of the latent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import grid_sample

from ganaug.artifact.levels import BLOCK
from ganaug.artifact.runtime import Generator
from ganaug.evaluation.diversity.generated import generate, spread_evenly
from ganaug.images import ImageSet
from ganaug.randomness import stream

__all__ = ["SHOWN", "ClassChange", "Strength", "class_changes", "strengths"]

VARIATIONS = 32  # of a class, of as many of its images as there are
SCALES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)  # 1 is what was trained
SHOWN = 8  # images at each strength
NEEDED = {"variation", "positions", "factor", "offset"}  # files of schema 1 have the first alone


@dataclass(frozen=True, eq=False)
class ClassChange:
    """What the variations of a class change, pixel by pixel: means over images and latents.

    Attributes:
        name: of the class.
        image: uint8 [H, W, C], one of them.
        moved: float32 [H, W], how far the pixel was read from its place, in pixels.
        light: float32 [H, W] in 0..1, what the factor and the offset change, mean of the channels.
        detail: float32 [H, W] in 0..1, what blur and residual change, mean of the channels.
    """

    name: str
    image: NDArray[np.uint8]
    moved: NDArray[np.float32]
    light: NDArray[np.float32]
    detail: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Strength:
    """One image, or one latent of a class generator, at each strength.

    Attributes:
        name: of its class.
        scales: factors on one latent of N(0, 1).
        images: uint8 [scales, H, W, C].
    """

    name: str
    scales: tuple[float, ...]
    images: NDArray[np.uint8]


def class_changes(
    generator: Generator, images: ImageSet, labels: Sequence[int]
) -> list[ClassChange]:
    """Return what the generator changes in images of each of `labels`.

    Args:
        generator: a class generator, and a file of schema 1, which does not tell, give none.
        images: real images of its classes.
        labels: classes that have images.

    Raises:
        ArtifactError: the graph fails.
    """
    info = generator.info
    if not set(info.outputs) >= NEEDED:
        return []
    scale = np.float32(info.scale)
    found = []
    for label in labels:
        own = np.flatnonzero(images.labels == label)
        rows = np.resize(own[spread_evenly(len(own), VARIATIONS)], VARIATIONS)
        normal = stream(0, "report/changes", index=label).standard_normal(
            (VARIATIONS, info.latent_dim), dtype=np.float32
        )
        maps = _changes(generator, images.images[rows], normal * scale)
        found.append(ClassChange(images.classes[label], images.images[rows[0]], *maps))
    return found


def strengths(generator: Generator, images: ImageSet, labels: Sequence[int]) -> list[Strength]:
    """Return `SHOWN` images, of `labels` in turn, at each of `SCALES` and at the policy's scale.

    Args:
        generator: of either kind.
        images: real images of its classes.
        labels: classes that have images.

    Raises:
        ArtifactError: the graph fails.
    """
    scales = sorted({*SCALES, generator.info.scale})
    factors = np.array(scales, np.float32)[:, None]
    found = []
    for at in range(SHOWN):
        label = labels[at % len(labels)]
        own = np.flatnonzero(images.labels == label)
        rows = np.full(len(scales), own[at // len(labels) % len(own)])
        normal = stream(0, "report/strength", index=at).standard_normal(
            (1, generator.info.latent_dim), dtype=np.float32
        )
        made = generate(generator, images, rows, label, normal * factors, scale=1.0)
        found.append(Strength(images.classes[label], tuple(scales), made))
    return found


def _changes(
    generator: Generator, levels: NDArray[np.uint8], latents: NDArray[np.float32]
) -> list[NDArray[np.float32]]:
    """float32 [H, W] each: moved, light, detail."""
    totals = [np.zeros(levels.shape[1:3], np.float64) for _ in range(3)]
    height, width = levels.shape[1:3]
    per_call = max(1, BLOCK * 32**2 // (height * width))  # memory stays bounded
    for start in range(0, len(levels), per_call):
        part = slice(start, start + per_call)
        pixels = np.ascontiguousarray(levels[part].transpose(0, 3, 1, 2), np.float32)
        pixels /= np.float32(255)
        made = generator.outputs(pixels, latents[part], sorted(NEEDED))
        positions = made["positions"]
        read = grid_sample(
            torch.from_numpy(pixels),
            torch.from_numpy(positions),
            padding_mode="reflection",
            align_corners=False,
        ).numpy()
        lit = np.clip(read * made["factor"] + made["offset"] / 2, 0, 1)
        x, y = ((2 * np.arange(side) + 1) / side - 1 for side in (width, height))
        across, down = positions[..., 0] - x, positions[..., 1] - y[:, None]
        totals[0] += np.hypot(across * width / 2, down * height / 2).sum(0)
        totals[1] += np.abs(lit - read).mean(1).sum(0)
        totals[2] += np.abs(made["variation"] - lit).mean(1).sum(0)
    return [(total / len(levels)).astype(np.float32) for total in totals]
