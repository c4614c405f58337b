"""One call of a generator of either kind, shared by the transform and the data sets."""

from __future__ import annotations

import os

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from ganaug.artifact.runtime import Generator
from ganaug.errors import DataError
from ganaug.use._pixels import TOLERANCE

__all__ = ["generate", "open_generator"]


def open_generator(artifact: str | os.PathLike[str] | Generator) -> Generator:
    """Return the generator of a path, or the one that was given.

    A path is run on the CPU: data sets and transforms live in worker processes, where a CUDA
    context for each worker costs more than it gives. Pass Generator(path, providers=...) for
    another provider.
    """
    return artifact if isinstance(artifact, Generator) else Generator(artifact, providers="cpu")


def generate(
    generator: Generator,
    pixels: NDArray[np.float32],
    latents: NDArray[np.float32],
    labels: NDArray[np.int64] | None,
    *,
    singly: bool = False,
) -> NDArray[np.float32]:
    """Return variations of `pixels`, or for a class generator images in their place.

    Args:
        pixels: float32 [N, C, H, W] in 0..1.
        latents: float32 [N, Z], scaled.
        labels: int64 [N], labels of the artifact; needed for a class generator.
        singly: run one image at a time, so that no result depends on the batch.

    Returns:
        float32 [N, C, H, W] in 0..1. What a class generator makes is resized to H x W (bilinear,
        antialiased); a grey one serves RGB images with three equal channels.

    Raises:
        DataError: the channels of the images do not fit those of the generator.
    """
    channels, wanted = generator.info.channels, pixels.shape[1]
    if channels == 3 and wanted == 1:
        raise DataError(
            f"a grey image (1 channel); {generator.path} makes RGB; allowed: 3 channels; convert"
            " the images with v2.RGB(), or fit on the grey images"
        )
    if generator.info.kind == "variation":
        if channels == 1 and wanted == 3 and float(np.ptp(pixels, axis=1).max()) <= TOLERANCE:
            # Grey by intent: undoing a normalisation left a trace of colour.
            return np.repeat(generator.vary(pixels[:, :1], latents, singly=singly), 3, axis=1)
        return generator.vary(pixels, latents, singly=singly)
    if labels is None:
        raise DataError(f"{generator.path}: makes images by class; allowed: a label for each image")
    made = generator.generate(labels, latents, singly=singly)
    if made.shape[2:] != pixels.shape[2:]:
        size = [int(side) for side in pixels.shape[2:]]
        resized = F.interpolate(torch.from_numpy(made), size, mode="bilinear", antialias=True)
        made = resized.clamp_(0.0, 1.0).numpy()
    return np.repeat(made, wanted, axis=1) if wanted != made.shape[1] else made
