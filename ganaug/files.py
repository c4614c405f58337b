"""Atomic writes: a file is there as a whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO

from ganaug.errors import RunError, named_path
from ganaug.locks import wait_for_lock

if sys.platform != "win32":  # there, what a killed writer left stays
    import fcntl

__all__ = [
    "append_text",
    "atomic_path",
    "check_folder",
    "check_writable",
    "make_folder",
    "naming_full",
    "open_regular",
    "scratch_folder",
    "work_folder",
    "write_bytes",
    "write_json",
    "write_text",
    "written_path",
]

UNFINISHED = ".ganaug-tmp"  # how the names of temporary files end: nobody else's do
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def written_path(path: str | os.PathLike[str]) -> Path:
    """Return the file that a write to `path` makes or replaces: links are followed, and stay.

    Raises:
        RunError: something else than a regular file is there (a device, a FIFO, a folder, a link to
            itself), or a file that nobody may write to.
    """
    try:
        target = Path(os.path.realpath(named_path(path)))
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return target
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise _cannot_write(path, error) from error
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        raise RunError(
            f"{os.fspath(path)}: cannot be written (it is {what}); allowed: a new file, or one to"
            " replace; name a file"
        )
    if not mode & 0o222:  # a rename would pass it by, and for root nothing is read-only
        raise RunError(
            f"{os.fspath(path)}: cannot be written (it is write-protected); make it writable, or"
            " choose another name"
        )
    return target


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; put it in place when the block succeeds.

    The file is flushed to disk, renamed over `path`, and the folder is flushed, so that after a
    crash `path` holds either the old or the new content. When the block raises, `path` is left
    as it was and the temporary file is removed. One that a killed process left in the folder goes
    with the next write to it. A file that is replaced keeps its permissions.

    Raises:
        RunError: `path` is no regular file, or it cannot be written: the folder does not exist, the
            disk is full, ...
    """
    target = written_path(path)
    try:
        _remove_unfinished(target.parent)
        temporary, handle = _begin(target)
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        yield temporary
        with temporary.open("r+b") as stream:  # Windows flushes no file that is read alone
            os.fsync(stream.fileno())
        temporary.chmod(_permissions(target))
        os.replace(temporary, target)
        _flush_folder(target.parent)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if handle is not None:
            os.close(handle)  # and with it goes the lock


def _begin(target: Path) -> tuple[Path, int | None]:
    """Return a new temporary file beside `target`, and the handle that holds its lock.

    The lock says that the writer is alive; the system takes it from a killed one. On Windows, which
    renames no open file, there is none.
    """
    while True:
        # In a folder of images nothing that is hidden, or has such a name, is taken for an image.
        prefix = f".{target.name[:40]}."
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=prefix, suffix=UNFINISHED)
        if sys.platform == "win32":
            os.close(handle)
            return Path(name), None
        wait_for_lock(handle)
        if os.fstat(handle).st_nlink:
            return Path(name), handle
        os.close(handle)  # another writer took it for a left-over before it was locked


def _remove_unfinished(folder: Path) -> None:
    """Remove the temporary files of writers that are dead."""
    if sys.platform == "win32":
        return
    with os.scandir(folder) as entries:
        names = [entry.path for entry in entries if entry.name.endswith(UNFINISHED)]
    for name in names:
        with suppress(OSError):  # another writer removed it, or we may not
            handle = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(name)
            finally:
                os.close(handle)


def _permissions(target: Path) -> int:
    """Return those of the file that is replaced, else those that the user gives to new files."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder; its rename is journalled
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # it has no such thing for a folder
            raise
    finally:
        os.close(handle)


def _cannot_write(path: str | os.PathLike[str], error: Exception) -> RunError:
    reason = getattr(error, "strerror", None) or error
    advice = "choose a folder that exists and that you may write to"
    if getattr(error, "errno", None) in FULL:
        advice = "what was there is as before; free some space, or choose another disk"
    return RunError(f"{os.fspath(path)}: cannot be written ({reason}); {advice}")


@contextmanager
def naming_full(path: str | os.PathLike[str]) -> Iterator[None]:
    """Name `path` where a disk is full, which says of no file what it was about.

    Raises:
        RunError: it is.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise _cannot_write(path, error) from error


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


def append_text(path: str | os.PathLike[str], content: str) -> None:
    """Append `content` to the log `path`, as UTF-8; a crash can leave a part of it.

    Raises:
        RunError: `path` is no regular file, or cannot be written.
    """
    try:
        with written_path(path).open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(content)
    except OSError as error:
        raise _cannot_write(path, error) from error


def check_writable(path: str | os.PathLike[str]) -> None:
    """Refuse a file that cannot be written, before the work whose result it is to hold.

    A file is made and removed in its folder: permissions alone say nothing to root, and nothing of
    a disk that is mounted read-only.

    Raises:
        RunError: as `atomic_path` would.
    """
    try:
        _trial_file(written_path(path).parent).close()
    except OSError as error:
        raise _cannot_write(path, error) from error


def _trial_file(folder: Path) -> IO[bytes]:
    # Where a file cannot be without a name, others see one that they know for ours.
    return tempfile.TemporaryFile(dir=folder, prefix=".", suffix=UNFINISHED)


def check_folder(path: str | os.PathLike[str]) -> None:
    """Refuse a folder that cannot be made or written to, before the work; make nothing.

    Raises:
        RunError: as `make_folder` would, or nothing can be written in it.
    """
    folder = named_path(path)
    try:
        with suppress(FileNotFoundError):
            folder.lstat()  # which no name passes that has a null byte or is too long
        if folder.is_symlink() and not folder.exists():
            raise FileExistsError(errno.EEXIST, "a link that leads nowhere")
        there = folder.absolute()
        while not there.exists():
            there = there.parent
        with _trial_file(there):
            pass
    except (OSError, ValueError) as error:
        raise _cannot_create(folder, error) from error


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Create the folder `path` with its parents, or raise `RunError` with the reason."""
    folder = named_path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise _cannot_create(folder, error) from error
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


def _cannot_create(folder: Path, error: Exception) -> RunError:
    reason = getattr(error, "strerror", None) or error
    what = "written to" if os.path.isdir(folder) else "created"
    return RunError(f"{folder}: cannot be {what} ({reason}); choose another output folder")


@contextmanager
def work_folder(path: str | os.PathLike[str] | None) -> Iterator[Path]:
    """Yield the folder `path`, created where missing; for None one that goes with the block."""
    if path is not None:
        yield make_folder(path)
        return
    with scratch_folder() as folder:
        yield folder


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a new folder among the system's temporary ones; it goes with the block.

    One that a killed process left goes with the next: its lock, that of the folder itself, says
    whether its owner lives.
    """
    _remove_dead_folders(tempfile.gettempdir())
    folder, handle = _begin_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def _begin_folder() -> tuple[Path, int | None]:
    while True:
        folder = Path(tempfile.mkdtemp(suffix=UNFINISHED))
        if sys.platform == "win32":  # a folder cannot be locked there
            return folder, None
        with suppress(FileNotFoundError):
            handle = os.open(folder, os.O_RDONLY)
            wait_for_lock(handle)
            if folder.exists():
                return folder, handle
            os.close(handle)  # another process took it for a left-over before it was locked


def _remove_dead_folders(place: str) -> None:
    """Remove the scratch folders of dead processes of this user."""
    if sys.platform == "win32":
        return
    with suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            if not entry.name.endswith(UNFINISHED) or not entry.is_dir(follow_symlinks=False):
                continue
            with suppress(OSError):  # another process removed it, or it is another user's
                handle = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if os.fstat(handle).st_uid == os.getuid():
                        shutil.rmtree(entry.path, ignore_errors=True)
                finally:
                    os.close(handle)
