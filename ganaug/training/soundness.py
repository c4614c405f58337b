"""What the state of a run says of its generator: refuse it, or note it in the file."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from ganaug.errors import GanaugError, RunError
from ganaug.training import checkpoint
from ganaug.training.alarms import alarm_at
from ganaug.training.recovery import stopped_line
from ganaug.training.remedies import treated
from ganaug.training.run_folder import SavedRun
from ganaug.wording import as_settings, counted

__all__ = ["BY_FORCE", "broken", "state_notes"]

log = logging.getLogger("ganaug")

BY_FORCE = "exported by force"  # how the note of a broken generator begins


def state_notes(folder: Path, run: SavedRun, *, force: bool) -> list[str]:
    """Return what the metadata should say of the training; log it, too.

    Args:
        folder: of the run, for messages.
        run: what it holds.
        force: note what is broken, and do not refuse it.

    Raises:
        RunError: no step of the run is left.
        GanaugError: a weight is not finite; or the generator is broken, without `force`.
    """
    record, steps = run.record, run.config.steps
    stopped = "" if record.stopped is None else stopped_line(record)
    if run.step == 0:
        why = stopped or "training went back to its start; let `ganaug fit` finish it first"
        raise RunError(f"{folder}: has no trained generator ({why})")
    wrong = broken(run)
    if wrong and not force:
        raise GanaugError(
            f"{folder}: step {run.step} is not exported: {wrong}; train again in another folder,"
            " or export it as it is with --force"
        )
    notes = [f"{BY_FORCE}: {wrong}"] if wrong else []
    rollbacks = record.rollbacks[: record.last.rollbacks]  # before these weights
    if rollbacks:
        now, given = (
            {name: getattr(config, name) for name in checkpoint.CHANGED}
            for config in (treated(run.config, rollbacks), run.config)
        )
        changed = {name: value for name, value in now.items() if value != given[name]}
        times = counted(len(rollbacks), "rollback")
        notes.append(f"trained with {times}, at last with {as_settings(changed)}")
    if run.step < steps:
        notes.append(f"exported after {run.step} of {steps} steps")
        if all(row["step"] != run.step for row in run.rows):  # it was interrupted there
            notes.append(f"step {run.step} was never looked at for an alarm")
    if record.stopped is not None:
        notes.append(f"the training was stopped: {record.stopped['alarm']}")
    if wrong:
        log.warning("%s: %s", folder, notes[0])
    if stopped:
        log.warning("%s: exported after %d of %d steps; %s", folder, run.step, steps, stopped)
    elif run.step < steps:
        log.warning(
            "%s: exported after %d of %d steps; the same fit command finishes the run",
            folder,
            run.step,
            steps,
        )
    return notes


def broken(run: SavedRun) -> str:
    """Return why the generator is of no use, or an empty string.

    Raises:
        GanaugError: a weight is not finite.
    """
    weights = run.generator.state_dict()
    for name, weight in weights.items():
        if not bool(torch.isfinite(weight).all()):
            raise GanaugError(
                f"generator: the weight {name} is not finite; such a file would be of no use;"
                " train again in another folder"
            )
    if not any(bool(weight.any()) for weight in weights.values()):
        return "its weights are all 0"
    if run.record.last in run.record.good:  # no alarm then, and later tries wrote these rows anew
        return ""
    alarm = alarm_at(run.rows, run.config.steps, run.config.kind)
    if alarm is not None:
        return alarm.line
    return "" if run.record.stopped is None else str(run.record.stopped["alarm"])
