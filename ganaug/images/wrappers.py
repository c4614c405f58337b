"""Data sets around others: which data sets are inside, and which item there an item is."""

from __future__ import annotations

import bisect
import copy
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganaug.errors import DataError
from ganaug.images.labels import check_range, label_number

__all__ = [
    "Relabelled",
    "exchanged",
    "inside",
    "parts_of",
    "pieces_of",
    "reads_items_itself",
    "returned_by",
    "with_parts",
]


def parts_of(dataset: Any) -> list[Any]:
    """Return the data sets inside a Subset, a ConcatDataset or a `Relabelled`, else nothing."""
    from torch.utils.data import ConcatDataset, Subset

    if isinstance(dataset, Subset | Relabelled):
        return [dataset.dataset]
    return list(dataset.datasets) if isinstance(dataset, ConcatDataset) else []


def pieces_of(dataset: Any) -> list[tuple[Any, NDArray[np.int64]]]:
    """Return each data set of `parts_of` with the positions there of the items, in their order."""
    from torch.utils.data import Subset

    if isinstance(dataset, Subset):
        return [(dataset.dataset, np.asarray(dataset.indices, np.int64))]
    return [(part, np.arange(len(part))) for part in parts_of(dataset)]


def inside(dataset: Any, position: int) -> tuple[Any, int] | None:
    """Return which item of which data set of `parts_of` an item is, None where there is none."""
    from torch.utils.data import ConcatDataset, Subset

    if isinstance(dataset, Subset):
        return dataset.dataset, int(dataset.indices[position])
    if isinstance(dataset, ConcatDataset):
        part = bisect.bisect_right(dataset.cumulative_sizes, position)
        first = dataset.cumulative_sizes[part - 1] if part else 0
        return dataset.datasets[part], position - first
    return (dataset.dataset, position) if isinstance(dataset, Relabelled) else None


def reads_items_itself(dataset: Any) -> bool:
    """Whether it does not hand on the items inside as a Subset or ConcatDataset does."""
    from torch.utils.data import ConcatDataset, Subset

    return type(dataset).__getitem__ not in (Subset.__getitem__, ConcatDataset.__getitem__)


def returned_by(dataset: Any, position: int) -> str:
    """Return ", which its transform NAME returned" of an item; nothing without a transform."""
    while (found := inside(dataset, position)) is not None:
        dataset, position = found
    transform = getattr(dataset, "transform", None)
    if transform is None:
        return ""
    name = getattr(transform, "__name__", type(transform).__name__)
    return f", which its transform {name} returned"


def exchanged(item: Any, place: Any, value: Any) -> Any:
    """Return an item of a data set with another value in one place, in the same type.

    A DataLoader puts items together by the type of the first one.

    Args:
        item: a tuple, a named one too, a list or a mapping; of one that cannot be changed a dict
            comes back.
        place: its number, or the key.
        value: what is there now.
    """
    if isinstance(item, MutableMapping):
        other = copy.copy(item)
        other[place] = value
        return other
    if isinstance(item, Mapping):
        return {**item, place: value}
    entries = list(item)
    entries[place] = value
    return getattr(item, "_make", type(item))(entries)  # `_make` builds a named tuple


def with_parts(dataset: Any, parts: Sequence[Any], new: Sequence[Any]) -> Any:
    """Return a copy in which each of `new` stands for one of `parts`, whatever holds it there."""
    instead = {id(old): each for old, each in zip(parts, new, strict=True)}
    # `copy.copy` would ask an empty object for `__setstate__`, on which a `__getattr__` that
    # forwards to the data set inside never ends.
    other = object.__new__(type(dataset))
    for name, value in vars(dataset).items():
        if name == "datasets":  # of a ConcatDataset
            vars(other)[name] = [instead.get(id(part), part) for part in value]
        else:
            vars(other)[name] = instead.get(id(value), value)
    return other


class Relabelled:
    """A data set of (image, label, ...) whose labels count through other class names.

    Args:
        dataset: map-style, with class names.
        classes: all names, by the new label.
        new_labels: int64, the new label of each label of `dataset`.
        key: of the label in items that are dictionaries, None where there are none.

    Raises:
        DataError: for an item, a label that is no number in range.
    """

    def __init__(
        self,
        dataset: Any,
        classes: Sequence[str],
        new_labels: NDArray[np.int64],
        key: str | None = None,
    ) -> None:
        self.dataset, self.classes = dataset, list(classes)
        self.new_labels, self.key = new_labels, key

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        item = self.dataset[index]
        if isinstance(item, Mapping) and self.key in item:
            return exchanged(item, self.key, self._new_label(item[self.key], index))
        if not isinstance(item, tuple | list) or len(item) < 2:
            raise DataError(
                f"{type(self.dataset).__name__}[{index}]: {type(item).__name__}; allowed: (image,"
                " label) where the parts of a ConcatDataset have different class names; change the"
                " data set"
            )
        return exchanged(item, 1, self._new_label(item[1], index))

    def renumbered(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the new labels of labels of the data set inside, int64 [N].

        Raises:
            DataError: a label has no class name.
        """
        check_range(labels, len(self.new_labels), where=type(self.dataset).__name__)
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
            holds = label.is_floating_point() or label.element_size() > 2 or new < 128
            holds = holds and not str(label.dtype).endswith(".bool")  # which holds 0 and 1 alone
            return (label if holds else label.long()).new_full(label.shape, new)
        if isinstance(label, np.ndarray | np.generic):  # of a type that holds it
            dtype = np.promote_types(label.dtype, np.min_scalar_type(new))
            return np.full_like(label, new, dtype) if label.ndim else dtype.type(new)
        return new
