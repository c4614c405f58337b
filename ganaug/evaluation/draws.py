"""What each seed of a comparison trains and is judged on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ganaug.artifact.format import Metadata
from ganaug.errors import DataError
from ganaug.evaluation.splits import default_draw, load_part, training_and_test
from ganaug.images import ImageSet

__all__ = ["Part", "few_images", "few_passes", "inner_parts", "parts_of"]

FEW_TEST_IMAGES = 10
FEW_INNER_IMAGES = 5
FEW_PASSES = 30
INNER_SPLITS = 3
OTHER_ORDER = 0x5555555555555555  # times 0, 1 and 2: which bits of a key are turned


@dataclass(frozen=True)
class Part:
    """Training and test images of a seed."""

    train: ImageSet
    test: ImageSet


def parts_of(
    train: Any,
    test: Any,
    seeds: Sequence[int],
    draw: Callable[[int], ImageSet] | None,
    refit: bool,
    metadata: Metadata | None,
) -> tuple[dict[int, Part], tuple[str, ...]]:
    """Return what each seed trains and is judged on, and notes for the report."""
    size = None if metadata is None else metadata.size
    channels = None if metadata is None else metadata.channels
    images = load_part(train, size, channels)
    given = None if test is None else load_part(test, images.size, images.channels)
    if not refit:
        part_train, part_test, notes = training_and_test(images, given, metadata)
        return {seed: Part(part_train, part_test) for seed in seeds}, images.notes + notes
    parts, notes = {}, images.notes
    for seed in seeds:
        if draw is None:
            whole, judged, more = training_and_test(images, given, None)
            drawn = default_draw(whole, seed)
        else:
            drawn = draw(seed)
            own = next((t for t in (drawn.test, given, images.test) if t is not None), None)
            drawn, judged, more = training_and_test(drawn, own, None)
        parts[seed] = Part(drawn, judged)
        notes = tuple(dict.fromkeys((*notes, *more)))
    return parts, notes


def inner_parts(part: Part) -> list[Part]:
    """Split the training part alone, by whole groups, for the choice of the baseline.

    Once, or three times in different ways where a class has fewer than five images to judge on;
    never where each class is a single image or group.
    """
    parts: list[Part] = []
    for split in range(INNER_SPLITS):
        # Images are held out in the order of their keys: other keys, another fifth.
        keys = part.train.keys ^ np.uint64(split * OTHER_ORDER)
        try:
            halves = replace(part.train, test=None, keys=keys).hold_out()
        except DataError:
            return []
        if halves.test is None:
            return []
        parts.append(Part(replace(halves, test=None), halves.test))
        counts = halves.test.counts
        if counts[counts > 0].min() >= FEW_INNER_IMAGES:
            return parts
    return parts


def few_images(test: ImageSet) -> tuple[str, ...]:
    """Return notes about classes with few test images, or none."""
    few = int(((test.counts > 0) & (test.counts < FEW_TEST_IMAGES)).sum())
    none = int((test.counts == 0).sum())
    notes = []
    if few:
        notes.append(f"{few} classes have fewer than {FEW_TEST_IMAGES} test images")
    if none:
        notes.append(f"{none} classes have no test images and are left out of every score")
    return tuple(notes)


def few_passes(train: ImageSet, steps: int, batch: int) -> tuple[str, ...]:
    """Return a note where images are shown so seldom that a longer training can turn the answer.

    On CIFAR-10 class-balanced batches were ahead of logit adjustment after 29 passes, and behind it
    after 46 (benchmarks/LOG.md).
    """
    passes = steps * batch / len(train)
    if passes >= FEW_PASSES:
        return ()
    return (
        f"{steps} steps of {batch} are {passes:.1f} passes over the training images; a longer"
        " training can turn the answer: compare with more steps",
    )
