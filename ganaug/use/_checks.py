"""Checks of plain arguments."""

from __future__ import annotations

import numbers
from typing import TypeGuard

from ganaug.errors import ConfigError

__all__ = ["checked_epoch", "is_real", "is_whole"]

LAST_EPOCH = 2**62  # it is shared as an int64


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether `value` is a whole number of Python or numpy, and no truth value."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def is_real(value: object) -> bool:
    """Return whether `value` is a number of Python or numpy, and no truth value."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def checked_epoch(epoch: int) -> int:
    """Return `epoch`, or raise `ConfigError` unless it is a whole number from 0 to 2**62."""
    if not is_whole(epoch) or epoch < 0:
        raise ConfigError(f"epoch={epoch!r}; allowed: a whole number of at least 0")
    if epoch > LAST_EPOCH:
        raise ConfigError(f"epoch={epoch!r:.60}; allowed: a whole number of 0 to 2**62")
    return int(epoch)
