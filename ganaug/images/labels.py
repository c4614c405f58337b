"""Labels as numbers: which are, and which are refused."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganaug.errors import DataError
from ganaug.wording import counted

__all__ = ["check_range", "label_number", "refuse_truth", "whole_numbers"]

LARGEST = 2**62  # labels are int64


def label_number(label: Any, *, one_hot: bool = False) -> int | None:
    """Return a label as a number: a whole number of any type, or an array or tensor of one.

    With `one_hot` also the position of the 1 among the 0 of a vector. None for anything else.
    """
    if isinstance(label, numbers.Integral | np.bool_):
        return int(label) if abs(int(label)) < LARGEST else None
    if hasattr(label, "detach"):  # a tensor, wherever it is
        label = label.detach().cpu().numpy()
    if not isinstance(label, np.ndarray):
        return None
    if label.size == 1 and label.dtype.kind in "biu":
        return label_number(label.item())
    if one_hot and label.ndim == 1 and label.size > 1 and label.dtype.kind in "biuf":
        ones = np.flatnonzero(label)
        return int(ones[0]) if len(ones) == 1 and label[ones[0]] == 1 else None
    return None


def whole_numbers(
    found: Any, what: str, *, num_items: int | None = None, instead: str, labelled: str
) -> NDArray[np.int64]:
    """Return labels [N] or [N, 1] of any whole type, in a list, array or tensor, as int64 [N].

    Args:
        found: the labels.
        what: what messages call them.
        num_items: N; None: any.
        instead: what to give in place of labels that are no whole numbers.
        labelled: how to take the items alone that have no label below 0.

    Raises:
        DataError: they are not one whole number of at least 0 for each item.
    """
    if hasattr(found, "detach"):  # a tensor, wherever it is
        found = found.detach().cpu().numpy()
    try:
        labels = np.asarray(found)
    except ValueError:  # rows of different lengths
        labels = np.asarray(None)
    if num_items == labels.size == 0:
        return np.zeros(0, np.int64)
    if labels.ndim == 2 and labels.shape[1] == 1:  # a column, as MedMNIST's
        labels = labels[:, 0]
    fits = labels.ndim == 1 and num_items in (None, len(labels))
    if not fits or labels.dtype.kind not in "biu":
        each = "each item" if num_items is None else f"each of its {num_items} items"
        raise DataError(
            f"{what} are {labels.dtype} {list(labels.shape)}; allowed: one whole number for {each};"
            f" {instead}"
        )
    labels = labels.astype(np.int64)  # those of uint64 that are too large are negative then
    if labels.min(initial=0) < 0:
        raise DataError(f"{what} go down to {labels.min()}; allowed: 0 and up; {labelled}")
    return labels


def refuse_truth(labels: Any, num_classes: int, where: str) -> None:
    """Raise `DataError` where labels are truth values, and there are more than two classes.

    Args:
        labels: one, or an array or tensor of them.
        num_classes: how many there are.
        where: what messages call the data set.
    """
    dtype = str(getattr(labels, "dtype", type(labels).__name__)).removeprefix("torch.")
    if dtype == "bool" and num_classes > 2:
        raise DataError(
            f"{where}: labels are truth values, of {num_classes} classes; allowed: whole numbers"
            f" from 0 to {num_classes - 1}, or True and False for two classes; give each image the"
            " number of its class"
        )


def check_range(
    labels: NDArray[np.integer],
    num_classes: int,
    *,
    where: str | None = None,
    instead: str = "correct it or name its class",
) -> None:
    """Raise `DataError` unless all labels are in 0..num_classes-1.

    Args:
        labels: [N].
        num_classes: how many there are.
        where: what messages call the data set.
        instead: what to do.
    """
    for bad in (int(labels.min(initial=0)), int(labels.max(initial=0))):
        if not 0 <= bad < num_classes:
            raise DataError(
                f"{'' if where is None else f'{where}: '}label {bad} is out of range; allowed: 0 to"
                f" {num_classes - 1} ({counted(num_classes, 'class')}); {instead}"
            )
