"""What each seed of a comparison trains and is judged on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ganaug.artifact.format import Metadata
from ganaug.errors import DataError
from ganaug.evaluation.data import default_draw, load_part, training_and_test
from ganaug.images import ImageSet

__all__ = ["Part", "few_images", "inner_part", "parts_of"]

FEW_TEST_IMAGES = 10


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


def inner_part(part: Part) -> Part | None:
    """Split the training part alone, by whole groups, for the choice of the baseline."""
    try:
        split = replace(part.train, test=None).hold_out()
    except DataError:  # each class is a single image or group
        return None
    return None if split.test is None else Part(replace(split, test=None), split.test)


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
