"""The format of the result files: JSON in which each top-level key has a line of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganaug.files import write_text

__all__ = ["result_text", "write_result"]


def result_text(result: Mapping[str, Any]) -> str:
    """Return `result` as the text of a result file: a diff shows which of its keys changed.

    Raises:
        ValueError: a number is infinite or NaN.

    Examples:
        >>> print(result_text({"seeds": [0, 1], "gain": 0.5}), end="")
        {
        "seeds":[0,1],
        "gain":0.5
        }
    """
    lines = (f"{_compact(key)}:{_compact(value)}" for key, value in result.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def write_result(path: Path, result: Mapping[str, Any]) -> None:
    """Write `result` to `path`, atomically."""
    write_text(path, result_text(result))


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
