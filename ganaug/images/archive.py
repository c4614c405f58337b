"""Arrays of an .npz file, read only after what they would take in memory is known."""

from __future__ import annotations

import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ganaug.errors import DataError
from ganaug.limits import NPZ_SIZE
from ganaug.wording import one_line

__all__ = ["BROKEN", "Archive"]

# What zipfile and numpy raise on damaged files.
BROKEN = (
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    tokenize.TokenError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
RATIO = 20  # of the file's own size, which are allowed in any case
MAX_DIRECTORY = 2**20  # bytes of the list of arrays
MIB = 2**20
_HEADERS: dict[tuple[int, int], Callable[..., Any]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class Archive:
    """An open .npz file, `name` in messages.

    Raises:
        DataError: it is no .npz file, lists more arrays than fit into a mebibyte, or two of one
            name.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._name = name
        self._stored = os.fstat(stream.fileno()).st_size
        if _directory_size(stream, self._stored) > MAX_DIRECTORY:
            raise DataError(
                f"{name}: a list of arrays of more than {MAX_DIRECTORY:,} bytes; allowed: the few"
                " arrays of an image set; save it again"
            )
        if not zipfile.is_zipfile(stream):
            raise DataError(
                f"{name}: not an .npz file; allowed: what numpy.savez writes; save it again"
            )
        self._zip = zipfile.ZipFile(stream)
        self._members: dict[str, zipfile.ZipInfo] = {}
        for each in self._zip.infolist():
            called = each.filename.removesuffix(".npy")
            if called in self._members:
                raise DataError(
                    f"{name}: two arrays are called {called!r:.60}; allowed: one; save it again"
                )
            self._members[called] = each
        self.names = list(self._members)

    def check_sizes(self, names: list[str]) -> None:
        """Raise `DataError` where these arrays, unpacked, are larger than the limit."""
        size = sum(self._members[name].file_size for name in names)
        if size > max(NPZ_SIZE.value * MIB, RATIO * self._stored):
            needed = -(-size // MIB)
            raise DataError(
                f"{self._name}: {self._stored:,} bytes that unpack to {needed:,} MiB; allowed:"
                f" {NPZ_SIZE.value:,} MiB, or {RATIO} times the file; {NPZ_SIZE.advice(needed)}"
            )

    def read(self, name: str) -> NDArray[Any]:
        """Return one array; nothing is unpickled.

        Raises:
            DataError: it is damaged, holds Python objects, or is larger than the file says.
        """
        member = self._members[name]
        try:
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError("packed as numpy does not pack")
            with self._zip.open(member) as stream:
                read_header = _HEADERS.get(np.lib.format.read_magic(stream))
                if read_header is None:
                    raise ValueError("a format that numpy does not write for plain arrays")
                shape, _, dtype = read_header(stream)
                # an entry of no bytes, such as an empty text, costs memory all the same
                if math.prod(shape) * max(dtype.itemsize, 1) > member.file_size:
                    raise ValueError("it is cut off")
            with self._zip.open(member) as stream:
                return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))
        except BROKEN as error:
            raise DataError(
                f"{self._name}: {name}: cannot be read ({one_line(error)}); allowed: plain numbers"
                " or text, no Python objects; save it as one array of one type"
            ) from error
        except MemoryError as error:
            raise DataError(
                f"{self._name}: {name}: too large for the memory of this machine; save fewer or"
                " smaller images"
            ) from error


def _directory_size(stream: BinaryIO, size: int) -> int:
    """Return the bytes of a zip file's list of members, as its end says; 0 where it has no end."""
    stream.seek(max(0, size - 2**16 - 22))
    end = stream.read()
    stream.seek(0)
    at = end.rfind(b"PK\x05\x06")
    if at < 0:
        return 0
    told = int.from_bytes(end[at + 12 : at + 16], "little")
    large = end.rfind(b"PK\x06\x06", 0, at)  # files of over 4 GiB say it in another place
    return int.from_bytes(end[large + 40 : large + 48], "little") if told == 2**32 - 1 else told
