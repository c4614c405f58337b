"""How far a comparison is: steps done, and the time left, all that is still to come counted in."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

__all__ = [
    "NEW_GENERATOR",
    "Counted",
    "EvaluationProgress",
    "Load",
    "Meter",
    "Spent",
    "Tick",
    "Timed",
]

EvaluationProgress = Callable[[int, int, float | None], None]  # done, total, seconds left
Tick = Callable[[int], None]  # steps done since the last call

NEW_GENERATOR = "new generator"  # a kind of training; all others are of classifiers

# A kind of training that was not seen yet is taken to cost as much as those that were, by its
# weight; it takes over from there with its own steps. Classifiers tell of each other first.
BELIEVED = 20  # steps
# The latest steps of a kind, of which there are so many that take so long: what was before them
# says little where other work on the machine began or ended meanwhile.
LATEST, FOR = 400, 60.0  # steps, seconds of all workers


class Load(NamedTuple):
    """A training that is still to come: its kind, its steps, and what one of them weighs."""

    kind: str
    steps: int
    weight: float = 1.0


class Spent(NamedTuple):
    """What trainings of one kind have done, and what it took.

    Attributes:
        steps: all that are done.
        timed: of these, those between a training's first report and its last.
        seconds: that these took.
        begun: trainings.
        around: seconds before their first reports and after their last: what starts, and judges.
    """

    steps: float = 0.0
    timed: float = 0.0
    seconds: float = 0.0
    begun: float = 0.0
    around: float = 0.0

    def minus(self, before: Spent) -> Spent:
        """Return what came since."""
        return Spent(*(mine - other for mine, other in zip(self, before, strict=True)))

    def plus(self, more: Spent, share: float = 1.0) -> Spent:
        """Return the sum, with that share of the steps of before and their seconds."""
        timed, seconds = share * self.timed + more.timed, share * self.seconds + more.seconds
        return Spent(
            self.steps + more.steps,
            timed,
            seconds,
            self.begun + more.begun,
            self.around + more.around,
        )


class Meter:
    """Counts the steps of all trainings and calls back with (done, total, seconds left).

    The time left is that of the trainings to come, one after the other on so many workers as there
    are: each step as long as those of its kind took lately, and what is around them as long as it
    was for others. Work comes in phases, of which one waits for the one before.

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
        self.spent: dict[str, Spent] = {}  # by kind
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

    def kept(self, steps: int) -> None:
        """Count `steps` of before, which say nothing of the time."""
        self.done += steps
        self._show_now_and_then()

    def advance(self, spent: Spent, kind: str) -> None:
        """Count what a worker did for trainings of a kind."""
        self.done += round(spent.steps)
        before = self.spent.get(kind, Spent())
        enough = before.timed >= LATEST and before.seconds >= FOR
        share = max(0.0, 1.0 - spent.timed / before.timed) if enough else 1.0
        self.spent[kind] = before.plus(spent, share)
        self.in_phase[kind] = self.in_phase.get(kind, 0.0) + spent.steps
        self._show_now_and_then()

    def _show_now_and_then(self) -> None:
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
        """Return the seconds left, or None before steps were timed."""
        if not any(spent.timed for spent in self.spent.values()):
            return None
        rates = {load.kind: self.rate(load) for load in self.running}
        to_do = sum(load.steps * rates[load.kind] for load in self.running)
        gone = sum(rate * self.in_phase.get(kind, 0.0) for kind, rate in rates.items())
        each = max(0.0, to_do - gone) / max(1, len(self.running))
        ends = [each] * len(self.running)
        seconds = self._makespan(ends, self.queued)
        return seconds + sum(self._makespan([], phase) for phase in self.later)

    def rate(self, load: Load) -> float:
        """Return the seconds of a step with its share of what is around, as seen of its kind."""
        seen = {kind: spent for kind, spent in self.spent.items() if spent.begun}
        classifiers = {kind: spent for kind, spent in seen.items() if kind != NEW_GENERATOR}
        if any(spent.timed for spent in classifiers.values()) and load.kind != NEW_GENERATOR:
            seen = classifiers
        weighed = sum(spent.timed * self.weights.get(kind, 1.0) for kind, spent in seen.items())
        weight = self.weights.get(load.kind, load.weight)  # as the phases said at first
        usual = sum(spent.seconds for spent in seen.values()) / max(weighed, 1e-9) * weight
        own = seen.get(load.kind, Spent())
        alike = [own] if own.begun else list(seen.values())
        around = sum(one.around for one in alike) / max(1.0, sum(one.begun for one in alike))
        step = (own.seconds + BELIEVED * usual) / (own.timed + BELIEVED)
        return step + around / load.steps

    def _makespan(self, ends: Iterable[float], queue: Iterable[Load]) -> float:
        """Return when all are done, where each waits for the next worker that is free."""
        busy = [*ends, *[0.0] * self.workers][: self.workers]
        heapq.heapify(busy)
        for load in queue:
            heapq.heappush(busy, heapq.heappop(busy) + load.steps * self.rate(load))
        return max(busy, default=0.0)


class Timed:
    """A tick that says how long its steps took: `report(spent)`.

    The first call ends what starts a training; `Tick(0)` at the end tells what came after its last
    step. What starts the first training of a process, which imports libraries, is not told.
    """

    cold = True  # no training has begun in this process

    def __init__(self, report: Callable[[Spent], None]) -> None:
        self.report, self.last = report, time.perf_counter()
        self.begun = False

    def __call__(self, steps: int) -> None:
        before, self.last = self.last, time.perf_counter()
        took = self.last - before
        if not self.begun:
            self.begun = True
            spent = Spent(steps, begun=1, around=0.0 if Timed.cold else took)
            Timed.cold = False
        elif steps == 0:
            spent = Spent(around=took)
        else:
            spent = Spent(steps, steps, took)
        self.report(spent)


class Counted:
    """Turns "this far" into "so many more"."""

    def __init__(self, tick: Tick) -> None:
        self.tick, self.done = tick, 0

    def reach(self, done: int) -> None:
        self.tick(max(0, done - self.done))
        self.done = max(self.done, done)
