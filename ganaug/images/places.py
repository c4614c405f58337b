"""Where the images of a source lie, so that nothing is written among them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganaug.errors import DataError
from ganaug.images._groups import GROUPS_FILE
from ganaug.images._left_out import SPLITS
from ganaug.images._open import FORMATS
from ganaug.images.class_names import composed
from ganaug.images.columns import Columns
from ganaug.images.image_set import ImageSet
from ganaug.images.source_kinds import HF_PREFIX, kind_of
from ganaug.images.tables import is_table, read_table
from ganaug.outputs import Place

__all__ = [
    "GROUPS_FILE",
    "first_image",
    "folders_around",
    "folders_of_classes",
    "image_files",
    "image_folders",
    "places_of_pictures",
]

Named = str | os.PathLike[str]

PARTS = (*SPLITS, GROUPS_FILE)  # what is called so beside train/ is read with it


def image_folders(name: str, *sources: Any) -> tuple[Place, ...]:
    """Return each folder in which a new one would be a class, a part of one, or another part.

    Of a folder with train/ and test/ these two, else the folder itself; folders in it that are
    links count as what they lead to. Beside train/, in a source or named as one, what is called
    like a part would be read with it, and so would a groups.csv. Of "hf:PATH" it is PATH. Nothing
    where the images do not lie in class folders.

    Args:
        name: what messages call the sources: "the images", "--judge".
        sources: anything that `load_images` takes, an `ImageSet` of it, or None.
    """
    found = [place for source in sources for place in _places_of(name, source)]
    return tuple(dict.fromkeys(found))


def places_of_pictures(
    pictures: Sequence[str], classes: Sequence[str], out: str
) -> tuple[Place, ...]:
    """Return the places of single image files, where the picture `out` would be one more image.

    That is beside each, and, where it lies in a folder called like one of the `classes` of a
    generator, wherever images of these lie.
    """
    called = {os.path.basename(out).lower()}
    with suppress(ValueError):  # a null byte; who writes it says so
        called.add(os.path.basename(os.path.realpath(out)).lower())
    places: list[Place] = []
    for picture in filter(os.path.isfile, pictures):
        for path in (Path(picture), Path(os.path.realpath(picture))):
            places.append(Place("the images", path.parent, tuple(called)))
        places += folders_around(None, classes, picture)
    return tuple(dict.fromkeys((*places, *folders_of_classes(out, classes))))


def folders_of_classes(path: Named, classes: Sequence[str]) -> tuple[Place, ...]:
    """Return the folders of images, called like the `classes` of a generator, around a file.

    This is what can be known of images that the writer of `path` does not read. Two such folders
    with images are no accident, as a class called "home" is. A groups.csv is read with whatever
    images lie beside it or below.
    """
    called = (Place("the images", each) for each in _called(path, classes))
    return (*called, *_beside_groups(path))


def folders_around(source: Any, classes: Sequence[str], *paths: Named | None) -> tuple[Place, ...]:
    """Return the image folders of `source`, and others with such classes around the outputs.

    There a new folder would be a class. Of a source that is not read by folders, such as a table,
    only the folders of classes count: what is beside them is no class of anything.

    Args:
        source: as for `image_folders`; None where no images are read.
        classes: those of the generator; without any, the folders of `source` are called so.
        paths: the outputs.
    """
    own = image_folders("the images", source)
    inside = [place.folder for place in own if place.called is None]
    known = classes or [each.name for folder in inside for each in _below(folder)]
    outputs = [path for path in paths if path is not None]
    if source is not None and not own:
        return tuple(each for path in outputs for each in folders_of_classes(path, known))
    roots = dict.fromkeys(each.parent for path in outputs for each in _called(path, known))
    more = [each for root in roots for each in _of_part("the images", root)]
    more += [each for path in outputs for each in _beside_groups(path)]
    return tuple(dict.fromkeys((*own, *more)))


def _beside_groups(path: Named) -> Iterator[Place]:
    """Yield the folder of images that `path`, where it is called groups.csv, would group."""
    for each in _absolute(path):
        if each.name.lower() == GROUPS_FILE and first_image(each.parent) is not None:
            yield Place("the images", each.parent, (GROUPS_FILE,))


def _absolute(path: Named) -> list[Path]:
    """Return the path, and where links lead to."""
    names: list[str] = [os.path.abspath(path)]
    with suppress(ValueError):  # a null byte; who writes it says so
        names.append(os.path.realpath(path))
    return [Path(name) for name in names]


def _called(path: Named, classes: Sequence[str]) -> Iterator[Path]:
    known = {composed(name) for name in classes}
    around = dict.fromkeys(each for name in _absolute(path) for each in name.parents)
    for folder in dict.fromkeys(at for each in around for at in (each, each / "train")):
        named = [each for each in _below(folder) if composed(each.name) in known]
        full = [each for each in named if _holds_images(each)] if len(named) > 1 else []
        if len(full) > 1:
            yield from full
        elif len(known) == 1:  # it says little beside its class, and enough in it
            yield from (each for each in named if each in around and _holds_images(each))


def _holds_images(folder: Path) -> bool:
    """Whether there is an image; a run called like a class, "0", has samples and is none."""
    return not (folder / "config.json").exists() and first_image(folder) is not None


def image_files(
    source: Any, root: str | os.PathLike[str] | None, columns: Mapping[str, str | None]
) -> list[Path]:
    """Return the files that a table names; nothing for another source, or where it is wrong.

    Args:
        source: anything that `load_images` takes.
        root: where the files of a table lie, as there.
        columns: {"image": name or None, "label": ..., ...}.
    """
    if not is_table(source):
        return []
    try:
        table = read_table(source, columns=Columns(**columns), root=root, missing=True)
    except DataError:  # who reads it says why
        return []
    return [file.path for file in (*table.files, *table.test)]


def first_image(folder: Path) -> Path | None:
    """Return the first image file in `folder` or the folders in it, or None."""
    for here, below, names in os.walk(folder):
        below.sort()
        for name in sorted(names):
            if name.lower().endswith(tuple(FORMATS)):
                return Path(here, name)
    return None


def _places_of(name: str, source: Any) -> Iterator[Place]:
    if isinstance(source, ImageSet):
        source = source.source
    if isinstance(source, str) and source.startswith(HF_PREFIX):
        yield Place(name, Path(source.removeprefix(HF_PREFIX)))
        return
    if isinstance(source, str | os.PathLike):
        if kind_of(source) == "folder":
            yield from _of_folder(name, Path(source))
        return
    for inner in (getattr(source, "dataset", None), *(getattr(source, "datasets", None) or ())):
        if inner is not None:  # a Subset, a ConcatDataset
            yield from _places_of(name, inner)
    if hasattr(source, "samples") and isinstance(getattr(source, "root", None), str | os.PathLike):
        yield from _of_part(name, Path(source.root))  # an ImageFolder: it reads every folder there


def _of_folder(name: str, folder: Path) -> Iterator[Place]:
    below = _below(folder)
    train = [each for each in below if each.name.lower() == "train"]
    if len(train) != 1 or not (_below(train[0]) or len(below) == 1):
        yield from _of_part(name, folder)
        return
    yield Place(name, folder, PARTS)
    for each in (*train, *(each for each in below if each.name.lower() == "test")):
        yield from _of_part(name, each)


def _of_part(name: str, folder: Path) -> Iterator[Place]:
    """Yield the folder of classes, those that links in it lead to, and what would lie beside it."""
    yield Place(name, folder)
    pending, seen = [folder], set[str]()
    while pending:
        here = pending.pop()
        real = os.path.realpath(here)
        if real not in seen:
            seen.add(real)
            below = _below(here)
            yield from (Place(name, each.resolve()) for each in below if each.is_symlink())
            pending += below
    for path in (folder, Path(os.path.abspath(folder)), Path(os.path.realpath(folder))):
        if path.name.lower() in SPLITS:
            yield Place(name, path.parent, PARTS)


def _below(folder: Path) -> list[Path]:
    """Return the folders in a folder, links to some too, but no hidden ones."""
    with suppress(OSError), os.scandir(folder) as entries:  # who reads the images says why
        shown = sorted(each.path for each in entries if _may_be_folder(each))
        return [Path(each) for each in shown if os.path.isdir(each)]
    return []


def _may_be_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is one, or a link, and not hidden; the disk is asked for nothing more."""
    return entry.name[0] != "." and (entry.is_symlink() or entry.is_dir())
