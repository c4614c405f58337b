"""Groups of images as numbers, also where pairs that belong together make them; in two parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganaug.wording import counted

__all__ = ["Joined", "group_names", "group_numbers", "in_both_noted"]


def group_numbers(names: Sequence[str | None]) -> NDArray[np.int64] | None:
    """Return int64 [N] in 0..G-1 for the names of the groups of one part, in their order as text.

    The numbers are those of this part alone: a group of two parts has another one in each. None
    where an image has no group, or there is no image.
    """
    if not names or None in names:
        return None
    return np.unique(np.array(names), return_inverse=True)[1]


def group_names(names: Sequence[str | None]) -> tuple[str, ...] | None:
    """Return the names of the groups of one part; None where an image has none, or there is none.

    Unlike their numbers they tell a group of two sets from two groups.
    """
    known = tuple(name for name in names if name is not None)
    return known if known and len(known) == len(names) else None


def in_both_noted(
    train: Iterable[Any],
    test: Iterable[Any],
    words: tuple[str, str] = ("the training part", "the test part"),
) -> list[str]:
    """Return a note where images of one group are in both parts, which are called `words`.

    Args:
        train, test: the group of each image, a number or a text, or None.
        words: for the parts.
    """
    both = sorted((set(train) & set(test)) - {None}, key=str)
    if not both:
        return []
    return [
        f"{counted(len(both), 'group')} with images in {words[0]} and in {words[1]}, such as"
        f" {both[0]}; results on {words[1]} will look too good"
    ]


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
