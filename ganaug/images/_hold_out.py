"""Which images are kept aside for evaluation where the data has no test part."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganaug.images.grouping import Joined

__all__ = ["held_out_mask", "units"]


def units(keys: NDArray[np.uint64], groups: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Return int64 [N] in 0..U-1, equal for images that must stay on one side of a split.

    These are the images of one group (`groups`, int64 [N] in 0..G-1, or None) and the images of
    equal content (`keys`, uint64 [N]); groups that share a content become one unit.
    """
    _, first, content = np.unique(keys, return_index=True, return_inverse=True)
    if groups is None:
        return content
    joined = Joined(int(groups.max(initial=-1)) + 1)
    joined.join(groups, groups[first[content]])
    return np.unique(joined.least[groups], return_inverse=True)[1]


def held_out_mask(
    keys: NDArray[np.uint64],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64] | None,
    num_classes: int,
) -> NDArray[np.bool_]:
    """Return bool [N]: the images to hold out, close to one fifth of each class.

    In each class the units (see `units`) are visited in the order of a hash of their content, and
    one is held out where that brings the class nearer to a fifth. A class of which no unit fits
    gives its smallest one. No class gives more than half of its images, so a class that is a
    single unit keeps all of them. The result depends on the images alone, not on their order.
    """
    unit = units(keys, groups)
    rank = np.zeros(int(unit.max(initial=-1)) + 1, np.uint64)
    np.add.at(rank, unit, keys)  # a sum of hashes, whatever the order within the unit

    # One row for each (unit, class) that occurs, sorted by unit: most units have a single class.
    rows, sizes = np.unique(unit * num_classes + labels, return_counts=True)
    row_unit, row_label = rows // num_classes, rows % num_classes
    start = np.searchsorted(row_unit, np.arange(len(rank) + 1)).tolist()
    label_of, size_of = row_label.tolist(), sizes.tolist()
    total = np.bincount(labels, minlength=num_classes).tolist()
    reached = [0] * num_classes
    held = np.zeros(len(rank), bool)

    def hold(candidate: int) -> bool:
        """Hold the unit `candidate` out, unless a class would then give more than half."""
        if held[candidate]:
            return False
        span = range(start[candidate], start[candidate + 1])
        if any(2 * (reached[label_of[i]] + size_of[i]) > total[label_of[i]] for i in span):
            return False
        held[candidate] = True
        for i in span:
            reached[label_of[i]] += size_of[i]
        return True

    for label in range(num_classes):
        mine = np.flatnonzero(row_label == label)
        mine = mine[np.argsort(rank[row_unit[mine]], kind="stable")]
        fifth = total[label] / 5
        for row in mine.tolist():
            if reached[label] + 0.5 > fifth:
                break
            if reached[label] + size_of[row] / 2 <= fifth:
                hold(int(row_unit[row]))
        if not reached[label]:
            for row in mine[np.argsort(sizes[mine], kind="stable")].tolist():
                if hold(int(row_unit[row])):
                    break
    return held[unit]
