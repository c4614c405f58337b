"""Which files a source has, in a few words, so that the next call sees that they changed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["told_files"]

END = 2**14  # bytes


def told_files(source: str, named: Callable[[], Sequence[Path]]) -> str | None:
    """Say in a few words which files SOURCE has, by names, sizes, ends; None where it is no path.

    Of a table, an .npz file and a groups.csv it is the whole content: corrected labels may take as
    many bytes. Of an image it is the first and last bytes: two that change places may have one
    size. Links are followed, as where images are read, and the files count that a table has
    `named`. Beside train/ only what may be read with it counts: DIR may lie there, and so may
    anything.
    """
    from ganaug.images.places import GROUPS_FILE, image_folders
    from ganaug.images.source_kinds import HF_PREFIX

    source = source.removeprefix(HF_PREFIX)
    if not os.path.exists(source):
        return None

    def beside(path: str | Path) -> str:
        return os.path.relpath(path, source if os.path.isdir(source) else os.path.dirname(source))

    found, seen = list[tuple[str, int, str]](), set[str]()
    if os.path.isfile(source):
        found = [("", os.path.getsize(source), _content(source))]
        found += [(beside(each), _size(each), _ends(each)) for each in named()]
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
        for name in names:
            path = os.path.join(folder, name)
            if not name.startswith("."):
                lists = name.lower() == GROUPS_FILE
                found.append((beside(path), _size(path), (_content if lists else _ends)(path)))
    digest = hashlib.sha256(repr(sorted(found)).encode("utf-8", "backslashreplace")).hexdigest()
    return f"{len(found)} of {sum(size for _, size, _ in found)} bytes, {digest[:12]}"


def _size(path: str | Path) -> int:
    """Return the size of a file, or of what a link leads to; -1 where there is nothing."""
    return os.stat(path).st_size if os.path.exists(path) else -1


def _ends(path: str | Path) -> str:
    """Return a hash of how a file begins and ends; "" where nothing can be read."""
    from ganaug.files import open_regular  # here: --help loads click alone

    try:
        with open_regular(path) as stream:
            head = stream.read(END)
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - END))
            return hashlib.sha256(head + stream.read(END)).hexdigest()
    except OSError:
        return ""


def _content(path: str) -> str:
    """Return a hash of what is in a file; "" where nothing can be read, which its reader says."""
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""
