"""The batch of a step: images, latents and augmentation, drawn from counters by (seed, step).

A resumed run so continues exactly, and a data-parallel run can give each process its rows of the
same batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganaug.images import ImageSet
from ganaug.randomness import stream
from ganaug.training import augment, shared_affine
from ganaug.training.config import FitConfig
from ganaug.training.pairs import PairSampler

__all__ = ["Batch", "Batches"]


@dataclass(frozen=True)
class Batch:
    """What one step sees; N rows.

    Attributes:
        real: float32 [N, C, H, W] in 0..1: images of the class (a source's partner).
        source: float32 [N, C, H, W] in 0..1 for the variation kind, else None.
        stranger: float32 [N, C, H, W] in 0..1: images of other classes than their sources, where
            the discriminator learns to match classes, else None.
        labels: int64 [N].
        latent: float32 [N, Z].
        draws: augmentation of the discriminator's and of the generator's half of the step.
    """

    real: Tensor
    source: Tensor | None
    stranger: Tensor | None
    labels: Tensor
    latent: Tensor
    draws: tuple[augment.Draws, augment.Draws]


class Batches:
    """Draws the batch of step i from counters, and gathers its images."""

    def __init__(self, images: ImageSet, config: FitConfig, seed: int) -> None:
        self.images, self.config, self.seed = images, config, seed
        self.labels = torch.from_numpy(images.labels)
        self.pairs: PairSampler | None = None
        self.notes: tuple[str, ...] = ()
        if config.kind == "variation":
            self.pairs = PairSampler(
                images.labels, images.groups, images.classes, config.class_power
            )
            self.notes = self.pairs.notes
        else:
            weights = np.maximum(images.counts, 1) ** (config.class_power - 1.0)
            self.weights = weights[images.labels] / weights[images.labels].sum()

    def batch(self, step: int, pixels: Tensor, rollbacks: int = 0) -> Batch:
        """Return the batch of `step`, on the device of `pixels`: uint8 [N, C, H, W], all images.

        After each of `rollbacks` the same step has another batch.
        """
        config, rng = self.config, stream(self.seed, "batch", epoch=rollbacks, index=step)
        count = config.batch_size
        source = stranger = None
        if self.pairs is not None:
            sources, rows = self.pairs.draw(count, rng)
            source = _gather(pixels, sources)
            if config.class_match > 0:
                strangers = self.pairs.strangers(self.images.labels[rows], rng)
                stranger = _gather(pixels, strangers)
        else:
            rows = rng.choice(len(self.weights), count, p=self.weights)
        latent = rng.standard_normal((count, config.latent_dim), dtype=np.float32)
        device = pixels.device
        real = _gather(pixels, rows)
        maps = shared_affine.draw(config.shared_affine, count, self.images.size, rng)
        if maps is not None:
            maps = maps.to(device)
            real = shared_affine.move(real, maps)
            source = None if source is None else shared_affine.move(source, maps)
            stranger = None if stranger is None else shared_affine.move(stranger, maps)
        draws = [
            augment.draw(config.augment, count, self.images.size, rng).to(device) for _ in range(2)
        ]
        return Batch(
            real=real,
            source=source,
            stranger=stranger,
            labels=self.labels[torch.from_numpy(rows)].to(device),
            latent=torch.from_numpy(latent).to(device),
            draws=(draws[0], draws[1]),
        )


def _gather(pixels: Tensor, rows: NDArray[np.int64]) -> Tensor:
    chosen = pixels[torch.from_numpy(rows).to(pixels.device)].float() / 255
    return chosen.contiguous(memory_format=torch.channels_last)
