"""Atomic writes and locks: a file is there as a whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import filelock

from ganaug.errors import RunError

__all__ = [
    "atomic_path",
    "locked",
    "make_folder",
    "open_regular",
    "work_folder",
    "write_bytes",
    "write_json",
    "write_text",
]


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; put it in place when the block succeeds.

    The file is flushed to disk, renamed over `path`, and the folder is flushed, so that after a
    crash `path` holds either the old or the new content. When the block raises, `path` is left
    as it was and the temporary file is removed.

    Raises:
        RunError: the folder does not exist or cannot be written.
    """
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(
            dir=target.parent, prefix=f".{target.name}.", suffix=target.suffix
        )
    except OSError as error:
        raise RunError(
            f"{target}: cannot be written ({error.strerror}); choose a folder that exists and that"
            " you may write to"
        ) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        try:
            os.replace(temporary, target)
        except OSError as error:
            raise RunError(
                f"{target}: cannot be written ({error.strerror}); choose another name"
            ) from error
        _flush_folder(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder; its rename is journalled
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write `content` to `path` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: str | os.PathLike[str], content: str) -> None:
    """Write `content` to `path` atomically, as UTF-8."""
    write_bytes(path, content.encode())


def write_json(path: str | os.PathLike[str], content: Any) -> None:
    """Write `content` to `path` atomically, as indented JSON without NaN."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Create the folder `path` with its parents, or raise `RunError` with the reason."""
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"{folder}: cannot be created ({error.strerror}); choose another output folder"
        ) from error
    return folder


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open the regular file at `path`, or where a link leads to one, for reading.

    Raises:
        OSError: there is no such file, it may not be read, or it is a pipe, a device or a folder;
            a pipe is refused, not waited for.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", os.fspath(path))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


@contextmanager
def work_folder(path: str | os.PathLike[str] | None) -> Iterator[Path]:
    """Yield the folder `path`, created where missing; for None one that goes with the block."""
    if path is not None:
        yield make_folder(path)
        return
    with tempfile.TemporaryDirectory(prefix="ganaug-") as folder:
        yield Path(folder)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder` for the block, so that two processes never write one run.

    Raises:
        RunError: another process holds it, or the folder cannot be written.
    """
    lock = filelock.FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise RunError(
            f"{folder}: another process is writing to it; wait for it to end or choose another"
            " output folder"
        ) from error
    except OSError as error:
        raise RunError(
            f"{folder}: cannot be written ({error.strerror}); choose another output folder"
        ) from error
    try:
        yield
    finally:
        lock.release()
