"""A program for tests: what one of several processes of a training sees, case by case.

`python -m helpers.rank_cases FOLDER` runs all cases and leaves `rank-N.pt` in the folder.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from helpers.short_runs import SHORT
from helpers.small_images import bars

from ganaug.errors import GanaugError
from ganaug.images import ImageSet
from ganaug.launch import place
from ganaug.training import fit
from ganaug.training.batches import Batches, Pixels
from ganaug.training.config import FitConfig, make_config
from ganaug.training.ranks import SILENCE, joined
from ganaug.training.state import build_state
from ganaug.training.step import train_step

__all__ = ["CONFIGS", "IMAGES", "steps"]

Found = dict[str, torch.Tensor]

IMAGES = bars((20, 12, 5))
CPU = torch.device("cpu")
# Batches of 8 and 7, with penalties and without, pairs and single images.
CONFIGS: dict[str, FitConfig] = {
    "pairs": make_config("base", batch_size=8, width=8, size=IMAGES.size, penalty_every=2),
    "odd": make_config("base", batch_size=7, width=8, size=IMAGES.size, loss="hinge"),
    "class": make_config("tiny", kind="class", batch_size=8, width=8, size=IMAGES.size),
}


def steps(config: FitConfig, count: int = 2) -> list[Found]:
    """Return gradients and metrics of each of some steps, as this process has them after it."""
    found = []
    with joined(CPU, config.batch_size) as (ranks, _):
        state, batches = build_state(config, IMAGES, 0, CPU), Batches(IMAGES, config, 0)
        pixels = Pixels(IMAGES, CPU)
        for at in range(count):
            batch = batches.batch(at, pixels, rows=ranks.rows(config.batch_size))
            values = dict(train_step(state, batch, config, at, ranks))
            for part in ("generator", "discriminator"):
                for name, weight in getattr(state, part).named_parameters():
                    if weight.grad is not None:
                        values[f"{part}.{name}"] = weight.grad.clone()
            found.append(values)
    return found


def _error(act: Callable[[], object]) -> tuple[str, str]:
    try:
        act()
    except (GanaugError, KeyboardInterrupt) as error:
        return type(error).__name__, str(error)
    return "none", ""


def _interrupt(step: int, total: int, row: dict[str, Any]) -> None:
    if step == 4:
        os.kill(os.getpid(), signal.SIGINT)


def _busy() -> str:
    """Return what rank 0 says after more than the time that it may be silent."""
    os.environ[SILENCE.variable] = "1"
    with joined(CPU, 2) as (ranks, _):
        del os.environ[SILENCE.variable]
        return ranks.first(lambda: "late" if threading.Event().wait(1.5) else "done")


def main(folder: Path) -> None:
    rank = place().rank
    found: dict[str, Any] = {name: steps(config) for name, config in CONFIGS.items()}
    found["part"] = _error(partial(fit, IMAGES, folder / "part", progress=_interrupt, **SHORT))
    fit(IMAGES, folder / "begun", **SHORT)  # another process began it
    other: ImageSet = bars((20, 12, 6)) if rank else IMAGES
    found["other"] = _error(partial(fit, other, folder / "other", **SHORT))
    grouped = replace(IMAGES, groups=np.arange(len(IMAGES)) // (2 + rank))
    found["groups"] = _error(partial(fit, grouped, folder / "other", all_images=True, **SHORT))
    (folder / "file").touch()
    found["file"] = _error(partial(fit, IMAGES, folder / "file", **SHORT))
    diverging = SHORT | {"r1": 1e40}
    found["diverged"] = _error(partial(fit, IMAGES, folder / "diverged", **diverging))
    found["busy"] = _busy()
    few = SHORT | {"batch_size": 1}
    found["few"] = _error(partial(fit, IMAGES, folder / "few", **few))
    torch.save(found, folder / f"rank-{rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
