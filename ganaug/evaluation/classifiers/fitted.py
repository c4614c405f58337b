"""What an estimator has learnt before it is trained, as a hash: no repr shows it."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["UNKNOWN", "fitted_hash"]

UNKNOWN = "unknown"  # in the place of a hash, of what cannot be pickled


def fitted_hash(estimator: object) -> str | None:
    """Return a hash of the parts of an estimator that stay fitted when it is cloned.

    These are scikit-learn's `FrozenEstimator`, whatever else has its own way to be cloned, and
    networks of torch among the settings. None without any.
    """
    from joblib.hashing import NumpyHasher  # here: scikit-learn loads it, and takes a second

    class Hasher(NumpyHasher):
        def save(self, obj: Any) -> None:
            if isinstance(obj, Tensor):  # its own pickle differs from process to process
                values = obj.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
                obj = (str(obj.dtype), tuple(obj.shape), values)
            try:
                super().save(obj)
            except TypeError as error:  # joblib would leave out the rest of a dictionary
                raise pickle.PicklingError(str(error)) from error

    parts = list(_fitted_parts(estimator))
    if not parts:
        return None
    try:
        return str(Hasher("md5").hash(parts))[:16]
    except Exception:  # whatever a class of the user's raises
        return UNKNOWN


def _fitted_parts(value: object) -> Iterator[object]:
    from sklearn.base import BaseEstimator

    usual = BaseEstimator.__sklearn_clone__
    if isinstance(value, type):
        return
    if isinstance(value, nn.Module) or getattr(type(value), "__sklearn_clone__", usual) != usual:
        yield value
        return
    if isinstance(value, dict):
        inside = list(value.values())
    elif isinstance(value, list | tuple):
        inside = list(value)
    else:
        settings = getattr(value, "get_params", None)
        inside = [] if settings is None else list(settings(deep=False).values())
    for each in inside:
        yield from _fitted_parts(each)
