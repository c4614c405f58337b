"""Imbalanced versions of a balanced image set: `long_tailed`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganaug.errors import ConfigError, DataError, did_you_mean
from ganaug.images.class_names import position_of
from ganaug.images.image_set import ImageSet
from ganaug.randomness import stream
from ganaug.values import is_whole

__all__ = ["draw_indices", "long_tailed"]


def long_tailed(
    image_set: ImageSet,
    counts: Sequence[int] | Mapping[str, int] | None = None,
    ratio: float | None = None,
    seed: int = 0,
) -> ImageSet:
    """Return an imbalanced version of `image_set`: a draw of training images, all test images.

    Single images are drawn without replacement, round-robin over the groups of a class, so that
    as many different groups as possible are there. With one seed, a smaller count draws a part of
    what a larger one draws.

    Args:
        image_set: what to draw from.
        counts: training images of each class, by label, or by name {class: n}; a class that is
            not named keeps all its images.
        ratio: the largest class divided by the smallest, instead of counts. The class of rank r
            of K, in order of its present number of images, gets n_max * ratio**(-r / (K - 1)),
            rounded, where n_max is the number of the largest (Cui et al., "Class-balanced loss
            based on effective number of samples", CVPR 2019, section 5.1).
        seed: names the draw.

    Raises:
        ConfigError: not exactly one of counts and ratio, a class that does not exist, a count
            under 1, or a ratio out of range.
        DataError: a class has fewer images than it should get.

    Examples:
        >>> from ganaug.images import load_images
        >>> long_tailed(load_images("digits"), {"1": 5, "3": 5}).counts[:4].tolist()
        [107, 5, 106, 5]
    """
    if (counts is None) == (ratio is None):
        given = "neither" if counts is None else "both"
        raise ConfigError(
            f"counts, ratio: {given} given; allowed: exactly one; give counts by class, or the"
            " ratio of the largest class to the smallest"
        )
    if ratio is not None:
        wanted = _counts_of_ratio(image_set, ratio)
    else:
        wanted = _counts_by_label(image_set, counts)
    for name, n, available in zip(
        image_set.classes, wanted, image_set.counts.tolist(), strict=True
    ):
        if n > available:
            raise DataError(
                f"{image_set.source}: class {name!r} has {available} images, {n} are wanted;"
                f" allowed: 1 to {available}; ask for fewer or add images"
            )
    return image_set.take(draw_indices(image_set.labels, wanted, seed, image_set.groups))


def draw_indices(
    labels: ArrayLike,
    counts: Sequence[int],
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> NDArray[np.int64]:
    """Return int64 [sum of counts], ascending: positions of a draw with counts[label] of a class.

    `labels` and `groups` are integers [N]. In each class, groups and the images in each group are
    shuffled; then one image of each group is taken, then a second one, and so on.

    Raises:
        DataError: a class has fewer images than its count.
    """
    label_of = np.asarray(labels, dtype=np.int64)
    drawn = [np.zeros(0, np.int64)]
    for label, n in enumerate(counts):
        members = np.flatnonzero(label_of == label)
        if n > len(members):
            raise DataError(
                f"label {label}: {n} images are wanted; allowed: up to the {len(members)} there"
                " are; ask for fewer"
            )
        random = stream(seed, "long-tail", index=label)
        members = random.permutation(members)
        if groups is not None:
            members = members[_round_robin(np.asarray(groups)[members], random)]
        drawn.append(members[:n])
    return np.sort(np.concatenate(drawn))


def _round_robin(groups: NDArray[Any], random: np.random.Generator) -> NDArray[np.int64]:
    """Return the order that takes the first image of each group, then the second, ..."""
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    by_group = np.argsort(group, kind="stable")
    turn = np.empty(len(groups), np.int64)
    turn[by_group] = np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.lexsort((random.permutation(len(sizes))[group], turn))


def _counts_by_label(
    image_set: ImageSet, counts: Sequence[int] | Mapping[str, int] | None
) -> list[int]:
    classes = image_set.classes
    if isinstance(counts, Mapping):
        places = {name: position_of(name, classes) for name in counts}
        for name, place in places.items():
            if place is None:
                raise ConfigError(
                    f"counts: no class {name!r}{did_you_mean(str(name), classes)}; allowed:"
                    f" {', '.join(classes)}; correct the name"
                )
        given = {place: counts[name] for name, place in places.items()}
        values: list[Any] = [given.get(at, n) for at, n in enumerate(image_set.counts.tolist())]
        chosen = [at in given for at in range(len(classes))]
    else:
        values = list(counts) if counts is not None else []
        chosen = [True] * len(values)
        if len(values) != len(classes):
            raise ConfigError(
                f"counts: {len(values)} given; allowed: one for each of the {len(classes)}"
                f" classes ({', '.join(classes)}); correct them or give {{class: n}}"
            )
    for name, n, asked in zip(classes, values, chosen, strict=True):
        if asked and (not is_whole(n) or n < 1):
            raise ConfigError(
                f"counts: {n!r} for class {name!r}; allowed: whole numbers from 1; correct it"
            )
    return [int(n) for n in values]


def _counts_of_ratio(image_set: ImageSet, ratio: float) -> list[int]:
    largest = int(image_set.counts.max(initial=0))
    if not 1 <= ratio <= largest:
        raise ConfigError(
            f"ratio: {ratio!r}; allowed: 1 to {largest}, the images of the largest class; choose"
            " one in between"
        )
    order = np.argsort(-image_set.counts, kind="stable")
    last = max(len(order) - 1, 1)
    wanted = [0] * len(order)
    for rank, label in enumerate(order.tolist()):
        wanted[label] = round(largest * ratio ** (-rank / last))
    return wanted
