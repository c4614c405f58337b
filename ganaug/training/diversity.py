"""Diversity over a run, and signs of a broken generator: a row of diversity.jsonl a checkpoint.

Every number is a function of the weights and of images, latents and pairs that stay the same, so
that a resumed run writes the rows, and sees the alarms, of an uninterrupted one.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganaug.images import ImageSet
from ganaug.metrics.record import quick_record
from ganaug.metrics.signs import signs
from ganaug.randomness import stream
from ganaug.training import losses
from ganaug.training.config import FitConfig
from ganaug.training.rows import add_row, keep_rows
from ganaug.training.samples import generate, normal, to_tensor, to_uint8
from ganaug.training.state import State

__all__ = ["DiversityWatch"]

CLASSES, PER_CLASS = 10, 100  # at most so many real images are followed
HUGE = 1e38  # stands for a verdict that is not finite
WATCHED, EACH = 64, 8  # generated images in which signs are looked for: in all, of a class at least


class DiversityWatch:
    """Follows diversity numbers and signs of failure over a run.

    The same real images and latents each time: of the ten largest classes up to 100 images, one
    half of which are varied (or counted) and the other half compared with. For the signs a few
    images of each of these classes are made twice, with other latents; the discriminator judges
    them beside real ones.

    Attributes:
        rows: of diversity.jsonl, up to the last one written.
    """

    def __init__(self, run: Path, images: ImageSet, config: FitConfig, step: int) -> None:
        self.path, self.config = run / "diversity.jsonl", config
        self.rows = keep_rows(self.path, step)
        largest = np.argsort(-images.counts, kind="stable")[:CLASSES]
        rng = stream(0, "diversity over time")
        sources, compared = [], []
        for label in largest:
            rows = rng.permutation(np.flatnonzero(images.labels == label))[:PER_CLASS]
            sources.append(rows[: len(rows) // 2])
            compared.append(rows[len(rows) // 2 :])
        chosen = np.concatenate(compared)
        self.real, self.labels = images.images[chosen], images.labels[chosen]
        rows = np.concatenate(sources)
        self.sources, self.made_labels = images.images[rows], images.labels[rows]
        self.latent = normal(rng, (len(rows), config.latent_dim))
        everything = [np.concatenate(both) for both in zip(sources, compared, strict=True)]
        self.watched = _Watched(images, config, [rows for rows in everything if len(rows)])

    def record(self, step: int, state: State) -> list[dict[str, Any]]:
        """Write the numbers of the averaged weights, those to be exported; return all rows."""
        found: dict[str, float] = {}
        if len(self.sources):
            given = self.sources, self.made_labels, self.latent, self.config.batch_size
            made = to_uint8(generate(state.average, *given))
            found = quick_record(self.real, self.labels, made, self.made_labels)
        found |= self.watched.signs(state)
        row = {"step": step} | {
            name: round(value, 5) for name, value in found.items() if math.isfinite(value)
        }
        add_row(self.path, row)
        self.rows.append(row)
        return self.rows


class _Watched:
    """A few pairs of each class, and two latents for each."""

    def __init__(
        self, images: ImageSet, config: FitConfig, classes: list[NDArray[np.int64]]
    ) -> None:
        self.config = config
        rows = np.concatenate(classes)
        self.real, self.real_labels = images.images[rows], images.labels[rows]
        each = max(EACH, WATCHED // len(classes))
        sources = np.concatenate([np.resize(rows, each) for rows in classes])
        partners = np.concatenate([np.resize(np.roll(rows, 1), each) for rows in classes])
        self.sources, self.partners = images.images[sources], images.images[partners]
        self.labels = images.labels[sources]
        rng = stream(0, "signs of failure")
        shape = (len(sources), config.latent_dim)
        self.latents = normal(rng, shape), normal(rng, shape)

    @torch.no_grad()
    def signs(self, state: State) -> dict[str, float]:
        """Return what tells a broken generator or discriminator."""
        made = [
            generate(state.average, self.sources, self.labels, latent, self.config.batch_size)
            for latent in self.latents
        ]
        found = signs(
            self.real, self.real_labels, to_uint8(made[0]), to_uint8(made[1]), self.labels
        )
        device = made[0].device
        real = self._logits(state, to_tensor(self.partners, device))
        fake = self._logits(state, made[0])
        both = torch.cat([real, fake]).double()
        above = real[:, None] - fake[None]
        told_apart = (above > 0).double().mean() + (above == 0).double().mean() / 2
        return found | {
            "told_apart": float(told_apart),
            "judged": float(losses.discriminator_loss(self.config.loss, real, fake)),
            "reaction": float(both.std()),
            "largest_logit": float(
                both.nan_to_num(nan=HUGE, posinf=HUGE, neginf=-HUGE).abs().max()
            ),
        }

    def _logits(self, state: State, candidates: Tensor) -> Tensor:
        """What the discriminator says of `candidates` beside their sources, in full precision."""
        device, parts = candidates.device, []
        for start in range(0, len(candidates), self.config.batch_size):
            part = slice(start, start + self.config.batch_size)
            shown = candidates[part]
            if self.config.kind == "variation":
                shown = torch.cat([to_tensor(self.sources[part], device), shown], 1)
            labels = torch.from_numpy(self.labels[part]).to(device)
            parts.append(state.discriminator(shown, labels)[0].float())
        return torch.cat(parts)
