"""The kinds of files that commands write, and how an earlier one is told from a file of the user's.

A name or an ending says nothing: what is in the file does.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganaug.images.grid import MARK
from ganaug.outputs import Kind

__all__ = [
    "CARD",
    "CHECK",
    "EVALUATION",
    "POLICY",
    "RECORDS",
    "SHEET",
    "holds_full_record",
    "is_evaluation",
]

MOST_BYTES = 1 << 28  # a larger file is none of ours
TITLE = b"# Model card: generator for "
HEADER = b"<header><p>ganaug report</p>"
GAIN_KEYS = {"dataset", "seeds", "arms", "baseline", "gain"}
DIVERSITY_KEYS = {"dataset", "kind", "classes", "macro"}
CHECK_KEYS = {"findings", "images", "source", "training_size"}
POLICY_KEYS = {"policy", "reason", "gain", "low"}


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.stat().st_size <= MOST_BYTES else b""
    except OSError:
        return b""


def _holds_json(fits: Callable[[dict[str, Any]], bool]) -> Callable[[Path], bool]:
    """Return whether a file holds a JSON object that `fits`."""

    def holds(path: Path) -> bool:
        try:
            values = json.loads(_content(path))
        except (ValueError, RecursionError):
            return False
        return isinstance(values, dict) and fits(values)

    return holds


def _is_records(values: dict[str, Any]) -> bool:
    """Whether it is the object of `ganaug evaluate --json`: records by name, or null."""
    wanted = {"gain": GAIN_KEYS, "diversity": DIVERSITY_KEYS, "judged": DIVERSITY_KEYS}
    return {"gain", "diversity"} <= values.keys() <= wanted.keys() and all(
        each is None or (isinstance(each, dict) and wanted[name] <= each.keys())
        for name, each in values.items()
    )


def _lies_in_an_evaluation(path: Path) -> bool:
    """Whether a file, which cannot say so itself, lies beside a record of an evaluation."""
    names = ("report.html", "gain.json", "diversity.json")
    return any(EVALUATION[name].is_ours(path.with_name(name)) for name in names)


CARD = Kind("a model card of ganaug", lambda path: _content(path).startswith(TITLE))
CHECK = Kind(
    "what ganaug check --json wrote", _holds_json(lambda values: values.keys() >= CHECK_KEYS)
)
SHEET = Kind("a picture of ganaug vary", lambda path: MARK.encode() in _content(path)[: 1 << 12])
RECORDS = Kind("what ganaug evaluate --json wrote", _holds_json(_is_records))
POLICY = Kind(
    "what ganaug tune --json wrote", _holds_json(lambda values: values.keys() == POLICY_KEYS)
)
_DIVERSITY = Kind(
    "a diversity record of ganaug", _holds_json(lambda values: values.keys() >= DIVERSITY_KEYS)
)
# What an evaluation writes directly into its folder.
EVALUATION = {
    "gain.json": Kind(
        "a gain record of ganaug", _holds_json(lambda values: values.keys() >= GAIN_KEYS)
    ),
    "diversity.json": _DIVERSITY,
    "judged.json": _DIVERSITY,
    "report.html": Kind("a report of ganaug", lambda path: HEADER in _content(path)[: 1 << 16]),
    "grid.png": Kind("the picture of an evaluation", _lies_in_an_evaluation),
}


def is_evaluation(folder: Path) -> bool:
    """Whether a folder holds a record or a report of an evaluation."""
    return _lies_in_an_evaluation(folder / "grid.png")


def holds_full_record(folder: Path) -> bool:
    """Whether a folder holds the record of a comparison that was no quick look."""
    return _FULL(folder / "gain.json")


def _is_full(values: dict[str, Any]) -> bool:
    settings = values.get("settings")
    return values.keys() >= GAIN_KEYS and not (isinstance(settings, dict) and settings.get("quick"))


_FULL = _holds_json(_is_full)
