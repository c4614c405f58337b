"""Images that stay in a file: they look like an array, and are read where they are asked for."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from types import EllipsisType
from typing import Any, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ganaug.errors import DataError

__all__ = ["StoredImages", "chosen"]

BLOCK = 256  # images that are read at once where all are gone through
# Bytes that were read after which the system may forget the pages of the map. It would keep all of
# them as long as memory is left, and count them as ours.
HELD = 8 * 2**20
Key = int | np.integer[Any] | slice | EllipsisType | NDArray[Any] | tuple[Any, ...]


class StoredImages:
    """uint8 [N, H, W, C], rows of a file of images; an index gives an array of its own.

    Where an array is needed, as in numpy's functions, all of them are read.

    Args:
        path: a file of images one after the other.
        shape: (H, W, C) of each.
        rows: int64 [N], which of the file's images these are; None = all.
        made: when the file was written, in nanoseconds; None = whenever.

    Raises:
        DataError: the file is another one than that which was `made` then; or, at an index, it
            became shorter since.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int, int],
        rows: NDArray[np.int64] | None = None,
        made: int | None = None,
    ) -> None:
        self.path, self._image = path, shape
        # Opened at once: who replaces the file leaves these images as they are.
        with path.open("rb") as stream:
            self._made = os.fstat(stream.fileno()).st_mtime_ns
            self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        if made not in (None, self._made):
            raise DataError(
                f"{path}: was written again since the images were loaded; load them again, with"
                " another cache folder where another process uses this one"
            )
        whole = len(self._map) // int(np.prod(shape))
        self._rows = np.arange(whole) if rows is None else rows
        self._read = 0

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, H, W, C)."""
        return (len(self._rows), *self._image)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        for start in range(0, len(self), BLOCK):
            yield from self[start : start + BLOCK]

    def __getitem__(self, key: Key) -> NDArray[np.uint8]:
        if isinstance(key, EllipsisType):
            key = slice(None)
        if isinstance(key, tuple):
            first, *others = key
            if isinstance(first, slice):
                return self[first][(slice(None), *others)]
            return np.asarray(self)[key]
        if self._map.size() < len(self._map):  # a page that is gone would end the process
            raise DataError(
                f"{self.path}: became shorter while it was read; allowed: a file that stays; load"
                " the images again, which makes the cache anew, and start the same command"
            )
        pixels = np.frombuffer(self._map, np.uint8).reshape(-1, *self._image)
        found = np.array(pixels[self._rows[key]])
        self._read += found.nbytes
        if self._read > HELD and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)
            self._read = 0
        return found

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        found = np.empty(self.shape, np.uint8)
        for start in range(0, len(self), BLOCK):
            found[start : start + BLOCK] = self[start : start + BLOCK]
        return found if dtype is None else found.astype(dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        return StoredImages, (self.path, self._image, self._rows, self._made)

    def take(self, rows: NDArray[np.int64] | slice) -> StoredImages:
        """Return those of `rows`, without reading them."""
        taken = object.__new__(StoredImages)
        vars(taken).update(vars(self), _rows=self._rows[rows])
        return taken


def chosen(images: NDArray[np.uint8], rows: NDArray[np.int64] | slice) -> NDArray[np.uint8]:
    """Return `images[rows]`; of stored ones without reading them."""
    stored: Any = images
    if isinstance(stored, StoredImages):
        return cast(NDArray[np.uint8], stored.take(rows))
    return images[rows]
