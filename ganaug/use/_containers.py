"""`GANAugment` inside containers of torchvision and torch: set to the classes of a data set."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from torch import nn

from ganaug.use.transform import GANAugment

__all__ = ["for_classes"]


def for_classes(transform: Any, classes: Sequence[str] | None, label: str | None = None) -> Any:
    """Return `transform` with each `GANAugment` in it set to `classes`, and to the key `label`.

    Looks into containers: what has a list `transforms` (Compose, RandomApply, RandomChoice,
    RandomOrder, of both versions of torchvision), nn.Sequential and nn.ModuleList. `transform` is
    left as it is; a container with a `GANAugment` is copied with its names, hooks and attributes.
    """
    if isinstance(transform, GANAugment):
        if classes is None:
            return transform.with_label_key(label)
        return transform.for_classes(classes, label)
    if isinstance(transform, (nn.Sequential, nn.ModuleList)):
        old = transform._modules  # named_children() leaves out a part that stands twice
        new = {name: for_classes(part, classes, label) for name, part in old.items()}
        if all(new[name] is old[name] for name in old):
            return transform
        clone = copy.copy(transform)
        clone._modules = new
        return clone
    inner = getattr(transform, "transforms", None)
    if isinstance(inner, nn.ModuleList):
        parts = for_classes(inner, classes, label)
        same = parts is inner
    elif isinstance(inner, (list, tuple)):
        parts = [for_classes(part, classes, label) for part in inner]
        same = all(new is old for new, old in zip(parts, inner, strict=True))
    else:
        return transform
    if same:
        return transform
    clone = copy.copy(transform)
    if isinstance(clone, nn.Module):  # copy.copy shares the registry of modules
        clone._modules = dict(clone._modules)
    clone.transforms = parts
    return clone
