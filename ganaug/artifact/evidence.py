"""The records that an evaluation writes into a file: which forms their fields have."""

from __future__ import annotations

from typing import Any

from ganaug.records import COUNT, TEXT, TEXT_OR_NONE, Form, list_of
from ganaug.values import is_count, is_number, shown

__all__ = ["misfit"]

NUMBER: Form = ("a number", is_number)
NUMBER_OR_NONE: Form = ("a number or null", lambda value: value is None or is_number(value))
COUNT_OR_NONE: Form = ("a whole number or null", lambda value: value is None or is_count(value))


def _object_of(form: Form) -> Form:
    words, check = form
    return (
        f"an object, each {words}",
        lambda value: isinstance(value, dict) and all(map(check, value.values())),
    )


def _with(**forms: Form) -> Form:
    return (
        f"an object with {', '.join(forms)}",
        lambda value: (
            isinstance(value, dict)
            and all(name in value and check(value[name]) for name, (_, check) in forms.items())
        ),
    )


_PAIR: Form = (
    "a pair of numbers",
    lambda value: (
        isinstance(value, list) and len(value) == 2 and all(map(NUMBER_OR_NONE[1], value))
    ),
)
# A field may be missing: a newer or an older version may not write it.
FORMS: dict[str, dict[str, Form]] = {
    "gain": {
        **dict.fromkeys(("baseline", "claim", "classifier", "dataset", "verdict"), TEXT),
        **dict.fromkeys(("seeds", "steps", "test_images"), COUNT),
        **dict.fromkeys(("high", "low", "mean"), NUMBER),
        "arms": _object_of(_object_of(NUMBER_OR_NONE)),
        "chosen": TEXT_OR_NONE,
        "classes": list_of(TEXT),
        "notes": list_of(TEXT),
        "recall": _object_of(list_of(NUMBER_OR_NONE)),
        "seeds_to_settle": COUNT_OR_NONE,
    },
    "diversity": {
        "classes": list_of(_with(name=TEXT, word=TEXT)),
        "macro": _object_of(_PAIR),
        "words": _object_of(list_of(TEXT)),
    },
}


def misfit(name: str, record: dict[str, Any] | None) -> str:
    """Return which field of the record `name`, gain or diversity, has another form; or nothing."""
    for field, (allowed, check) in FORMS[name].items():
        if record is not None and field in record and not check(record[field]):
            return f"{name} in another form ({field}: {shown(record[field])}, allowed {allowed})"
    return ""
