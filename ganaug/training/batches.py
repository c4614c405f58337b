"""The batch of a step: images, latents and augmentation, drawn from counters by (seed, step).

A resumed run so continues exactly, and each process of a data-parallel run takes its rows of the
same batch.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganaug.devices import sent
from ganaug.images import ImageSet
from ganaug.randomness import stream
from ganaug.training import augment, shared_affine
from ganaug.training.config import FitConfig
from ganaug.training.pairs import PairSampler

__all__ = ["Batch", "Batches", "Pixels"]

log = logging.getLogger("ganaug")

EVERY = slice(None)


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

    def batch(self, step: int, pixels: Pixels, rollbacks: int = 0, rows: slice = EVERY) -> Batch:
        """Return the batch of `step`, on the device of `pixels`, which hold all images.

        After each of `rollbacks` the same step has another batch. Of several processes each asks
        for its `rows` of it.
        """
        config, rng = self.config, stream(self.seed, "batch", epoch=rollbacks, index=step)
        count = config.batch_size
        sources = strangers = None
        if self.pairs is not None:
            sources, reals = self.pairs.draw(count, rng)
            if config.class_match > 0:
                strangers = self.pairs.strangers(self.images.labels[reals], rng)
        else:
            reals = rng.choice(len(self.weights), count, p=self.weights)
        latent = rng.standard_normal((count, config.latent_dim), dtype=np.float32)
        maps = shared_affine.draw(config.shared_affine, count, self.images.size, rng)
        draws = [augment.draw(config.augment, count, self.images.size, rng) for _ in range(2)]
        # All of it is drawn, whatever the number of processes, and then this one's part is taken.
        device = pixels.device
        maps = None if maps is None else sent(maps[rows], device)

        def gathered(chosen: NDArray[np.int64]) -> Tensor:
            images = pixels.rows(chosen[rows]).float() / 255
            images = images.contiguous(memory_format=torch.channels_last)
            return images if maps is None else shared_affine.move(images, maps)

        return Batch(
            real=gathered(reals),
            source=None if sources is None else gathered(sources),
            stranger=None if strangers is None else gathered(strangers),
            labels=sent(self.labels[torch.from_numpy(reals[rows])], device),
            latent=sent(torch.from_numpy(latent[rows]), device),
            draws=(draws[0].take(rows).to(device), draws[1].take(rows).to(device)),
        )


class Pixels:
    """All training images, uint8 [N, C, H, W] by row: on a GPU, where they fit there.

    On a CPU they stay as they are stored, and a batch alone is put into torch's order.
    """

    def __init__(self, images: ImageSet, device: torch.device) -> None:
        self.images, self.device = images.images, device
        self.there: Tensor | None = None
        if device.type != "cpu" and isinstance(self.images, np.ndarray):
            try:
                self.there = self._as_tensor(self.images)
            except torch.OutOfMemoryError:
                log.info("the images do not fit on %s; each batch is sent there", device)

    def rows(self, rows: NDArray[np.int64]) -> Tensor:
        """Return these, uint8 [n, C, H, W], on the device."""
        if self.there is not None:
            return self.there[sent(torch.from_numpy(rows), self.device)]
        return self._as_tensor(self.images[rows])

    def _as_tensor(self, images: NDArray[np.uint8]) -> Tensor:
        # Down to the strides of grey images, by which torch chooses kernels.
        ordered = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        return torch.from_numpy(ordered).to(self.device)
