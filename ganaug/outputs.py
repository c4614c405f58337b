"""The guard of every output: what would destroy something of the user's is refused, before work.

Refused is a path that cannot be written, that is read by the same command (by identity, whatever
its name), that lies among the images, or that holds something else than an earlier output of the
same kind. `force` replaces any other regular file, and never what the command reads.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ganaug.errors import ConfigError, RunError
from ganaug.files import check_folder, check_writable, written_path

__all__ = [
    "Inputs",
    "Kind",
    "Place",
    "check_output_file",
    "check_output_folder",
    "check_room",
    "refuse_folder_as_file",
    "refuse_foreign",
]

Named = str | os.PathLike[str]


@dataclass(frozen=True)
class Kind:
    """A kind of output.

    Attributes:
        name: with its article, for messages: "a model card of ganaug".
        is_ours: whether a regular file is an earlier one.
    """

    name: str
    is_ours: Callable[[Path], bool]


class Place(NamedTuple):
    """A folder in which something new would be read with images.

    Attributes:
        name: what the user calls the whole: "the images", "--judge".
        folder: where a new folder would be a class, or its images more images.
        called: names, in lower case: what is called so in `folder` would be read, and nothing
            else. None: anything in it.
    """

    name: str
    folder: Path
    called: Collection[str] | None = None

    def __str__(self) -> str:
        if self.called is None:
            return f"lies in the folder of {self.name}, {os.fspath(self.folder)}"
        return f"would be read as a part of {self.name} in {os.fspath(self.folder)}"


@dataclass(frozen=True)
class Inputs:
    """What a command reads.

    Attributes:
        paths: files, and folders whose files are all read; some may not exist, or be None.
        images: where images lie.
        listed: returns further files, such as those that a table names; called only where an
            output is there already.
    """

    paths: tuple[Named | None, ...] = ()
    images: tuple[Place, ...] = ()
    listed: Callable[[], Iterable[Named]] = tuple


NOTHING = Inputs()


def check_output_file(
    path: Named,
    kind: Kind,
    inputs: Inputs = NOTHING,
    *,
    option: str | None = None,
    force: bool | None = None,
) -> None:
    """Refuse the file `path` as an output of `kind`; write nothing.

    An empty file and one that does not exist are free.

    Args:
        path: where the output is to go; a link counts as what it leads to.
        kind: what it will be.
        inputs: what is read.
        option: how the user named it, for messages: "--json".
        force: replace another file, and write among the images; None = there is no such choice.

    Raises:
        RunError: it is refused.
    """
    subject = _subject(path, option)
    another = "allowed: any other file; name another"
    forced = "" if force is None else ", or say --force (force=True)"
    check_writable(path)
    target = written_path(path)
    found = target.stat() if target.exists() else None
    if found is not None:
        for each in inputs.paths:
            if each is not None and _is_same(each, found):
                raise RunError(f"{subject} is {os.fspath(each)}, which is read here; {another}")
        if any(_is_same(stream, found) for stream in (1, 2)):
            raise RunError(f"{subject} is where the shell sends what is printed; {another}")
    place = _place(path, inputs)
    if place is not None and not force:
        raise RunError(f"{subject} {place}; allowed: a file in another folder; name one{forced}")
    if found is None or not found.st_size or kind.is_ours(target):
        return
    if any(_is_same(each, found) for each in _files(inputs)):
        raise RunError(f"{subject} is one of the files that are read here; {another}")
    if not force:
        raise RunError(f"{subject} is there already, and is not {kind.name}; {another}{forced}")


def check_output_folder(
    path: Named,
    files: Mapping[str, Kind],
    inputs: Inputs = NOTHING,
    *,
    option: str | None = None,
    force: bool | None = None,
) -> None:
    """Refuse the folder `path` for outputs; make nothing.

    Args:
        path: the folder, which need not exist. Other files may be in it.
        files: what will be written directly in it, by name. Files of further folders in it have
            names made from hashes, which nobody else gives.
        inputs, option, force: as for a file; no folder may lie among the images, whatever `force`.

    Raises:
        RunError: it is refused.
    """
    check_folder(path)
    place = _place(path, inputs)
    if place is not None:
        raise RunError(
            f"{_subject(path, option)} {place}{', whose folders are classes' * (not place.called)};"
            f" allowed: any other place; name one{f' with {option}' if option else ''}"
        )
    for name, kind in files.items():
        if os.path.lexists(Path(path, name)):
            check_output_file(Path(path, name), kind, inputs, force=force)


def refuse_folder_as_file(path: Named, folder: Named, *, option: str) -> None:
    """Refuse a file at the path of a folder that is still to be made, or of one around it.

    Args:
        path: where the file is to go.
        folder: what the same command makes.
        option: how the user named the file, for messages: "--json".

    Raises:
        RunError: it is refused.
    """
    try:
        file = os.path.realpath(path)
    except ValueError:  # a null byte, of which whoever checks the file tells
        return
    if Path(os.path.realpath(folder)).is_relative_to(file):
        raise RunError(
            f"{_subject(path, option)} is or holds the folder of the results; allowed: any other"
            " name; name one"
        )


def refuse_foreign(path: Named, own: Collection[str] = (), *, forced: str = "") -> None:
    """Refuse the folder `path` where it holds other files than those that are called `own`.

    Hidden files do not count: locks and temporary files of ours are such.

    Args:
        path: the folder, which need not exist.
        own: names of what an interrupted call of the same kind leaves.
        forced: what lets the folder be used all the same, for the message.

    Raises:
        RunError: it is refused.
    """
    if not os.path.isdir(path):
        return
    other = [name for name in os.listdir(path) if name not in own and not name.startswith(".")]
    if other:
        way = f", or say {forced}" if forced else ""
        raise RunError(
            f"{os.fspath(path)}: holds other files ({min(other)}); choose an empty or new output"
            f" folder{way}"
        )


def _subject(path: Named, option: str | None) -> str:
    return f"{option}: {os.fspath(path)}" if option else f"{os.fspath(path)}:"


def _place(path: Named, inputs: Inputs) -> Place | None:
    """Return the place of images that `path` lies in, or is one of, or None."""
    # A link in a class folder leads out of it, and is read all the same.
    names = {os.path.abspath(path), os.path.realpath(path)}
    around = {each for name in names for each in (Path(name), *Path(name).parents)}
    real = {Path(os.path.realpath(each)) for each in around}
    beside = {(Path(os.path.realpath(each.parent)), each.name.lower()) for each in around}
    for place in sorted(inputs.images, key=lambda each: each.called is not None):
        root = Path(os.path.realpath(place.folder))
        if place.called is None and root in real:
            return place
        if place.called is not None and any((root, each) in beside for each in place.called):
            return place
    return None


def _is_same(path: Named | int, found: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(path), found)
    except (OSError, ValueError):
        return False


def _files(inputs: Inputs) -> Iterator[Named]:
    """Yield the files that are listed, and those in the folders that are read, behind links too."""
    yield from inputs.listed()
    named = (*inputs.paths, *(each.folder for each in inputs.images if each.called is None))
    pending = [os.path.realpath(each) for each in named if each is not None and os.path.isdir(each)]
    seen: set[str] = set()
    while pending:
        here = pending.pop()
        if here in seen:
            continue
        seen.add(here)
        with suppress(OSError), os.scandir(here) as entries:
            for entry in entries:
                if entry.is_dir():
                    pending.append(os.path.realpath(entry.path))
                else:
                    yield entry.path


def check_room(folder: Named, count: int, least: int, what: str) -> None:
    """Refuse to begin `count` files of at least `least` bytes where the disk cannot hold them.

    A folder that is there passes: a part of them may stand in it.

    Raises:
        ConfigError: the disk is too full.
    """
    place = Path(folder).absolute()
    if place.exists():
        return
    disk = next(parent for parent in place.parents if parent.is_dir())
    room = shutil.disk_usage(disk).free // least
    if count > room:
        raise ConfigError(
            f"{count:,} {what}: more than the free space of {os.fspath(disk)} can hold; allowed: at"
            f" most {room:,}; ask for fewer, or make them in parts, each on a disk of its own"
        )
