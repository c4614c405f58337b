"""Changes of bytes, of protobuf messages and of JSON values, each drawn from a numpy generator."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["HOSTILE", "WORDS", "mutate_bytes", "mutate_json", "mutate_message", "pick"]

HOSTILE = (
    "",
    "\x1b]0;x\x07",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "a\nb",
    "\u202e",
    "\ud800",
    "x" * 5000,
    "\0",
    "é" * 40,
)
NUMBERS = (0, 1, -1, 2, 7, 255, 256, 2**16, 2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1, -(2**63))
VALUES: tuple[Any, ...] = (
    *(None, True, False, [], {}, [[]], 0, -1, 1.5, 1e308, -1e308, 10**30, 2**53, "1", "nan"),
    *HOSTILE,
    [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]],
)
WORDS = (b"\x00", b"\xff" * 8, b"\x80" * 10, b"PK\x03\x04", b"\x7f\xff\xff\xff", b"{}", b"\n")


def pick(rng: np.random.Generator, options: Sequence[Any]) -> Any:
    """Return one of the options, as it is."""
    return options[int(rng.integers(len(options)))]


def mutate_bytes(content: bytes, rng: np.random.Generator) -> bytes:
    """Return `content` with one to four changes: bits, cuts, splices, words of other formats."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        at, to = sorted(int(each) for each in rng.integers(0, len(data) + 1, 2))
        part = bytes(data[at : at + min(to - at, 4096)])
        kind = rng.integers(7)
        if kind <= 1 and data:
            data[min(at, len(data) - 1)] ^= 1 << int(rng.integers(8))
        elif kind == 2:
            data[at:at] = pick(rng, WORDS)
        elif kind == 3:
            data[at : at + 8] = int(pick(rng, NUMBERS) % 2**64).to_bytes(8, "little")
        elif kind == 4:
            del data[at : at + int(rng.integers(1, 64))]
        elif kind == 5:
            data[to:to] = part
        elif rng.integers(4) == 0:
            del data[to:]
    return bytes(data)


def mutate_json(value: Any, rng: np.random.Generator) -> Any:
    """Return a copy of a JSON value with one to three values changed, removed, renamed or moved."""
    root = {"root": copy.deepcopy(value)}
    for _ in range(int(rng.integers(1, 4))):
        places: list[tuple[Any, Any]] = []
        pending: list[Any] = [root]
        while pending and len(places) < 2000:
            here = pending.pop()
            keys = list(here) if isinstance(here, dict) else range(len(here))
            places += [(here, key) for key in keys]
            pending += [here[key] for key in keys if isinstance(here[key], dict | list)]
        here, key = pick(rng, places)
        other, from_ = pick(rng, places)
        kind = rng.integers(6)
        if kind <= 2:
            here[key] = copy.deepcopy(pick(rng, VALUES))
        elif kind == 3:
            here[key] = copy.deepcopy(other[from_])
        elif isinstance(here, list):
            here.insert(key, copy.deepcopy(here[key])) if kind == 4 else here.pop(key)
        elif here is not root:
            moved = here.pop(key)
            if kind == 4:
                here[str(pick(rng, HOSTILE))] = moved
    return root["root"]


def mutate_message(message: Any, rng: np.random.Generator) -> None:
    """Change one to three fields of a protobuf message, wherever they stand in it."""
    for _ in range(int(rng.integers(1, 4))):
        places: list[tuple[Any, Any]] = []
        pending = [message]
        while pending:
            here = pending.pop()
            for field, value in here.ListFields():
                places.append((here, field))
                if field.message_type is not None:
                    pending.extend(value if hasattr(value, "add") else [value])
        if places:
            texts = {getattr(h, f.name) for h, f in places if f.type == 9 and not f.is_repeated}
            _change(*pick(rng, places), sorted(texts), rng)


def _change(here: Any, field: Any, texts: Sequence[str], rng: np.random.Generator) -> None:
    value = getattr(here, field.name)
    if field.is_repeated:
        at, kind = int(rng.integers(len(value))), rng.integers(5)
        if kind == 0:
            del value[at]
        elif kind == 1 and field.message_type is not None:
            value.add().CopyFrom(value[at])
        elif kind == 2 and field.message_type is not None:
            value[at].CopyFrom(value[int(rng.integers(len(value)))])
        elif kind == 1:
            value.append(value[at])
        elif field.message_type is None:
            value[at] = _other(field, value[at], texts, rng)
    elif field.message_type is not None or rng.integers(5) == 0:
        if rng.integers(4) == 0:
            here.ClearField(field.name)
    else:
        setattr(here, field.name, _other(field, value, texts, rng))


def _other(field: Any, value: Any, texts: Sequence[str], rng: np.random.Generator) -> Any:
    """Return another value of a field that is no message."""
    if field.type == 9:
        plain = [text for text in HOSTILE if text.isascii()]
        return pick(rng, [*texts, *plain])
    if field.type == 12:
        return mutate_bytes(value, rng)
    if field.type in (1, 2):
        return float(pick(rng, (0.0, -1.0, 1e38, float("nan"), float("inf"))))
    if field.type == 14:
        return int(pick(rng, list(field.enum_type.values_by_number)))
    number: int = pick(rng, (*NUMBERS, int(value) + 1, int(value) - 1))
    return (number + 2**31) % 2**32 - 2**31 if field.type == 5 else number
