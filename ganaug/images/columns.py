"""Which columns of a table, or keys of an item, hold the image, its label and its group."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from ganaug.errors import ConfigError, DataError, did_you_mean
from ganaug.wording import first_names

__all__ = [
    "BY_NAME",
    "IMAGE_NAMES",
    "LABEL_NAMES",
    "Columns",
    "Keyed",
    "cell_text",
    "column_name",
    "columns_in",
    "is_huggingface",
    "label_column",
    "label_names",
    "named_like",
    "refuse_columns",
]

# In any case, where no name is given.
IMAGE_NAMES = ("image", "images", "img", "file", "filename", "file_name", "path", "filepath")
LABEL_NAMES = ("label", "labels", "target", "class", "class_name", "category", "y")


class Columns(NamedTuple):
    """Names of columns; None: found by the names above, and no groups, and no test part."""

    image: str | None = None
    label: str | None = None
    group: str | None = None
    split: str | None = None


BY_NAME = Columns()


class Keyed:
    """A data set whose items are dictionaries, as one of (image, label).

    Args:
        dataset: map-style. Its class names are those of this.
        image: key of the image.
        label: key of the label.

    Raises:
        DataError: for an item that is no dictionary, or has no such key.
    """

    def __init__(self, dataset: Any, image: str, label: str) -> None:
        self.dataset, self.image, self.label = dataset, image, label

    @classmethod
    def where_named(cls, dataset: Any, columns: Columns) -> Any:
        """Return the data set itself, or wrapped where keys are named.

        Raises:
            ConfigError: one key of the two is named alone, or a group, which it cannot have.
        """
        if columns == BY_NAME:
            return dataset
        others = columns.group is not None or columns.split is not None
        if columns.image is None or columns.label is None or others:
            given = ", ".join(f"{role}={name!r}" for role, name in columns._asdict().items())
            raise ConfigError(
                f"{given}: allowed for a data set of dictionaries: image and label, both; name"
                " these keys"
            )
        return cls(dataset, columns.image, columns.label)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        item = self.dataset[index]
        for key in (self.image, self.label):
            if not isinstance(item, Mapping) or key not in item:
                held = sorted(map(str, item)) if isinstance(item, Mapping) else type(item).__name__
                raise DataError(
                    f"{type(self.dataset).__name__}[{index}]: no key {key!r} (it holds: {held});"
                    " allowed: keys of the items; correct image= and label="
                )
        return item[self.image], item[self.label]


def is_huggingface(dataset: Any) -> bool:
    """Whether it is one of Hugging Face's `datasets`, which is not imported to find out."""
    return type(dataset).__module__.partition(".")[0] == "datasets"


def label_column(dataset: Any) -> str | None:
    """Return the column of the labels of a data set of Hugging Face, None where there is none.

    It is the one of the type ClassLabel, else the one with a name of `LABEL_NAMES`.

    Raises:
        DataError: there are several; or these are the parts of a data set, or a stream.
    """
    features = _features(dataset)
    found = [name for name in features if getattr(features[name], "names", None)]
    others = [name for name in features if type(features[name]).__name__ != "Image"]
    found = found or named_like(others, LABEL_NAMES)
    if len(found) > 1:
        raise DataError(
            f"{type(dataset).__name__}: {len(found)} columns may hold the labels"
            f" ({', '.join(map(repr, found))}); allowed: one; take the others out with"
            " dataset.remove_columns"
        )
    return found[0] if found else None


def _features(dataset: Any) -> Mapping[str, Any]:
    """Return the columns of a data set of Hugging Face with their types; it has to be one part."""
    kind = type(dataset).__name__
    if isinstance(dataset, Mapping):
        parts = list(dataset)
        raise DataError(
            f"a {kind} of the parts {', '.join(map(repr, parts)) or 'none'}; allowed: one data"
            f" set; pass one part, such as photos[{parts[0] if parts else 'train'!r}]"
        )
    if not hasattr(dataset, "__len__"):
        raise DataError(
            f"a {kind}, which has no length; allowed: a Dataset; load it without streaming=True"
        )
    found: Mapping[str, Any] = dataset.features
    return found


def label_names(dataset: Any, column: str | None = None) -> tuple[str, ...] | None:
    """Return the class names of a data set of Hugging Face, None where it has no ClassLabel.

    Args:
        dataset: one part.
        column: of the labels; None: found as `label_column` does.

    Raises:
        DataError: several columns may hold the labels.
    """
    column = label_column(dataset) if column is None else column
    names = None if column is None else getattr(_features(dataset).get(column), "names", None)
    return tuple(names) if names else None


def column_name(
    where: str,
    names: Sequence[str],
    given: str | None,
    role: str,
    found: Sequence[str],
) -> str:
    """Return the column for `role`, a field of `Columns`: the given one, or the one found.

    Args:
        where: the source, for messages.
        names: of all columns.
        given: what the user named, or None.
        role: what it holds.
        found: the columns that look like it.

    Raises:
        DataError: there is no such column; or no name is given, and not exactly one looks like it.
    """
    option = f"--{role}-column ({role}= in Python)"
    listed = first_names(names, 12, repr)
    if given is not None:
        given = str(given)  # pandas also has numbers as names
        if given not in names:
            raise DataError(
                f"{where}: no column {given!r}{did_you_mean(given, names)}; allowed:"
                f" {listed or 'none'}; correct {option}"
            )
        return given
    if len(found) == 1:
        return found[0]
    if len(set(found)) == 1:
        raise DataError(
            f"{where}: {len(found)} columns are called {found[0]!r}; allowed: one; rename the"
            " others"
        )
    if found:
        what = f"{len(found)} columns may hold the {role}s ({', '.join(map(repr, found))})"
        raise DataError(f"{where}: {what}; allowed: one; name it with {option}")
    raise DataError(
        f"{where}: no column is known to hold the {role}s (there are: {listed or 'none'}); allowed:"
        f" any name; give it with {option}"
    )


def cell_text(value: Any, where: str, role: str) -> str:
    """Return a cell as text, empty where it is a gap; 3.0, as pandas has it beside gaps, is 3.

    Args:
        value: text, bytes of UTF-8, a number, a bool, a path or a date.
        where: the source and the row, for messages.
        role: what the cell holds, a field of `Columns`.

    Raises:
        DataError: it is of another type, such as a list, and no text of it would be its meaning.
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return ""
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            raise _no_text(value, where, role) from None
    if isinstance(value, float | np.floating | Decimal):
        if value.is_nan() if isinstance(value, Decimal) else value != value:
            return ""
        value = int(value) if float(value).is_integer() else value
    if not isinstance(value, str | Real | np.bool_ | Decimal | os.PathLike | date):
        raise _no_text(value, where, role)
    text = str(value).strip()
    return "" if text in ("<NA>", "NaT") else text


def _no_text(value: Any, where: str, role: str) -> DataError:
    return DataError(
        f"{where}: the {role} {value!r:.60} is of the type {type(value).__name__}; allowed: text"
        " (bytes as UTF-8), a number, a bool, a path or a date; convert the column to one of these"
    )


def columns_in(data: Mapping[str, Any]) -> dict[str, str | None]:
    """Return {"image": ..., "label": ..., ...} of the facts of a run or a generator.

    Whoever wrote them: only what is a name is taken.
    """
    found = data.get("columns")
    names = {role: found.get(role) if isinstance(found, dict) else None for role in Columns._fields}
    return {role: name if isinstance(name, str) else None for role, name in names.items()}


def named_like(names: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the columns that have one of the `known` names, in any case."""
    return [name for name in names if name.strip().lower() in known]


def refuse_columns(columns: Columns) -> None:
    """Raise `ConfigError` where a column is named for a source that has none."""
    for role, name in columns._asdict().items():
        if name is not None:
            raise ConfigError(
                f"--{role}-column ({role}=) {name!r}: given for a source without columns; allowed:"
                " for a table (.csv, .tsv, a DataFrame) and a data set of Hugging Face; leave it"
                " out"
            )
