"""What is done where a training fails: it goes back and goes on with other settings, or it stops.

What happened stands in checkpoint.json, in one commit with where the run goes on, so that a run
that is killed at any moment goes on as it would have.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast, get_args

from ganaug.errors import ConfigError, GanaugError, RunError, did_you_mean
from ganaug.records import read_rows
from ganaug.training import checkpoint
from ganaug.training.alarms import alarm_at
from ganaug.training.config import FitConfig
from ganaug.training.remedies import NOT_FINITE, remedied, treated
from ganaug.training.rows import add_row
from ganaug.training.state import State
from ganaug.training.step import learning_rate
from ganaug.training.trackers import TRAINING, Tracker, followed
from ganaug.wording import as_settings

__all__ = [
    "MOST_ROLLBACKS",
    "Failure",
    "OnCollapse",
    "checked_reaction",
    "log_alarm",
    "recover",
    "stopped_before",
    "stopped_line",
    "tell_again",
]

log = logging.getLogger("ganaug")

OnCollapse = Literal["warn", "stop", "rollback"]
MOST_ROLLBACKS = 3


@dataclass(frozen=True)
class Failure:
    """Why a training cannot go on from where it is.

    Attributes:
        step: at which it was noticed.
        alarm: what was seen, in one line.
        seconds: of the training so far.
        cause: a row of the table of remedies.
    """

    step: int
    alarm: str
    seconds: float
    cause: str

    @classmethod
    def of_number(cls, step: int, name: str, seconds: float) -> Failure:
        """A loss, gradient or weight that is not finite."""
        alarm = (
            f"{name} is not finite; likely cause: the learning rate is too high; remedy: a lower"
            " learning_rate, or higher r1 and r2"
        )
        return cls(step, alarm, seconds, NOT_FINITE)


def checked_reaction(on_collapse: str) -> OnCollapse:
    """Return `on_collapse`, or raise `ConfigError`."""
    allowed = get_args(OnCollapse)
    if on_collapse not in allowed:
        raise ConfigError(
            f"on_collapse: {on_collapse!r} is not allowed"
            f"{did_you_mean(str(on_collapse), allowed)}; choose one of {', '.join(allowed)}"
        )
    return cast(OnCollapse, on_collapse)


def stopped_before(run: Path, on_collapse: OnCollapse) -> Failure | None:
    """Return the failure that ended the run before, where it now goes back; None to go on.

    Raises:
        GanaugError: it has ended, and stays so.
    """
    record = checkpoint.read_record(run)
    if record is None or record.stopped is None:
        return None
    if on_collapse == "warn":
        checkpoint.commit(run, replace(record, stopped=None))
        return None
    if on_collapse == "stop" or len(record.rollbacks) >= MOST_ROLLBACKS:
        raise GanaugError(stopped_line(record))
    row = record.stopped
    return Failure(row["step"], row["alarm"], row["seconds"], row["cause"])


def recover(
    run: Path,
    config: FitConfig,
    failure: Failure,
    on_collapse: OnCollapse,
    fresh: State,
    signed: str | None,
) -> int:
    """Go back after `failure`, or end the run.

    First to the last good checkpoint, then to the good one before it, then to the start. Where a
    setting was far from the usual ones, at once to the start.

    Args:
        run: its folder.
        config: of the run.
        failure: what happened.
        on_collapse: "rollback" goes back, at most three times; else the run ends.
        fresh: the state before the first step, drawn for this rollback; becomes the state to go on
            from.
        signed: the hash of the run when its training began.

    Returns:
        The number of steps done in `fresh`.

    Raises:
        GanaugError: the run has ended; its last good checkpoint stands, or else its last one.
    """
    before = checkpoint.read_record(run)
    good, rollbacks = ((), ()) if before is None else (before.good, before.rollbacks)
    row: dict[str, Any] = {"step": failure.step, "seconds": failure.seconds}
    row |= {"alarm": failure.alarm, "cause": failure.cause}
    number = len(rollbacks) + 1
    if on_collapse != "rollback" or number > MOST_ROLLBACKS:
        last = good[0] if good else (before.last if before else checkpoint.write(run, fresh, 0))
        ended = checkpoint.Record(last, good, rollbacks, row, signed)
        checkpoint.commit(run, ended)
        raise GanaugError(stopped_line(ended))
    settings, anew = remedied(treated(config, rollbacks), failure.cause)
    anew = anew or any(row["step"] == 0 for row in rollbacks)
    # What was good may have had the seed of the failure in it: each time further back.
    target = None if anew or number > len(good) else good[number - 1]
    last = target or checkpoint.write(run, fresh, 0)
    row |= {"step": last.step, "rollback": number, "failed": failure.step, "settings": settings}
    rollbacks = (*rollbacks, row)
    row["learning_rate"] = learning_rate(treated(config, rollbacks), last.step)
    checkpoint.commit(run, checkpoint.Record(last, good, rollbacks, run=signed))
    log.warning(
        "step %d: %s; going back to step %d with %s and other random numbers (rollback %d of %d)",
        failure.step,
        failure.alarm,
        last.step,
        as_settings(settings),
        number,
        MOST_ROLLBACKS,
    )
    saved = checkpoint.read(run)
    if saved is None:
        raise RunError(f"{run}: its checkpoint.json was deleted; train again in another folder")
    checkpoint.load(fresh, saved, run)
    return saved.step


def stopped_line(record: checkpoint.Record) -> str:
    """Return what is said of a run that has ended: why, what is left of it, and what to do."""
    if record.stopped is None:
        raise ValueError("the run has not ended")
    times = {0: "", 1: " after a rollback"}.get(
        len(record.rollbacks), f" after {len(record.rollbacks)} rollbacks"
    )
    kept = f"step {record.last.step} is kept"
    if record.last.step == 0:
        kept = "no checkpoint is left"
    elif record.last in record.good:
        kept += ", and can be exported"
    return (
        f"training stopped at step {record.stopped['step']}{times}: {record.stopped['alarm']};"
        f" {kept}; train with other settings in another output folder"
    )


def log_alarm(run: Path, failure: Failure, tracker: Tracker) -> None:
    """Write an alarm, after which the run does not go back, as a row of its own."""
    row = {"step": failure.step, "seconds": failure.seconds, "alarm": failure.alarm}
    add_row(run / "metrics.jsonl", row)
    tracker.row(TRAINING, row)


def tell_again(run: Path, config: FitConfig, tracker: str | None) -> None:
    """Say of a run that has ended what a tracker missed, and that it ended with an alarm."""
    rows = read_rows(run / "diversity.jsonl")
    record = checkpoint.read_record(run)
    if tracker is not None:
        with followed(tracker, run, config) as library:
            library.begin(run, len(record.rollbacks) if record else 0)
    alarm = alarm_at(rows, config.steps, config.kind)
    if alarm is not None and record is not None and record.last not in record.good:
        log.warning("step %d: %s", record.last.step, alarm.line)
