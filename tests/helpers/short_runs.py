"""Short trainings: options of `fit` for a few steps on the CPU, and what such a run holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from ganaug.training import checkpoint

SHORT: dict[str, Any] = {
    "preset": "tiny",
    "steps": 6,
    "width": 8,
    "batch_size": 8,
    "checkpoint_every": 3,
    "sample_every": 3,
    "log_every": 2,
    "device": "cpu",
    "precision": "fp32",
}


def weights(run: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of the last checkpoint."""
    record = checkpoint.read(run)
    assert record is not None
    return record.tensors
