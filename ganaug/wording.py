"""How messages and tables put numbers into words."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["counted", "table_lines"]


def counted(number: int, noun: str) -> str:
    """Return "1 class", "2 classes"; the last word of `noun` is singular and counts regularly."""
    if number == 1:
        return f"1 {noun}"
    ending = "es" if noun.endswith(("s", "x", "ch", "sh")) else "s"
    return f"{number:,} {noun}{ending}"


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
