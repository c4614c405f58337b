"""What the watch costs: the share of a training's time that goes into looking for failures."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch

from ganaug.errors import RunError
from ganaug.images import ImageSet
from ganaug.training import checkpoint
from ganaug.training.batches import Batches, Pixels
from ganaug.training.diversity import DiversityWatch
from ganaug.training.finite import FiniteCheck
from ganaug.training.run_folder import read_run
from ganaug.training.state import build_state
from ganaug.training.step import train_step

__all__ = ["share_of_training"]

REPEATS = 5


def share_of_training(run: Path, images: ImageSet) -> float:
    """Return the share of a finished run's steps, 0..1: rows of diversity, looks at each step.

    The numbers of diversity.jsonl that a run has without the watch count, too. Steps and looks are
    timed here, one after the other, so that other work on the machine meets both.
    """
    config, saved = read_run(run).config, checkpoint.read(run)
    if saved is None:
        raise RunError(f"{run}: has no checkpoint; train it to its end")
    state = build_state(config, images, 0, torch.device("cpu"))
    checkpoint.load(state, saved, run)
    batches, check = Batches(images, config, 0), FiniteCheck(state)
    pixels = Pixels(images, torch.device("cpu"))
    metrics = train_step(state, batches.batch(0, pixels), config, 0)
    every = config.penalty_every

    def steps() -> None:
        for at in range(4 * every):
            train_step(state, batches.batch(at, pixels), config, at)

    with TemporaryDirectory() as folder:
        watch = DiversityWatch(Path(folder), images, config, 0)
        of_step = _seconds(steps) / (4 * every)
        of_row = _seconds(lambda: watch.record(config.steps, state))
        of_look = _seconds(lambda: check.step(1, metrics, due=False))
        of_all = _seconds(lambda: check.everything(metrics))
    rows = len((run / "diversity.jsonl").read_text(encoding="utf-8").splitlines())
    looked = rows * (of_row + of_all) + config.steps * of_look
    return round(looked / (looked + config.steps * of_step), 4)


def _seconds(call: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return median(times)
