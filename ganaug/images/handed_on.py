"""Finds data sets that change the labels of the one inside, but still have its class names.

A data set around others may have its class names from inside, where they are those of the labels
there. One that reads its items itself may change these labels, and its names are then wrong; one
that puts its items in another order has them right. So a data set that notes what is read stands
in for those inside while an item is read: its label has to be one of those that were noted.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from ganaug.errors import DataError
from ganaug.images.class_names import classes_of, own_names
from ganaug.images.columns import Keyed, is_huggingface, label_column
from ganaug.images.labels import label_number
from ganaug.images.wrappers import inside, parts_of, reads_items_itself, with_parts
from ganaug.randomness import undisturbed

__all__ = ["check_handed_on", "some_of"]

FEW = 8  # reading so many items twice finds a random flip with probability 1 - 1/256


def some_of(length: int) -> list[int]:
    """Return `FEW` positions, spread evenly, or all."""
    spread = {i * length // FEW for i in range(FEW)}
    return sorted(index for index in spread if index < length)


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
