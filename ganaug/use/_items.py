"""An item of a data set: its image, and what a DataLoader needs to put it beside others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from PIL import Image
from torchvision import tv_tensors

from ganaug.errors import DataError
from ganaug.images.wrappers import exchanged

__all__ = ["equal_images", "item_image", "kind_of", "with_image"]


def item_image(item: Any) -> Any:
    """Return the image of an item: the first part of a tuple or list, or the one of a mapping.

    Raises:
        DataError: a mapping has no image, or several; or there is no label beside the image.
    """
    if isinstance(item, Mapping):
        return item[_image_key(item)]
    if not isinstance(item, (tuple, list)) or len(item) < 2:
        raise DataError(f"{type(item).__name__} in place of (image, label)")
    return item[0]


def with_image(item: Any, image: Any) -> Any:
    """Return an item with another image, in the same type."""
    return exchanged(item, _image_key(item) if isinstance(item, Mapping) else 0, image)


def _image_key(item: Mapping[Any, Any]) -> Any:
    found = [key for key, value in item.items() if _is_image(value)]
    if len(found) != 1:
        what = f"{len(found)} images ({', '.join(map(repr, found))})" if found else "no image"
        raise DataError(
            f"a mapping with {what}; allowed: one; take out the other columns, or yield (image,"
            " label)"
        )
    return found[0]


def _is_image(value: Any) -> bool:
    if isinstance(value, tv_tensors.TVTensor):
        return isinstance(value, tv_tensors.Image)
    return isinstance(value, Image.Image) or (isinstance(value, torch.Tensor) and value.ndim >= 3)


def equal_images(first: Any, second: Any) -> bool:
    """Return whether two images are of one type and show the same."""
    if isinstance(first, Image.Image) and isinstance(second, Image.Image):
        same = first.mode == second.mode and first.size == second.size
        return same and first.tobytes() == second.tobytes()
    if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        same = first.dtype == second.dtype and first.shape == second.shape
        return same and torch.equal(first.nan_to_num(), second.nan_to_num())  # NaN is told later
    return type(first) is type(second)


def kind_of(item: Any) -> str:
    """Return what items of one batch have in common: "float32 tensors with labels in tensors"."""
    image = item_image(item)
    if isinstance(image, Image.Image):
        what = "PIL images"
    elif isinstance(image, torch.Tensor):
        what = f"{str(image.dtype).removeprefix('torch.')} tensors"
    else:
        what = f"images of type {type(image).__name__}"
    if isinstance(item, Mapping):
        return f"{what} in dictionaries"
    if hasattr(item, "_fields"):
        what += f" in named tuples ({', '.join(item._fields)})"
    return f"{what} with labels in tensors" if isinstance(item[1], torch.Tensor) else what
