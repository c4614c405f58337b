"""Progress as plain lines on stderr: few for a whole task, and none more than a minute apart."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable

__all__ = ["Lines", "Progress", "duration", "told"]

Progress = Callable[..., None]  # done, total, seconds left (where they are known)

LINES = 10  # for the whole of a task
APART = 60.0  # seconds, after which there is one all the same


class Lines:
    """Writes a line for each tenth of a task, and where nothing was written for a minute.

    Args:
        label: what is done: "training".
        write: writes one line, without its end.
        clock: returns seconds.
        after: seconds before which nothing is written, so that a short task has no line.
        ending: what stands behind the time left.
    """

    def __init__(
        self,
        label: str,
        write: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        after: float = 0.0,
        ending: str = "left",
    ) -> None:
        self.label, self.write, self.clock, self.ending = label, write, clock, ending
        self.part, self.at = -1, 0.0
        self.begin = clock() + after if after else 0.0

    def __call__(
        self,
        done: int,
        total: int,
        seconds_left: float | None = None,
        details: Iterable[str] = (),
    ) -> None:
        part, now = LINES * done // max(total, 1), self.clock()
        if (part == self.part and done < total and now - self.at < APART) or now < self.begin:
            return
        self.part, self.at = part, now
        left = [] if seconds_left is None else [f"{duration(seconds_left)} {self.ending}"]
        self.write(f"{self.label} {', '.join([f'{done}/{total}', *details, *left])}")


def told(progress: Progress | bool | None, label: str) -> Progress | None:
    """Return whom to tell: `progress` itself, plain lines on stderr for True, or nobody."""
    if progress is True:
        return Lines(label, lambda line: print(line, file=sys.stderr, flush=True))
    return progress or None


def duration(seconds: float) -> str:
    """Return a time as `1 h 05 min`, or as minutes and seconds, `3:07`."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes}:{rest:02d}"
