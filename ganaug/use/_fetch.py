"""Items of a data set of someone else, one at a time or together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["fetch", "overrides_getitem"]


def overrides_getitem(dataset: Any) -> bool:
    """Return whether a subclass overrides `__getitem__`, but not the `__getitems__` it inherits.

    Such a `__getitems__` would bypass it (pytorch issue 100375).
    """
    order = type(dataset).__mro__
    single = next((base for base in order if "__getitem__" in vars(base)), None)
    several = next((base for base in order if "__getitems__" in vars(base)), None)
    return several is not single


def fetch(dataset: Any, indices: Sequence[int]) -> list[Any]:
    """Return the items at `indices`, through `__getitems__` where the data set has its own."""
    if callable(getattr(dataset, "__getitems__", None)) and not overrides_getitem(dataset):
        return list(dataset.__getitems__(list(indices)))
    return [dataset[i] for i in indices]
