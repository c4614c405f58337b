"""What a command prints: every text in one way, messages on stderr, each a line."""

from __future__ import annotations

import errno
import logging
import os
import shlex
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from ganaug.cli.starting import started
from ganaug.launch import place
from ganaug.wording import counted, one_line

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = [
    "BARS",
    "INTERRUPTED",
    "Settings",
    "Whole",
    "echo",
    "kept_trainings",
    "open_report",
    "plain_messages",
    "resumable",
    "say",
    "suggest",
    "unprinted",
    "width",
]

INTERRUPTED = 130  # the exit code of 128 + SIGINT, as shells report it
_unprinted: list[OSError] = []
BARS: list[Progress] = []  # on the terminal now


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
        after_look: the command that goes on after a quick look; "" where there is none.
    """

    step: str = ""
    own: float | None = None
    later: float | None = None
    since: float = field(default_factory=time.monotonic)
    after_look: str = ""


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
        if err and file is None and BARS:  # above the bar, not behind it
            end = "\n" if nl else ""
            out = BARS[-1].console
            out.print(
                shown, end=end, markup=False, emoji=False, highlight=False, soft_wrap=True
            )  # as it is: a name may hold [a] or :dog:
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
