"""Images that are there twice, or nearly so: inside a part, across parts, and across classes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ganaug.checking.report import EXAMPLES, Finding
from ganaug.images.alike import Alike
from ganaug.images.grouping import Joined
from ganaug.images.image_set import content_key
from ganaug.images.originals import UNREADABLE
from ganaug.images.survey import Survey

__all__ = ["duplicates"]

Groups = list[list[int]]


def duplicates(images: Survey, alike: Alike) -> tuple[list[Finding], NDArray[np.int64]]:
    """Return what is wrong about images of equal pixels, and about images that are nearly equal.

    Beside it int64 [N]: for each image the first one of equal pixels.
    """
    equal, near = _Equal(images), _Near(images)
    equal.found(_same_in_small(images))
    for pairs in alike.near_pairs():
        near.add(pairs[~equal.found(pairs)])
    found = [*equal.findings(), *near.findings()]
    return found, equal.first


class _Equal:
    """Images of equal pixels. Only those that look the same are decoded."""

    def __init__(self, images: Survey) -> None:
        self._images = images
        _, first, self._file = np.unique(images.keys, return_index=True, return_inverse=True)
        self._joined = Joined(len(images))
        self._joined.join(first[self._file], np.arange(len(images)))  # equal files, equal pixels
        self._sides = np.array([(each.height, each.width) for each in images.headers])
        self._number: dict[int, int] = {}  # of pixels
        self._pixels = np.full(len(first), -1)  # their number, by file

    @property
    def first(self) -> NDArray[np.int64]:
        """int64 [N]: the first image of equal pixels, so far as they were found."""
        return self._joined.least

    def found(self, pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """bool [pairs]: which of these, which look the same, are of equal pixels."""
        first, second = pairs[:, 0], pairs[:, 1]
        one, other = self._file[first], self._file[second]
        same_size = (self._sides[first] == self._sides[second]).all(1)
        unknown = np.flatnonzero(same_size & (one != other))
        for at in np.unique(pairs[unknown]):
            if self._pixels[self._file[at]] < 0:
                self._pixels[self._file[at]] = self._decoded(int(at))
        equal = one == other
        equal[unknown] = self._pixels[one[unknown]] == self._pixels[other[unknown]]
        self._joined.join(first[equal], second[equal])
        return equal

    def findings(self) -> Iterator[Finding]:
        images, pixels = self._images, self._pixels[self._file]
        known = np.flatnonzero(pixels >= 0)
        _, first, place = np.unique(pixels[known], return_index=True, return_inverse=True)
        self._joined.join(known[first[place]], known)
        across, conflicts, inside = _sorted_out(images, self._joined.groups())
        if across:
            count = sum(int(images.test[group].sum()) for group in across)
            yield Finding(
                "leak",
                True,
                f"test images that are training images, too (equal pixels): {count}; results would"
                " look too good; remove them from one part",
                len(across),
                _shown(images, across),
            )
        if conflicts:
            yield Finding(
                "two labels",
                True,
                f"images that stand in two classes (equal pixels): {len(conflicts)}; keep each in"
                " one",
                len(conflicts),
                _shown(images, conflicts),
            )
        if inside:
            extra = sum(len(group) - 1 for group in inside)
            yield Finding(
                "duplicates",
                False,
                f"images that are in their class more than once (equal pixels): {extra} too many;"
                " they count twice; keep one of each",
                len(inside),
                _shown(images, inside),
            )

    def _decoded(self, at: int) -> int:
        """Return a number for the pixels of image `at`: a file can be written in many ways."""
        try:
            key = self._images.pixel_key(at)
        except UNREADABLE:  # damaged behind what a small decoding reads
            key = -at - 1
        return self._number.setdefault(key, len(self._number))


class _Near:
    """Pairs of nearly equal images, counted; the first ones are kept as examples.

    Those of one group are meant to be so, but in one part.
    """

    def __init__(self, images: Survey) -> None:
        self._images = images
        names = [
            str(at) if group is None else f"{'test' if images.test[at] else 'train'}={group}"
            for at, group in enumerate(images.groups)
        ]
        self._group = np.unique(names, return_inverse=True)[1]
        self._leaked = np.zeros(len(images), bool)
        self._across = self._conflicts = 0
        self._shown_across, self._shown_conflicts = list[list[int]](), list[list[int]]()
        self._inside = Joined(len(images))

    def add(self, pairs: NDArray[np.int64]) -> None:
        test, labels = self._images.test, self._images.labels
        pairs = pairs[self._group[pairs[:, 0]] != self._group[pairs[:, 1]]]
        first, second = pairs[:, 0], pairs[:, 1]
        across, conflict = test[first] != test[second], labels[first] != labels[second]
        self._leaked[pairs[across][test[pairs[across]]]] = True
        self._across += int(across.sum())
        self._conflicts += int(conflict.sum())
        for shown, which in ((self._shown_across, across), (self._shown_conflicts, conflict)):
            shown += pairs[which][: EXAMPLES - len(shown)].tolist()
        inside = ~across & ~conflict
        self._inside.join(first[inside], second[inside])

    def findings(self) -> Iterator[Finding]:
        if self._across:
            yield Finding(
                "near leak",
                False,
                f"test images nearly like a training image: {int(self._leaked.sum())};"
                " results may look too good; keep images of one object in one part",
                self._across,
                _shown(self._images, self._shown_across),
            )
        if self._conflicts:
            yield Finding(
                "near two labels",
                False,
                f"pairs of nearly equal images with two labels: {self._conflicts}; check the"
                " labels",
                self._conflicts,
                _shown(self._images, self._shown_conflicts),
            )
        if joined := self._inside.groups():
            yield Finding(
                "near duplicates",
                False,
                f"images nearly like another of their class: {sum(map(len, joined))}; remove"
                " copies, or name images of one object in groups.csv",
                len(joined),
                _shown(self._images, joined),
            )


def _same_in_small(images: Survey) -> NDArray[np.int64]:
    """Return int64 [pairs, 2]: images of one size that are the same in small, with the first."""
    keys = [
        content_key(b"%dx%d" % (header.height, header.width) + preview.tobytes())
        for header, preview in zip(images.headers, images.previews, strict=True)
    ]
    _, first, place = np.unique(np.array(keys, np.uint64), return_index=True, return_inverse=True)
    pairs = np.stack([first[place], np.arange(len(keys))], 1)
    return pairs[pairs[:, 0] != pairs[:, 1]]


def _sorted_out(images: Survey, groups: Groups) -> tuple[Groups, Groups, Groups]:
    """Split groups of alike images: across parts, across classes, and inside a class."""
    across, conflicts, inside = [], [], []
    for group in groups:
        parts = {bool(images.test[at]) for at in group}
        labels = {int(images.labels[at]) for at in group}
        if len(parts) > 1:
            across.append(group)
        if len(labels) > 1:
            conflicts.append(group)
        if len(parts) == len(labels) == 1:
            inside.append(group)
    return across, conflicts, inside


def _shown(images: Survey, groups: Groups) -> tuple[str, ...]:
    return tuple(" = ".join(images.name(at) for at in group[:4]) for group in groups[:EXAMPLES])
