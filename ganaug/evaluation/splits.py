"""Who trains and who judges: each seed's images, matching classes, the held-out rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ganaug.artifact.format import Metadata
from ganaug.errors import ArtifactError, ConfigError, DataError, did_you_mean
from ganaug.images import ImageSet, load_images, require_classes
from ganaug.images.copies import copies_noted
from ganaug.images.grouping import in_both_noted
from ganaug.images.sources import remembered_columns
from ganaug.randomness import stream
from ganaug.use.class_map import refuse_unclear
from ganaug.use.fitted_on import merged_as_trained
from ganaug.wording import first_names

__all__ = [
    "NOT_FITTED",
    "Split",
    "as_trained",
    "default_draw",
    "in_class_order",
    "inner_splits",
    "load_at",
    "refuse_unnamed",
    "splits_of",
    "training_and_test",
]

NOT_FITTED = "the training images are not the ones the generator was fitted on"  # in a note
FEW_INNER_IMAGES = 5
INNER_SPLITS = 3
DRAWN = 0.8  # of each class's images
OTHER_ORDER = 0x5555555555555555  # times 0, 1 and 2: which bits of a key are turned


@dataclass(frozen=True)
class Split:
    """What one seed trains on, and what it is judged on; their own test parts are not looked at.

    `whole`: the images that all seeds train on, or draw from, where they share some.
    """

    train: ImageSet
    test: ImageSet
    whole: ImageSet | None = None


def load_at(
    source: Any,
    size: tuple[int, int] | None,
    channels: int | None,
    metadata: Metadata | None = None,
) -> ImageSet:
    """Return `source` if it is an `ImageSet`, else load it at `size` and with `channels`.

    Of a table the columns are read that the generator of `metadata` was fitted on.
    """
    if isinstance(source, ImageSet):
        return source
    mode = {None: None, 1: "grey", 3: "rgb"}[channels]
    columns: dict[str, Any] = remembered_columns(
        source, None if metadata is None else metadata.data
    )
    return load_images(source, size=size, mode=mode, **columns)


def splits_of(
    train: Any,
    test: Any,
    seeds: Sequence[int],
    metadata: Metadata | None,
    *,
    refit: bool,
    draw: Callable[[int], ImageSet] | None = None,
    size: tuple[int, int] | None = None,
) -> tuple[dict[int, Split], tuple[str, ...]]:
    """Return the split of each seed, and notes for the report.

    Args:
        train, test: as `evaluate_gain` takes them.
        seeds: of the comparison.
        metadata: of the artifact, or None.
        refit: each seed draws images; otherwise all share one split.
        draw: seed -> images to train on; None draws 80% of each class.
        size: (height, width) at which images are loaded; None = that of the artifact.

    Raises:
        ArtifactError, DataError: as in `training_and_test`; or draws have different classes or
            sizes.
        ConfigError: a draw is no `ImageSet`.
    """
    if size is None and metadata is not None:
        size = metadata.size
    channels = None if metadata is None else metadata.channels
    images = load_at(train, size, channels, metadata)
    given = None if test is None else load_at(test, images.size, images.channels, metadata)
    if not refit:
        whole, judged, notes = training_and_test(images, given, metadata)
        told = (*images.notes, *notes, *copies_noted(whole, judged))
        split = Split(whole, judged, whole)
        return dict.fromkeys(seeds, split), tuple(dict.fromkeys(told))
    splits: dict[int, Split] = {}
    notes = images.notes
    for seed in seeds:
        drawn_from = None
        if draw is None:
            whole, judged, more = training_and_test(images, given, None)
            drawn, drawn_from = default_draw(whole, seed), whole
        else:
            drawn = _checked(draw(seed), seed)
            own = next((t for t in (drawn.test, given, images.test) if t is not None), None)
            drawn, judged, more = training_and_test(drawn, own, None)
            if splits:
                like = splits[seeds[0]].train
                drawn, judged = (_in_order_of_first(part, like, seed) for part in (drawn, judged))
        splits[seed] = Split(drawn, judged, drawn_from)
        notes = tuple(dict.fromkeys((*notes, *more)))
    first = splits[seeds[0]]  # to look for near copies in the others takes as long
    return splits, tuple(dict.fromkeys((*notes, *copies_noted(first.train, first.test))))


def _checked(drawn: object, seed: int) -> ImageSet:
    """Return what `draw` returned, if it is an image set."""
    if not isinstance(drawn, ImageSet):
        raise ConfigError(
            f"draw({seed}): returned {drawn!r:.60}; allowed: an ImageSet; return load_images(...)"
        )
    return drawn


def _in_order_of_first(drawn: ImageSet, like: ImageSet, seed: int) -> ImageSet:
    """Return what a seed drew with labels that count as those of the first seed, `like`."""
    if set(drawn.classes) != set(like.classes):
        raise DataError(
            f"draw({seed}): the classes {first_names(drawn.classes, 8, repr)}, but"
            f" {first_names(like.classes, 8, repr)} with the first seed; allowed: the same ones for"
            " each seed; give those that have no images, too"
        )
    if drawn.images.shape[1:] != like.images.shape[1:]:
        raise DataError(
            f"draw({seed}): images of {list(drawn.images.shape[1:])}, but"
            f" {list(like.images.shape[1:])} with the first seed; allowed: one size and mode for"
            " all seeds; load them alike"
        )
    return in_class_order(drawn, like)


def as_trained(images: ImageSet, info: Metadata) -> ImageSet:
    """Return `images` as the generator was trained on them; the test part is what it has not seen.

    Without a test part, the fifth that `fit` held out becomes it, unless `images` are already what
    was left of them; a generator that was trained without labels has seen one class.

    Args:
        images: all images, or the training part alone.
        info: the generator's.

    Raises:
        DataError: nothing can be held out.
    """
    if images.test is None and info.data.get("held_out"):
        # The rule would hold out a fifth of the training part, too.
        whole = merged_as_trained(images, info).fingerprint == info.fingerprint
        images = images if whole else images.hold_out()  # by labels, before they are merged
    return merged_as_trained(images, info)


def refuse_unnamed(images: ImageSet, other: Sequence[str]) -> None:
    """Raise `DataError` where labels without names could mean two of the classes `other`."""
    if images.unnamed:
        where, instead = f"{images.source}: labels without class names", "give them class names"
        refuse_unclear(other, where, instead)


def in_class_order(images: ImageSet, like: ImageSet) -> ImageSet:
    """Return `images` with labels that count in the classes of `like`, matched by name.

    Raises:
        DataError: a class of `images` is not among them, or only one of the two has class names,
            and these are whole numbers out of order.
    """
    classes = like.classes
    if images.unnamed != like.unnamed:
        refuse_unnamed(images, classes)
        refuse_unnamed(like, images.classes)
    if images.classes == classes:
        return images
    position = {name: label for label, name in enumerate(classes)}
    for name in images.classes:
        if name not in position:
            raise DataError(
                f"{images.source}: class {name!r} is not among the training classes"
                f"{did_you_mean(name, classes)}; allowed: {first_names(classes, 8, repr)};"
                " name the classes of both parts alike"
            )
    to = np.array([position[name] for name in images.classes], dtype=np.int64)
    labels = to[images.labels]
    return replace(images, labels=labels, classes=classes, unnamed=like.unnamed, test=None)


def training_and_test(
    train: ImageSet, test: ImageSet | None, metadata: Metadata | None
) -> tuple[ImageSet, ImageSet, tuple[str, ...]]:
    """Return the training part, the part that is judged on, and notes for the report.

    With a test part, given or in `train`, that is judged on. Without one, it is the fifth that
    `fit` held out, found again by its rule; `metadata` is the artifact's, or None where every seed
    trains a new generator.

    Raises:
        ArtifactError: no test part, and the artifact was trained on all images or on others.
        DataError: classes that do not match or may be others (`refuse_unnamed`), or an empty part.
    """
    notes: list[str] = []
    if metadata is not None:
        refuse_unnamed(train, metadata.classes)
    if test is None and train.test is None:
        if metadata is not None:
            _check_held_out(train, metadata)
        train = train.hold_out()
    judged = test if test is not None else train.test
    if judged is None or not len(judged) or not len(train):
        raise DataError(
            f"{train.source}: {len(train)} training and {0 if judged is None else len(judged)} test"
            " images; both parts need some; give a test part"
        )
    judged = in_class_order(replace(judged, test=None), train)
    if (judged.counts > 0).sum() < 2:
        raise DataError(
            f"{judged.source}: {int((judged.counts > 0).sum())} class with test images; a"
            " comparison needs at least 2; give a test part with images of other classes"
        )
    if judged.images.shape[1:] != train.images.shape[1:]:
        raise DataError(
            f"{judged.source}: test images are {list(judged.images.shape[1:])}, training images"
            f" {list(train.images.shape[1:])}; load both at the same size and mode"
        )
    train = replace(train, test=None)
    require_classes(train)
    if (
        metadata is not None
        and merged_as_trained(train, metadata).fingerprint != metadata.fingerprint
    ):
        notes.append(
            f"{NOT_FITTED} (or were loaded in another way); the verdict holds for these images"
        )
    if test is not None and train.group_names and judged.group_names:
        notes += in_both_noted(train.group_names, judged.group_names)
    return train, judged, tuple(notes)


def _check_held_out(train: ImageSet, metadata: Metadata) -> None:
    expected = metadata.data.get("held_out_fingerprint")
    if not metadata.data.get("held_out") or not expected:
        raise ArtifactError(
            f"{train.source}: no test part, and the generator saw all training images; allowed:"
            " images that it has not seen; give a test part, or fit again without --all"
        )
    if merged_as_trained(train, metadata).fingerprint == metadata.fingerprint:
        raise ArtifactError(
            f"{train.source}: what the generator was trained on, without the fifth that fit held"
            " out; allowed: that fifth beside it; give it as the test part (test=), or all images"
        )
    held = train.hold_out().test
    if held is None or merged_as_trained(held, metadata).fingerprint != expected:
        raise ArtifactError(
            f"{train.source}: the fifth that fit held out ({expected[:12]}) is not found in these"
            " images; allowed: those that it was fitted on, read alike (--no-exif), or any with a"
            " test part; to judge on other images make DIR/train and DIR/test, and give DIR"
        )


def default_draw(images: ImageSet, seed: int) -> ImageSet:
    """Return a draw of `DRAWN` of each class's images, by whole groups where possible.

    Units (a group, or images of equal content) are taken in random order as long as they fit; a
    class keeps at least one image.
    """
    rng = stream(seed, "evaluate/draw")
    unit = images.units
    order = rng.permutation(int(unit.max(initial=-1)) + 1)
    taken = np.zeros(len(order), bool)
    for label in range(len(images.classes)):
        rows = np.flatnonzero(images.labels == label)
        wanted = max(1, round(DRAWN * len(rows)))
        members, sizes = np.unique(unit[rows], return_counts=True)
        reached = int(sizes[taken[members]].sum())
        for at in np.argsort(order[members]):
            if taken[members[at]]:
                continue
            if reached == 0 or reached + sizes[at] <= wanted:
                taken[members[at]] = True
                reached += int(sizes[at])
    return images.take(np.flatnonzero(taken[unit]))


def inner_splits(split: Split) -> list[Split]:
    """Split the training part of `split` alone, by whole groups, for the choice of the baseline.

    Once, or three times in different ways where a class has fewer than five images to judge on;
    never where each class is a single image or group.
    """
    splits: list[Split] = []
    for number in range(INNER_SPLITS):
        # Images are held out in the order of their keys: other keys, another fifth.
        keys = split.train.keys ^ np.uint64(number * OTHER_ORDER)
        try:
            halves = replace(split.train, test=None, keys=keys).hold_out()
        except DataError:
            return []
        if halves.test is None:
            return []
        splits.append(Split(replace(halves, test=None), halves.test))
        counts = halves.test.counts
        if counts[counts > 0].min() >= FEW_INNER_IMAGES:
            return splits
    return splits
