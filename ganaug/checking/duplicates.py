"""Images that are there twice, or nearly so: inside a part, across parts, and across classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ganaug.checking.report import Finding
from ganaug.images.alike import Alike, connected
from ganaug.images.originals import UNREADABLE
from ganaug.images.survey import Survey

__all__ = ["duplicates"]

Groups = list[list[int]]
EXAMPLES = 50  # of a finding


def duplicates(images: Survey, alike: Alike) -> Iterator[Finding]:
    """Yield what is wrong about images of equal pixels, then about images that are nearly equal."""
    near = alike.near_pairs()
    pixels = _pixel_keys(images, near)
    same = _groups_of_equals(pixels)
    yield from _equal(images, same)
    joined = np.full(len(images), -1)
    for number, group in enumerate(same):
        joined[group] = number
    first, second = near[:, 0], near[:, 1]
    other = (joined[first] < 0) | (joined[first] != joined[second])
    pairs = [(int(a), int(b)) for a, b in near[other] if not _same_group(images, a, b)]
    yield from _near(images, pairs)


def _pixel_keys(images: Survey, near: NDArray[np.int64]) -> list[int]:
    """Return a number for each image, equal where the decoded pixels are.

    Only images that look the same are decoded: a file can be written in many ways.
    """
    keys = [int(key) for key in images.keys]
    first: dict[int, int] = {}
    for at, key in enumerate(keys):
        first.setdefault(key, at)
    decoded: dict[int, int] = {}

    def pixel_key(at: int) -> int:
        at = first[keys[at]]  # equal files have equal pixels
        if at not in decoded:
            try:
                decoded[at] = images.pixel_key(at)
            except UNREADABLE:  # damaged behind what a small decoding reads
                decoded[at] = -at - 1
        return decoded[at]

    size = [(header.height, header.width) for header in images.headers]
    stands_for: dict[int, int] = {}
    for a, b in near:
        if keys[a] != keys[b] and size[a] == size[b] and pixel_key(a) == pixel_key(b):
            low, high = sorted((_end(stands_for, keys[a]), _end(stands_for, keys[b])))
            if low != high:
                stands_for[high] = low
    return [_end(stands_for, key) for key in keys]


def _end(stands_for: dict[int, int], key: int) -> int:
    while key in stands_for:
        key = stands_for[key]
    return key


def _groups_of_equals(keys: Sequence[int]) -> Groups:
    members: dict[int, list[int]] = {}
    for at, key in enumerate(keys):
        members.setdefault(key, []).append(at)
    return [group for group in members.values() if len(group) > 1]


def _equal(images: Survey, groups: Groups) -> Iterator[Finding]:
    across, conflicts, inside = _sorted_out(images, groups)
    if across:
        count = sum(int(images.test[group].sum()) for group in across)
        yield Finding(
            "leak",
            True,
            f"test images that are training images, too (equal pixels): {count}; results would look"
            " too good; remove them from one part",
            len(across),
            _shown(images, across),
        )
    if conflicts:
        yield Finding(
            "two labels",
            True,
            f"images that stand in two classes (equal pixels): {len(conflicts)}; keep each in one",
            len(conflicts),
            _shown(images, conflicts),
        )
    if inside:
        extra = sum(len(group) - 1 for group in inside)
        yield Finding(
            "duplicates",
            False,
            f"images that are in their class again (equal pixels): {extra}; they count twice;"
            " remove them",
            len(inside),
            _shown(images, inside),
        )


def _near(images: Survey, pairs: list[tuple[int, int]]) -> Iterator[Finding]:
    across, conflicts, inside = _sorted_out(images, [[a, b] for a, b in pairs])
    if across:
        yield Finding(
            "near leak",
            False,
            f"test images nearly like a training image: {len({group[1] for group in across})};"
            " results may look too good; keep images of one object in one part",
            len(across),
            _shown(images, across),
        )
    if conflicts:
        yield Finding(
            "near two labels",
            False,
            f"pairs of nearly equal images with two labels: {len(conflicts)}; check the labels",
            len(conflicts),
            _shown(images, conflicts),
        )
    if inside:
        joined = connected(len(images), ((a, b) for group in inside for a, b in pairwise(group)))
        yield Finding(
            "near duplicates",
            False,
            f"images nearly like another of their class: {sum(map(len, joined))}; remove copies, or"
            " name images of one object in groups.csv",
            len(joined),
            _shown(images, joined),
        )


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


def _same_group(images: Survey, a: int, b: int) -> bool:
    return images.groups[a] is not None and images.groups[a] == images.groups[b]


def _shown(images: Survey, groups: Groups) -> tuple[str, ...]:
    return tuple(" = ".join(images.name(at) for at in group[:4]) for group in groups[:EXAMPLES])
