"""How messages and tables put numbers into words, and how a number is read from a word."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = [
    "as_options",
    "as_settings",
    "counted",
    "fact_lines",
    "first_names",
    "one_line",
    "points",
    "sentence",
    "table_lines",
    "whole_number",
]

MOST_DIGITS = 15  # far beyond any number of ours; int() itself refuses thousands


def counted(number: int, noun: str) -> str:
    """Return "1 class", "2 classes"; the last word of `noun` is singular and counts regularly."""
    if number == 1:
        return f"1 {noun}"
    ending = "es" if noun.endswith(("s", "x", "ch", "sh")) else "s"
    return f"{number:,} {noun}{ending}"


def as_settings(values: Mapping[str, float]) -> str:
    """Return "r1=0.5, r2=1": what `--set` takes; "the same settings" for none."""
    return ", ".join(f"{name}={value:g}" for name, value in values.items()) or "the same settings"


def as_options(**values: Any) -> list[str]:
    """Return ["--size", "32x40", "--no-exif"]: what a command takes, without None and False.

    A square size is one side, "32".
    """
    words = []
    for name, value in values.items():
        if value is not None and value is not False:
            words.append(f"--{name.replace('_', '-')}")
            words += [] if value is True else [_as_value(value)]
    return words


def _as_value(value: object) -> str:
    if not isinstance(value, tuple):
        return str(value)
    return "x".join(map(str, value if len(set(value)) > 1 else value[:1]))


def whole_number(text: str) -> int | None:
    """Return a text of decimal digits as a number; None for any other, and for very many digits."""
    return int(text) if text.isdecimal() and len(text) <= MOST_DIGITS else None


def one_line(message: object, most: int | None = 300) -> str:
    """Return a text, or that of an error, on one line; an error without text gives its name.

    Args:
        message: a text, an error or a warning.
        most: characters that are kept; None = all.
    """
    line = " ".join(str(message).split())
    if not line and isinstance(message, Exception):
        return type(message).__name__
    return line if most is None or len(line) <= most else line[: most - 3] + "..."


def points(value: float) -> str:
    """Return a difference of fractions in points, with its sign; a zero has none."""
    number = f"{100 * value:+.1f}"
    return number if number.strip("+-0.") else number[1:]


def sentence(text: str) -> str:
    """Return "Ab c." of "ab c"."""
    return f"{text[:1].upper()}{text[1:]}."


def first_names(names: Sequence[str], most: int = 10, form: Callable[[str], str] = str) -> str:
    """Return "a, b and 3 more": the first `most` names as `form` writes them."""
    rest = len(names) - most
    return ", ".join(map(form, names[:most])) + (f" and {rest} more" if rest > 0 else "")


def fact_lines(facts: Mapping[str, str]) -> list[str]:
    """Return a line for each fact, its name before it, the values below one another."""
    width = max(map(len, facts))
    return [f"{name:<{width}}  {value}".rstrip() for name, value in facts.items()]


def table_lines(rows: Sequence[tuple[str, ...]], width: int | None = None) -> list[str]:
    """Return a table in text, the first row its head.

    Args:
        rows: cells.
        width: where the table is wider, each first cell gets a line of its own, and the spaces
            inside a cell go; None = as wide as it is.
    """
    lines = _aligned(rows)
    if width is None or len(lines[0]) <= width:
        return lines
    rest = _aligned([tuple(cell.replace(" / ", "/") for cell in row[1:]) for row in rows])
    found = [rows[0][0], f"  {rest[0]}", f"  {rest[1]}"]
    for row, line in zip(rows[1:], rest[2:], strict=True):
        found += [row[0], f"  {line}"]
    return found


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) for r in rows]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]
