"""Comparisons of seconds: a linear classifier, few steps, in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from ganaug import evaluate_gain
from ganaug.evaluation.gain import GainReport
from ganaug.images import ImageSet

FREE = ["plain", "balanced+affine"]


def linear(channels: int, classes: int, size: tuple[int, int]) -> torch.nn.Module:
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(channels * size[0] * size[1], classes)
    )


def run(artifact: Path | None, images: ImageSet, **arguments: Any) -> GainReport:
    """Compare with few steps of a linear classifier, in this process."""
    few = {"seeds": 2, "arms": FREE, "steps": 12, "jobs": 1, "classifier": linear}
    return evaluate_gain(artifact, train=images, **{**few, **arguments})


def files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*.npz")}
