"""A count of what a protobuf file holds, before a parser makes objects of it.

An empty message takes two bytes in the file and more than a hundred in memory. So fields, depth and
lengths are counted first, in the bytes, and the count stops at its limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganaug.errors import ArtifactError

if TYPE_CHECKING:
    from google.protobuf.descriptor import (  # type: ignore[import-untyped]
        Descriptor,
        FieldDescriptor,
    )

__all__ = ["MAX_FIELDS", "no_onnx", "scan"]

MAX_FIELDS = 100_000  # ours have about 3,000
MAX_DEPTH = 16  # ours have 7
MAX_NUMBERS = 2**16  # bytes of a list of numbers; weights are stored as raw bytes
MAX_TEXT = 4 * 2**20  # bytes; the metadata may have 1 MiB
MAX_VARINT = 10  # bytes

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_TEXT, _RAW = 9, 12  # FieldDescriptor.type


class _MalformedError(Exception):
    """These bytes are no protobuf message."""


def scan(content: bytes, descriptor: Descriptor) -> None:
    """Check that `content` is a message of the type `descriptor`, of bounded size in memory.

    Raises:
        ArtifactError: it is no such message, has too many fields, is nested too deep, or has text
            that is not UTF-8 or is too long, or long lists of single numbers.
    """
    try:
        _scan(content, descriptor)
    except _MalformedError as error:
        raise no_onnx(content, "that do not parse") from error


def no_onnx(content: bytes, why: str) -> ArtifactError:
    """Return the refusal of bytes that are no model."""
    return ArtifactError(
        f"is not an ONNX file ({len(content):,} bytes {why}); allowed: a file that ganaug export"
        " wrote; it may be cut off, copy or export it again"
    )


def _scan(content: bytes, descriptor: Descriptor) -> None:
    pending = [(0, len(content), descriptor, 0)]
    fields = 0
    while pending:
        at, end, message, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise ArtifactError(
                f"is not an ONNX file of ganaug (nested more than {MAX_DEPTH} levels deep); use a"
                " file that ganaug export wrote"
            )
        numbered = message.fields_by_number
        while at < end:
            fields += 1
            if fields > MAX_FIELDS:
                raise ArtifactError(
                    f"holds more than {MAX_FIELDS:,} fields; no generator of ganaug has that many;"
                    " use a file that ganaug export wrote"
                )
            tag, at = _varint(content, at, end)
            field, wire = numbered.get(tag >> 3), tag & 7
            start = at
            if wire == _VARINT:
                _, at = _varint(content, at, end)
            elif wire == _BYTES:
                length, start = _varint(content, at, end)
                at = start + length
            elif wire in (_FIXED32, _FIXED64):
                at += 4 if wire == _FIXED32 else 8
            else:
                raise _MalformedError
            if at > end:
                raise _MalformedError
            if field is None or wire != _BYTES:
                continue  # a number; or unknown, which is refused once it is parsed
            if field.message_type is not None:
                pending.append((start, at, field.message_type, depth + 1))
            else:
                _check_length(content, start, at, field)


def _check_length(content: bytes, start: int, end: int, field: FieldDescriptor) -> None:
    if field.type == _RAW:
        return
    if field.type == _TEXT:
        if end - start > MAX_TEXT:
            raise ArtifactError(
                f"{field.name}: {end - start:,} bytes of text; allowed: {MAX_TEXT:,}; use a file"
                " that ganaug export wrote"
            )
        try:
            content[start:end].decode()
        except UnicodeDecodeError as error:
            raise ArtifactError(
                f"{field.name}: text that is not UTF-8; the file is damaged, export the run again"
            ) from error
    elif end - start > MAX_NUMBERS:
        raise ArtifactError(
            f"{field.name}: {end - start:,} bytes of single numbers; allowed: {MAX_NUMBERS:,};"
            " weights are stored as raw_data; use a file that ganaug export wrote"
        )


def _varint(content: bytes, at: int, end: int) -> tuple[int, int]:
    """Return the number at `at` and the place behind it."""
    value = shift = 0
    for place in range(at, min(at + MAX_VARINT, end)):
        byte = content[place]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place + 1
        shift += 7
    raise _MalformedError
