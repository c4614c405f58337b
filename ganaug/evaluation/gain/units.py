"""What seeds are judged on: the units of a test part, and which of them several seeds share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ganaug.images import ImageSet
from ganaug.images.image_set import content_key

__all__ = ["PooledUnits", "TestPart", "freedom_of", "pooled"]


@dataclass(frozen=True, eq=False)
class TestPart:
    """What a seed was judged on: labels, and which images are one unit of resampling.

    Attributes:
        labels: int64 [N].
        groups: int64 [N], equal for images of one object and for equal images, or None where each
            stands alone.
        fingerprint: seeds with equal fingerprints were judged on the same images in one order.
        content: uint64 [N], a hash of each image, by which it is known in other test parts; None
            where that is not known.
    """

    __test__ = False  # not a test case, whatever pytest makes of the name

    labels: NDArray[np.int64]
    groups: NDArray[np.int64] | None
    fingerprint: str
    content: NDArray[np.uint64] | None = None

    @classmethod
    def of(cls, images: ImageSet) -> TestPart:
        """Return the test part that consists of `images`; a copy is no further evidence."""
        alone = len(np.unique(images.units)) == len(images)
        groups = None if alone else images.units
        return cls(images.labels, groups, images.ordered_fingerprint, images.content)

    def take(self, rows: NDArray[np.bool_], name: str) -> TestPart:
        """Return the part of bool [N] `rows`, whose fingerprint also has the `name`."""
        return TestPart(
            self.labels[rows],
            None if self.groups is None else self.groups[rows],
            f"{self.fingerprint} {name}",
            None if self.content is None else self.content[rows],
        )

    @cached_property
    def units(self) -> NDArray[np.int64]:
        """int64 [N] in 0..U-1: the unit of each image."""
        groups = np.arange(len(self.labels)) if self.groups is None else self.groups
        return np.unique(groups, return_inverse=True)[1]


@dataclass(frozen=True, eq=False)
class PooledUnits:
    """The units of all test parts, each counted once.

    Attributes:
        by_part: {fingerprint: int64 [units of that part]}: the number of each unit among all.
        count: how many there are.
        shared: whether two seeds have one in common.
        freedom: degrees of freedom of a variance over them, see `freedom_of`.
    """

    by_part: dict[str, NDArray[np.int64]]
    count: int
    shared: bool
    freedom: int


def pooled(tests: Sequence[TestPart]) -> PooledUnits:
    """Return which units the test parts of several seeds have in common.

    Parts that were drawn apart from one set overlap: the same image then counts for several seeds.
    Units with an image of equal content are one. Two images of one object, one in each of two
    parts, are not known to be so: numbers of groups mean something in their own part alone.

    Args:
        tests: the test part of each seed.
    """
    parts = {test.fingerprint: test for test in tests}
    ends = np.cumsum([int(part.units.max(initial=-1)) + 1 for part in parts.values()])
    starts = dict(zip(parts, [0, *ends[:-1].tolist()], strict=True))
    total = int(ends[-1])
    unit = np.concatenate([part.units + starts[name] for name, part in parts.items()])
    content = np.concatenate([_content(part) for part in parts.values()])
    numbers = _joined(unit, content, total) if len(parts) > 1 else np.arange(total)
    by_part = {
        name: numbers[start:end] for (name, start), end in zip(starts.items(), ends, strict=True)
    }
    of_seeds = np.concatenate([np.unique(by_part[test.fingerprint]) for test in tests])
    labels = np.concatenate([part.labels for part in parts.values()])
    return PooledUnits(
        by_part=by_part,
        count=int(numbers.max(initial=-1)) + 1,
        shared=len(np.unique(of_seeds)) < len(of_seeds),
        freedom=freedom_of(labels, numbers[unit]),
    )


def _content(part: TestPart) -> NDArray[np.uint64]:
    """uint64 [N]: the hashes of a part, or numbers of its own where it has none."""
    if part.content is not None:
        return part.content
    start = np.uint64(content_key(part.fingerprint.encode()))
    return start + np.arange(len(part.labels), dtype=np.uint64)


def _joined(unit: NDArray[np.int64], content: NDArray[np.uint64], total: int) -> NDArray[np.int64]:
    """int64 [total]: one number for units that share content, in the order of the units."""
    names, image = np.unique(content, return_inverse=True)
    nodes = total + len(names)
    graph = coo_array((np.ones(len(unit)), (unit, total + image)), shape=(nodes, nodes))
    joined = connected_components(graph, directed=False)[1][:total]
    _, first, inverse = np.unique(joined, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def freedom_of(labels: NDArray[np.int64], unit: NDArray[np.int64]) -> int:
    """Return the degrees of freedom of the variance over units: their number less the strata.

    A stratum is a class, or classes that share a unit; classes of a single unit are one together.

    Args:
        labels, unit: int64 [N], class and unit of each image.
    """
    names, unit = np.unique(unit, return_inverse=True)
    _, stratum = np.unique(labels, return_inverse=True)
    single = set[int]()
    for label in range(stratum.max() + 1):
        rows = np.flatnonzero(stratum == label)
        if len(own := np.unique(unit[rows])) == 1:
            stratum[rows] = -1
            single.add(int(own[0]))
    nodes = np.unique(stratum + 1, return_inverse=True)[1] + len(names)
    links = coo_array((np.ones(len(nodes)), (unit, nodes)), shape=(nodes.max() + 1,) * 2)
    strata = int(connected_components(links, directed=False)[0])
    alone = len(single) == 1  # its effect counts in two rows of the influence
    return len(names) - strata + alone
