"""Checks of single values, and how a value of unknown origin is shown in a message of one line."""

from __future__ import annotations

import os
from typing import TypeGuard

__all__ = [
    "is_count",
    "is_int",
    "is_number",
    "path_name",
    "printable",
    "shown",
]

_MAX_COUNT = 2**53  # up to here a float holds every whole number


def is_int(value: object) -> TypeGuard[int]:
    """Return whether `value` is a whole number; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_count(value: object) -> TypeGuard[int]:
    """Return whether `value` is a whole number from 0 to 2**53 - 1."""
    return is_int(value) and 0 <= value < _MAX_COUNT


def is_number(value: object) -> TypeGuard[float]:
    """Return whether `value` is a whole number or a float, finite and below 2**53."""
    # the comparison is false for NaN and infinity
    return (is_int(value) or isinstance(value, float)) and -_MAX_COUNT < value < _MAX_COUNT


def shown(value: object, limit: int = 60) -> str:
    """Return `value` with control characters escaped and cut at `limit` characters."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def printable(value: object) -> str:
    """Return text from outside without control characters: they could rewrite the terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in str(value))


def path_name(path: str | os.PathLike[str]) -> str:
    """Return `path` with control characters escaped: a file name may hold line breaks."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in os.fspath(path))
