"""What a run writes while it trains: metrics, diversity, sample grids, and calls to `progress`."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Module

from ganaug.errors import GanaugError
from ganaug.files import append_text, write_text
from ganaug.images import ImageSet
from ganaug.images.grid import picture_grid, save_png
from ganaug.metrics.record import quick_record
from ganaug.randomness import stream
from ganaug.records import read_rows
from ganaug.training.config import FitConfig
from ganaug.training.networks import VariationGenerator
from ganaug.training.state import State

__all__ = ["DiversityWatch", "FitProgress", "Watch", "sample_grid"]

FitProgress = Callable[[int, int, dict[str, Any]], None]
CLASSES, PER_CLASS = 10, 100  # at most so many real images are followed


class Watch:
    """Keeps metrics.jsonl consistent with the step of the checkpoint that a run resumes from."""

    def __init__(
        self, run: Path, config: FitConfig, step: int, progress: FitProgress | None
    ) -> None:
        self.path = run / "metrics.jsonl"
        self.config, self.progress = config, progress
        self.sums: dict[str, list[Tensor]] = {}
        kept = _rows_until(self.path, step)
        self.seconds_before = kept[-1].get("seconds") or 0.0 if kept else 0.0
        self.begin = self.last = time.perf_counter()
        self.last_step = step

    def record(self, step: int, metrics: dict[str, Tensor]) -> None:
        """Collect one step's metrics; write their means every `log_every` steps."""
        for name, value in metrics.items():
            self.sums.setdefault(name, []).append(value)
        if step % self.config.log_every and step != self.config.steps:
            return
        means = {name: torch.stack(values).mean().item() for name, values in self.sums.items()}
        self.sums.clear()
        wrong = [name for name, value in means.items() if not math.isfinite(value)]
        if wrong:
            raise GanaugError(
                f"training diverged before step {step} ({wrong[0]} is not finite); lower"
                " learning_rate or raise r1 and r2, in another output folder"
            )
        now = time.perf_counter()
        rate = (step - self.last_step) * self.config.batch_size / (now - self.last)
        self.last, self.last_step = now, step
        row = {"step": step, "seconds": round(self.seconds_before + now - self.begin, 2)}
        row |= {"images_per_second": round(rate, 1)}
        row |= {name: round(value, 5) for name, value in means.items()}
        append_text(self.path, json.dumps(row) + "\n")
        if self.progress:
            self.progress(step, self.config.steps, row)


class DiversityWatch:
    """Follows diversity numbers over a run, in diversity.jsonl: a row a checkpoint.

    The same real images and latents each time: of the ten largest classes up to 100 images, one
    half of which are varied (or counted) and the other half compared with.
    """

    def __init__(self, run: Path, images: ImageSet, config: FitConfig, step: int) -> None:
        self.path = run / "diversity.jsonl"
        _rows_until(self.path, step)
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
        shape = (len(rows), config.latent_dim)
        self.latent = torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))
        self.batch = config.batch_size

    @torch.no_grad()
    def record(self, step: int, average: Module) -> None:
        """Write the numbers of `average`, the weights to be exported; none for too few images."""
        device = next(average.parameters()).device
        parts = []
        for start in range(0, len(self.sources), self.batch):
            part = slice(start, start + self.batch)
            if isinstance(average, VariationGenerator):
                given = to_tensor(self.sources[part], device)
            else:
                given = torch.from_numpy(self.made_labels[part]).to(device)
            parts.append(to_uint8(average(given, self.latent[part].to(device))))
        if not parts:
            return
        found = quick_record(self.real, self.labels, np.concatenate(parts), self.made_labels)
        if found:
            row = {"step": step} | {name: round(value, 5) for name, value in found.items()}
            append_text(self.path, json.dumps(row) + "\n")


def _rows_until(path: Path, step: int) -> list[dict[str, Any]]:
    """Return the rows of a file up to `step`, and leave it with these."""
    if not path.exists():
        return []
    rows = read_rows(path)
    kept = [row for row in rows if row["step"] <= step]
    write_text(path, "".join(json.dumps(row) + "\n" for row in kept))
    return kept


@torch.no_grad()
def sample_grid(state: State, images: ImageSet, config: FitConfig, path: Path) -> None:
    """Write a picture: a row a class (at most 12), the source and its variations, or samples.

    A generator of one class gives a 5x5 picture of 25 samples.
    """
    device = next(state.average.parameters()).device
    rng = stream(0, "sample grid")
    counts = np.flatnonzero(images.counts)
    shown = counts[np.linspace(0, len(counts) - 1, min(12, len(counts))).astype(int)]
    rows: list[NDArray[np.uint8]] = []
    for label in shown:
        if isinstance(state.average, VariationGenerator):
            source = images.images[np.flatnonzero(images.labels == label)[:1]]
            latent = _normal(rng, (8, config.latent_dim), device)
            made = state.average(to_tensor(source, device).expand(8, -1, -1, -1), latent)
            rows.append(np.concatenate([source, to_uint8(made)]))
        else:
            count = 25 if len(shown) == 1 else 9
            latent = _normal(rng, (count, config.latent_dim), device)
            made = state.average(torch.full((count,), int(label), device=device), latent)
            rows.extend(np.split(to_uint8(made), 5) if len(shown) == 1 else [to_uint8(made)])
    save_png(path, picture_grid(rows))


def _normal(rng: np.random.Generator, shape: tuple[int, int], device: torch.device) -> Tensor:
    return torch.from_numpy(rng.standard_normal(shape, dtype=np.float32)).to(device)


def to_tensor(images: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Return uint8 [N, H, W, C] as float32 [N, C, H, W] in 0..1 on `device`."""
    tensor = torch.from_numpy(np.ascontiguousarray(images)).to(device)
    return tensor.permute(0, 3, 1, 2).float() / 255


def to_uint8(images: Tensor) -> NDArray[np.uint8]:
    """Return float [N, C, H, W] as uint8 [N, H, W, C], clamped to 0..1 and rounded."""
    scaled = (images.float().clamp(0, 1) * 255).round().to(torch.uint8)
    return np.asarray(scaled.permute(0, 2, 3, 1).cpu().numpy())
