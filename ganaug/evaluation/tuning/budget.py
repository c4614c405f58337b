"""What `tune` may cost: about three times what training the generator costs.

What a step costs is not timed but estimated from the work in it, so that the lengths, and with them
the policy, do not depend on how busy the machine is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganaug.evaluation.classifiers.interface import Schedule
from ganaug.evaluation.trainings import Job, run_job
from ganaug.evaluation.trainings.workers import torch_threads
from ganaug.evaluation.tuning.candidates import AUGMENTED_ARMS
from ganaug.evaluation.tuning.rarity import REPETITIONS
from ganaug.files import scratch_folder
from ganaug.images import ImageSet
from ganaug.launch import alone
from ganaug.wording import counted
from ganaug.work import Work

__all__ = [
    "FACTOR",
    "Budget",
    "Costs",
    "count_trainings",
    "cut_short",
    "estimate",
    "plan_budget",
    "ways_to_balance",
]

FACTOR = 3.0  # of the cost of the generator's training
# What is aimed at before candidates are given up, and what is never gone below: of the generator's
# full training, and passes of a classifier over the images. A classifier that is cut short makes
# every augmentation look bad, the stronger the worse.
AIM_FIT, LEAST_FIT = 0.4, 0.2
AIM_PASSES, LEAST_PASSES = 80, 15
FEWEST_STEPS = 150

COUNTED_STEPS = 8  # of a classifier: random augmentations differ in their work
MOST_COUNTED = 16  # of a generator: the steps from one penalty to the next, up to so many


@dataclass(frozen=True)
class _Rates:
    """Seconds of one process for an operation of torch, for a GFLOP, and for each GB written.

    `classifiers` is a factor on what classifiers cost, and on what generating images for them does.
    """

    operation: float
    gflop: float
    gigabyte: float
    classifiers: float


# Fitted to steps that were timed on one core with AVX512-BF16: generators of all conv presets and
# both kinds at 8 to 64 pixels, ResNets of 80,000 and 11 million weights. How well they are met:
# `python -m benchmarks.tuning`, docs/performance.md.
CPU = _Rates(operation=7.2e-6, gflop=4.1e-3, gigabyte=0.132, classifiers=1.0)
# Of 6 runs on an H100, all at 64 pixels (results/tune-two-free-arms-again.json). There images
# are augmented on a core, and varied, too, unless onnxruntime runs on the GPU.
CUDA = _Rates(operation=17e-6, gflop=1e-4, gigabyte=2e-3, classifiers=1.7)
# To make half of a batch of 64, as a share of a step of the generator's training on a batch of 32;
# a class generator does so in a data set, image by image.
GENERATING = {"variation": 0.05, "class": 0.15}


@dataclass(frozen=True)
class Costs:
    """Estimated seconds of one step; what counts are their ratios.

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
        factor: estimated cost over that of the full training; None where steps were given.
    """

    fit_steps: int
    classifier_steps: int
    candidates: int
    factor: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self)

    def seconds(self, costs: Costs, kind: str) -> float:
        """Return what all trainings take together, of generators of `kind` and of classifiers."""
        lengths = (self.fit_steps, self.classifier_steps, self.candidates)
        return _seconds_of_all(costs, kind, *lengths)


def estimate(
    images: ImageSet,
    config: Mapping[str, Any],
    free: Sequence[Job],
    *,
    device: str,
    threads: int = 1,
) -> Costs:
    """Estimate what steps cost on `device`, from the work in a few of them, done on the CPU.

    Args:
        images: that generators are trained on.
        config: of the generator.
        free: jobs of the free arms; their images may be larger.
        device: "cpu", or "cuda" with or without a number.
        threads: of torch meanwhile; the estimate is the same with any number.
    """
    rates = CPU if device == "cpu" else CUDA
    with torch_threads(threads):
        fit_work = _work_of_fit(images, config)
        works = [_work_of(job) for job in free]
    free_step = sum(_seconds(rates, work) for work in works) / len(works) * rates.classifiers
    share = GENERATING[config["kind"]] * 32 / config["batch_size"]
    height, width = free[0].train.size
    share *= height * width / (images.size[0] * images.size[1])  # what is varied may be larger
    generating = share * _seconds(CPU, fit_work) * rates.classifiers
    return Costs(_seconds(rates, fit_work), free_step, free_step + generating)


def _seconds(rates: _Rates, work: NDArray[np.float64]) -> float:
    per_unit = [rates.operation, rates.gflop / 1e9, rates.gigabyte / 1e9]
    return float(work @ per_unit)


def _work_of_fit(images: ImageSet, config: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return operations, FLOPs and bytes of a step of the generator's training."""
    from ganaug.training import fit  # here: heavy, and needed only where no steps were given

    window = min(config["penalty_every"], MOST_COUNTED)
    shorter = {"log_every": window} | dict.fromkeys(
        ("steps", "sample_every", "checkpoint_every"), 3 * window
    )
    with alone(), scratch_folder() as folder, Work() as work:
        seen = []
        fit(
            images,
            Path(folder, "run"),
            all_images=True,
            device="cpu",
            progress=lambda step, steps, row: seen.append(_so_far(work)),
            **{**config, **shorter, "precision": "fp32"},
        )
    return (seen[1] - seen[0]) / window  # the last steps, which save, are left out


def _work_of(job: Job) -> NDArray[np.float64]:
    """Return operations, FLOPs and bytes of a step of a classifier."""
    job = replace(
        job,
        test=job.train.take([0]),
        schedule=replace(job.schedule, steps=COUNTED_STEPS),
        device="cpu",
    )
    seen: list[NDArray[np.float64]] = []
    with Work() as work:
        run_job(job, lambda: seen.append(_so_far(work)))
    return (seen[-1] - seen[0]) / (len(seen) - 1)


def _so_far(work: Work) -> NDArray[np.float64]:
    return np.array([work.operations, work.flops, work.written], dtype=np.float64)


def ways_to_balance(kind: str) -> int:
    """Return with how many ways to balance a policy is judged.

    A class generator fills classes up itself, so that logit adjustment is not one of them.
    """
    return 2 if kind == "variation" else 1


def count_trainings(kind: str, candidates: int) -> tuple[int, int]:
    """Return how many classifiers are trained without and with a generator of `kind`.

    Augmentations are compared once; the best of them is then used in each way to balance.
    """
    free_arms = REPETITIONS * ways_to_balance(kind)
    return len(AUGMENTED_ARMS) - 1 + free_arms, free_arms * candidates


def _seconds_of_all(
    costs: Costs, kind: str, fit_steps: float, steps: float, candidates: int
) -> float:
    free, varied = count_trainings(kind, candidates)
    classifiers = free * costs.free_step + varied * costs.varied_step
    return REPETITIONS * fit_steps * costs.fit_step + steps * classifiers


def plan_budget(
    costs: Costs, kind: str, full_fit: int, usual: Schedule, images: int, candidates: int
) -> Budget:
    """Return the longest trainings that cost three times the full fit, or less where they can.

    Candidates are given up, the last first, where the trainings would become too short otherwise.
    What is left beyond the aims makes classifiers longer first, towards those that the policy is
    for, whose `usual` schedule is given. `images` are those of a repetition.
    """
    full = usual.steps
    passes = images / usual.batch

    def enough(number: int) -> int:
        return min(full, max(FEWEST_STEPS, round(number * passes)))

    limit = FACTOR * full_fit * costs.fit_step
    cost = partial(_seconds_of_all, costs, kind)
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


def cut_short(budget: Budget, full_fit: int, usual: Schedule, images: int) -> str:
    """Say that trainings are shorter than `plan_budget` ever makes them; "" where they are not."""
    least = max(FEWEST_STEPS, round(LEAST_PASSES * images / usual.batch))
    few = budget.classifier_steps < min(usual.steps, least)
    if not few and budget.fit_steps >= int(LEAST_FIT * full_fit):
        return ""
    return (
        f"after only {counted(budget.classifier_steps, 'step')} of each classifier and"
        f" {budget.fit_steps} of each generator"
    )


def _within(steps: float, least: float, most: int) -> int:
    return max(1, min(most, int(max(steps, least))))
