"""What stands on a terminal while torch is loaded, and vanishes before anything else is said."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TextIO

__all__ = ["say_starting", "started"]

WORD = "starting ..."
_told: list[TextIO] = []


def say_starting() -> None:
    """Say on stderr, where it is a terminal, that something is at work; it has no line of its own.

    Loading torch takes seconds, and far longer on a busy machine.
    """
    with suppress(OSError, ValueError):
        if sys.stderr is not None and sys.stderr.isatty():
            sys.stderr.write(WORD)
            sys.stderr.flush()
            _told.append(sys.stderr)


def started() -> None:
    """Take the word away again, where it still stands."""
    while _told:
        stream = _told.pop()
        with suppress(OSError, ValueError):
            stream.write(f"\r{' ' * len(WORD)}\r")
            stream.flush()
