"""Checks of single values, and how a value of unknown origin is shown in a message of one line.

JSON values: `is_int`, `is_count`, `is_number`. Arguments, which may be numpy's: `is_whole`,
`is_real`. True and False are never numbers.
"""

from __future__ import annotations

import numbers
import os
from typing import TypeGuard

__all__ = [
    "EXACT",
    "is_count",
    "is_int",
    "is_number",
    "is_real",
    "is_whole",
    "path_name",
    "printable",
    "shown",
]

EXACT = 2**53  # up to here a float holds every whole number


def is_int(value: object) -> TypeGuard[int]:
    """Return whether `value` is a whole number of Python."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_count(value: object) -> TypeGuard[int]:
    """Return whether `value` is a whole number from 0 to 2**53 - 1."""
    return is_int(value) and 0 <= value < EXACT


def is_number(value: object) -> TypeGuard[float]:
    """Return whether `value` is a whole number or a float, finite and below 2**53."""
    # the comparison is false for NaN and infinity
    return (is_int(value) or isinstance(value, float)) and -EXACT < value < EXACT


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether `value` is a whole number of Python or numpy."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def is_real(value: object) -> bool:
    """Return whether `value` is a number of Python or numpy."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


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
