"""One count of labels for all parts of a data set, by the names of their classes.

`by_name` makes it. `check_handed_on` finds data sets that change the labels of the one inside, but
still have its class names; the comment above it says how.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from ganaug.errors import DataError
from ganaug.images.class_names import classes_of, composed, own_names, same_names
from ganaug.images.columns import Keyed, is_huggingface, label_column
from ganaug.images.labels import label_number
from ganaug.images.wrappers import Relabelled, inside, parts_of, reads_items_itself, with_parts
from ganaug.randomness import undisturbed

__all__ = ["by_name", "check_handed_on", "some_of"]

FEW = 8  # reading so many items twice finds a random flip with probability 1 - 1/256


def by_name(dataset: Any) -> Any:
    """Return `dataset` with all labels counting through `classes_of(dataset)`.

    The data set itself where they do. Otherwise the parts of a ConcatDataset that count otherwise
    are wrapped in `Relabelled`, also inside a Subset or another ConcatDataset.

    Raises:
        DataError: as in `classes_of`; a part names two of its classes alike; or one of a few items
            has another label than inside, see `check_handed_on`.
    """
    names = classes_of(dataset)
    if names is None:
        return dataset
    check_handed_on(dataset, some_of(len(dataset) if hasattr(dataset, "__len__") else 0))
    return _counted(dataset, names)


def some_of(length: int) -> list[int]:
    """Return `FEW` positions, spread evenly, or all."""
    spread = {i * length // FEW for i in range(FEW)}
    return sorted(index for index in spread if index < length)


def _counted(dataset: Any, names: tuple[str, ...], key: str | None = None) -> Any:
    if isinstance(dataset, Keyed):
        parts, key = [dataset.dataset], dataset.label
    else:
        parts = parts_of(dataset)
    if parts and own_names(dataset) is None:
        new = [_counted(part, names, key) for part in parts]
        same = all(each is old for each, old in zip(new, parts, strict=True))
        return dataset if same else with_parts(dataset, parts, new)
    own = classes_of(dataset, key)
    if own is None or same_names(own, names):
        return dataset
    if key is None and is_huggingface(dataset):
        key = label_column(dataset)
    return _relabelled(dataset, own, names, key)


def _relabelled(
    dataset: Any, own: Sequence[str], names: Sequence[str], key: str | None
) -> Relabelled:
    position = {composed(name): label for label, name in enumerate(names)}
    new_labels = [position[composed(name)] for name in own]
    if len(set(new_labels)) < len(own):
        raise DataError(
            f"{type(dataset).__name__}: two classes have one name in {list(own)}; allowed:"
            " different names, since labels are matched by name; rename one"
        )
    return Relabelled(dataset, names, np.array(new_labels, np.int64), key)


# A data set around others may have its class names from inside, where they are those of the labels
# there. One that reads its items itself may change these labels, and its names are then wrong; one
# that puts its items in another order has them right. So a data set that notes what is read stands
# in for those inside while an item is read: its label has to be one of those that were noted.


def check_handed_on(dataset: Any, indices: Iterable[int]) -> None:
    """Raise `DataError` where an item's label is none of those read inside for it.

    Only of a data set that has its class names from inside.
    """
    if classes_of(dataset) is None:
        return
    key = None
    if isinstance(dataset, Keyed):
        dataset, key = dataset.dataset, dataset.label
    with undisturbed():
        for index in indices:
            with suppress(OSError, SyntaxError):  # a damaged image; who reads it says so
                _check_item(dataset, index, key)


def _check_item(dataset: Any, index: int, key: str | None) -> None:
    found = _named_by(dataset, index)
    if found is None:
        return
    if reads_items_itself(dataset):
        label, noted = _label_and_noted(dataset, index, key)
        if not noted:  # it reads files of its own, or refuses the stand-in
            noted = [_label(found[0], found[0][found[1]], key)]
        if None not in (label, *noted) and label not in noted:
            kind = type(dataset).__name__
            raise DataError(
                f"{kind}: item {index} has the label {label}, but {noted[0]} in the"
                f" {type(found[0]).__name__} inside, whose class names it has; allowed: labels"
                f" that count through these; give the {kind} .classes and .targets of its own"
            )
    _check_item(*found, key)


def _named_by(dataset: Any, index: int) -> tuple[Any, int] | None:
    """Return the item inside at the place of an item, where the class names are from there."""
    forwarded = _forwarded(dataset)
    if forwarded is not None:
        return (forwarded, index) if len(forwarded) == len(dataset) else None
    return inside(dataset, index) if own_names(dataset) is None else None


def _forwarded(dataset: Any) -> Any:
    """Return the data set inside to which `__getattr__` leads for the class names, or None."""
    if parts_of(dataset) or inspect.getattr_static(dataset, "classes", None) is not None:
        return None
    names = getattr(dataset, "classes", None)
    held = () if names is None else getattr(dataset, "__dict__", {}).values()
    return next((each for each in held if getattr(each, "classes", None) is names), None)


def _label_and_noted(
    dataset: Any, index: int, key: str | None
) -> tuple[int | None, list[int | None]]:
    """Return the label of an item, and those of the items inside that are read for it."""
    noted: list[int | None] = []
    parts = parts_of(dataset) or [_forwarded(dataset)]
    try:
        noting = with_parts(dataset, parts, [_Noting(part, key, noted) for part in parts])
        return _label(dataset, noting[index], key), noted
    except Exception:  # it asks for more than items
        return _label(dataset, dataset[index], key), []


def _label(dataset: Any, item: Any, key: str | None) -> int | None:
    if isinstance(item, Mapping):
        key = label_column(dataset) if key is None and is_huggingface(dataset) else key
        return label_number(item.get(key), one_hot=True)
    pair = isinstance(item, tuple | list) and len(item) > 1
    return label_number(item[1], one_hot=True) if pair else None


class _Noting:
    """Stands in for a data set, and notes the label of each item that is read."""

    def __init__(self, dataset: Any, key: str | None, noted: list[int | None]) -> None:
        self.dataset, self.key, self.noted = dataset, key, noted

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: Any) -> Any:
        item = self.dataset[index]
        self.noted.append(_label(self.dataset, item, self.key))
        return item

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["dataset"], name)
