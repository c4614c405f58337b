"""Small image sets for tests: bars at an angle that is the class, under random light and place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from ganaug.images import ImageSet


def bars(
    counts: Sequence[int] = (24, 12, 6),
    size: tuple[int, int] = (12, 12),
    channels: int = 1,
    *,
    groups: bool = False,
    seed: int = 0,
) -> ImageSet:
    """Return an image set with `counts` images of a bar at angle pi * label / classes."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    y, x = np.mgrid[-1 : 1 : size[0] * 1j, -1 : 1 : size[1] * 1j]
    images = np.empty((len(labels), *size, channels), np.uint8)
    for i, label in enumerate(labels):
        angle = np.pi * label / len(counts) + rng.normal(0, 0.1)
        offset = rng.uniform(-0.3, 0.3)
        away = np.abs(np.cos(angle) * x + np.sin(angle) * y + offset)
        light = rng.uniform(0.5, 1, channels)
        image = np.exp(-((away / 0.25) ** 2))[..., None] * light
        images[i] = np.clip(255 * image + rng.normal(0, 3, image.shape), 0, 255)
    return ImageSet(
        images,
        labels,
        tuple(f"bar {label}" for label in range(len(counts))),
        groups=np.arange(len(labels)) // 2 if groups else None,
    )


def still_scenes(frames: int) -> ImageSet:
    """Frames of four scenes in which nothing moves but the noise of the camera; a class each."""
    rng = np.random.default_rng(0)
    scenes = rng.integers(8, 248, (4, 8, 8)).repeat(4, 1).repeat(4, 2)
    images = scenes.repeat(frames, 0) + rng.integers(-1, 2, (4 * frames, 32, 32))
    labels = np.arange(4).repeat(frames)
    return ImageSet(images.astype(np.uint8)[..., None], labels, ("a", "b", "c", "d"))


def clean(side: int = 32) -> ImageSet:
    """Bars under random light, on a background of random blobs, so that no two are alike."""
    images = bars((60, 50, 44), (side, side), 3, seed=5)
    rng = np.random.default_rng(6)
    blobs = rng.integers(0, 160, (len(images), 5, 5, 3), dtype=np.uint8)
    mixed = np.empty_like(images.images)
    for at, (image, blob) in enumerate(zip(images.images, blobs, strict=True)):
        background = np.asarray(Image.fromarray(blob).resize((side, side)), np.float32)
        mixed[at] = np.clip(0.5 * image + 0.6 * background, 0, 255)
    order = rng.permutation(len(images))
    return ImageSet(mixed[order], images.labels[order], ("ash", "birch", "cedar"))
