"""What a training would cost here: measured in a few real steps, without a run folder."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch

from ganaug.devices import choose_device, usual_settings
from ganaug.files import scratch_folder
from ganaug.images import ImageSet
from ganaug.randomness import checked_seed
from ganaug.training import checkpoint
from ganaug.training.batches import Batches, Pixels
from ganaug.training.config import FitConfig, make_config
from ganaug.training.diversity import DiversityWatch
from ganaug.training.fit import prepared
from ganaug.training.memory import enough_memory, precision_of
from ganaug.training.samples import sample_grid
from ganaug.training.state import build_state
from ganaug.training.step import train_step

__all__ = ["Estimate", "estimate_fit"]

TIMED = 5  # steps of each kind


@dataclass(frozen=True)
class Estimate:
    """What a training would cost on this machine.

    Attributes:
        config: of the run, with its size.
        images: that are trained on.
        parameters: of the generator and of the discriminator.
        precision: "fp32" or "bf16".
        step_seconds: of a step, the mean over those with penalties and those without.
        seconds: of the whole training, with its checkpoints and sample grids.
        memory_mb: the most that this process, or the GPU, has held; None where it cannot be told.
    """

    config: FitConfig
    images: int
    parameters: dict[str, int]
    precision: str
    step_seconds: float
    seconds: float
    memory_mb: float | None


@usual_settings()
def estimate_fit(
    source: ImageSet | Any,
    *,
    preset: str = "base",
    seed: int = 0,
    device: str | torch.device = "auto",
    all_images: bool = False,
    **options: Any,
) -> Estimate:
    """Return what `fit` with these arguments would cost, from about a dozen real steps.

    Raises:
        DataError, ConfigError, RunError, DeviceError: as `fit`.
    """
    seed, chosen = checked_seed(seed), choose_device(device)
    images, config = prepared(source, make_config(preset, **options), all_images=all_images)
    batches, state = Batches(images, config, seed), build_state(config, images, seed, chosen)
    state.precision = precision_of(state, config, images)
    pixels = Pixels(images, chosen)

    def timed(call: Callable[[], object], times: int = 1) -> float:
        taken = []
        for _ in range(1 + times):  # one to warm up
            begin = time.perf_counter()
            call()
            if chosen.type == "cuda":
                torch.cuda.synchronize(chosen)
            taken.append(time.perf_counter() - begin)
        return median(taken[1:])

    def step(at: int) -> float:
        return timed(lambda: train_step(state, batches.batch(at, pixels), config, at), TIMED)

    with enough_memory(state, batches, pixels, 1):
        found = step(0), step(1)  # with penalties and without; where each step has them, both with
    penalised = math.ceil(config.steps / config.penalty_every)
    steps = penalised * found[0] + (config.steps - penalised) * found[1]
    with scratch_folder() as folder:
        run = Path(folder)
        watch = DiversityWatch(run, images, config, 0)
        grid = timed(lambda: sample_grid(state, images, config, run / "grid.png"))
        saved = timed(lambda: watch.record(0, state)) + timed(
            lambda: checkpoint.save(run, state, 0)
        )
    seconds = steps + math.ceil(config.steps / config.sample_every) * grid
    seconds += math.ceil(config.steps / config.checkpoint_every) * saved
    return Estimate(
        config=config,
        images=len(images),
        parameters={
            name: sum(weight.numel() for weight in getattr(state, name).parameters())
            for name in ("generator", "discriminator")
        },
        precision=state.precision_name,
        step_seconds=steps / config.steps,
        seconds=seconds,
        memory_mb=_memory(chosen),
    )


def _memory(device: torch.device) -> float | None:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    try:
        import resource
    except ImportError:  # Windows
        return None
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest / 1e6 if sys.platform == "darwin" else largest / 1e3
