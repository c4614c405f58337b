"""How far a comparison is: steps done, and the time left."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Counted", "EvaluationProgress", "Meter", "Tick"]

EvaluationProgress = Callable[[int, int, float | None], None]  # done, total, seconds left
Tick = Callable[[int], None]  # steps done since the last call


class Meter:
    """Counts the steps of all trainings and calls back with (done, total, seconds left)."""

    def __init__(self, total: int, callback: EvaluationProgress | None) -> None:
        self.total, self.callback = total, callback
        self.done = self.timed = 0
        self.started = self.shown = time.monotonic()

    def advance(self, steps: int, *, timed: bool = True) -> None:
        """Count `steps`; those of kept results are not `timed`."""
        self.done += steps
        self.timed += steps if timed else 0
        now = time.monotonic()
        if now - self.shown > 0.2:
            self.shown = now
            self.show()

    def finish(self) -> None:
        """Say that all is done."""
        self.done = self.total
        self.show()

    def show(self) -> None:
        """Call back with what is known."""
        if self.callback is None:
            return
        left = None
        if self.timed:
            elapsed = time.monotonic() - self.started
            left = elapsed / self.timed * max(0, self.total - self.done)
        self.callback(min(self.done, self.total), self.total, left)


class Counted:
    """Turns "this far" into "so many more"."""

    def __init__(self, tick: Tick) -> None:
        self.tick, self.done = tick, 0

    def reach(self, done: int) -> None:
        self.tick(max(0, done - self.done))
        self.done = max(self.done, done)
