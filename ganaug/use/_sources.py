"""What a data set of someone else tells about itself: its labels and items."""

from __future__ import annotations

import contextlib
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from ganaug.errors import DataError, GanaugError
from ganaug.images.class_names import own_attribute, own_names
from ganaug.images.columns import is_huggingface, label_column
from ganaug.images.handed_on import some_of
from ganaug.images.labels import label_number, refuse_truth, whole_numbers
from ganaug.images.source_kinds import as_data_set
from ganaug.images.wrappers import Relabelled, inside, parts_of, pieces_of, returned_by
from ganaug.randomness import undisturbed
from ganaug.use._items import equal_images, item_image
from ganaug.use._labels import label_key
from ganaug.use.marks import refuse_marks

__all__ = [
    "Wrapper",
    "check_label",
    "check_repeatable",
    "describe_item",
    "item_position",
    "label_key_of",
    "labels_of",
    "named",
    "refuse_nothing",
    "size_of",
]


class Wrapper(Dataset[Any], ABC):
    """A data set of ours around others; class names as torchvision's ImageFolder has them."""

    _class_names: tuple[str, ...] | None
    targets: Any

    def _check_item(self, index: int, item: Any, dataset: Any, position: int) -> None:
        """Raise `DataError` where an item from inside has no image, or another label than told.

        Nobody balanced by targets that were not asked for, and to know them may load every image.
        """
        refuse_nothing(item, dataset, position)
        if "targets" in vars(self):
            check_label(item, dataset, position, self.targets[index])

    @abstractmethod
    def locate(self, position: int) -> tuple[Any, int]:
        """Return the data set inside and the position there of the item at `position`."""

    @property
    def classes(self) -> list[str]:
        """Class names by label; an AttributeError where the data set inside has none."""
        if self._class_names is None:
            raise AttributeError(f"the data set in {type(self).__name__} has no classes")
        return list(self._class_names)

    @property
    def class_to_idx(self) -> dict[str, int]:
        """{class name: label}; an AttributeError where there are no classes."""
        return {name: label for label, name in enumerate(self.classes)}


def size_of(dataset: Any) -> int:
    """Return the number of items, or refuse a data set that has none of the map style."""
    has_items = hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")
    iterable = isinstance(dataset, IterableDataset)  # which inherits a `__getitem__`
    instead = as_data_set(dataset)
    if instead is not None or not has_items or iterable:
        raise DataError(
            f"{type(dataset).__name__} in the place of a data set; allowed: a map-style data set"
            " of (image, label), with __getitem__ and __len__;"
            f" {instead or 'collect the items of an iterable one first'}"
        )
    return len(dataset)


def item_position(index: Any, length: int) -> int:
    """Return `index` as a position in 0..length-1; negative ones count from the end."""
    position = operator.index(index)
    if not -length <= position < length:
        raise IndexError(f"item {position} of a data set of length {length}")
    return position % length


def label_key_of(dataset: Any) -> str | None:
    """Return the key of the label in the items of a data set, None where it is found by its name.

    That is the column of a data set of Hugging Face, also in a Subset, a ConcatDataset or a data
    set of ours.

    Raises:
        DataError: the parts of a ConcatDataset have different ones.
    """
    if is_huggingface(dataset):
        return label_column(dataset)
    inner = parts_of(dataset)
    if not inner:
        own = getattr(dataset, "label_key", None)
        return own if isinstance(own, str) else None
    found = {key for part in inner if (key := label_key_of(part)) is not None}
    if len(found) > 1:
        raise DataError(
            f"ConcatDataset: labels in the columns {', '.join(map(repr, sorted(found)))}; allowed:"
            " one name; call dataset.rename_column"
        )
    return next(iter(found), None)


def labels_of(dataset: Any) -> NDArray[np.int64]:
    """Return int64 [N], the label of each item.

    Read without loading images from `.targets`, `.labels`, the second tensor of a TensorDataset or
    the column of a data set of Hugging Face, and through a Subset or ConcatDataset that has none of
    its own; a `target_transform` is applied, and a few items are read to compare. A data set with
    none of these is iterated once, which loads every image.

    Raises:
        DataError: the labels are not one whole number of at least 0 for each item, or an item has
            another label than `.targets` says.
    """
    if isinstance(dataset, Relabelled):
        return dataset.renumbered(labels_of(dataset.dataset))
    length = size_of(dataset)
    if is_huggingface(dataset):
        return _whole_numbers(_column(dataset), dataset, length)
    if isinstance(dataset, TensorDataset):
        found: Any = dataset.tensors[1] if len(dataset.tensors) > 1 else None
    else:
        found = own_attribute(dataset, "targets")
        found = own_attribute(dataset, "labels") if found is None else found
    if found is not None:
        labels = _whole_numbers(found, dataset, length)
        _check_samples(labels, dataset)
    elif pieces := pieces_of(dataset):
        labels = np.concatenate([labels_of(part)[positions] for part, positions in pieces])
    else:
        read = [item_label(dataset[i], dataset, i) for i in range(length)]
        return _whole_numbers(read, dataset, length)
    transform = own_attribute(dataset, "target_transform")
    return _transformed(labels, transform, dataset) if callable(transform) else labels


def _check_samples(labels: NDArray[np.int64], dataset: Any) -> None:
    """Raise `DataError` where .samples, which an ImageFolder's items are made from, say another."""
    samples = getattr(dataset, "samples", None)
    if not isinstance(samples, list) or len(samples) != len(labels):
        return
    for index, sample in enumerate(samples):
        label = label_number(sample[1]) if isinstance(sample, tuple) and len(sample) == 2 else None
        if label not in (None, labels[index]):
            raise DataError(
                f"{describe_item(dataset, index)} has the label {label} in .samples, but .targets"
                f" says {labels[index]}; allowed: equal labels; change both"
            )


def _column(dataset: Any) -> list[Any]:
    """Return the labels of a data set of Hugging Face; no image is decoded for them."""
    name = label_column(dataset)
    if name is None:
        raise DataError(
            f"{type(dataset).__name__}: no column is known to hold the labels (there are:"
            f" {', '.join(map(repr, dataset.column_names))}); allowed: a ClassLabel, or a column"
            " called label; call dataset.rename_column"
        )
    found = list(dataset.with_format(None)[name])
    if any(isinstance(label, str) for label in found):
        raise DataError(
            f"{type(dataset).__name__}: the labels in the column {name!r} are texts; allowed:"
            f" ClassLabel or whole numbers; call dataset.class_encode_column({name!r})"
        )
    return found


def _transformed(
    labels: NDArray[np.int64], transform: Callable[[int], Any], dataset: Any
) -> NDArray[np.int64]:
    """Return the labels after the target_transform, compared with those of some items."""
    with undisturbed():
        found = [label_number(transform(label), one_hot=True) for label in labels.tolist()]
        labels = _whole_numbers(found, dataset, len(labels))
        for index in some_of(len(labels)):
            check_label(dataset[index], dataset, index, labels[index])
    return labels


def check_label(item: Any, dataset: Any, index: int, expected: int) -> None:
    """Raise `DataError` where the item has a label, and another than `expected`."""
    found = _label_in(item, dataset)
    if type(found) is int and found == expected:
        return  # most often, fast
    label = label_number(found, one_hot=True)
    if label not in (None, expected):
        untold = own_attribute(dataset, "targets") is None
        where = ".labels" if untold and own_attribute(dataset, "labels") is not None else ".targets"
        changes = callable(own_attribute(dataset, "target_transform"))
        without = "give the data set without its target_transform"
        instead = without if changes else f"give the data set the {where} of its items"
        raise DataError(
            f"{describe_item(dataset, index)} has the label {label}, but {where} says"
            f" {expected}; allowed: equal labels; {instead}"
        )


def _whole_numbers(found: Any, dataset: Any, length: int) -> NDArray[np.int64]:
    values = np.asarray(found) if isinstance(found, list | tuple) and len(found) else found
    refuse_truth(values, len(own_names(dataset) or ()), type(dataset).__name__)
    return whole_numbers(
        found,
        f"the labels of {type(dataset).__name__}",
        num_items=length,
        instead="give the data set a .targets list of them",
        labelled="take the labelled items with torch.utils.data.Subset",
    )


def item_label(item: Any, dataset: Any, index: int) -> int:
    """Return the label of an item as a number: (image, label, ...), or a mapping."""
    found = _label_in(item, dataset)
    if found is None:
        raise DataError(
            f"{describe_item(dataset, index)} is {_shown(item)}; allowed: (image, label), or a"
            " mapping with a key like 'label'; wrap the data set so that its items are such pairs"
        )
    if isinstance(found, (bool, np.bool_)):
        refuse_truth(found, len(own_names(dataset) or ()), describe_item(dataset, index))
    label = label_number(found)
    if label is None:
        instead = "make one-hot labels after generation, in collate_fn or the training loop"
        if isinstance(found, str):
            instead = "give its place in .classes, a list of all names"
        raise DataError(
            f"{describe_item(dataset, index)} has the label {found!r:.60}; allowed: a whole"
            f" number; {instead}"
        )
    return label


def _shown(item: Any) -> str:
    keys = f" of {', '.join(map(repr, item))}" if isinstance(item, Mapping) else ""
    return f"{type(item).__name__}{keys}"


def _label_in(item: Any, dataset: Any) -> Any:
    """Return the label of an item of the data set, None where it has none."""
    if isinstance(item, Mapping):
        key = label_key(item, label_key_of(dataset))
        return None if key is None else item[key]
    return item[1] if isinstance(item, (tuple, list)) and len(item) >= 2 else None


def check_repeatable(dataset: Any, labels: NDArray[np.int64]) -> None:
    """Read a few items twice and refuse a data set that changes them, or contradicts `labels`.

    Raises:
        DataError: an item differs between two reads, or its label is not the one in `labels`.
    """
    for index in some_of(len(labels)):
        first, second = dataset[index], dataset[index]
        refuse_marks(first, describe_item(dataset, index))
        label = item_label(first, dataset, index)
        if not equal_images(item_image(first), item_image(second)) or label != item_label(
            second, dataset, index
        ):
            raise DataError(
                f"{describe_item(dataset, index)} changes between two reads; allowed: a source"
                " that always yields the same; give the data set without its random transform, and"
                " the transform to AugmentedDataset"
            )
        check_label(first, dataset, index, labels[index])


def refuse_nothing(item: Any, dataset: Any, position: int) -> None:
    """Raise `DataError` where an item is None, or has None in place of its image."""
    if item is None or (isinstance(item, (tuple, list)) and item and item[0] is None):
        what = "None" if item is None else "None in place of an image"
        raise DataError(
            f"{describe_item(dataset, position)} is {what}{returned_by(dataset, position)};"
            " allowed: an image and its label; return them"
        )


def describe_item(dataset: Any, index: int) -> str:
    """Return "item 3 of ImageFolder ('photos/ok/3.png')", with the file where it is known."""
    holder, position = dataset, int(index)
    while True:
        own = isinstance(holder, Wrapper)
        found = holder.locate(position) if own else inside(holder, position)
        if found is None:
            break
        holder, position = found
    samples, file = getattr(holder, "samples", None), None
    if isinstance(samples, Sequence) and position < len(samples):
        entry = samples[position]
        file = entry[0] if isinstance(entry, (tuple, list)) and entry else entry
    elif hasattr(holder, "generator"):
        file = getattr(holder.generator, "path", None)
    shown = f" ({str(file)!r})" if file is not None else ""
    return f"item {index} of {type(dataset).__name__}{shown}"


@contextlib.contextmanager
def named(where: Callable[[], str]) -> Iterator[None]:
    """Put `where` before the message of an error inside the block, also across a worker process.

    Errors of other packages keep their type and message and get it as a note.
    """
    try:
        yield
    except GanaugError as error:
        raise type(error)(f"{where()}: {error}") from error
    except Exception as error:
        error.add_note(f"ganaug: this was {where()}")
        raise
