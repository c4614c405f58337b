"""Where the images of a source lie, so that nothing is written among them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganaug.errors import DataError
from ganaug.images._open import FORMATS
from ganaug.images.columns import Columns
from ganaug.images.huggingface import HF_PREFIX
from ganaug.images.image_set import ImageSet
from ganaug.images.tables import is_table, read_table

__all__ = ["first_image", "image_files", "image_folders"]


def image_folders(name: str, *sources: Any) -> tuple[tuple[str, Path], ...]:
    """Return (name, folder) of each folder in which a new one would be a class, or part of one.

    Of a folder with train/ and test/ these two, else the folder itself; class folders that are
    links count as what they lead to. Of "hf:PATH" it is PATH. Nothing where the images do not lie
    in class folders.

    Args:
        name: what messages call the sources: "the images", "--judge".
        sources: anything that `load_images` takes, an `ImageSet` of it, or None.
    """
    return tuple((name, folder) for source in sources for folder in _folders_of(source))


def image_files(
    source: Any, root: str | os.PathLike[str] | None, columns: Mapping[str, str | None]
) -> list[Path]:
    """Return the files that a table names; nothing for another source, or where it is wrong.

    Args:
        source: anything that `load_images` takes.
        root: where the files of a table lie, as there.
        columns: {"image": name or None, "label": ..., "group": ...}.
    """
    if not is_table(source):
        return []
    try:
        table = read_table(source, columns=Columns(**columns), root=root, missing=True)
    except DataError:  # who reads it says why
        return []
    return [file.path for file in table.files]


def first_image(folder: Path) -> Path | None:
    """Return the first image file in `folder` or the folders in it, or None."""
    for here, below, names in os.walk(folder):
        below.sort()
        for name in sorted(names):
            if name.lower().endswith(tuple(FORMATS)):
                return Path(here, name)
    return None


def _folders_of(source: Any) -> Iterator[Path]:
    if isinstance(source, ImageSet):
        source = source.source
    if isinstance(source, str) and source.startswith(HF_PREFIX):
        yield Path(source.removeprefix(HF_PREFIX))
        return
    if isinstance(source, str | os.PathLike):
        if source != "digits" and os.path.isdir(source):
            for folder in _parts(Path(source)):
                yield folder
                yield from (each.resolve() for each in _below(folder) if each.is_symlink())
        return
    for inner in (getattr(source, "dataset", None), *(getattr(source, "datasets", None) or ())):
        if inner is not None:  # a Subset, a ConcatDataset
            yield from _folders_of(inner)
    if hasattr(source, "samples") and isinstance(getattr(source, "root", None), str | os.PathLike):
        yield Path(source.root)  # an ImageFolder: it reads every folder there


def _parts(folder: Path) -> list[Path]:
    below = _below(folder)
    train = [each for each in below if each.name.lower() == "train"]
    if len(train) != 1 or not (_below(train[0]) or len(below) == 1):
        return [folder]
    return [*train, *(each for each in below if each.name.lower() == "test")]


def _below(folder: Path) -> list[Path]:
    with suppress(OSError):  # whoever reads the images says why
        return [each for each in folder.iterdir() if each.is_dir() and each.name[0] != "."]
    return []
