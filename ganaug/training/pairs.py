"""Pairs of one class, from which a variation generator learns, and images of other classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ganaug.errors import DataError
from ganaug.wording import first_names

__all__ = ["PairSampler"]


class PairSampler:
    """Draws pairs of different images of a class, of different groups where it has several.

    Classes are drawn with probability ~ count ** power; in a class every image is the source
    equally often, and every image outside the source's group its partner. A class with one image
    has no pairs; in a class with one group the partner is any other image.

    Attributes:
        notes: a line on classes that have no pairs, and one on those with pairs within one group.

    Raises:
        DataError: no class has two images.
    """

    def __init__(
        self,
        labels: NDArray[np.int64],
        groups: NDArray[np.int64] | None,
        classes: Sequence[str],
        power: float,
    ) -> None:
        counts = np.bincount(labels, minlength=len(classes))
        groups = np.arange(len(labels)) if groups is None else groups
        self.order = np.lexsort((groups, labels))  # by class, then by group
        self.counts = counts
        self.starts = np.cumsum(counts) - counts
        # For each position: the block of its class that its partner must not come from.
        self.block_start = np.arange(len(labels))
        self.block_length = np.ones(len(labels), np.int64)
        single, alone = list[str](), list[str]()  # classes of one image, of one group
        for label, name in enumerate(classes):
            start, count = self.starts[label], counts[label]
            members = groups[self.order[start : start + count]]
            _, first, inverse, sizes = np.unique(
                members, return_index=True, return_inverse=True, return_counts=True
            )
            if count == 1:
                single.append(repr(name))
            elif count and len(sizes) == 1:
                alone.append(repr(name))
            elif count:
                self.block_start[start : start + count] = start + first[inverse]
                self.block_length[start : start + count] = sizes[inverse]
        notes = (
            (single, "a single training image, which is varied, but teaches nothing"),
            (alone, "a single group, so that images of one object are all they learn from"),
        )
        self.notes = tuple(
            f"classes with {of}: {first_names(names)}" for names, of in notes if names
        )
        self.shares = np.where(counts > 0, np.maximum(counts, 1.0) ** power, 0.0)
        weights = np.where(counts > 1, self.shares, 0.0)
        if not weights.any():
            raise DataError(
                "no class has two training images; a variation generator learns from pairs of one"
                " class: add images, use those held out with --all, or choose --kind class"
            )
        self.weights = weights / weights.sum()

    def draw(self, count: int, stream: np.random.Generator) -> tuple[NDArray[np.int64], ...]:
        """Return (sources, partners), int64 [count] each, as positions in the image set."""
        label = stream.choice(len(self.counts), count, p=self.weights)
        size, start = self.counts[label], self.starts[label]
        source = start + stream.integers(0, size)
        block, length = self.block_start[source], self.block_length[source]
        step = stream.integers(0, size - length)
        partner = start + (block - start + length + step) % size
        return self.order[source], self.order[partner]

    def strangers(
        self, labels: NDArray[np.int64], stream: np.random.Generator
    ) -> NDArray[np.int64]:
        """Return an image of another class for each of `labels`, int64 [N], as positions.

        Its class is drawn ~ count ** power too; at least two classes must have images.
        """
        other = np.empty(len(labels), np.int64)
        for label in np.unique(labels):
            shares = np.where(np.arange(len(self.shares)) == label, 0.0, self.shares)
            rows = labels == label
            other[rows] = stream.choice(len(shares), rows.sum(), p=shares / shares.sum())
        return self.order[self.starts[other] + stream.integers(0, self.counts[other])]
