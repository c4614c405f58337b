"""How messages and tables put numbers into words, and how a number is read from a word."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["as_settings", "counted", "whole_number"]

MOST_DIGITS = 15  # far beyond any number of ours; int() itself refuses thousands


def counted(number: int, noun: str) -> str:
    """Return "1 class", "2 classes"; the last word of `noun` is singular and counts regularly."""
    if number == 1:
        return f"1 {noun}"
    ending = "es" if noun.endswith(("s", "x", "ch", "sh")) else "s"
    return f"{number:,} {noun}{ending}"


def as_settings(values: Mapping[str, float]) -> str:
    """Return "r1=0.5, r2=1": what `--set` takes."""
    return ", ".join(f"{name}={value:g}" for name, value in values.items())


def whole_number(text: str) -> int | None:
    """Return a text of decimal digits as a number; None for any other, and for very many digits."""
    return int(text) if text.isdecimal() and len(text) <= MOST_DIGITS else None
