"""Which files a source has, in a few words, so that the next call sees that they changed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["told_files"]


def told_files(source: str, named: Callable[[], Sequence[Path]]) -> str | None:
    """Say in a few words which files SOURCE has, by names and sizes; None where it is no path.

    Links are followed, as where images are read, and the files count that a table has `named`.
    Beside train/ only what may be read with it counts: DIR may lie there, and so may anything.
    """
    from ganaug.images.places import image_folders

    if not os.path.exists(source):
        return None

    def beside(path: str | Path) -> str:
        return os.path.relpath(path, source if os.path.isdir(source) else os.path.dirname(source))

    found, seen = list[tuple[str, int]](), set[str]()
    if os.path.isfile(source):
        found = [("", os.path.getsize(source)), *((beside(each), _size(each)) for each in named())]
    read = [each.called for each in image_folders("", source) if each.folder == Path(source)]
    called = read[0] if read else None
    for folder, below, names in os.walk(source, followlinks=True):
        if (real := os.path.realpath(folder)) in seen:  # by a link, or round in a circle
            below.clear()
            continue
        seen.add(real)
        below.sort()  # which link to a folder comes first
        if folder == source and called is not None:
            below[:] = [each for each in below if each.lower() in called]
            names = [each for each in names if each.lower() in called]
        paths = [os.path.join(folder, name) for name in names if not name.startswith(".")]
        found += [(beside(path), _size(path)) for path in paths]
    digest = hashlib.sha256(repr(sorted(found)).encode("utf-8", "backslashreplace")).hexdigest()
    return f"{len(found)} of {sum(size for _, size in found)} bytes, {digest[:12]}"


def _size(path: str | Path) -> int:
    """Return the size of a file, or of what a link leads to; -1 where there is nothing."""
    return os.stat(path).st_size if os.path.exists(path) else -1
