"""What the number of images of each class allows: to be trained on, judged, and tuned for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ganaug.checking.report import ClassCheck, Finding
from ganaug.evaluation.diversity.cuts import can_be_halved
from ganaug.evaluation.diversity.words import FEWEST_FOR_OK
from ganaug.evaluation.gain.notes import FEW_TEST_IMAGES, units_by_class
from ganaug.evaluation.tuning.rarity import simulate
from ganaug.images import ImageSet
from ganaug.images.alike import Alike
from ganaug.images.enough_classes import ways_to_name_classes
from ganaug.images.survey import Survey

__all__ = ["class_checks", "class_findings", "frames", "tuning_of"]

NEAR_IN_LIST = 3  # places
FEWEST_IN_LIST = 40  # images of a class, below which neighbours in the list are so by chance
MOST_IN_LIST = 3000
# Of images whose likest one stands beside them: 2 to 6% in sets of single photographs, 34 to 80%
# where one object or one writer comes several times in a row.
SERIES, TIMES_CHANCE = 0.25, 4.0
JUDGED_ON = {  # by the method of `tune`
    "simulated rarity": "frequent classes that it makes rare",
    "cross-fitting": "a part of each class's own images (cross-fitting)",
}


def class_checks(images: ImageSet) -> tuple[ClassCheck, ...]:
    """Return a record for each class of `images`, whose test part is what is judged on."""
    none = np.zeros_like(images.counts)
    test, units = (
        (none, none) if images.test is None else (images.test.counts, units_by_class(images.test))
    )
    halved = [can_be_halved(images.units[images.labels == at]) for at in range(len(test))]
    columns = (images.counts, np.array(halved), test, units)
    return tuple(
        ClassCheck(
            name,
            train,
            judged,
            _answer(not judged or not train, apart < FEW_TEST_IMAGES),
            _answer(not halved, train < FEWEST_FOR_OK),
        )
        for name, train, halved, judged, apart in zip(
            images.classes, *(each.tolist() for each in columns), strict=True
        )
    )


def _answer(no: bool, weak: bool) -> str:
    return "no" if no else "weak" if weak else "yes"


def class_findings(
    classes: tuple[ClassCheck, ...], generator: str, source: str
) -> Iterator[Finding]:
    """Yield what is wrong about the numbers of images, for a generator of the kind `generator`."""
    trained = [each.name for each in classes if each.train]
    if len(trained) == 1 and generator == "class":
        text = "classes with training images: 1; a generator learns it, and no classifier is judged"
        yield Finding("one class", False, text, 1, tuple(trained))
    elif len(trained) < 2:
        yield Finding(
            "one class",
            True,
            f"classes with training images: {len(trained)}; telling classes apart needs at least"
            f" 2; {ways_to_name_classes(source)}; or train with --kind class",
            len(trained),
            tuple(trained),
        )
    bare = [each.name for each in classes if not each.train]
    single = [each.name for each in classes if each.train == 1]
    unjudged = [each.name for each in classes if each.train and each.gain == "no"]
    few = [each.name for each in classes if each.gain == "weak"]
    fewer = f"with fewer than {FEW_TEST_IMAGES} images, or groups, to judge on"
    for kind, names, words, advice in (
        ("no training image", bare, "without a training image", "add some"),
        (
            "single image",
            single,
            "of a single training image",
            "varied, but teaching none; add some",
        ),
        ("not judged", unjudged, "without an image to judge on", "left out of scores; add some"),
        ("few to judge", few, fewer, "what is said of them is uncertain; add some"),
    ):
        if names:
            text = f"classes {words}: {len(names)}; {advice}"
            yield Finding(kind, False, text, len(names), tuple(names))


def tuning_of(images: ImageSet) -> tuple[bool, str]:
    """Return whether `tune` answers never whatever is trained, and what it can do, in a line."""
    if (images.counts > 0).sum() < 2:
        return False, "nothing to learn: one class"
    found = simulate(images, 0)
    if found.method == "none":
        return True, f"would answer never: {found.reason}"
    return False, f"possible, judged on {JUDGED_ON[found.method]} ({found.reason})"


def frames(images: Survey, alike: Alike) -> Iterator[Finding]:
    """Yield a finding where images look like frames of one object, and no groups are named.

    Frames follow one another, and each is most like the next: much more often than by chance an
    image stands beside the one of its class that is most like it.
    """
    if any(group is not None for group in images.groups):
        return
    beside, expected, total = 0, 0.0, 0
    for label in range(len(images.classes)):
        rows = np.flatnonzero((images.labels == label) & ~images.test)[:MOST_IN_LIST]
        if len(rows) < FEWEST_IN_LIST:
            continue
        places = alike.nearest_of_class(rows)
        beside += int((np.abs(places - np.arange(len(rows))) <= NEAR_IN_LIST).sum())
        expected += 2 * NEAR_IN_LIST * len(rows) / (len(rows) - 1)
        total += len(rows)
    if total and beside > max(SERIES * total, TIMES_CHANCE * expected):
        yield Finding(
            "frames",
            False,
            f"images most like one that stands beside them in the list: {beside} of {total}, by"
            f" chance {round(expected)}; they may be frames of one object or person: name these"
            " in groups.csv (or the array groups), so that no object is trained and judged on",
            beside,
        )
