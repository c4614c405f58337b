"""The check of an epoch."""

from __future__ import annotations

from ganaug.errors import ConfigError
from ganaug.values import is_whole

__all__ = ["checked_epoch"]

LAST_EPOCH = 2**62  # it is shared as an int64


def checked_epoch(epoch: int) -> int:
    """Return `epoch`, or raise `ConfigError` unless it is a whole number from 0 to 2**62."""
    if not is_whole(epoch) or epoch < 0:
        raise ConfigError(f"epoch={epoch!r}; allowed: a whole number of at least 0")
    if epoch > LAST_EPOCH:
        raise ConfigError(f"epoch={epoch!r:.60}; allowed: a whole number of 0 to 2**62")
    return int(epoch)
