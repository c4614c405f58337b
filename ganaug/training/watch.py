"""What a run tells while it trains: rows of metrics.jsonl, and calls to `progress`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganaug.progress import FitProgress
from ganaug.training.config import FitConfig
from ganaug.training.rows import add_row, keep_rows

__all__ = ["Watch"]


class Watch:
    """Keeps metrics.jsonl consistent with the step of the checkpoint that a run resumes from."""

    def __init__(
        self,
        run: Path,
        config: FitConfig,
        step: int,
        progress: FitProgress | None,
        rollbacks: Sequence[dict[str, Any]],
        sums: dict[str, list[Tensor]],
    ) -> None:
        self.path = run / "metrics.jsonl"
        self.config, self.progress = config, progress
        self.sums = sums
        kept = keep_rows(self.path, step, rollbacks)
        self.seconds_before = kept[-1].get("seconds") or 0.0 if kept else 0.0
        self.begin = self.last = time.perf_counter()
        self.last_step = step
        self.untold: dict[str, Any] | None = None  # the last row

    @property
    def seconds(self) -> float:
        """How long the run has trained, over all its starts."""
        return round(self.seconds_before + time.perf_counter() - self.begin, 2)

    def is_due(self, step: int) -> bool:
        """Whether `record` writes a row after `step`."""
        return step % self.config.log_every == 0 or step == self.config.steps

    def record(self, step: int, metrics: dict[str, Tensor]) -> None:
        """Collect one step's metrics; write their means every `log_every` steps.

        `progress` hears of the last row from `end`, when all is written and no time is left.
        """
        for name, value in metrics.items():
            self.sums.setdefault(name, []).append(value)
        if not self.is_due(step):
            return
        means = {name: torch.stack(values).mean().item() for name, values in self.sums.items()}
        self.sums.clear()
        now = time.perf_counter()
        rate = (step - self.last_step) * self.config.batch_size / (now - self.last)
        self.last, self.last_step = now, step
        row = {"step": step, "seconds": self.seconds, "images_per_second": round(rate, 1)}
        row |= {name: round(value, 5) for name, value in means.items()}
        add_row(self.path, row)
        if step == self.config.steps:
            self.untold = row
        elif self.progress:
            self.progress(step, self.config.steps, row)

    def end(self) -> None:
        """Tell `progress` of the last row."""
        if self.progress and self.untold is not None:
            self.progress(self.config.steps, self.config.steps, self.untold)
