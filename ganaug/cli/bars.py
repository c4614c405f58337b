"""How far a command is: a bar on a terminal, plain lines on stderr elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from ganaug.cli.console import BARS, Settings, Whole, echo
from ganaug.cli.starting import started
from ganaug.progress import END_OF_FIT, Lines, Pace, duration, losses_in

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["evaluation_progress", "fit_progress", "reading_progress", "steady_progress"]

Show = Callable[[int, int, float | None, Iterable[str]], None]
Callback = TypeVar("Callback")
Shown = AbstractContextManager[Callback | None]
QUICK = 5.0  # seconds; a reading that takes no longer has no lines, and so has what is refused


def fit_progress(
    settings: Settings,
    stream: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Shown[Callable[[int, int, Mapping[str, Any]], None]]:
    """Yield the callback `(step, total, row)` that shows a training run, or None if quiet."""

    def by_row(show: Show) -> Callable[[int, int, Mapping[str, Any]], None]:
        left = Pace(clock, END_OF_FIT).of_row
        return lambda step, total, row: show(step, total, left(step, total, row), losses_in(row))

    return _shown(by_row, "training the generator", settings, stream)


def evaluation_progress(
    settings: Settings,
    stream: TextIO | None = None,
    label: str = "comparing classifiers",
    unit: str = "",
    ending: str = "left",
) -> Shown[Callable[..., None]]:
    """Yield the callback `(done, total, seconds_left=None)` that shows an evaluation.

    `unit` stands behind the total, `ending` behind the time left.
    """

    def as_told(show: Show) -> Callable[..., None]:
        return lambda done, total, seconds_left=None: show(done, total, seconds_left, ())

    return _shown(as_told, label, settings, stream, unit=unit, ending=ending)


def steady_progress(
    settings: Settings,
    label: str,
    clock: Callable[[], float] = time.monotonic,
    after: float = 0.0,
) -> Shown[Callable[[int, int], None]]:
    """Yield the callback `(done, total)` that shows work of which each part takes as long.

    Of one that ends before so many seconds, `after`, there are no lines.
    """

    def by_pace(show: Show) -> Callable[[int, int], None]:
        pace = Pace(clock)
        return lambda done, total: show(done, total, pace.left(done, total), ())

    return _shown(by_pace, label, settings, after=after)


def reading_progress(
    settings: Settings, label: str = "reading images"
) -> Shown[Callable[[int, int], None]]:
    """Yield the callback `(done, total)` that shows how far a reading is, once that takes long."""
    return steady_progress(settings, label, after=QUICK)


@contextmanager
def _shown(
    wrap: Callable[[Show], Callback],
    label: str,
    settings: Settings,
    stream: TextIO | None = None,
    **how: Any,
) -> Iterator[Callback | None]:
    """Yield the callback that `wrap` makes of what shows the progress, or None if quiet."""
    with _display(label, settings, stream, **how) as show:
        yield None if show is None else wrap(show)


@contextmanager
def _display(
    label: str,
    settings: Settings,
    stream: TextIO | None,
    after: float = 0.0,
    unit: str = "",
    ending: str = "left",
) -> Iterator[Show | None]:
    """Yield what shows `(done, total, seconds left, details)` on `stream`; None if quiet.

    On a terminal that is a bar, elsewhere a line now and then. In `ganaug run` the label begins
    with the step, and the time left is that of all steps.
    """
    stream = sys.stderr if stream is None else stream
    whole = settings.whole
    in_all = whole is not None and whole.later is not None
    if whole is not None:
        label = f"{whole.step}: {label}"
    ending = ending if whole is None else "left in all"

    def all_of(left: float | None) -> float | None:
        """Add what the steps to come take; None where that is not known."""
        if left is None or whole is None:
            return left
        return None if whole.later is None else left + whole.later

    if settings.quiet or stream is None:  # as sys.stderr is where it was closed
        yield None
    elif stream.isatty():
        started()
        with _bar(stream, ending) as bar:
            task = bar.add_task(label, total=None, count="", details="", ends=_ends(whole))

            def update(done: int, total: int, left: float | None, details: Iterable[str]) -> None:
                left, now = all_of(left), time.monotonic()
                details = () if whole is not None else details  # two figures fill a line
                shown: dict[str, Any] = {"count": f"{done}/{total}{unit}"}
                shown["details"] = ", ".join(details)
                if left is not None:
                    shown["ends"] = now + left
                if whole is None or not in_all:
                    bar.update(task, completed=done, total=total, **shown)
                elif left is not None:  # the bar is that of all steps, by their time
                    gone = now - whole.since
                    bar.update(task, completed=gone, total=gone + left, **shown)
                else:
                    bar.update(task, **shown)

            BARS.append(bar)
            try:
                yield update
            finally:
                BARS.pop()
    else:
        told = partial(echo, file=stream)
        lines = Lines(label, told, ending=ending, after=after, unit=unit)

        def write(done: int, total: int, left: float | None, details: Iterable[str]) -> None:
            lines(done, total, all_of(left), details)

        waiting = threading.Timer(QUICK, lines.start)  # what runs is said before the first number
        waiting.daemon = True
        waiting.start()
        try:
            yield write
        finally:
            waiting.cancel()


def _ends(whole: Whole | None) -> float | None:
    """Return when all steps end, by what was estimated before this one began."""
    if whole is None or whole.own is None or whole.later is None:
        return None
    return time.monotonic() + whole.own + whole.later


def _bar(stream: TextIO, ending: str) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.table import Column
    from rich.text import Text

    class Left(ProgressColumn):
        """The time left, which runs between two calls, too."""

        def render(self, task: Task) -> Text:
            ends = task.fields["ends"]
            return Text("" if ends is None else f"{duration(ends - time.monotonic())} {ending}")

    class Details(ProgressColumn):
        """What a task says of itself: with the bar, what a narrow terminal cuts off first."""

        def render(self, task: Task) -> Text:
            return Text(task.fields["details"], no_wrap=True, overflow="ellipsis")

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[count]}", markup=False),
        Left(Column(no_wrap=True)),
        Details(),
        console=Console(file=stream),
    )
