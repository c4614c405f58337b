"""Transforms that take the image alone, where image and label come together."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from torch import nn
from torchvision.transforms import v2

from ganaug.errors import ConfigError

__all__ = ["refuse_first_version", "refuse_other_arguments"]

_FIRST, _SECOND = "torchvision.transforms.", "torchvision.transforms.v2."


def refuse_first_version(transform: Any) -> None:
    """Raise `ConfigError` where `transform` is or holds one of torchvision's first version.

    These take the image alone. Looks into Compose, RandomApply and the like, and nn.Sequential.
    """
    for part in _parts(transform):
        module, name = type(part).__module__ + ".", type(part).__name__
        if not module.startswith(_FIRST) or module.startswith(_SECOND):
            continue
        if name == "ToTensor":  # deprecated in v2
            instead = "v2.ToImage() and v2.ToDtype(torch.float32, scale=True)"
        else:
            instead = f"v2.{name}" if hasattr(v2, name) else "the v2 transforms that it stands for"
        raise ConfigError(
            f"transform: {name} of the first torchvision.transforms takes the image without its"
            f" label; allowed: torchvision.transforms.v2; use {instead}"
        )


def refuse_other_arguments(transform: Any, count: int, error: TypeError) -> None:
    """Raise `ConfigError` from `error` where `transform` or a part does not take `count` arguments.

    Asked after a call that failed: which items a data set yields is not known before.
    """
    for part in _parts(transform):
        try:
            signature = inspect.signature(part.forward if isinstance(part, nn.Module) else part)
        except (TypeError, ValueError):  # as those of some built-in functions
            continue
        try:
            signature.bind(*range(count))
        except TypeError:
            name = getattr(part, "__name__", type(part).__name__)
            raise ConfigError(
                f"transform: {name} does not take the {count} parts of an item (image, label, ...);"
                " allowed: functions that take and return them all; write one around it, such as"
                " lambda image, label: (f(image), label)"
            ) from error


def _parts(transform: Any) -> Iterator[Any]:
    """Yield `transform` and, where it is a container, all that is in it."""
    yield transform
    inner = getattr(transform, "transforms", transform)
    if isinstance(inner, (list, tuple, nn.ModuleList, nn.Sequential)):
        for part in inner:
            yield from _parts(part)
