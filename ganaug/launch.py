"""Which process this is, where torchrun started several for one training; how many cores it has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from ganaug.wording import whole_number

__all__ = ["Place", "alone", "cores", "place"]

_alone = ContextVar("alone", default=False)
NAMES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


class Place(NamedTuple):
    """Number `rank` of `size` processes; `local` counts those of this machine, from 0, too."""

    rank: int = 0
    size: int = 1
    local: int = 0


def place() -> Place:
    """Return what torchrun says in the environment; one process of one where it did not start us.

    A process that one of these started for work of its own is one of one, and so is one `alone`.
    """
    if _alone.get():
        return Place()
    found = [os.environ.get(name, "") for name in NAMES]
    if not all(found):
        return Place()
    from multiprocessing import parent_process  # here: the command line stays light

    if parent_process() is not None:
        return Place()
    rank, size, local = (whole_number(value) or 0 for value in found[:3])
    return Place(rank, size, local) if size > 1 else Place()


@contextmanager
def alone() -> Iterator[None]:
    """Do the work of the block as one process of one, which waits for no other."""
    token = _alone.set(True)
    try:
        yield
    finally:
        _alone.reset(token)


def cores() -> int:
    """Return how many threads can run at once in this process."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
