"""Groups of images as numbers, also where pairs that belong together make them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Joined", "group_numbers"]


def group_numbers(names: Sequence[str | None]) -> NDArray[np.int64] | None:
    """Return int64 [N] in 0..G-1 for the names of the groups of one part, in their order as text.

    The numbers are those of this part alone: a group of two parts has another one in each. None
    where an image has no group, or there is no image.
    """
    if not names or None in names:
        return None
    return np.unique(np.array(names), return_inverse=True)[1]


class Joined:
    """The groups of 0..count-1 that pairs join: each number knows the least of its group."""

    def __init__(self, count: int) -> None:
        self.least = np.arange(count)

    def join(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> None:
        """Join each of `first` with that of `second` at its place."""
        while True:
            low, high = self.least[first], self.least[second]
            apart = low != high
            if not apart.any():
                return
            low, high = low[apart], high[apart]
            np.minimum.at(self.least, np.maximum(low, high), np.minimum(low, high))
            while (self.least[self.least] != self.least).any():
                self.least = self.least[self.least]

    def groups(self) -> list[list[int]]:
        """Return those of two and more, each in rising order, by their least."""
        order = np.argsort(self.least, kind="stable")
        starts = np.flatnonzero(np.diff(self.least[order])) + 1
        return [group.tolist() for group in np.split(order, starts) if len(group) > 1]
