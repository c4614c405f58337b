"""The records of a run folder, read strictly: JSON of bounded size and depth, fields of a form."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ganaug.errors import RunError
from ganaug.files import open_regular
from ganaug.values import EXACT, is_count, is_int

__all__ = [
    "COUNT",
    "FLAG",
    "NAMES",
    "NUMBER",
    "NUMBERS",
    "OBJECT",
    "TEXT",
    "TEXT_OR_NONE",
    "WHOLE",
    "Form",
    "check_fields",
    "list_of",
    "load_json",
    "one_of",
    "parse_json",
    "read_rows",
]

MOST_BYTES = 64 * 2**20
MOST_LOG = 2**30  # of a log, which grows with every step
MOST_DEPTH = 32
MOST_NUMBER = 1e100  # far from where sums and squares of it overflow

Form = tuple[str, Callable[[Any], bool]]  # what is allowed, in words and as a check


def _whole(value: object) -> bool:
    return is_int(value) and abs(value) < EXACT


def _number(value: object) -> bool:
    return _whole(value) or (isinstance(value, float) and abs(value) < MOST_NUMBER)


def list_of(form: Form, least: int = 0) -> Form:
    """Return the form of a list, or tuple, of `least` or more values of a form."""
    words, check = form
    return (
        f"a list, each {words}",
        lambda value: (
            isinstance(value, list | tuple) and len(value) >= least and all(map(check, value))
        ),
    )


def one_of(*values: object) -> Form:
    """Return the form of one of `values`; 1 is not true."""
    kinds = {type(value) for value in values}
    return " or ".join(map(repr, values)), lambda value: type(value) in kinds and value in values


WHOLE: Form = ("a whole number", _whole)
COUNT: Form = ("a whole number from 0 up", is_count)
NUMBER: Form = ("a number", _number)
FLAG: Form = ("true or false", lambda value: isinstance(value, bool))
TEXT: Form = ("text", lambda value: isinstance(value, str))
TEXT_OR_NONE: Form = ("text or null", lambda value: value is None or isinstance(value, str))
OBJECT: Form = ("an object", lambda value: isinstance(value, dict))
NUMBERS: Form = (
    "an object of numbers",
    lambda value: isinstance(value, dict) and all(map(_number, value.values())),
)
# What a row of a log may hold beside numbers: what was seen, and what was changed.
ROW_FORMS: dict[str, Form] = {"alarm": TEXT, "cause": TEXT, "settings": NUMBERS}
NAMES: Form = (
    "a list of one or more different names",
    lambda value: list_of(TEXT, 1)[1](value) and "" not in value and len(set(value)) == len(value),
)


def check_fields(
    path: Path,
    record: object,
    forms: Mapping[str, Form],
    advice: str = "train again in another folder",
) -> dict[str, Any]:
    """Return `record`, an object of which each field in `forms` has its form.

    Args:
        path: of the file, for messages.
        record: the JSON value in it.
        forms: of the fields, by name.
        advice: what to do where it is another.

    Raises:
        RunError: it is no object, or a field is missing or of another form.
    """
    if not isinstance(record, dict):
        raise RunError(f"{path}: does not hold a JSON object; {advice}")
    for name, (allowed, check) in forms.items():
        value = record.get(name)
        if name not in record or not check(value):
            found = repr(value) if name in record else "missing"
            raise RunError(f"{path}: {name}: {found[:60]}; allowed: {allowed}; {advice}")
    return record


def load_json(path: str | os.PathLike[str]) -> Any:
    """Return the JSON value in a regular file; halves of characters in its text become escapes.

    Raises:
        OSError: it is missing, cannot be read, or is no regular file.
        ValueError: it is too large, no JSON, nested too deep, or holds NaN or infinity.
    """
    return parse_json(_content(path))


def read_rows(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Return the rows of a log, JSON objects; none without a log.

    A row has a step, numbers, and of a failure what was seen and what was changed.

    The last line may be cut off, by a kill, and is then left out.

    Raises:
        RunError: another line has another form, or the file cannot be read.
    """
    try:
        lines = _content(path, MOST_LOG).split(b"\n")
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise _unreadable(path, getattr(error, "strerror", None) or error) from error
    rows = []
    for at, line in enumerate(lines):
        if not line.strip():
            continue
        try:
            rows.append(_row(parse_json(line)))
        except ValueError as error:
            if at == len(lines) - 1:  # whole lines end with a line break
                break
            raise _unreadable(path, f"line {at + 1}: {error}") from error
    return rows


def _unreadable(path: str | os.PathLike[str], reason: object) -> RunError:
    return RunError(
        f"{os.fspath(path)}: cannot be read ({reason}); allowed: the lines that `ganaug fit`"
        " writes; remove other lines, or train again in another folder"
    )


def _row(value: object) -> dict[str, Any]:
    if not isinstance(value, dict) or not COUNT[1](value.get("step")):
        raise ValueError("no object with a step")
    for name, number in value.items():
        if name in ROW_FORMS and ROW_FORMS[name][1](number):
            continue
        if number is not None and not _number(number):
            raise ValueError(f"{name[:40]!r} is no number")
    return value


def _content(path: str | os.PathLike[str], most: int = MOST_BYTES) -> bytes:
    with open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > most:
            raise ValueError(f"more than {most:,} bytes")
        return stream.read(size)  # which is what memory is taken for


def parse_json(content: bytes) -> Any:
    """Return the JSON value in UTF-8 text; see `load_json`."""
    try:
        value = json.loads(content)
        json.dumps(value, allow_nan=False)
        return _plain(value, 0)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _plain(value: Any, depth: int) -> Any:
    if depth > MOST_DEPTH:
        raise RecursionError
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, list):
        return [_plain(each, depth + 1) for each in value]
    if isinstance(value, dict):
        return {_plain(key, depth): _plain(each, depth + 1) for key, each in value.items()}
    return value
