"""Timed steps of a training, in a process with all that the processor can do or held to AVX2."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ganaug import fit
from ganaug.images import ImageSet

__all__ = ["EVERY", "KINDS", "WARM_UP", "in_a_process", "time_fit"]

ROOT = Path(__file__).resolve().parent.parent
HELD = {  # read by oneDNN, by torch and by MKL when they are loaded
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}
KINDS: dict[str, dict[str, str]] = {"as it is": {}, "held to AVX2": HELD}
WARM_UP, EVERY = 8, 8  # steps


def in_a_process(module: str, options: Sequence[object], kind: str = "as it is") -> dict[str, Any]:
    """Run `module OPTIONS` in a process of its own; return the JSON that it prints.

    Args:
        module: of benchmarks/.
        options: of its command line.
        kind: one of `KINDS`.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, options)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in HELD} | KINDS[kind],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def time_fit(
    images: ImageSet,
    run: Path,
    steps: int,
    settings: Mapping[str, Any] | None = None,
    device: str | torch.device = "cpu",
) -> tuple[float, str]:
    """Train a generator for a while; return seconds of a step, and the precision it chose.

    Some steps to warm up and the last ones, which save, are left out; `settings` are those of `fit`
    but for the lengths.
    """
    stamps: list[float] = []
    total = WARM_UP + steps + EVERY
    lengths = {"steps": total, "sample_every": total, "checkpoint_every": total}
    fit(
        images,
        run,
        device=device,
        all_images=True,
        progress=lambda step, of, row: stamps.append(time.perf_counter()),
        **{**(settings or {}), **lengths, "log_every": EVERY},
    )
    precision = json.loads((run / "config.json").read_text(encoding="utf-8"))["precision"]
    return (stamps[-2] - stamps[0]) / (EVERY * (len(stamps) - 2)), precision
