"""Epoch and switch of a data set in shared memory, so that a change reaches running workers."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch.utils.data import get_worker_info

__all__ = ["SharedState"]

EPOCH, ENABLED, BASE, WARNED, IS_SET, PASS, FIRST_SLOT = 0, 1, 2, 3, 4, 5, 6
SLOTS = 64


class SharedState:
    """A few numbers that the main process and its workers see alike.

    `torch.utils.data` copies the data set into each worker, and persistent workers keep that copy
    (pytorch issue 97326): a plain attribute set later would not reach them. The numbers live in a
    shared tensor. Forked workers map it, spawned ones get a handle to it; any other copy (pickle,
    deepcopy) gets numbers of its own.
    """

    def __init__(self) -> None:
        numbers = torch.zeros(FIRST_SLOT + SLOTS, dtype=torch.int64, device="cpu")
        self._numbers = numbers.share_memory_()
        self._numbers[ENABLED] = 1

    def __setstate__(self, state: dict[str, Any]) -> None:
        numbers: torch.Tensor = state["_numbers"]
        self._numbers = numbers if numbers.is_shared() else numbers.clone().share_memory_()

    @property
    def epoch(self) -> int:
        return int(self._numbers[EPOCH])

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        if epoch == self.epoch and self._numbers[IS_SET]:
            return
        served = self._served()
        if self._numbers[IS_SET]:
            self._numbers[PASS] = max(int(self._numbers[PASS]), served - int(self._numbers[BASE]))
        self._numbers[EPOCH] = epoch
        self._numbers[BASE] = served
        self._numbers[IS_SET] = 1

    @property
    def enabled(self) -> bool:
        return bool(self._numbers[ENABLED])

    @enabled.setter
    def enabled(self, enabled: bool) -> None:
        self._numbers[ENABLED] = int(enabled)

    def _served(self) -> int:
        return int(self._numbers[FIRST_SLOT:].sum())

    def count(self, items: int, length: int) -> None:
        """Count items that were generated, and warn once when one epoch was read twice over.

        Each worker counts in a slot of its own, so that no lock is needed. A sampler with
        replacement repeats items within a pass, and may draw more than there are. So who sets
        epochs is warned at twice the longest one so far; in the first one, or while all ended
        early, nobody knows how long a pass is. Who sets none is warned at twice the length.
        """
        worker = get_worker_info()
        slot = FIRST_SLOT + (0 if worker is None else (1 + worker.id) % SLOTS)
        self._numbers[slot] += items
        a_pass = int(self._numbers[PASS]) if self._numbers[IS_SET] else length
        if self._numbers[WARNED] or a_pass < length:
            return
        if self._served() - int(self._numbers[BASE]) < 2 * a_pass:
            return
        self._numbers[WARNED] = 1
        warnings.warn(
            f"two passes over the generated images of epoch {self.epoch}, or one of twice as many"
            " draws: they are the same each time; call set_epoch(epoch) before each iter(loader)"
            " for new ones",
            UserWarning,
            stacklevel=2,
        )
