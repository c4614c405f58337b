"""What is said on stderr while a command runs: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import errno
import logging
import os
import shlex
import shutil
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from ganaug.cli.starting import started
from ganaug.launch import place
from ganaug.progress import END_OF_FIT, Lines, Pace, duration, losses_in
from ganaug.wording import counted, one_line

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = [
    "INTERRUPTED",
    "Settings",
    "Whole",
    "echo",
    "evaluation_progress",
    "fit_progress",
    "kept_trainings",
    "open_report",
    "plain_messages",
    "reading_progress",
    "resumable",
    "say",
    "steady_progress",
    "suggest",
    "unprinted",
    "width",
]

Show = Callable[[int, int, float | None, Iterable[str]], None]
Callback = TypeVar("Callback")
Shown = AbstractContextManager[Callback | None]
INTERRUPTED = 130  # the exit code of 128 + SIGINT, as shells report it
QUICK = 5.0  # seconds; a reading that takes no longer has no lines, and so has what is refused
_unprinted: list[OSError] = []
_BARS: list[Progress] = []  # on the terminal now


@dataclass
class Settings:
    """What every command knows: the whole command line, and the options of the group."""

    arguments: tuple[str, ...] = ()
    debug: bool = False
    quiet: bool = False
    whole: Whole | None = None  # `ganaug run`, which goes on by itself


@dataclass
class Whole:
    """All steps of `ganaug run`, of which one is at work.

    Attributes:
        step: "step 2 of 5".
        own: seconds that it takes, as estimated before; None where that is not known.
        later: seconds that the steps after this one take; None where that is not known.
        since: when it began, on the clock of `time.monotonic`.
    """

    step: str = ""
    own: float | None = None
    later: float | None = None
    since: float = field(default_factory=time.monotonic)


def echo(text: object, *, err: bool = False, nl: bool = True, file: TextIO | None = None) -> None:
    """Print `text`, with every control character in it but line breaks escaped.

    All that a command prints goes through here: names of files and classes come from outside, and
    could otherwise move the cursor or rename the window. Who prints one line escapes its breaks.
    Where nobody reads any longer, or the disk is full, the work goes on without being printed; see
    `unprinted`.
    """
    started()
    shown = "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in str(text))
    try:
        if err and file is None and _BARS:  # above the bar, not behind it
            end = "\n" if nl else ""
            _BARS[-1].console.print(shown, end=end, markup=False, highlight=False, soft_wrap=True)
            return
        click.echo(shown, err=err, nl=nl, file=file)
    except UnicodeEncodeError as error:  # a terminal of another encoding
        known = shown.encode(error.encoding, "backslashreplace").decode(error.encoding)
        click.echo(known, err=err, nl=nl, file=file)
    except OSError as error:
        _unprinted.append(error)
        stream = file or (sys.stderr if err else sys.stdout)
        with suppress(OSError, ValueError):  # what is still in its buffer goes nowhere, too
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def unprinted() -> OSError | None:
    """Return why something could not be printed since the last call, or None.

    A pipe whose reader has gone (`| head -1`) is no reason: it has what it wanted.
    """
    reasons = [error for error in _unprinted if error.errno != errno.EPIPE]
    _unprinted.clear()
    return reasons[0] if reasons else None


def say(settings: Settings, *messages: str) -> None:
    """Print each message as a line on stderr, unless the user asked for quiet."""
    if not settings.quiet:
        for message in messages:
            echo(f"ganaug: {_on_its_line(message)}", err=True)


def _on_its_line(message: str) -> str:
    """Return a message with its line breaks escaped: a path may hold some."""
    return message.replace("\n", "\\n")


def width() -> int | None:
    """Return how many characters a line of the terminal has; None where stdout is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def suggest(settings: Settings, message: str) -> None:
    """Say what is done and what to do next, unless that is done anyway."""
    if settings.whole is None:
        say(settings, message)


@contextmanager
def resumable(settings: Settings, kept: Callable[[], str]) -> Iterator[None]:
    """Turn Ctrl-C into one line: what is kept, and the command that goes on.

    Args:
        settings: with the whole command line.
        kept: returns what there is after the interruption, and what is as before.
    """
    try:
        yield
    except KeyboardInterrupt:
        command = f"ganaug {shlex.join(settings.arguments)}"
        told = f"{kept()}; the same command goes on: {command}"
        echo(f"ganaug: interrupted; {_on_its_line(told)}", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None


def kept_trainings(folder: Path) -> str:
    """Return what of interrupted trainings is kept in `folder`, and what is lost."""
    ended = [*folder.glob("*/*.npz"), *folder.glob("generators/*/generator.onnx")]
    if not ended:
        return "no training had ended, and classifiers begin anew"
    verb = "is" if len(ended) == 1 else "are"
    kept = f"{counted(len(ended), 'training')} that had ended {verb} kept in {folder}"
    return f"{kept}, other classifiers begin anew"


def open_report(settings: Settings, report: Path) -> None:
    """Show `report` in the browser of the desktop, or say that there is none."""
    try:
        failed = click.launch(str(report.resolve())) != 0
    except OSError:
        failed = True
    if failed:
        say(settings, f"no program to open it with was found; open {report} yourself")


@contextmanager
def plain_messages(settings: Settings) -> Iterator[None]:
    """Show warnings and log records of ganaug as lines on stderr, each once.

    With --debug, warnings look as Python shows them, with the place in the source.
    """
    shown: set[str] = set()
    silent = place().rank > 0  # the first of several processes says the same

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if silent:
            return
        if settings.debug:
            text = warnings.formatwarning(message, category, filename, lineno, line)
            echo(text, err=True, nl=False)
        elif (text := one_line(message, None)) not in shown:
            shown.add(text)
            echo(f"ganaug: warning: {text}", err=True)

    class _ToStderr(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if silent:
                return
            if record.levelno >= logging.WARNING:
                echo(f"ganaug: warning: {_on_its_line(record.getMessage())}", err=True)
            else:
                say(settings, record.getMessage())

    log, lines = logging.getLogger("ganaug"), _ToStderr()
    level = log.level
    with warnings.catch_warnings():
        warnings.showwarning = show
        log.addHandler(lines)
        log.setLevel(logging.INFO)
        try:
            yield
        finally:
            log.removeHandler(lines)
            log.setLevel(level)


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

            _BARS.append(bar)
            try:
                yield update
            finally:
                _BARS.pop()
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
