"""Image sets from data sets of Hugging Face: in memory, or saved on disk as "hf:PATH".

Images are read as the files that they are stored as, not as the data set decodes them. So the
content keys are those of the same files in a folder, no transform is applied, and nothing is
fetched from a network.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganaug.errors import ConfigError, DataError, did_you_mean, named_path
from ganaug.files import open_regular
from ganaug.images._parts import class_names
from ganaug.images._reading import Reading, read_files
from ganaug.images.class_names import composed
from ganaug.images.columns import (
    LABEL_NAMES,
    Columns,
    cell_text,
    column_name,
    named_like,
)
from ganaug.images.grouping import in_both_noted
from ganaug.images.image_set import ImageSet
from ganaug.images.labels import check_range, label_number
from ganaug.images.source_kinds import HF_PREFIX
from ganaug.wording import first_names, one_line

__all__ = [
    "SavedPart",
    "load_huggingface",
    "open_saved",
    "saved_parts",
]

PARTS = ("train", "test")
_reading_rows = threading.Lock()  # images are decoded in threads


class SavedImage(NamedTuple):
    """An image in a row of a data set of Hugging Face, not opened; see `Encoded`."""

    rows: Any  # the data set, whose items are dictionaries of `bytes` and `path` under "image"
    at: int
    where: str
    name: str
    label: int
    group: str | None

    def open(self) -> BinaryIO:
        """Open the file of the image.

        Raises:
            OSError: it lies in a file that cannot be read, or in none.
        """
        with _reading_rows:
            stored = self.rows[self.at]["image"]
        if stored is None:
            raise OSError("no image in this row")
        if stored["bytes"] is not None:
            return io.BytesIO(stored["bytes"])
        path = str(stored["path"])
        if "://" in path:
            raise OSError(f"the image lies in the network, at {path}")
        return open_regular(path)


class SavedPart(NamedTuple):
    """A part of a data set of Hugging Face.

    Attributes:
        name: "train" or "test".
        classes: class names by label, or None where the labels are numbers without names.
        labels: int64 [N].
        images: all N.
    """

    name: str
    classes: tuple[str, ...] | None
    labels: NDArray[np.int64]
    images: list[SavedImage]


def open_saved(source: str) -> Any:
    """Return the data set, or the parts, that `save_to_disk` wrote to PATH of "hf:PATH".

    Raises:
        DataError: there is none, or it cannot be read.
        ConfigError: the package `datasets` is missing.
    """
    path = named_path(source.removeprefix(HF_PREFIX), source)
    try:
        import datasets
    except ImportError as error:
        raise ConfigError(
            f"{source}: needs Hugging Face's datasets, which cannot be loaded ({error}); install it"
            " with: pip install 'ganaug[huggingface]'"
        ) from error
    saved = [Path(path, name) for name in ("state.json", "dataset_dict.json")]
    if not any(file.is_file() for file in saved):
        what = "no saved data set in this folder" if path.is_dir() else "no such folder"
        raise DataError(
            f"{source}: {what}; allowed: hf: and a folder that save_to_disk of datasets wrote;"
            " correct the path; images in class folders are read without hf:"
        )
    try:
        return datasets.load_from_disk(path)
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise DataError(
            f"{source}: cannot be read ({one_line(error)}); allowed: a folder that save_to_disk of"
            " datasets wrote; save it anew"
        ) from error


def saved_parts(
    source: str, dataset: Any, columns: Columns
) -> tuple[list[SavedPart], list[str], Columns]:
    """Return the training part and, where there is one, the test part; notes; the columns.

    Args:
        source: what to call it.
        dataset: a `datasets.Dataset`, or a `DatasetDict` with "train" and perhaps "test".
        columns: as the user named them.

    Raises:
        DataError: it has no training part, no images, no labels, or labels that are not allowed.
    """
    given, notes = _named_parts(source, dataset)
    parts: list[SavedPart] = []
    chosen = columns
    names: tuple[str, ...] | None = None
    for name, part in given.items():
        where = source if len(given) == 1 else f"{source} ({name})"
        chosen = _columns(where, part, columns)
        if part.format["type"] == "custom" and name == "train":
            notes.append("images are read as they are stored: the data set's transform is left out")
        labels = list(part.with_format(None)[chosen.label])
        if name == "test" and labels and all(label in (None, -1) for label in labels):
            notes.append("the part test has no labels and is not used")
            continue
        feature = part.features[chosen.label]
        own = tuple(feature.names) if getattr(feature, "names", None) else None
        if own is None and any(isinstance(label, str) for label in labels):
            own = _names_of(where, labels, chosen) if names is None else names
        found = _numbers(where, labels, own, chosen)
        if name == "train":
            names = own
        elif own != names:
            raise DataError(
                f"{where}: has {_shown(own)}, the training part {_shown(names)}; allowed: equal"
                " ones; cast both to one ClassLabel"
            )
        groups = _groups(where, part, chosen.group)
        rows = _rows(part, str(chosen.image))
        images = [
            SavedImage(rows, at, f"{source}: {name}[{at}]", f"{name}[{at}]", label, group)
            for at, (label, group) in enumerate(zip(found.tolist(), groups, strict=True))
        ]
        parts.append(SavedPart(name, own, found, images))
    if len(parts) > 1 and columns.group is not None:
        train, test = ([str(image.group) for image in part.images] for part in parts)
        notes += in_both_noted(train, test)
    return parts, notes, chosen


def load_huggingface(source: str, dataset: Any, reading: Reading, *, columns: Columns) -> ImageSet:
    """Load the images of a data set of Hugging Face. See `load_images`."""
    parts, notes, chosen = saved_parts(source, dataset, columns)
    classes = class_names(source, parts[0].labels, parts[0].classes)
    check_range(np.concatenate([part.labels for part in parts]), len(classes), where=source)
    return read_files(
        source,
        classes,
        parts[0].images,
        parts[1].images if len(parts) > 1 else [],
        reading,
        notes=notes,
        columns=chosen,
        unnamed=parts[0].classes is None,
    )


def _named_parts(source: str, dataset: Any) -> tuple[dict[str, Any], list[str]]:
    """Return {"train": data set} and perhaps "test", and notes on what is not used."""
    parts: dict[str, Any] = dict(dataset) if isinstance(dataset, Mapping) else {"train": dataset}
    notes: list[str] = []
    if len(parts) == 1:
        ((name, only),) = parts.items()
        notes += [f"the part {name!r} is trained on: there is no other"] * (name != "train")
        parts = {"train": only}
    if "train" not in parts:
        raise DataError(
            f"{source}: has the parts {', '.join(map(repr, parts)) or 'none'}, but no 'train';"
            " allowed: 'train', and perhaps 'test'; name them so, or give one part"
        )
    other = [name for name in parts if name not in PARTS]
    if other:
        notes.append(f"not used beside train and test: {', '.join(map(repr, other))}")
    used = {name: parts[name] for name in PARTS if name in parts}
    for name, part in used.items():
        if not hasattr(part, "column_names") or not hasattr(part, "__len__"):
            raise DataError(
                f"{source}: the part {name!r} is a {type(part).__name__}; allowed: a Dataset, which"
                " has a length; load it without streaming=True"
            )
        if not len(part):
            raise DataError(f"{source}: the part {name!r} holds no rows; allowed: one or more")
    return used, notes


def _columns(where: str, part: Any, given: Columns) -> Columns:
    """Return the columns of image and label by their kind, else by their name."""
    import datasets

    if given.split is not None:
        raise ConfigError(
            f"--split-column (split=) {given.split!r}: given for a data set of Hugging Face;"
            " allowed: for a table; give a DatasetDict of train and test"
        )
    names = list(part.column_names)
    kinds = {name: type(part.features[name]) for name in names}
    pictures = [name for name in names if kinds[name] is datasets.Image]
    image = column_name(where, names, given.image, "image", pictures)
    if kinds[image] is not datasets.Image:
        raise DataError(
            f"{where}: the column {image!r} holds {kinds[image].__name__}; allowed: images; cast it"
            f" with dataset.cast_column({image!r}, datasets.Image())"
        )
    labels = [name for name in names if kinds[name] is datasets.ClassLabel]
    known = named_like([name for name in names if name not in pictures], LABEL_NAMES)
    label = column_name(where, names, given.label, "label", labels or known)
    group = None if given.group is None else column_name(where, names, given.group, "group", ())
    return Columns(image, label, group)


def _rows(part: Any, image: str) -> Any:
    """Return the data set with the column `image` alone, under that name and not decoded."""
    import datasets

    plain = part.with_format(None).select_columns([image])
    plain = plain.cast_column(image, datasets.Image(decode=False))
    return plain if image == "image" else plain.rename_column(image, "image")


def _names_of(where: str, labels: Sequence[Any], columns: Columns) -> tuple[str, ...]:
    """Return the class names of a column of texts, sorted."""
    for at, label in enumerate(labels):
        if not isinstance(label, str) or not label.strip():
            raise DataError(
                f"{where}[{at}]: label {label!r} in the column {columns.label!r}; allowed: a class"
                " name for each image; take out the rows without one"
            )
    return tuple(sorted({composed(label) for label in labels}))


def _numbers(
    where: str, labels: Sequence[Any], names: tuple[str, ...] | None, columns: Columns
) -> NDArray[np.int64]:
    """Return the labels as numbers; names count through `names`."""
    position = {name: at for at, name in enumerate(names or ())}
    numbers: list[int] = []
    for at, label in enumerate(labels):
        if names and isinstance(label, str) and composed(label) not in position:
            raise DataError(
                f"{where}[{at}]: label {label!r:.60} in the column {columns.label!r} is no class of"
                f" the training part{did_you_mean(label, names)}; allowed:"
                f" {first_names(names, 8, repr)}; name the classes of both parts alike"
            )
        number = position.get(composed(label)) if isinstance(label, str) else label_number(label)
        if number is None or number < 0:
            raise DataError(
                f"{where}[{at}]: label {label!r:.60} in the column {columns.label!r}; allowed: a"
                " whole number from 0 or a class name for each image; take out the rows without"
                " one, or name another column with --label-column (label= in Python)"
            )
        numbers.append(number)
    return np.array(numbers, np.int64)


def _shown(names: tuple[str, ...] | None) -> str:
    return "labels without names" if names is None else f"the classes {list(names)}"


def _groups(where: str, part: Any, column: str | None) -> list[str] | list[None]:
    if column is None:
        return [None] * len(part)
    cells = enumerate(part.with_format(None)[column])
    found = [cell_text(cell, f"{where}[{at}]", "group") for at, cell in cells]
    for at, group in enumerate(found):
        if not group:
            raise DataError(
                f"{where}[{at}]: no group in the column {column!r}; allowed: one for each image;"
                " fill it in"
            )
    return found
