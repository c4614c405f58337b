"""What an object does, as a value that can be compared and sent from a worker process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

__all__ = ["Observed", "content", "observe", "unchanged"]


def content(value: Any) -> Any:
    """Return types, sizes and bytes of all that is in `value`."""
    kind = type(value).__name__
    if isinstance(value, torch.Tensor):
        plain = value.detach().as_subclass(torch.Tensor).flatten().view(torch.uint8)
        return kind, str(value.dtype), tuple(value.shape), plain.numpy().tobytes()
    if isinstance(value, np.ndarray):
        return kind, str(value.dtype), value.shape, value.tobytes()
    if isinstance(value, Image.Image):
        return "PIL", value.mode, value.size, value.tobytes()
    if isinstance(value, Mapping):
        return kind, [(str(key), content(part)) for key, part in value.items()]
    if isinstance(value, (tuple, list)):
        return kind, [content(part) for part in value]
    if isinstance(value, Dataset):
        return kind, [content(value[i]) for i in range(len(value))]  # type: ignore[arg-type]
    return kind, repr(value)


def observe(kind: str, built: Any, given: Any, seed: int | None = 0) -> Any:
    """Return the content of all that an object makes of what it is given.

    Args:
        kind: "transform", "data set", "sampler" or "over-sampler".
        built: the object.
        given: what it was built for: samples, a data set, targets, or images and labels.
        seed: of torch's generator before; None to leave it alone.
    """
    if seed is not None:
        torch.default_generator.manual_seed(seed)
    if kind == "transform":
        return [content(built(sample)) for sample in given]
    if kind == "data set":
        return [content(built[i]) for i in range(len(built))]
    if kind == "sampler":
        return [list(built), list(built)]  # two epochs
    return content(built.fit_resample(*given))


class Observed(Dataset[Any]):
    """Objects, each observed in the process that reads the item."""

    def __init__(self, objects: list[tuple[str, Any, Any]]) -> None:
        self.objects = objects

    def __len__(self) -> int:
        return len(self.objects)

    def __getitem__(self, index: int) -> Any:
        try:
            return observe(*self.objects[index])
        except Exception as error:  # that the other objects are read as well
            return repr(error)


def unchanged(item: Any) -> Any:
    """The collate_fn of a loader that leaves items as they are."""
    return item
