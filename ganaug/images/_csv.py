"""The dialect of CSV files: what is between their cells, and rows with too many of them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import Any, TextIO

from ganaug.errors import DataError
from ganaug.wording import counted

__all__ = ["delimiter_of", "dict_reader", "refuse_more_cells"]


def delimiter_of(stream: TextIO, where: str) -> str:
    """Return what is between the cells of the first line of a table: a comma, ";" or a tab.

    Raises:
        DataError: the line says what is, as Excel writes it, or it has "|" alone.
    """
    first = stream.readline()
    stream.seek(0)
    known = max(",;\t", key=first.count)
    if first.lower().startswith("sep="):
        raise DataError(
            f"{where}: the first line is {first.strip()!r}; allowed: the names of the columns; take"
            " this line out"
        )
    if "|" in first and known not in first:
        raise DataError(
            f"{where}: the first line, {first.strip()!r:.60}, has '|' between the columns; allowed:"
            " a comma, a semicolon or a tab; save the table with one of these"
        )
    return known


def dict_reader(stream: TextIO, delimiter: str) -> csv.DictReader[str]:
    """Return a strict reader; a blank before a cell is no part of it, and quotes may follow."""
    return csv.DictReader(stream, delimiter=delimiter, skipinitialspace=True, strict=True)


def refuse_more_cells(where: str, row: Mapping[Any, Any], columns: int) -> None:
    """Refuse a row of csv's DictReader that has more cells than the first line: which is which?"""
    more = row.get(None)
    if more:
        raise DataError(
            f"{where}: {columns + len(more)} cells, but the first line names"
            f" {counted(columns, 'column')}; allowed: one for each; put text with a delimiter in"
            ' "quotes", or take out what is too much'
        )
