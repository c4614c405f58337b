"""What becomes of single classes with the generator, and whether that may be luck."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ganaug.evaluation.gain.intervals import FEWEST_SEEDS, paired_t
from ganaug.evaluation.gain.report import GainReport
from ganaug.evaluation.gain.scores import mean_or_none

__all__ = ["ClassChange", "class_changes", "judged_counts", "recalls"]

FEWEST_IMAGES = 2  # a difference of fewer test images is not told from luck


class ClassChange(NamedTuple):
    """The recall of a class, with the generator less without; in -1..1.

    `sure` where the 95% interval over six seeds or more has one sign, and it is worth two test
    images or more. Recalls are fractions of few images, so that two seeds often agree by luck.
    """

    name: str
    change: float
    sure: bool


def class_changes(gain: GainReport) -> list[ClassChange]:
    """Return the change of each class that has test images, in their order."""
    if gain.chosen is None or gain.chosen not in gain.arms:
        return []
    below = gain.baseline_of(gain.chosen)
    after, before = gain.arms[gain.chosen].recall, gain.arms[below].recall
    judged, found = judged_counts(gain), []
    for at, name in enumerate(gain.classes):
        pairs = [(new[at], old[at]) for new, old in zip(after, before, strict=True)]
        differences = [new - old for new, old in pairs if new is not None and old is not None]
        if differences:
            low, high, _ = paired_t(differences)
            change = float(np.mean(differences))
            enough = judged is None or abs(change) * judged[at] >= FEWEST_IMAGES - 1e-9
            enough = enough and len(differences) >= FEWEST_SEEDS
            found.append(ClassChange(name, change, enough and (low > 0 or high < 0)))
    return found


def judged_counts(gain: GainReport) -> list[float] | None:
    """Return how many test images each class has, the mean over seeds; None if not known."""
    if gain.evidence is None:
        return None
    tests, classes = gain.evidence.tests, len(gain.classes)
    counts = [np.bincount(tests[seed].labels, minlength=classes) for seed in gain.seeds]
    return [float(each) for each in np.mean(counts, axis=0)]


def recalls(gain: GainReport, arm: str) -> list[float | None]:
    """Return the recall of each class with an arm, the mean over seeds."""
    return [mean_or_none(column) for column in zip(*gain.arms[arm].recall, strict=True)]
