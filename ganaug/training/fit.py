"""`fit`: from an image set to a run folder that can be resumed and exported."""

from __future__ import annotations

import dataclasses
import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganaug.devices import choose_device
from ganaug.errors import RunError
from ganaug.files import locked, make_folder
from ganaug.images import ImageSet, load_images, require_classes
from ganaug.images.copies import copies_noted
from ganaug.randomness import checked_seed
from ganaug.training import checkpoint
from ganaug.training.batches import Batches
from ganaug.training.config import FitConfig, make_config
from ganaug.training.run_folder import check_run_folder, open_run
from ganaug.training.state import State, build_state
from ganaug.training.step import train_step
from ganaug.training.watch import DiversityWatch, FitProgress, Watch, sample_grid

__all__ = ["fit"]

log = logging.getLogger("ganaug")


def fit(
    source: ImageSet | Any,
    out: str | os.PathLike[str],
    *,
    preset: str = "base",
    seed: int = 0,
    device: str | torch.device = "auto",
    all_images: bool = False,
    progress: FitProgress | None = None,
    **options: Any,
) -> Path:
    """Train a generator and return its run folder; the same call resumes an interrupted run.

    Args:
        source: an `ImageSet`, or anything that `load_images` takes. Only its training part is
            used; without a test part, one fifth is held out for `evaluate`.
        out: the run folder; created where missing.
        preset: "tiny", "small", "base" or "classic".
        seed: of weights, batches, latents and augmentation.
        device: "auto", "cpu", "cuda" or "cuda:N"; or a `torch.device`.
        all_images: train on all images even where there is no test part; `evaluate` then needs
            other images.
        progress: called as `progress(step, steps, row)` whenever metrics are written.
        options: fields of `FitConfig` in place of the preset's.

    Raises:
        DataError: the images cannot be used.
        ConfigError: unknown preset or option, or a value that is not allowed.
        RunError: the folder holds another run, is in use or cannot be written.
        GanaugError: training diverged.
        KeyboardInterrupt: interrupted; the steps done so far are in a checkpoint.

    Example:
        >>> run = fit("digits", "runs/digits", preset="tiny", steps=100)  # doctest: +SKIP
    """
    config, seed = make_config(preset, **options), checked_seed(seed)
    chosen = choose_device(device)
    check_run_folder(out, source)
    images = source if isinstance(source, ImageSet) else load_images(source, size=config.size)
    known = len(images.notes) if source is images else 0  # of a set that the caller loaded
    if not all_images:
        images = images.hold_out()
    if images.test is not None:
        noted = (*images.notes, *copies_noted(images, images.test))
        images = dataclasses.replace(images, notes=noted)
    for note in images.notes[known:]:
        log.warning(note)
    if not config.conditional:
        images = images.merged()
    if config.kind == "variation":
        require_classes(images)
    config = dataclasses.replace(config, size=config.size or images.size)
    if images.size != config.size:
        raise RunError(
            f"size: the images are {images.size[0]}x{images.size[1]}, the config says"
            f" {config.size[0]}x{config.size[1]}; load them at that size"  # type: ignore[index]
        )
    batches = Batches(images, config, seed)
    run = make_folder(out)
    with locked(run):
        state = build_state(config, images, seed, chosen)
        step = open_run(run, state, config, images, seed)
        if step < config.steps:
            for note in batches.notes:
                log.warning(note)
            _train(run, state, config, batches, step, progress)
    return run


def _train(
    run: Path,
    state: State,
    config: FitConfig,
    batches: Batches,
    step: int,
    progress: FitProgress | None,
) -> None:
    device = next(state.generator.parameters()).device
    images = batches.images
    pixels = torch.from_numpy(np.ascontiguousarray(images.images.transpose(0, 3, 1, 2))).to(device)
    make_folder(run / "samples")
    watch = Watch(run, config, step, progress)
    diversity = DiversityWatch(run, images, config, step)
    with _interruptible() as interrupted:
        for i in range(step, config.steps):
            metrics = train_step(state, batches.batch(i, pixels), config, i)
            done = i + 1
            watch.record(done, metrics)
            last = done == config.steps
            if last or done % config.sample_every == 0:
                sample_grid(state, images, config, run / "samples" / f"step-{done:06d}.png")
            due = last or done % config.checkpoint_every == 0
            if due:  # at an interruption not: a run without one would not have it
                diversity.record(done, state.average)
            if due or interrupted.is_set():
                checkpoint.save(run, state, done)
            if interrupted.is_set() and not last:
                raise KeyboardInterrupt(
                    f"stopped after step {done} of {config.steps}; the same command resumes"
                )


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C (or SIGTERM) into an event, so that a step is never torn apart.

    A second Ctrl-C stops at once; the last checkpoint then stands.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event  # signals reach the main thread only
        return

    def note(number: int, frame: Any) -> None:
        event.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {s: signal.signal(s, note) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
