"""Which part of the data a row of a table is of, by a column that says so."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from ganaug.errors import DataError
from ganaug.images._left_out import SPLITS
from ganaug.images.columns import Columns, cell_text

__all__ = ["Unread", "allowed_parts", "part_of", "whole_text"]

WHOLE = re.compile(r"-?[0-9]+\.0+")  # a number as a column of floats has it


def _flag(true: str, false: str) -> dict[str, str]:
    values = dict.fromkeys(("true", "1", "yes"), true)
    return values | dict.fromkeys(("false", "0", "no"), false)


# Columns that say of which part a row is, in small letters without what is between them, and what
# they hold where a row is not for training.
_NOT_TRAINING = frozenset(
    (*(name for name in SPLITS if "train" not in name), "dev", "holdout", "eval", "evaluation")
)
_SAYS_PART = (
    "split subset part partition phase set fold dataset usage datasplit datapart traintest"
    " trainortest traintestsplit trainvaltest"
)
_FLAGS = {
    **dict.fromkeys(("isvalid", "isval", "isvalidation"), _flag("validation", "train")),
    "istest": _flag("test", "train"),
    **dict.fromkeys(("istrain", "istraining", "istrainingimage"), _flag("train", "test")),
}
_PARTS = dict.fromkeys(_SAYS_PART.split(), _NOT_TRAINING) | {
    name: frozenset(value for value, part in flags.items() if part != "train")
    for name, flags in _FLAGS.items()
}
_MEANS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing"), "test"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
}


def part_of(column: str, value: str) -> str | None:
    """Return "train", "test" or "validation" for a cell of a column; None where it says none."""
    said = _FLAGS.get(_letters(column), {}).get(value.lower())
    return said or _MEANS.get(_part_name(value.lower()))


def allowed_parts(column: str) -> str:
    """Return what a cell of a column may say, for messages."""
    if _letters(column) in _FLAGS:
        return "yes or no, true or false, 1 or 0"
    return "train, test, or validation, which is not read"


def whole_text(text: str) -> str:
    """Return "3" for "3.0": a number of a column is the same in a file and in a DataFrame."""
    return str(int(text.partition(".")[0])) if WHOLE.fullmatch(text) else text


class Unread:
    """Tells of a column that says which part of the data a row is of, and that nobody reads."""

    def __init__(self, names: Sequence[str | None], chosen: Columns) -> None:
        self._held: dict[str, set[str]] = {
            name: set()
            for name in names
            if name and chosen.split is None and _letters(name) in _PARTS and name not in chosen
        }
        self.named = list(self._held)

    def row(self, row: Mapping[Any, Any]) -> None:
        """Look at a row."""
        for name in self.named:
            with suppress(DataError):  # a list, or the like, says no part
                self._held[name].add(whole_text(cell_text(row.get(name), name, "part")).lower())

    @property
    def notes(self) -> list[str]:
        """A line for each such column with rows that are not for training."""
        told = []
        for name, held in self._held.items():
            of_others = _PARTS[_letters(name)]
            found = {value for value in held if _part_name(value) in of_others}
            if found:
                told.append(
                    f"all rows are read, also those that the column {name!r} calls"
                    f" {' and '.join(sorted(found))}; to keep these from the training:"
                    f" --split-column {shlex.quote(name)} (split= in Python)"
                )
        return told


def _letters(name: str) -> str:
    return re.sub(r"[-_ ]", "", name.lower())


def _part_name(value: str) -> str:
    """Return "test" for "publictest", "private test" and "test set"."""
    return re.sub(r"^(public|private)|(set|data)$", "", _letters(value))
