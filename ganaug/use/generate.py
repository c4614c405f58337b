"""One call of a generator of either kind, shared by the transform and the data sets."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from ganaug.artifact.runtime import Generator
from ganaug.errors import DataError
from ganaug.use._pixels import TOLERANCE
from ganaug.use._positions import recoloured

__all__ = ["finished", "generate", "open_generator", "vary", "wanted_outputs"]

_IMAGE = ("variation",)


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
    if generator.info.kind == "variation":
        return vary(generator, pixels, latents, _IMAGE, singly=singly)["variation"]
    _check_channels(generator, pixels)
    if labels is None:
        raise DataError(f"{generator.path}: makes images by class; allowed: a label for each image")
    made = generator.generate(labels, latents, singly=singly)
    if made.shape[2:] != pixels.shape[2:]:
        size = [int(side) for side in pixels.shape[2:]]
        resized = F.interpolate(torch.from_numpy(made), size, mode="bilinear", antialias=True)
        made = resized.clamp_(0.0, 1.0).numpy()
    wanted = pixels.shape[1]
    return np.repeat(made, wanted, axis=1) if wanted != made.shape[1] else made


def wanted_outputs(*, content: bool, positions: bool) -> tuple[str, ...]:
    """Return the outputs of a variation generator that `finished` needs, and no others.

    Args:
        content: as of `GANAugment`.
        positions: whether the positions are wanted as well.
    """
    if not content:
        return ("positions", "factor", "offset")
    return ("variation", "positions") if positions else _IMAGE


def vary(
    generator: Generator,
    pixels: NDArray[np.float32],
    latents: NDArray[np.float32],
    names: Sequence[str],
    *,
    singly: bool = False,
    rounded: float = TOLERANCE,
) -> dict[str, NDArray[np.float32]]:
    """Return the named outputs of a variation generator, as `Generator.outputs` does.

    Args:
        pixels: float32 [N, C, H, W] in 0..1. Of a grey generator RGB is allowed, too, where the
            channels differ by no more than rounding.
        singly: as there.
        rounded: how far apart rounding alone may bring two channels.

    Raises:
        DataError: the channels of the images do not fit those of the generator.
    """
    _check_channels(generator, pixels)
    grey = generator.info.channels == 1 and pixels.shape[1] == 3
    if not grey or float(np.ptp(pixels, axis=1).max()) > rounded:
        return generator.outputs(pixels, latents, names, singly=singly)
    # Grey by intent: undoing a normalisation left a trace of colour.
    made = generator.outputs(pixels[:, :1], latents, names, singly=singly)
    return {n: v if n == "positions" else np.repeat(v, 3, axis=1) for n, v in made.items()}


def finished(images: torch.Tensor, parts: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the variation of `images` from the outputs that `wanted_outputs` named."""
    if "variation" in parts:
        return parts["variation"]
    return recoloured(images, parts["positions"], parts["factor"], parts["offset"])


def _check_channels(generator: Generator, pixels: NDArray[np.float32]) -> None:
    if generator.info.channels == 3 and pixels.shape[1] == 1:
        raise DataError(
            f"a grey image (1 channel); {generator.path} makes RGB; allowed: 3 channels; convert"
            " the images with v2.RGB(), or fit on the grey images"
        )
