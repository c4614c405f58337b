"""The cache of decoded images: at the training size, in a file that is read where it is needed.

An entry is named by the source and by how it is read. It is three files: the pixels, their keys,
and a JSON file, which is written last and is the commit. That holds the hashes of the two others
and of the list of image files with their sizes and times, so that a broken entry, and one of files
that have changed, is known and made anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import numpy as np
import PIL
from numpy.typing import NDArray

from ganaug.errors import ConfigError, GanaugError
from ganaug.files import atomic_path, make_folder, write_bytes, write_json
from ganaug.images._decoding import DecodedPixels
from ganaug.images._parts import ImageFile
from ganaug.images.stored import BLOCK, StoredImages
from ganaug.locks import locked
from ganaug.records import COUNT, TEXT, Form, check_fields, list_of, load_json

__all__ = ["Cache", "Decoded", "FileSink", "entry_of", "no_cache"]

log = logging.getLogger("ganaug")

FORMAT = 2
CHUNK = 2**22  # bytes
# What an entry that was changed by hand can end in: sizes of 0 divide by it.
UNUSABLE = (GanaugError, OSError, ValueError, ArithmeticError)
ENTRY: dict[str, Form] = {
    "format": COUNT,
    "files": TEXT,
    "shape": list_of(COUNT),
    "notes": list_of(TEXT),
    "pixels": TEXT,
    "keys": TEXT,
}


class Decoded(NamedTuple):
    """What was read from files: pixels, and notes about them."""

    pixels: DecodedPixels
    notes: tuple[str, ...]


class FileSink:
    """Takes decoded images one after the other, and writes them to a file."""

    def __init__(self, path: Path, shape: tuple[int, int, int]) -> None:
        self.path, self.shape = path, shape
        self._stream: BinaryIO = path.open("wb")

    def add(self, image: NDArray[np.uint8]) -> None:
        """Append one image [H, W, C]."""
        self._stream.write(image.tobytes())

    def finished(self, *, all_grey: bool) -> NDArray[np.uint8]:
        """Keep of each its first channel alone, where `all_grey`.

        Returns:
            None of them, [0, H, W, C]: they are in the file.
        """
        self._stream.close()
        if not all_grey:
            return np.empty((0, *self.shape), np.uint8)
        whole = int(np.prod(self.shape))
        with self.path.open("r+b") as stream:  # what is written is always behind what is read
            count = self.path.stat().st_size // whole
            for start in range(0, count, BLOCK):
                stream.seek(start * whole)
                images = np.frombuffer(stream.read(BLOCK * whole), np.uint8)
                stream.seek(start * whole // self.shape[2])
                stream.write(images.reshape(-1, *self.shape)[..., :1].tobytes())
            stream.truncate(count * whole // self.shape[2])
        return np.empty((0, *self.shape[:2], 1), np.uint8)


Decode = Callable[[Callable[[tuple[int, int, int]], FileSink]], Decoded]


@dataclass(frozen=True)
class Cache:
    """A folder of entries.

    Attributes:
        folder: created where missing.
    """

    folder: Path

    def read(
        self, source: str, how: dict[str, Any], files: Sequence[ImageFile], decode: Decode
    ) -> Decoded:
        """Return what `decode` gives, from the entry of `source` where it is whole and up to date.

        Args:
            source: as the user named it.
            how: settings of the reading, JSON values.
            files: all that are read.
            decode: called as `decode(open_sink)` where they have to be read.

        Raises:
            RunError: the folder has no such entry, and cannot be written.
            GanaugError: `decode` failed.
        """
        name = _digest([os.path.realpath(source), how])[:16]
        listed = _listed(files)
        entry = self.folder / f"{name}.json"
        with suppress(*UNUSABLE):
            return self._opened(entry, listed)  # without a lock, also from a disk that is read-only
        make_folder(self.folder)
        with locked(self.folder, wait=True):
            if entry.exists():
                try:
                    return self._opened(entry, listed)
                except UNUSABLE as error:
                    why = error if isinstance(error, _UnusableError) else "the cache is damaged"
                    log.warning("%s: %s; the images are read again", entry, why)
            return self._made(entry, listed, decode)

    def _opened(self, entry: Path, listed: str) -> Decoded:
        values = check_fields(entry, load_json(entry), ENTRY)
        if values["format"] != FORMAT:
            raise _UnusableError(f"has format {values['format']}, this version reads {FORMAT}")
        if values["files"] != listed:
            raise _UnusableError("the images have changed since they were put into the cache")
        path, beside = _parts(entry)
        made, keys = path.stat().st_mtime_ns, beside.read_bytes()
        if _hash_of(path) != values["pixels"] or hashlib.sha256(keys).hexdigest() != values["keys"]:
            raise _UnusableError("the cache is damaged")
        height, width, channels = values["shape"]
        images = StoredImages(path, (height, width, channels), made=made)
        by_file, by_pixels, other, kept = (
            np.frombuffer(keys, "<u8").astype(np.uint64).reshape(4, len(images))
        )
        rows = kept.astype(np.int64)
        found = DecodedPixels(cast(NDArray[np.uint8], images), by_file, by_pixels, other, rows)
        return Decoded(found, tuple(values["notes"]))

    def _made(self, entry: Path, listed: str, decode: Decode) -> Decoded:
        path, keys = _parts(entry)
        with suppress(FileNotFoundError):
            entry.unlink()  # what it names is about to go
        with atomic_path(path) as temporary:
            found, notes = decode(lambda shape: FileSink(temporary, shape))
        shape = found.images.shape[1:]
        arrays = [found.keys, found.pixel_keys, found.other_keys, found.kept]
        write_bytes(keys, np.stack([each.astype("<u8") for each in arrays]).tobytes())
        values = {"format": FORMAT, "files": listed, "shape": list(shape), "notes": list(notes)}
        write_json(entry, values | {"pixels": _hash_of(path), "keys": _hash_of(keys)})
        images = StoredImages(path, (shape[0], shape[1], shape[2]))
        return Decoded(found._replace(images=cast(NDArray[np.uint8], images)), notes)


class _UnusableError(ValueError):
    """Why an entry is not used, in words for the user."""


def _parts(entry: Path) -> tuple[Path, Path]:
    return entry.with_suffix(".pixels"), entry.with_suffix(".keys")


def entry_of(folder: Path, classes: Sequence[str], files: Sequence[ImageFile]) -> str:
    """Return what a cache knows some files of a folder by, where these are not all that it has.

    A DataFrame has no path, and several of these, or tables with several columns, may name files of
    one folder: what they name is it.
    """
    rows = [(file.name, classes[file.label], file.group) for file in files]
    content = repr(rows).encode(errors="backslashreplace")
    return os.path.join(os.path.realpath(folder), hashlib.sha256(content).hexdigest())


def no_cache(source: str) -> ConfigError:
    """Return the error of a cache that is given for a source that has no use for one."""
    return ConfigError(
        f"cache: given for {source}; allowed: for a folder, a table or an ImageFolder, whose images"
        " are files; leave --cache out"
    )


def _listed(files: Sequence[ImageFile]) -> str:
    """Return the hash of what is read: each file with its size, time, label and group."""
    digest = hashlib.sha256(f"{FORMAT} {PIL.__version__}".encode())
    for file in files:
        try:
            found = os.stat(file.path)
            # Files that change places keep size and time.
            state = f"{found.st_size} {found.st_mtime_ns} {found.st_ino} {found.st_ctime_ns}"
        except OSError:
            state = "missing"  # whoever reads it says why
        line = f"{file.name}\0{state}\0{file.label}\0{file.group}\n"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def _digest(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _hash_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while content := stream.read(CHUNK):
            digest.update(content)
    return digest.hexdigest()
