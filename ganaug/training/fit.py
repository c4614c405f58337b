"""`fit`: from an image set to a run folder that can be resumed and exported.

Who looks at the steps. Of several processes the first one writes, and each looks for infinities.

| after | who | what |
| --- | --- | --- |
| each step | `FiniteCheck` | ends the steps where a number is not finite |
| `log_every`, the end | `Watch` | metrics.jsonl; tells the tracker and `progress` |
| `sample_every`, the end | `sample_grid` | samples/step-NNNNNN.png |
| `checkpoint_every`, the end | `DiversityWatch` | diversity.jsonl; its rows raise alarms |
| the end | `draw_curves` | samples/curves.png |
| `checkpoint_every`, the end, a stop | `checkpoint.save` | the checkpoint |
"""

from __future__ import annotations

import dataclasses
import logging
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ganaug.devices import choose_device, usual_settings
from ganaug.errors import RunError
from ganaug.files import make_folder
from ganaug.images import ImageSet, load_images, require_classes
from ganaug.images.copies import copies_noted
from ganaug.locks import Held, locked
from ganaug.progress import FitProgress, told, told_of_fit
from ganaug.randomness import checked_seed
from ganaug.training import checkpoint
from ganaug.training.alarms import alarm_at, is_suspect
from ganaug.training.batches import Batches, Pixels
from ganaug.training.config import FitConfig, make_config
from ganaug.training.curves import draw_curves
from ganaug.training.diversity import DiversityWatch
from ganaug.training.finite import FiniteCheck
from ganaug.training.interruption import interruptible, interruption
from ganaug.training.memory import enough_memory
from ganaug.training.ranks import Ranks, joined
from ganaug.training.readable import refuse_unreadable
from ganaug.training.recovery import (
    MOST_ROLLBACKS,
    Failure,
    OnCollapse,
    checked_reaction,
    log_alarm,
    recover,
    stopped_before,
    tell_again,
)
from ganaug.training.remedies import too_short, treated
from ganaug.training.run_folder import check_run_folder, groups_hash, open_run
from ganaug.training.samples import sample_grid
from ganaug.training.start import load_start
from ganaug.training.state import State, build_state
from ganaug.training.step import train_step
from ganaug.training.trackers import DIVERSITY, Tracker, checked_tracker, followed
from ganaug.training.warm_start import warm_start
from ganaug.training.watch import Watch

__all__ = ["fit", "prepared"]

log = logging.getLogger("ganaug")


@usual_settings()
def fit(
    source: ImageSet | Any,
    out: str | os.PathLike[str],
    *,
    preset: str = "base",
    seed: int = 0,
    device: str | torch.device = "auto",
    all_images: bool = False,
    on_collapse: OnCollapse = "rollback",
    start_from: str | os.PathLike[str] | None = None,
    tracker: str | None = None,
    progress: FitProgress | bool | None = None,
    tick: Callable[[int], None] | None = None,
    **options: Any,
) -> Path:
    """Train a generator and return its run folder; the same call resumes an interrupted run.

    Where torchrun started this process and others, all of them call it, and train together.

    Args:
        source: an `ImageSet`, or anything that `load_images` takes. Only its training part is
            used; without a test part, one fifth is held out for `evaluate`.
        out: the run folder; created where missing.
        preset: "tiny", "small", "base" or "classic".
        seed: of weights, batches, latents and augmentation.
        device: "auto", "cpu", "cuda" or "cuda:N"; or a `torch.device`.
        all_images: where there is no test part, train on all images; `evaluate` then needs other
            images. A test part is never trained on.
        on_collapse: what to do where the training fails. "rollback": at most three times, go back
            to the last good checkpoint or to the start, and on with other settings and other random
            numbers; then stop. "stop": stop. "warn": say it and go on. It may change from one start
            of a run to the next.
        start_from: a run or an exported file, whose weights this training begins with. Kind, width,
            latent length and colours have to be the same. What else does not fit begins with random
            weights, and the log says so. A run that goes on does not need the old weights.
        tracker: "tensorboard" writes the run's logs to its folder as event files, too; "mlflow" to
            where MLflow's environment variables say, else to its folder. It may change from one
            start of a run to the next.
        progress: called as `progress(step, steps, row)` whenever metrics are written; True writes
            lines to stderr.
        tick: called as `tick(step)` after every step.
        options: fields of `FitConfig` in place of the preset's.

    Raises:
        DataError: the images cannot be used.
        ConfigError: unknown preset or option, or a value that is not allowed.
        RunError: the folder holds another run, is in use or cannot be written.
        GanaugError: the training failed: it collapsed or diverged, ran out of memory, or another
            process of it ended. The last good checkpoint stands.
        KeyboardInterrupt: interrupted; the steps done so far are in a checkpoint.

    Examples:
        >>> run = fit("digits", "runs/digits", preset="tiny", steps=100)  # doctest: +SKIP
    """
    reaction, tracker = checked_reaction(on_collapse), checked_tracker(tracker)
    config, seed, chosen = make_config(preset, **options), checked_seed(seed), choose_device(device)
    check_run_folder(out, source)
    start = None if start_from is None else warm_start(start_from, out, config)
    told(progress is True and not isinstance(source, ImageSet), "reading images")
    images, config = prepared(source, config, all_images=all_images)
    check_run_folder(out, source, images.classes)
    batches = Batches(images, config, seed)
    with joined(chosen, config.batch_size) as (ranks, chosen), ExitStack() as held:
        given = {"options": config.to_dict(), "seed": seed, "on_collapse": reaction}
        given |= {"images": images.ordered_fingerprint, "groups": groups_hash(images)}
        ranks.check_same(**given)
        folder = ranks.first(partial(_locked_folder, out, held))
        run, state = folder.folder, build_state(config, images, seed, chosen)
        step = _led(ranks, state, lambda: open_run(run, state, config, images, seed, start))
        training = _Training(
            folder=folder,
            signed=checkpoint.run_hash(run),
            config=config,
            batches=batches,
            device=chosen,
            on_collapse=reaction,
            tracker=tracker,
            progress=told_of_fit(progress) if step < config.steps else None,
            tick=tick,
            ranks=ranks,
        )
        if step < config.steps:
            for note in batches.notes:
                log.info(note)
            if step > 0 and ranks.is_first:
                log.info("going on after step %d of %d", step, config.steps)
            training.go_on(state, step)
        elif ranks.is_first:
            tell_again(run, config, tracker)
    return run


def _locked_folder(out: str | os.PathLike[str], held: ExitStack) -> Held:
    return held.enter_context(locked(make_folder(out)))


def _led(ranks: Ranks, state: State, action: Callable[[], int]) -> int:
    """Let rank 0 act on `state`, and give it to all others with the step that is returned."""

    def act() -> tuple[int, torch.dtype, int, dict[str, torch.Tensor]]:
        step = action()
        tensors = checkpoint.tensors_of(state) if ranks.size > 1 else {}
        return step, state.precision, state.rollbacks, tensors

    step, state.precision, state.rollbacks, tensors = ranks.first(act)
    if not ranks.is_first:
        checkpoint.put(state, tensors)
    return step


def prepared(
    source: ImageSet | Any, config: FitConfig, *, all_images: bool
) -> tuple[ImageSet, FitConfig]:
    """Return the images that are trained on, and the config with their size.

    Raises:
        DataError: the images cannot be used.
        RunError: they have another size than the config.
        ConfigError: the generator's file could not be read.
    """
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
    refuse_unreadable(images, config)
    return images, config


@dataclass(frozen=True)
class _Training:
    """A run that trains, in its locked folder; in each of several processes.

    Attributes:
        signed: the hash of the run when the training began; what it writes is of that one.
    """

    folder: Held
    signed: str | None
    config: FitConfig
    batches: Batches
    device: torch.device
    on_collapse: OnCollapse
    tracker: str | None
    progress: FitProgress | None
    tick: Callable[[int], None] | None
    ranks: Ranks

    @property
    def run(self) -> Path:
        return self.folder.folder

    def go_on(self, state: State, step: int) -> None:
        """Train `state` from `step` to the end, going back where it fails."""
        failure = self.ranks.first(lambda: stopped_before(self.run, self.on_collapse))
        follow = followed(self.tracker if self.ranks.is_first else None, self.run, self.config)
        with follow as tracker, interruptible(self.ranks.size) as interrupted:
            while True:
                failure = failure or self._steps(state, step, interrupted, tracker)
                if failure is None:
                    step = self.config.steps
                    break
                back = self.on_collapse == "rollback" and state.rollbacks < MOST_ROLLBACKS
                if not back:
                    self.ranks.first(partial(log_alarm, self.run, failure, tracker))
                state = self._fresh(state.rollbacks + back, state.precision)
                step, failure = self._recovered(state, failure), None
                if self.ranks.any(interrupted.is_set())[0]:
                    break
            if self.ranks.any(interrupted.is_set())[0]:  # of the last step, too: more may follow
                raise KeyboardInterrupt(interruption(step, self.config.steps))

    def _fresh(self, rollbacks: int, precision: torch.dtype) -> State:
        batches = self.batches
        fresh = build_state(self.config, batches.images, batches.seed, self.device, rollbacks)
        fresh.precision = precision
        return fresh

    def _recovered(self, fresh: State, failure: Failure) -> int:
        """Go back after `failure`, with `fresh` as the state from then on; return its step."""

        def act() -> int:
            self.folder.check()
            load_start(self.run, fresh)
            given = self.run, self.config, failure, self.on_collapse
            return recover(*given, fresh, self.signed)

        return _led(self.ranks, fresh, act)

    def _steps(
        self, state: State, step: int, interrupted: threading.Event, tracker: Tracker
    ) -> Failure | None:
        """Do the steps after `step`; return why they ended early, or None."""
        ranks = self.ranks
        config = ranks.first(lambda: treated(self.config, _rollbacks(self.run)))
        pixels = Pixels(self.batches.images, self.device)
        rows, finite = ranks.rows(config.batch_size), FiniteCheck(state)
        begun: list[_Records] = []
        # Logs are read and a tracker may be slow, while the others wait.
        ranks.first(lambda: begun.append(_Records(self, config, state, step, finite, tracker)))
        records = begun[0] if begun else None
        for i in range(step, config.steps):
            with enough_memory(state, self.batches, pixels, ranks.size):
                batch = self.batches.batch(i, pixels, state.rollbacks, rows)
                metrics = train_step(state, batch, config, i, ranks)
            done = i + 1
            if self.tick is not None:
                self.tick(done)
            last = done == config.steps
            due = last or done % config.checkpoint_every == 0
            wrong = finite.step(done, metrics, due=due or done % config.log_every == 0)
            if records and wrong is None:
                records.record(done, metrics)
            stop, failed = ranks.any(interrupted.is_set(), wrong is not None)
            if failed:
                seconds = records.watch.seconds if records else 0.0
                return Failure.of_number(*(wrong or (done, "a number")), seconds)
            if due or stop or done % config.sample_every == 0:
                failure = ranks.first(
                    partial(records.write, done, metrics, due, stop) if records else _nothing
                )
                if failure is not None:
                    return failure
            if stop and not last:
                raise KeyboardInterrupt(interruption(done, config.steps))
        return None


class _Records:
    """What rank 0 writes of the steps of a run."""

    def __init__(
        self,
        training: _Training,
        config: FitConfig,
        state: State,
        step: int,
        finite: FiniteCheck,
        tracker: Tracker,
    ) -> None:
        run, images, rollbacks = training.run, training.batches.images, _rollbacks(training.run)
        self.run, self.config, self.images, self.state = run, config, images, state
        self.on_collapse, self.finite = training.on_collapse, finite
        self.folder, self.signed = training.folder, training.signed
        told = tracker.progress(training.progress)
        self.watch = Watch(run, config, step, told, rollbacks, state.sums)
        self.diversity, self.tracker = DiversityWatch(run, images, config, step), tracker
        tracker.begin(run, len(rollbacks))

    def record(self, done: int, metrics: dict[str, torch.Tensor]) -> None:
        """Collect the metrics of a step; write a row where it is due."""
        if self.watch.is_due(done):
            self.folder.check()
        self.watch.record(done, metrics)

    def write(
        self, done: int, metrics: dict[str, torch.Tensor], due: bool, stop: bool
    ) -> Failure | None:
        """Write sample grid, diversity and checkpoint after `done` steps, each where it is due.

        Returns:
            Why there is no checkpoint where one was `due`, or None.
        """
        config, state, watch = self.config, self.state, self.watch
        self.folder.check()
        if due or stop:
            name = self.finite.everything(metrics)
            if name is not None:
                return Failure.of_number(done, name, watch.seconds)
        samples = make_folder(self.run / "samples")  # the user may have removed it
        if done == config.steps or done % config.sample_every == 0:
            sample_grid(state, self.images, config, samples / f"step-{done:06d}.png")
        good = False
        if due:  # at an interruption not: a run without one would not have it
            rows = self.diversity.record(done, state)
            self.tracker.row(DIVERSITY, rows[-1])
            alarm, good = alarm_at(rows, config.steps, config.kind), not is_suspect(rows[-1])
            if alarm is not None and self.on_collapse != "warn" and not too_short(alarm, config):
                return Failure(done, alarm.line, watch.seconds, alarm.rule.name)
            before = alarm_at(rows[:-1], config.steps, config.kind)
            if alarm is not None and (before is None or before.rule.name != alarm.rule.name):
                log.warning("step %d: %s", done, alarm.line)
                failure = Failure(done, alarm.line, watch.seconds, alarm.rule.name)
                log_alarm(self.run, failure, self.tracker)
        if done == config.steps:  # before the last checkpoint, after which nothing is done again
            draw_curves(self.run)
        if due or stop:
            checkpoint.save(self.run, state, done, good=good, signed=self.signed)
        watch.end()
        return None


def _rollbacks(run: Path) -> tuple[dict[str, Any], ...]:
    record = checkpoint.read_record(run)
    return record.rollbacks if record else ()


def _nothing() -> None:
    """What other ranks do while rank 0 writes."""
