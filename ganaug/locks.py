"""Locks: two processes never write one folder, and no update of a file is lost."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import filelock

from ganaug.errors import RunError

if sys.platform != "win32":  # there, updates do not wait
    import fcntl

__all__ = ["Held", "locked", "updating", "wait_for_lock"]


@dataclass(frozen=True)
class Held:
    """A folder whose lock this process holds, and which file that lock is."""

    folder: Path
    device: int
    number: int

    def check(self) -> None:
        """Refuse to write where another folder, or none, has its name by now.

        Raises:
            RunError: it was moved or removed; another process may write to what lies there.
        """
        with suppress(OSError):
            found = (self.folder / ".lock").stat()
            if (found.st_dev, found.st_ino) == (self.device, self.number):
                return
        raise RunError(
            f"{self.folder}: the folder was moved or replaced while it trained; what was saved is"
            " in it; to go on, name the folder where it is now"
        )


@contextmanager
def locked(folder: Path, *, wait: bool = False) -> Iterator[Held]:
    """Hold the lock of `folder` for the block, so that two processes never write one run.

    Args:
        folder: must exist.
        wait: for another process that holds it.

    Raises:
        RunError: another process holds it, or the folder cannot be written.
    """
    lock = filelock.FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=-1 if wait else 0)
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
        found = (folder / ".lock").stat()
        yield Held(folder, found.st_dev, found.st_ino)
    finally:
        lock.release()


_one_update = threading.RLock()  # of all threads here
_updated: list[Path] = []  # by the thread that holds it


@contextmanager
def updating(path: str | os.PathLike[str]) -> Iterator[None]:
    """Keep others from updating the file at `path` while the block reads and replaces it.

    Processes and threads wait for each other; a block inside a block of the same file does not.
    The lock is that of the file itself, so that nothing is left beside it.
    """
    target = Path(os.path.realpath(path))
    with _one_update:
        handle = None if target in _updated else _hold(target)
        _updated.append(target)
        try:
            yield
        finally:
            _updated.pop()
            if handle is not None:
                os.close(handle)


def _hold(target: Path) -> int | None:
    """Return a handle that holds the lock of the file; None where there is none to be had."""
    while sys.platform != "win32":
        try:
            handle = os.open(target, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return None  # whoever reads it says why
        wait_for_lock(handle)
        with suppress(OSError):
            if os.path.samestat(os.fstat(handle), target.stat()):
                return handle
        os.close(handle)  # replaced while we waited
    return None


def wait_for_lock(handle: int) -> None:
    """Wait for the lock of an open file; where the file system has none, go on without."""
    if sys.platform != "win32":
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
