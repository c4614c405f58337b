"""Sample grids of a run, and generated images as arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Module

from ganaug.images import ImageSet
from ganaug.images.grid import picture_grid, save_png
from ganaug.randomness import stream
from ganaug.training.config import FitConfig
from ganaug.training.networks import VariationGenerator
from ganaug.training.state import State

__all__ = ["generate", "normal", "sample_grid", "to_tensor", "to_uint8"]


@torch.no_grad()
def sample_grid(state: State, images: ImageSet, config: FitConfig, path: Path) -> None:
    """Write a picture: a named row a class (at most 12), the source and its variations, or samples.

    A generator of one class gives a 5x5 picture of 25 samples.
    """
    device = state.device
    rng = stream(0, "sample grid")
    counts = np.flatnonzero(images.counts)
    shown = counts[np.linspace(0, len(counts) - 1, min(12, len(counts))).astype(int)]
    rows: list[NDArray[np.uint8]] = []
    for label in shown:
        if isinstance(state.average, VariationGenerator):
            source = images.images[np.flatnonzero(images.labels == label)[:1]]
            latent = normal(rng, (8, config.latent_dim)).to(device)
            made = state.average(to_tensor(source, device).expand(8, -1, -1, -1), latent)
            rows.append(np.concatenate([source, to_uint8(made)]))
        else:
            count = 25 if len(shown) == 1 else 9
            latent = normal(rng, (count, config.latent_dim)).to(device)
            made = state.average(torch.full((count,), int(label), device=device), latent)
            rows.extend(np.split(to_uint8(made), 5) if len(shown) == 1 else [to_uint8(made)])
    names = [images.classes[label] for label in shown] if len(rows) == len(shown) else ()
    save_png(path, picture_grid(rows, names=names))


@torch.no_grad()
def generate(
    generator: Module,
    sources: NDArray[np.uint8],
    labels: NDArray[np.int64],
    latent: Tensor,
    batch: int,
) -> Tensor:
    """Return float32 [N, C, H, W]: a variation of each source, or an image of each label.

    Args:
        generator: of either kind; on its own device.
        sources: uint8 [N, H, W, C]; a class generator only counts them.
        labels: int64 [N].
        latent: float32 [N, Z].
        batch: images at a time.
    """
    device = next(generator.parameters()).device
    parts = []
    for start in range(0, len(latent), batch):
        part = slice(start, start + batch)
        if isinstance(generator, VariationGenerator):
            given = to_tensor(sources[part], device)
        else:
            given = torch.from_numpy(labels[part]).to(device)
        parts.append(generator(given, latent[part].to(device)))
    return torch.cat(parts)


def normal(rng: np.random.Generator, shape: tuple[int, int]) -> Tensor:
    """Return float32 `shape` from N(0, 1)."""
    return torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))


def to_tensor(images: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Return uint8 [N, H, W, C] as float32 [N, C, H, W] in 0..1 on `device`."""
    tensor = torch.from_numpy(np.ascontiguousarray(images)).to(device)
    return tensor.permute(0, 3, 1, 2).float() / 255


def to_uint8(images: Tensor) -> NDArray[np.uint8]:
    """Return float [N, C, H, W] as uint8 [N, H, W, C], clamped to 0..1 and rounded."""
    scaled = (images.float().clamp(0, 1) * 255).round().to(torch.uint8)
    return np.asarray(scaled.permute(0, 2, 3, 1).cpu().numpy())
