"""Progress as plain lines on stderr: few for a whole task, and none more than a minute apart.

Who calls whom: what works calls outwards, and nobody asks it. A training in a worker process calls
its `Tick` (through `Counted`, where it says "this far" and not "so many more"); the tick is a
`Timed`, which sends on how long the steps took, a `Spent`. In the first process these reach the
`Meter`, which knows the trainings to come, each a `Load`, and calls with (done, total, seconds
left). Other work (images, the steps of one generator, the record of diversity) takes the seconds
from a `Pace`. Who is called is the user's function or, for True, `Lines`: see `told` and
`told_of_fit`. A command hands in a function of its own, which adds time and calls the next:
`with_later` (evaluate) and `TimeLeft` (demo) that of what follows in the command, then `_display`
that of the later steps of `ganaug run`, which `Ledger.estimates` left in `Whole` before the step
began; it ends in a bar (`Show` is how it is called) or in `Lines`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ganaug.errors import ConfigError
from ganaug.launch import place

__all__ = [
    "END_OF_FIT",
    "FitProgress",
    "Lines",
    "Pace",
    "Progress",
    "duration",
    "losses_in",
    "told",
    "told_of_fit",
    "with_later",
]

Progress = Callable[..., None]  # done, total, seconds left (where they are known)
FitProgress = Callable[[int, int, dict[str, Any]], None]  # step, steps, row of metrics

LINES = 10  # for the whole of a task
# The record, pictures and curves after the last step of a short training, in steps: 13.6 were seen
# on one core (tiny, 32 px), most of it for the first record.
END_OF_FIT = 15
APART = 60.0  # seconds, after which there is one all the same


class Lines:
    """Writes a line for each tenth of a task, and where nothing was written for a minute.

    Args:
        label: what is done: "training the generator".
        write: writes one line, without its end.
        clock: returns seconds.
        after: seconds before which no number is written, so that a short task has no line.
        ending: what stands behind the time left.
        unit: what stands behind the total: " steps".
    """

    def __init__(
        self,
        label: str,
        write: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        after: float = 0.0,
        ending: str = "left",
        unit: str = "",
    ) -> None:
        self.label, self.write, self.clock = label, write, clock
        self.ending, self.unit = ending, unit
        self.part, self.at = -1, 0.0
        self.begin = clock() + after if after else 0.0

    def start(self) -> None:
        """Write what is done, where there is no number yet."""
        if self.part < 0:
            self.write(self.label)

    def __call__(
        self,
        done: int,
        total: int,
        seconds_left: float | None = None,
        details: Iterable[str] = (),
    ) -> None:
        part, now = LINES * done // max(total, 1), self.clock()
        if (part == self.part and now - self.at < APART) or now < self.begin:
            return
        self.part, self.at = part, now
        left = [] if seconds_left is None else [f"{duration(seconds_left)} {self.ending}"]
        self.write(f"{self.label} {', '.join([f'{done}/{total}{self.unit}', *details, *left])}")


class Pace:
    """Tells the time left of work of which each part takes as long, since the first call.

    What was done before took no time here, and what goes back begins anew. `left(0, total)` begins
    with the work itself.

    Args:
        clock: returns seconds.
        end: parts that what follows the last part takes, as long as that is not done.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, end: int = 0) -> None:
        self.clock, self.end = clock, end
        self.first, self.since, self.last = -1, 0.0, -1

    def left(self, done: int, total: int, took: float | None = None) -> float | None:
        """Return the seconds from `done` to `total`.

        The first call knows them where it is told what all of `done` `took`, and else None.
        """
        if self.first < 0 or done < self.last:
            self.first, self.since = done, self.clock()
        self.last = done
        to_do = total - done + self.end if done < total else 0
        if done <= self.first:
            return took / done * to_do if took and done > 0 else None
        return (self.clock() - self.since) / (done - self.first) * to_do

    def of_row(self, done: int, total: int, row: Mapping[str, Any]) -> float | None:
        """Return `left`, with a row of metrics, which may have the seconds until `done`."""
        return self.left(done, total, row.get("seconds"))


def told(progress: Progress | bool | None, label: str, unit: str = "") -> Progress | None:
    """Return whom to tell: `progress` itself, plain lines on stderr for True, or nobody."""
    _check(progress)
    return _on_stderr(label, unit) if progress is True else progress or None


def told_of_fit(progress: FitProgress | bool | None) -> FitProgress | None:
    """Return whom a training tells: as `told`, but with rows of metrics."""
    _check(progress)
    if progress is not True:
        return progress or None
    lines, left = _on_stderr("training the generator"), Pace(end=END_OF_FIT).of_row
    return lambda step, steps, row: lines(step, steps, left(step, steps, row), losses_in(row))


def _check(progress: object) -> None:
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise ConfigError(
            f"progress: {progress!r:.60}; allowed: a function of (done, total, ...), True for lines"
            " on stderr, or None; give one"
        )


def _on_stderr(label: str, unit: str = "") -> Lines:
    def write(line: str) -> None:
        if place().rank == 0:  # the others say the same
            print(line, file=sys.stderr, flush=True)

    lines = Lines(label, write, unit=unit)
    lines.start()
    return lines


def losses_in(row: Mapping[str, Any]) -> list[str]:
    """Return what a person wants to see of a row of metrics."""
    names = {"images_per_second": "images/s", "loss_d": "loss_d", "loss_g": "loss_g"}
    return [
        f"{row[key]:.0f} {name}" if key == "images_per_second" else f"{name} {row[key]:.3f}"
        for key, name in names.items()
        if row.get(key) is not None
    ]


def duration(seconds: float) -> str:
    """Return a time as `1 h 05 min`, or as minutes and seconds, `3:07`."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes}:{rest:02d}"


def with_later(show: Progress, steps: float) -> Progress:
    """Return a callback that adds the time of so many steps, still to come, to the time left."""
    each = 0.0

    def progress(done: int, total: int, seconds_left: float | None) -> None:
        nonlocal each
        # The very last steps say little: some process waits, or judges.
        if seconds_left is not None and done < total and (10 * done < 9 * total or not each):
            each = seconds_left / (total - done)
        show(done, total, None if seconds_left is None else seconds_left + steps * each)

    return progress
