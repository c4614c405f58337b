"""What `tune` may cost: at most three times what training the generator costs.

Both are counted in seconds of one process on this machine, from a few steps of each that are timed
first; what is planned is written down, so that a resumed run keeps to it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from ganaug.evaluation.classifiers import Schedule, default_steps
from ganaug.evaluation.runs import Job, run_job
from ganaug.images import ImageSet

__all__ = ["Budget", "Costs", "measure", "plan", "trainings"]

FACTOR = 3.0
TIMED_FIT_STEPS, FIT_WARM_UP = 24, 8
TIMED_STEPS, WARM_UP = 14, 4
# What is aimed at before candidates are given up, and what is never gone below: of the generator's
# full training, and passes of a classifier over the images. A classifier that is cut short makes
# every augmentation look bad, the stronger the worse.
AIM_FIT, LEAST_FIT = 0.4, 0.2
AIM_PASSES, LEAST_PASSES = 80, 15
FEWEST_STEPS = 150


@dataclass(frozen=True)
class Costs:
    """Seconds of one step.

    Attributes:
        fit_step: of the generator's training.
        free_step: of a classifier with free augmentation, the mean over the free arms.
        varied_step: of a classifier with the generator.
    """

    fit_step: float
    free_step: float
    varied_step: float


@dataclass(frozen=True)
class Budget:
    """How long everything is.

    Attributes:
        fit_steps: of each of the three refits.
        classifier_steps: of each classifier.
        candidates: policies that are tried.
        factor: planned cost over that of the full training; None where steps were given.
    """

    fit_steps: int
    classifier_steps: int
    candidates: int
    factor: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)


def measure(
    images: ImageSet,
    config: Mapping[str, Any],
    varied: Job,
    free: tuple[Job, ...],
    *,
    device: str,
    threads: int,
) -> Costs:
    """Time a few steps of each kind of training in this process."""
    from ganaug.training import fit  # here: heavy, and only needed where nothing was planned yet

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        stamps: list[float] = []
        with TemporaryDirectory(prefix="ganaug-") as folder:
            fit(
                images,
                Path(folder, "run"),
                all_images=True,
                device=device,
                progress=lambda step, steps, row: stamps.append(time.perf_counter()),
                **{**config, "steps": TIMED_FIT_STEPS, "log_every": FIT_WARM_UP},
            )
        fit_step = (stamps[-1] - stamps[0]) / (TIMED_FIT_STEPS - FIT_WARM_UP)
        times = [_timed(job) for job in free]
        return Costs(fit_step, sum(times) / len(times), _timed(varied))
    finally:
        torch.set_num_threads(before)


def _timed(job: Job) -> float:
    stamps: list[float] = []
    schedule = replace(job.schedule, steps=TIMED_STEPS)
    run_job(replace(job, schedule=schedule), lambda: stamps.append(time.perf_counter()))
    return (stamps[-1] - stamps[WARM_UP]) / (len(stamps) - 1 - WARM_UP)


def trainings(repetitions: int, augmentations: int, ways: int, candidates: int) -> tuple[int, int]:
    """Return how many classifiers are trained without and with a generator.

    Augmentations are compared once; the best of them is then used in each of the `ways` to balance.
    """
    return augmentations - 1 + repetitions * ways, repetitions * ways * candidates


def plan(
    costs: Costs,
    full_fit: int,
    images: ImageSet,
    repetitions: int,
    augmentations: int,
    ways: int,
    candidates: int,
) -> Budget:
    """Return the longest trainings that cost three times the full fit, or less where they can.

    Candidates are given up, the last first, where the trainings would become too short otherwise.
    What is left beyond the aims makes classifiers longer first, towards those that the policy is
    for. `images` are those of a repetition.
    """
    full = default_steps(images.size)
    passes = len(images) / Schedule(full).batch

    def enough(number: int) -> int:
        return min(full, max(FEWEST_STEPS, round(number * passes)))

    limit = FACTOR * full_fit * costs.fit_step

    def cost(fit_steps: float, steps: float, tried: int) -> float:
        free, varied = trainings(repetitions, augmentations, ways, tried)
        classifiers = free * costs.free_step + varied * costs.varied_step
        return repetitions * fit_steps * costs.fit_step + steps * classifiers

    aim = (AIM_FIT * full_fit, enough(AIM_PASSES))
    tried = candidates
    while tried > 1 and cost(*aim, tried) > limit:
        tried -= 1
    shorter = min(1.0, limit / cost(*aim, tried))
    fit_steps = _within(aim[0] * shorter, LEAST_FIT * full_fit, full_fit)
    left = limit - cost(fit_steps, 0, tried)
    steps = _within(left / cost(0, 1, tried), enough(LEAST_PASSES), full)
    # What classifiers of the usual length leave over goes to the generators.
    left = limit - cost(0, steps, tried)
    fit_steps = _within(left / cost(1, 0, tried), fit_steps, full_fit)
    factor = FACTOR * cost(fit_steps, steps, tried) / limit
    return Budget(fit_steps, steps, tried, round(factor, 2))


def _within(steps: float, least: float, most: int) -> int:
    return max(1, min(most, int(max(steps, least))))
