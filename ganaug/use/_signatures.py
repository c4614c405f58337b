"""Transforms that take the image alone, where image and label come together."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from torch import nn
from torchvision.transforms import v2

from ganaug.errors import ConfigError

__all__ = ["refuse_first_version", "refuse_nothing_returned", "refuse_other_arguments"]

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
            name = _name(part)
            raise ConfigError(
                f"transform: {name} does not take the {count} parts of an item (image, label, ...);"
                " allowed: functions that take and return them all; write one around it, such as"
                " lambda image, label: (f(image), label)"
            ) from error


def refuse_nothing_returned(
    transform: Any, item: Any, found: Any, error: Exception | None = None
) -> None:
    """Raise `ConfigError` where `transform` returned None, or None in place of an item's image.

    Of a pipeline the part is named that did, with its parts called again one by one.

    Args:
        transform: what was called.
        item: with what.
        found: what it returned.
        error: that it raised instead, perhaps since one part handed None on to the next.
    """
    if error is None and not _is_nothing(found):
        return
    name = None if error else _name(transform)
    steps = getattr(transform, "transforms", transform)
    parts, values = isinstance(item, tuple | list) and len(item) > 1, item
    if isinstance(transform, v2.Compose | nn.Sequential) and isinstance(steps, Iterable):
        for step in steps:
            with suppress(Exception):
                values = step(*values) if parts and steps is not transform else step(values)
            if _is_nothing(values):
                name = _name(step)
                break
    if name is not None:
        raise ConfigError(
            f"transform: {name} returned None; allowed: functions that return what they made of"
            " the image, and all other parts of an item; is a return missing?"
        ) from error


def _is_nothing(found: Any) -> bool:
    return found is None or (isinstance(found, tuple | list) and bool(found) and found[0] is None)


def _name(part: Any) -> str:
    return str(getattr(part, "__name__", type(part).__name__))


def _parts(transform: Any) -> Iterator[Any]:
    """Yield `transform` and, where it is a container, all that is in it."""
    yield transform
    inner = getattr(transform, "transforms", transform)
    if isinstance(inner, (list, tuple, nn.ModuleList, nn.Sequential)):
        for part in inner:
            yield from _parts(part)
