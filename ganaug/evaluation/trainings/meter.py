"""How far a comparison is: steps done, and the time left, all that is still to come counted in."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

__all__ = ["Counted", "EvaluationProgress", "Load", "Meter", "Tick", "Timed"]

EvaluationProgress = Callable[[int, int, float | None], None]  # done, total, seconds left
Tick = Callable[[int], None]  # steps done since the last call

# A kind of training that was not seen yet is taken to cost as much as those that were, by its
# weight; it takes over from there with its own steps.
BELIEVED = 20  # steps
# The latest steps of a kind, of which there are so many that take so long: what was before them
# says little where other work on the machine began or ended meanwhile.
LATEST, FOR = 400, 60.0  # steps, seconds of all workers


class Load(NamedTuple):
    """A training that is still to come: its kind, its steps, and what one of them weighs."""

    kind: str
    steps: int
    weight: float = 1.0


class Meter:
    """Counts the steps of all trainings and calls back with (done, total, seconds left).

    The time left is that of the trainings to come, one after the other on so many workers as there
    are, each step as long as those of its kind took lately. Work comes in phases, of which one
    waits for the one before.

    Args:
        phases: the trainings of each.
        callback: told now and then, or None.
    """

    def __init__(
        self, phases: Iterable[Sequence[Load]], callback: EvaluationProgress | None
    ) -> None:
        self.later = [list(phase) for phase in phases]
        self.total = sum(load.steps for phase in self.later for load in phase)
        self.callback = callback
        self.workers = 1
        self.done = 0
        self.running: list[Load] = []
        self.queued: list[Load] = []
        self.weights = {load.kind: load.weight for phase in self.later for load in phase}
        self.steps: dict[str, float] = {}
        self.seconds: dict[str, float] = {}
        self.in_phase: dict[str, float] = {}  # steps of trainings that are not at their end
        self.shown = time.monotonic()

    def begin(self, workers: int) -> None:
        """Begin the next phase, with so many processes side by side."""
        self.later = self.later[1:]
        self.workers = workers

    def at_work(self, running: Iterable[Load], queued: Iterable[Load]) -> None:
        """Say which trainings of this phase run, and which wait."""
        self.running, self.queued = list(running), list(queued)
        for load in (*self.running, *self.queued):
            self.weights.setdefault(load.kind, load.weight)

    def ended(self, load: Load) -> None:
        """Say that a training that ran is at its end."""
        self.in_phase[load.kind] = max(0.0, self.in_phase.get(load.kind, 0.0) - load.steps)

    def advance(self, steps: int, kind: str = "", seconds: float | None = None) -> None:
        """Count `steps`, which took a worker so many seconds; None: they were kept from before."""
        self.done += steps
        if seconds is not None:
            known, took = self.steps.get(kind, 0.0), self.seconds.get(kind, 0.0)
            if known >= LATEST and took >= FOR:
                share = max(0.0, 1.0 - steps / known)
                known, took = known * share, took * share
            self.steps[kind], self.seconds[kind] = known + steps, took + seconds
            self.in_phase[kind] = self.in_phase.get(kind, 0.0) + steps
        now = time.monotonic()
        if now - self.shown > 0.2:
            self.shown = now
            self.show()

    def finish(self) -> None:
        """Say that all is done."""
        self.done = self.total
        self.running = self.queued = []
        self.show()

    def show(self) -> None:
        """Call back with what is known."""
        if self.callback is not None:
            self.callback(min(self.done, self.total), self.total, self.left())

    def left(self) -> float | None:
        """Return the seconds left, or None before the first step."""
        if not any(self.steps.values()):
            return None
        rates = {load.kind: self.rate(load) for load in self.running}
        to_do = sum(load.steps * rates[load.kind] for load in self.running)
        gone = sum(rate * self.in_phase.get(kind, 0.0) for kind, rate in rates.items())
        each = max(0.0, to_do - gone) / max(1, len(self.running))
        ends = [each] * len(self.running)
        seconds = self._makespan(ends, self.queued)
        return seconds + sum(self._makespan([], phase) for phase in self.later)

    def rate(self, load: Load) -> float:
        """Return the seconds of a step, of its own kind so far as it was seen."""
        weighed = sum(steps * self.weights.get(kind, 1.0) for kind, steps in self.steps.items())
        weight = self.weights.get(load.kind, load.weight)  # as the phases said at first
        usual = sum(self.seconds.values()) / max(weighed, 1e-9) * weight
        steps, seconds = self.steps.get(load.kind, 0.0), self.seconds.get(load.kind, 0.0)
        return (seconds + BELIEVED * usual) / (steps + BELIEVED)

    def _makespan(self, ends: Iterable[float], queue: Iterable[Load]) -> float:
        """Return when all are done, where each waits for the next worker that is free."""
        busy = [*ends, *[0.0] * self.workers][: self.workers]
        heapq.heapify(busy)
        for load in queue:
            heapq.heappush(busy, heapq.heappop(busy) + load.steps * self.rate(load))
        return max(busy, default=0.0)


class Timed:
    """A tick that says how long its steps took: `report(steps, seconds)`."""

    def __init__(self, report: Callable[[int, float], None]) -> None:
        self.report, self.last = report, time.perf_counter()

    def __call__(self, steps: int) -> None:
        before, self.last = self.last, time.perf_counter()
        self.report(steps, self.last - before)


class Counted:
    """Turns "this far" into "so many more"."""

    def __init__(self, tick: Tick) -> None:
        self.tick, self.done = tick, 0

    def reach(self, done: int) -> None:
        self.tick(max(0, done - self.done))
        self.done = max(self.done, done)
