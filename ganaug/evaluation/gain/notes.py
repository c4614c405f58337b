"""What a reader of a comparison should know of its images and its length."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ganaug.evaluation.gain.intervals import FEWEST_UNITS, beyond_classes
from ganaug.evaluation.gain.settings import Choice
from ganaug.evaluation.gain.units import TestPart, pooled
from ganaug.evaluation.splits import NOT_FITTED, Split
from ganaug.images import ImageSet
from ganaug.images.copies import also_in
from ganaug.wording import counted, first_names

__all__ = [
    "NO_VERDICT",
    "copies_in_later_draws",
    "enough_steps",
    "few_images",
    "few_passes",
    "few_units",
    "of_other_images",
    "other_versions",
    "own_baselines",
    "repeated_images",
    "stronger_arms",
    "too_few_of",
    "too_short",
    "trained_on_test",
    "units_by_class",
]

FEW_TEST_IMAGES = 10
FEW_PASSES = 30
FEWER = f"fewer than {FEW_TEST_IMAGES} test"  # in a note
TURNS = "compare with more steps"  # in a note
NO_VERDICT = "no verdict, which needs"  # in another


def units_by_class(images: ImageSet) -> NDArray[np.int64]:
    """int64 [classes]: the groups of each class, which count as one; without any, its images."""
    if images.groups is None:
        return images.counts
    pairs = np.unique(np.stack([images.labels, images.groups]), axis=1)
    return np.bincount(pairs[0], minlength=len(images.classes)).astype(np.int64)


def few_images(test: ImageSet) -> tuple[str, ...]:
    """Return notes about classes with few test images, or groups of them, or none."""
    judged, what = units_by_class(test), "images" if test.groups is None else "groups"
    rows = np.flatnonzero((judged > 0) & (judged < FEW_TEST_IMAGES))
    few = [f"{test.classes[i]} {judged[i]}" for i in rows[np.argsort(judged[rows], kind="stable")]]
    none = int((test.counts == 0).sum())
    notes = []
    if few:
        notes.append(
            f"{counted(len(few), 'class')} {_have(len(few))} {FEWER} {what}: {first_names(few)}"
        )
    if none:
        notes.append(
            f"{counted(none, 'class')} {_have(none)} no test images, left out of every score"
        )
    return tuple(notes)


def too_few_of(notes: Sequence[str]) -> str:
    """Return the note about classes with few test images, or an empty text."""
    return next((note for note in notes if FEWER in note), "")


def few_units(tests: Sequence[TestPart]) -> tuple[str, ...]:
    """Return a note where seeds share so few test images that there will be no verdict, or none."""
    beyond = beyond_classes(tests)
    if beyond is None or beyond >= FEWEST_UNITS:
        return ()
    units, classes = pooled(tests).count, len(np.unique(np.concatenate([t.labels for t in tests])))
    what = "image" if all(test.groups is None for test in tests) else "group"
    return (
        f"{counted(units, f'test {what}')} for {counted(classes, 'class')}: {NO_VERDICT}"
        f" {FEWEST_UNITS} more than classes (those with a group in common count as one), since"
        " chance would too often look like a gain; test more"
        f" {'objects' if what == 'group' else 'images'}",
    )


def _have(number: int) -> str:
    return "has" if number == 1 else "have"


def repeated_images(test: ImageSet) -> tuple[str, ...]:
    """Return a note where test images are there more than once, or none."""
    again = len(test) - len(np.unique(test.content))
    if not again:
        return ()
    verb = "repeats" if again == 1 else "repeat"
    return (
        f"{again} of {len(test)} test images {verb} another one; the intervals count equal images"
        " as one",
    )


def copies_in_later_draws(splits: Mapping[int, Split]) -> tuple[str, ...]:
    """Return a note where test images of seeds after the first are also training images."""
    later = list(splits.items())[1:]  # of the first one `splits_of` tells
    counts = {seed: int(also_in(each.test, each.train).sum()) for seed, each in later}
    leaking = [seed for seed, count in counts.items() if count]
    if not leaking:
        return ()
    worst = max(leaking, key=counts.__getitem__)
    return (
        f"in the draws of {counted(len(leaking), 'later seed')}, test images are also training"
        f" images: {counts[worst]} of {len(splits[worst].test)} with seed {worst}",
    )


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
        f" training can turn the answer: {TURNS}",
    )


def too_short(notes: Sequence[str]) -> bool:
    """Whether one of the `notes` is that of `few_passes`."""
    return any(note.endswith(TURNS) for note in notes)


def enough_steps(images: int, batch: int) -> int:
    """Return the steps from which on `few_passes` notes nothing."""
    return math.ceil(FEW_PASSES * images / batch)


def of_other_images(notes: Sequence[str]) -> bool:
    """Whether one of the `notes` is that the generator was fitted on other images."""
    return any(NOT_FITTED in note for note in notes)


def trained_on_test(seen: int, number: int) -> tuple[str, ...]:
    """Return a note where the generator was trained on `seen` of the `number` test images."""
    if not seen:
        return ()
    return (
        f"the generator was trained on {seen} of {number} test images, so that it is never said to"
        " help; fit one on other images",
    )


def own_baselines(choice: Choice) -> tuple[str, ...]:
    """Return a note for each baseline of longer arms, which it does not name: notes go into files,
    and the name of a folder's arm has a path in it."""
    return tuple(
        f"with a generator or folder, an arm trained as long as {own} is compared with that one"
        for own in dict.fromkeys(own for own, *_ in choice.longer.values())
    )


def stronger_arms(stronger: Mapping[str, Sequence[str]], baseline: str) -> tuple[str, ...]:
    """Return a note for each baseline about the free arms that have more than it."""
    notes = []
    for own, names in stronger.items():
        one = len(names) == 1
        than = "the baseline" if own == baseline else own
        named = f"it: --baseline {names[0]}" if one else "the best: --baseline NAME"
        next_step = f"; compare with {named}"
        notes.append(
            f"{_joined(names)} {'has' if one else 'have'} more than {than}:"
            f' "helps" needs a gain over'
            f" {'it' if one else 'them'}, too{next_step if own == baseline else ''}"
        )
    return tuple(notes)


def other_versions(mine: Mapping[str, str], others: Mapping[str, str]) -> tuple[str, ...]:
    """Return a note where two reports were made with different versions of a package."""
    changed = [
        f"{name} {mine.get(name)} and {others.get(name)}"
        for name in sorted({*mine, *others})
        if mine.get(name) != others.get(name)
    ]
    return (f"parts of other versions: {_joined(changed)}",) if changed else ()


def _joined(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
