"""The logs of a run, which grow line by line: what is kept of them where a run goes on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganaug.files import append_text, write_text
from ganaug.records import read_rows

__all__ = ["add_row", "keep_rows"]

Row = dict[str, Any]


def add_row(path: Path, row: Row) -> None:
    """Append a row to a log."""
    append_text(path, json.dumps(row) + "\n")


def keep_rows(path: Path, step: int, marks: Sequence[Row] = ()) -> list[Row]:
    """Leave a log with its rows up to `step` and with `marks`, and return them.

    Args:
        path: the log; where there is none, one is written for `marks` alone.
        step: that the run goes on from.
        marks: what happened to the run, in order. They stay where they are, whatever their step;
            those that the log does not have come last.
    """
    if not path.exists() and not marks:
        return []
    kept = [row for row in read_rows(path) if row in marks or row["step"] <= step]
    kept += [mark for mark in marks if mark not in kept]
    write_text(path, "".join(json.dumps(row) + "\n" for row in kept))
    return kept
