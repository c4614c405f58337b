"""The parts of a sample: taken apart, which of them are images, and put together again."""

from __future__ import annotations

from typing import Any

import PIL.Image
import torch
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten
from torchvision import tv_tensors

from ganaug.errors import DataError

__all__ = ["flatten", "image_places", "unflatten"]

_LEAVES = (torch.Tensor, PIL.Image.Image, int)


def flatten(sample: Any) -> tuple[list[Any], TreeSpec | None]:
    """Return the leaves and the structure, None for a plain tuple of leaves, which is quicker."""
    if type(sample) is tuple and all(isinstance(value, _LEAVES) for value in sample):
        return list(sample), None
    return tree_flatten(sample)


def unflatten(flat: list[Any], spec: TreeSpec | None) -> Any:
    """Return the sample of these leaves and the structure that `flatten` found."""
    return tuple(flat) if spec is None else tree_unflatten(flat, spec)


def image_places(flat: list[Any], label: Any) -> list[int]:
    """Return where the images are, by torchvision's rule for plain tensors."""
    marked = [
        place
        for place, value in enumerate(flat)
        if isinstance(value, (PIL.Image.Image, tv_tensors.Image))
    ]
    if marked:
        return marked
    for place, value in enumerate(flat):
        plain = isinstance(value, torch.Tensor) and not isinstance(value, tv_tensors.TVTensor)
        if plain and value is not label and value.ndim >= 3:
            return [place]
    held = ", ".join(sorted({type(value).__name__ for value in flat})) or "nothing"
    raise DataError(
        f"no image in the sample (it holds: {held}); allowed: PIL images, tensors [C, H, W] or"
        " [N, C, H, W], tv_tensors.Image; convert arrays with v2.ToImage() first"
    )
