"""One count of labels for all parts of a data set, by the names of their classes."""

from __future__ import annotations

import bisect
import copy
import inspect
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganaug.errors import DataError
from ganaug.images.class_names import (
    classes_of,
    composed,
    label_number,
    own_names,
    parts_of,
    reads_items_itself,
    same_names,
)
from ganaug.images.columns import Keyed, is_huggingface, label_column
from ganaug.randomness import undisturbed

__all__ = ["Relabelled", "by_name", "check_handed_on", "inside", "some_of"]

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
    with undisturbed():
        for index in some_of(len(dataset) if hasattr(dataset, "__len__") else 0):
            with suppress(OSError, SyntaxError):  # a damaged image; who reads it says so
                check_handed_on(dataset, index)
    return _counted(dataset, names)


def some_of(length: int) -> list[int]:
    """Return `FEW` positions, spread evenly, or all."""
    spread = {i * length // FEW for i in range(FEW)}
    return sorted(index for index in spread if index < length)


def inside(dataset: Any, position: int) -> tuple[Any, int] | None:
    """Return which item of which data set inside a Subset or the like an item of it is, or None."""
    if isinstance(dataset, Relabelled):
        return dataset.dataset, position
    if len(parts := parts_of(dataset)) == 1 and hasattr(dataset, "indices"):
        return parts[0], int(dataset.indices[position])
    if not parts:
        return None
    part = bisect.bisect_right(dataset.cumulative_sizes, position)
    first = dataset.cumulative_sizes[part - 1] if part else 0
    return parts[part], position - first


def check_handed_on(dataset: Any, index: int) -> None:
    """Raise `DataError` where an item has another label than inside, where its class names are.

    Whoever reads the items of another data set in its own way may change their labels. What these
    mean then only its own .classes could say.
    """
    key = None
    if isinstance(dataset, Keyed):
        dataset, key = dataset.dataset, dataset.label
    while own_names(dataset) is None or isinstance(dataset, Relabelled) or _forwards(dataset):
        changes = bool(parts_of(dataset)) and reads_items_itself(dataset)
        found = inside(dataset, index)
        if found is None:
            inner = _forwards(dataset)
            if inner is None or len(inner) != len(dataset):
                return
            found, changes = (inner, index), True
        if changes:
            label, within = (_label(each, each[at], key) for each, at in ((dataset, index), found))
            differs = None not in (label, within) and label != within
            if differs and label not in _read(dataset, index, key):
                kind = type(dataset).__name__
                raise DataError(
                    f"{kind}: item {index} has the label {label}, but {within} in the"
                    f" {type(found[0]).__name__} inside, whose class names it has; allowed: labels"
                    f" that count through these; give the {kind} .classes and .targets of its own"
                )
        dataset, index = found


def _forwards(dataset: Any) -> Any:
    """Return the data set inside to which `__getattr__` leads for the class names, or None."""
    if parts_of(dataset) or inspect.getattr_static(dataset, "classes", None) is not None:
        return None
    names = getattr(dataset, "classes", None)
    held = () if names is None else getattr(dataset, "__dict__", {}).values()
    return next((each for each in held if getattr(each, "classes", None) is names), None)


def _label(dataset: Any, item: Any, key: str | None) -> int | None:
    if isinstance(item, Mapping):
        key = label_column(dataset) if key is None and is_huggingface(dataset) else key
        return label_number(item.get(key), one_hot=True)
    pair = isinstance(item, tuple | list) and len(item) > 1
    return label_number(item[1], one_hot=True) if pair else None


def _read(dataset: Any, index: int, key: str | None) -> list[int | None]:
    """Return the labels of the items inside that are read for an item: it may count them anew."""
    labels: list[int | None] = []
    parts = parts_of(dataset) or [_forwards(dataset)]
    new = object.__new__(type(dataset))  # `copy` asks a careless `__getattr__` for too much
    for name, value in vars(dataset).items():
        if any(value is part for part in parts):
            value = _Watched(value, key, labels)
        elif name == "datasets" and isinstance(value, list):  # of a ConcatDataset
            value = [_Watched(part, key, labels) for part in value]
        vars(new)[name] = value
    with suppress(Exception):  # it may ask for more than items
        new[index]
    return labels


class _Watched:
    """A data set that notes the label of each item that is read."""

    def __init__(self, dataset: Any, key: str | None, labels: list[int | None]) -> None:
        self.dataset, self.key, self.labels = dataset, key, labels

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: Any) -> Any:
        item = self.dataset[index]
        self.labels.append(_label(self.dataset, item, self.key))
        return item

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["dataset"], name)


def _counted(dataset: Any, names: tuple[str, ...], key: str | None = None) -> Any:
    from torch.utils.data import Subset

    if isinstance(dataset, Keyed):
        return _with(dataset, "dataset", _counted(dataset.dataset, names, dataset.label))
    parts = parts_of(dataset)
    if parts and own_names(dataset) is None:
        new = [_counted(part, names, key) for part in parts]
        if all(each is old for each, old in zip(new, parts, strict=True)):
            return dataset
        if isinstance(dataset, Subset):
            return _with(dataset, "dataset", new[0])
        return _with(dataset, "datasets", new)
    own = classes_of(dataset, key)
    if own is None or same_names(own, names):
        return dataset
    if key is None and is_huggingface(dataset):
        key = label_column(dataset)
    return Relabelled(dataset, own, names, key)


def _with(dataset: Any, name: str, value: Any) -> Any:
    """Return a copy with another attribute; whatever a subclass adds stays."""
    if getattr(dataset, name) is value:
        return dataset
    new = copy.copy(dataset)
    setattr(new, name, value)
    return new


class Relabelled:
    """A data set of (image, label, ...) whose labels count through other class names.

    Args:
        dataset: map-style, with class names.
        own: its class names, by label.
        classes: all names, by the new label; each of `own` is one of them.
        key: of the label in items that are dictionaries, None where there are none.

    Attributes:
        dataset: the data set inside.
        classes: as given.
        new_labels: int64 [len(own)], the new label of each label.

    Raises:
        DataError: two of `own` are the same; or, for an item, a label that is no number in range.
    """

    def __init__(
        self, dataset: Any, own: Sequence[str], classes: Sequence[str], key: str | None = None
    ) -> None:
        position = {composed(name): label for label, name in enumerate(classes)}
        self.dataset, self.classes, self.key = dataset, list(classes), key
        self.new_labels: NDArray[np.int64] = np.array(
            [position[composed(name)] for name in own], np.int64
        )
        if len(set(self.new_labels.tolist())) < len(own):
            raise DataError(
                f"{type(dataset).__name__}: two classes have one name in {list(own)}; allowed:"
                " different names, since labels are matched by name; rename one"
            )

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        item = self.dataset[index]
        if isinstance(item, Mapping) and self.key in item:
            return {**item, self.key: self._new_label(item[self.key], index)}
        if not isinstance(item, tuple | list) or len(item) < 2:
            raise DataError(
                f"{type(self.dataset).__name__}[{index}]: {type(item).__name__}; allowed: (image,"
                " label) where the parts of a ConcatDataset have different class names; change the"
                " data set"
            )
        relabelled = (item[0], self._new_label(item[1], index), *item[2:])
        # `_make` is what a named tuple is built with.
        return getattr(item, "_make", type(item))(relabelled)

    def renumbered(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the new labels of labels of the data set inside, int64 [N].

        Raises:
            DataError: a label has no class name.
        """
        if len(labels) and not 0 <= labels.min() <= labels.max() < len(self.new_labels):
            bad = labels.min() if labels.min() < 0 else labels.max()
            raise DataError(
                f"{type(self.dataset).__name__}: label {bad} is out of range; allowed: 0 to"
                f" {len(self.new_labels) - 1}, the number of its .classes; name its class"
            )
        return self.new_labels[labels]

    def _new_label(self, label: Any, index: int) -> Any:
        """Return the new label as the type of the old one; a class name stays as it is."""
        if isinstance(label, str):
            return label
        number = label_number(label)
        if number is None:
            raise DataError(
                f"{type(self.dataset).__name__}[{index}]: label {label!r:.60}; allowed: a whole"
                " number where the parts of a ConcatDataset have different class names; make other"
                " labels after this data set"
            )
        new = int(self.renumbered(np.array([number], np.int64))[0])
        if hasattr(label, "new_full"):  # a tensor, of whatever shape
            return label.new_full(label.shape, new)
        if isinstance(label, np.ndarray):
            return np.full_like(label, new)
        return label.dtype.type(new) if isinstance(label, np.generic) else new
