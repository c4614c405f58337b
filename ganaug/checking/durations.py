"""How long `fit`, `tune` and `evaluate` take on this machine: a few real steps of each, timed."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ganaug.checking.report import Times
from ganaug.devices import choose_device
from ganaug.evaluation.arms import make_plan, parse_arm
from ganaug.evaluation.classifiers.network import Network
from ganaug.evaluation.diversity.evaluate import in_classifier_steps
from ganaug.evaluation.gain.intervals import QUICK_SEEDS
from ganaug.evaluation.splits import Split, inner_splits
from ganaug.evaluation.trainings import Job, run_job
from ganaug.evaluation.trainings.workers import torch_threads, worker_count
from ganaug.evaluation.tuning.budget import GENERATING, Costs, plan_budget
from ganaug.evaluation.tuning.candidates import AUGMENTED_ARMS, candidates
from ganaug.evaluation.tuning.rarity import simulate
from ganaug.images import ImageSet, resized
from ganaug.randomness import stream
from ganaug.training import make_config
from ganaug.training.dry_run import Estimate, estimate_fit

__all__ = ["load_of_a_core", "measure"]

SHOWN = 256  # images, of which the timed steps take their batches
LARGEST_SIDE = 64  # larger images are timed at this size: a step's work goes with the pixels
CLASSIFIER_STEPS = 6  # of which the first is not counted


class _EnoughError(Exception):
    """Ends a training whose first steps were timed."""


def measure(
    images: ImageSet,
    size: tuple[int, int],
    *,
    preset: str = "base",
    options: Mapping[str, Any] | None = None,
    seeds: int = 6,
    classifier_steps: int | None = None,
    device: str = "auto",
) -> Times:
    """Time some steps and estimate the rest.

    Args:
        images: all of them, in small, with the part that is judged on as test part.
        size: (height, width) of the training.
        preset, options: of `fit`; fields of its config that differ from the preset's.
        seeds: of the comparison.
        classifier_steps: of each classifier; None = as usual.
        device: where is trained.

    Raises:
        ConfigError, DeviceError: the preset or the device does not exist.
    """
    options = dict(options or {})
    config = make_config(preset, **options)
    chosen = str(choose_device(device))
    jobs = worker_count(None, chosen)
    timed = min(1.0, LARGEST_SIDE / max(size))
    small = (max(8, round(size[0] * timed)), max(8, round(size[1] * timed)))
    larger = size[0] * size[1] / (small[0] * small[1])
    shown = replace(_some(images), test=None)
    here = _fit(resized(shown, small), preset, options, chosen)
    whole, fit_step = larger * here.seconds, larger * here.step_seconds
    if not config.conditional or (images.counts > 0).sum() < 2:  # no classes to tell apart
        return Times(whole, None, None, chosen, jobs)
    with torch_threads(1) as threads:  # as in a worker process
        timed_step, worked = _step_of_classifier(resized(shown, small), chosen)
        free_step = larger * timed_step
        if threads > 1 and chosen == "cpu":
            fit_step = larger * _fit(resized(shown, small), preset, options, chosen).step_seconds
    share = GENERATING[config.kind] * 32 / config.batch_size
    costs = Costs(fit_step, free_step, free_step + share * fit_step)
    schedule = Network().schedule(len(images), size, steps=classifier_steps, quick=False)
    judged = images.test
    looks = Looks()
    if judged is not None and (judged.counts > 0).sum() >= 2:
        inner = len(inner_splits(Split(replace(images, test=None), judged)))
        short = Network().schedule(len(images), size, steps=None, quick=True).steps
        steps = {quick: in_classifier_steps(images, jobs, quick=quick) for quick in (False, True)}
        later = {quick: costs.free_step / jobs * each for quick, each in steps.items()}
        quick_steps = (classifier_steps or short, short)
        looks = _looks(costs, config.kind, inner, (seeds, schedule.steps), quick_steps, jobs, later)
    simulation = simulate(replace(images, test=None), 0)
    tuned = None
    if simulation.method != "none":
        tried = len(candidates(images.counts, config.kind))
        drawn = len(simulation.repetitions[0].train)
        budget = plan_budget(costs, config.kind, config.steps, schedule, drawn, tried)
        if classifier_steps is not None:
            budget = replace(budget, classifier_steps=classifier_steps)
        tuned = budget.seconds(costs, config.kind) / jobs
    return Times(
        whole,
        tuned,
        looks.evaluate,
        chosen,
        jobs,
        share=worked if chosen == "cpu" else None,
        quick=looks.quick,
        two_arms=looks.two_arms,
        arms=looks.arms,
    )


class Looks(NamedTuple):
    """Seconds of `evaluate`, of its quick look, and of one at two `arms` alone."""

    evaluate: float | None = None
    quick: float | None = None
    two_arms: float | None = None
    arms: tuple[str, ...] = ()


def _looks(
    costs: Costs,
    kind: str,
    inner: int,
    usual: tuple[int, int],
    quick_steps: tuple[int, int],
    jobs: int,
    later: Mapping[bool, float],
) -> Looks:
    """Estimate three comparisons; `inner` trainings of each free arm choose the one to beat.

    `usual` are the seeds of the first one, and the steps of its classifiers; `quick_steps` are
    those of the two others; `later` are the seconds of the diversity record after it, and of that
    of a quick look. A quick look that takes as long as the first one is none.
    """
    plan = make_plan(None, "auto", kind)
    below = plan.free[-1]

    def seconds(seeds: int, steps: int, free: int, inner: int) -> float:
        trainings = (seeds + inner) * free * costs.free_step + seeds * costs.varied_step
        return steps * trainings / jobs

    whole = later[False] + seconds(*usual, len(plan.free), inner)
    quick = later[True] + seconds(QUICK_SEEDS, quick_steps[0], len(plan.free), inner)
    two = later[True] + seconds(QUICK_SEEDS, quick_steps[1], 1, 0)
    return Looks(
        whole,
        quick if quick < whole else None,
        two if two < whole else None,
        (below.name, below.on_top(kind).name),
    )


def load_of_a_core() -> float | None:
    """Return how many processes were at work on each core in the last minute; None if not known."""
    try:
        return os.getloadavg()[0] / worker_count(None)
    except (AttributeError, OSError):  # Windows
        return None


def _some(images: ImageSet) -> ImageSet:
    """A draw of the images, of every class while it lasts."""
    order = stream(0, "check/timed").permutation(len(images))
    _, first = np.unique(images.labels[order], return_index=True)
    rest = np.setdiff1d(np.arange(len(order)), first)
    return images.take(order[np.concatenate([first, rest])[: max(SHOWN, 2 * len(first))]])


def _fit(images: ImageSet, preset: str, options: Mapping[str, Any], device: str) -> Estimate:
    given = {name: value for name, value in options.items() if name != "size"}
    return estimate_fit(images, preset=preset, device=device, all_images=True, **given)


def _step_of_classifier(images: ImageSet, device: str) -> tuple[float, float]:
    """Seconds of a step of a classifier with free augmentation; and of a core, the share it got."""
    starts: list[tuple[float, float]] = []

    def note() -> None:
        starts.append((time.perf_counter(), time.process_time()))
        if len(starts) > CLASSIFIER_STEPS:
            raise _EnoughError

    schedule = Network().schedule(len(images), images.size, steps=None, quick=False)
    job = Job(0, parse_arm(AUGMENTED_ARMS[-1]), images, images.take([0]), schedule, device=device)
    with suppress(_EnoughError):
        run_job(job, note)
    took, worked = np.subtract(starts[-1], starts[1]).tolist()
    return took / (CLASSIFIER_STEPS - 1), worked / took
