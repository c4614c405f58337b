"""Errors that a user can cause or mend, each with the exit code of the command line."""

from __future__ import annotations

import difflib
import operator
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

__all__ = [
    "MOST_COUNT",
    "ArtifactError",
    "Complain",
    "ConfigError",
    "DataError",
    "DeviceError",
    "GanaugError",
    "RunError",
    "ToldElsewhereError",
    "checked_count",
    "did_you_mean",
    "named_path",
    "refuse",
]

_OF_WORKER = "\nOriginal Traceback (most recent call last):\n"  # torch's ExceptionWrapper
MOST_COUNT = 10_000_000  # of steps, say: a digit too many is told at once


class GanaugError(Exception):
    """Something failed; the message is one line: the value, what is allowed, the next step."""

    exit_code = 1

    def __init__(self, message: object = "") -> None:
        super().__init__(_on_one_line(str(message)))


def _on_one_line(message: str) -> str:
    """Return a message on one line: values may have several, arrays and names of files.

    The lines of an array begin with blanks, and are joined by one, as parts of a sentence are. Any
    other break is shown as two characters. Left as it is: what torch raises again for a worker,
    whose traceback is part of it.
    """
    if _OF_WORKER in message:
        return message
    return re.sub(r"\n[ \t]+|(?<=[;:,.])\n", " ", message).replace("\n", "\\n")


class DataError(GanaugError):
    """The images, labels or groups cannot be used as they are."""

    exit_code = 2


class ArtifactError(GanaugError):
    """The ONNX file is missing, foreign, damaged or does not fit the data."""

    exit_code = 2


class ConfigError(GanaugError):
    """An option, preset or argument has a value that is not allowed."""

    exit_code = 2


class RunError(GanaugError):
    """The run folder holds another run, is in use, or cannot be read or written."""

    exit_code = 2


class DeviceError(GanaugError):
    """The device or execution provider that was asked for is not available."""

    exit_code = 2


class ToldElsewhereError(GanaugError):
    """Another process of the same training failed with this message, and says so itself."""

    def __init__(self, message: str, exit_code: int = 1) -> None:  # unpickled by the message
        super().__init__(message)
        self.exit_code = exit_code


Complain = Callable[[GanaugError], None]  # told of what is wrong; may go on, or raise it


def refuse(error: GanaugError) -> None:
    """Raise `error`: the `Complain` of whoever stops at the first thing that is wrong."""
    raise error


def checked_count(name: str, value: object, instead: str, most: int | None = None) -> int:
    """Return a whole number from 1 (of any type, such as numpy's) as an int.

    Args:
        name: of the argument.
        value: that it has.
        instead: the next step, for the message.
        most: the largest that is allowed; None = `MOST_COUNT`, which no work is meant to reach.

    Raises:
        ConfigError: it is something else.
    """
    allowed = "1 or more" if most is None else f"1 to {most:,}"
    try:
        number = operator.index(value)  # type: ignore[arg-type] # what it is for
    except TypeError:
        number, allowed = 0, f"a whole number, {allowed}"
    if number > MOST_COUNT:
        allowed = f"1 to {most or MOST_COUNT:,}"
    if not 1 <= number <= (most or MOST_COUNT):
        raise ConfigError(f"{name}: {value!r:.60}; allowed: {allowed}; {instead}")
    return number


def named_path(path: str | os.PathLike[str], called: str = "''") -> Path:
    """Return a path that a user names; an empty text, which pathlib takes for ".", is none.

    Args:
        path: of a file or folder, read or written.
        called: what stands before the message, where `path` is a part of it.

    Raises:
        ConfigError: it is empty.
    """
    if not os.fspath(path):
        raise ConfigError(
            f"{called}: names no file or folder; allowed: a path ('.' for the current folder); give"
            " one (is a variable of the shell not set?)"
        )
    return Path(path)


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the nearest other of `options`, or an empty string."""
    near = difflib.get_close_matches(word, [each for each in options if each != word], n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
