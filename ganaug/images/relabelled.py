"""One count of labels for all parts of a data set, by the names of their classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ganaug.errors import DataError
from ganaug.images.class_names import classes_of, composed, own_names, same_names
from ganaug.images.columns import Keyed, is_huggingface, label_column
from ganaug.images.handed_on import check_handed_on, some_of
from ganaug.images.wrappers import Relabelled, parts_of, with_parts

__all__ = ["by_name"]


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
