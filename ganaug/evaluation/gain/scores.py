"""Scores of a classifier on labels and predictions, and which classifiers are level."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "balanced_accuracy",
    "error_reduction",
    "exact_mean",
    "level_with_best",
    "macro_f1",
    "mean_or_none",
    "paired_error",
    "precision_by_class",
    "rarer_half",
    "recall_by_class",
    "thirds",
]


def balanced_accuracy(labels: NDArray[np.int64], right: NDArray[np.bool_ | np.number]) -> float:
    """Return the mean over the classes that have images of the fraction that is right, in 0..1.

    Of `right` [N] in one training less that in another, it is the gain, in -1..1.
    """
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))


def recall_by_class(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int
) -> NDArray[np.float64]:
    """Return the fraction of each class found, float64 [classes]; NaN for a class without images.

    Balanced accuracy is the mean over the classes that have test images.
    """
    total, _, found = _counted(labels, predicted, num_classes)
    result: NDArray[np.float64] = np.where(total > 0, found / np.maximum(total, 1), np.nan)
    return result


def precision_by_class(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int
) -> NDArray[np.float64]:
    """Return the fraction of right ones among the images taken for each class, float64 [classes].

    0 for a class with test images for which none was taken, as in scikit-learn; NaN for a class
    without test images. It depends on how frequent the classes are in the test part.
    """
    total, claimed, found = _counted(labels, predicted, num_classes)
    result: NDArray[np.float64] = np.where(total > 0, found / np.maximum(claimed, 1), np.nan)
    return result


def macro_f1(labels: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int) -> float:
    """Return the mean over the classes with test images of 2 TP / (2 TP + FP + FN)."""
    total, claimed, found = _counted(labels, predicted, num_classes)
    f1 = 2 * found / np.maximum(total + claimed, 1)
    return float(f1[total > 0].mean())


def _counted(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int
) -> list[NDArray[np.int64]]:
    """int64 [classes] each: images of the class, images taken for it, and those of both."""
    every = (labels, predicted, labels[labels == predicted])
    return [np.bincount(each, minlength=num_classes) for each in every]


def rarer_half(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the labels of the floor(classes / 2) classes with the fewest training images."""
    return np.argsort(counts, kind="stable")[: len(counts) // 2].astype(np.int64)


def thirds(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Return the labels of the rare, the middle and the frequent third of the classes.

    Where the classes cannot be divided by three, the middle third takes what is left over; of two
    classes one is rare and one frequent.
    """
    order = np.argsort(counts, kind="stable").astype(np.int64)
    third = 1 if len(order) == 2 else len(order) // 3
    return order[:third], order[third : len(order) - third], order[len(order) - third :]


def exact_mean(values: Sequence[float]) -> float:
    """Return the mean, the same for the same values in any order."""
    return math.fsum(values) / len(values)


def mean_or_none(values: Iterable[float | None]) -> float | None:
    """Return the mean of the values that are there, neither None nor NaN; None where none is."""
    known = [value for value in values if value is not None and not np.isnan(value)]
    return float(np.mean(known)) if known else None


def error_reduction(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    """Return 1 - sum of our errors / sum of theirs, errors being 1 - score; None without errors."""
    before = sum(1 - score for score in theirs)
    return 1 - sum(1 - score for score in ours) / before if before > 0 else None


def level_with_best(labels: NDArray[np.int64], right: Sequence[NDArray[np.bool_]]) -> list[int]:
    """Return which classifiers the images do not tell from the best, by balanced accuracy.

    Those within one `paired_error` of it (the one-standard-error rule of Breiman et al., CART,
    1984), in their order.

    Args:
        labels: int64 [N].
        right: of each classifier, bool [N], whether it was right.
    """
    scores = [balanced_accuracy(labels, each) for each in right]
    best = int(np.argmax(scores))
    return [
        at
        for at, score in enumerate(scores)
        if scores[best] - score <= paired_error(labels, right[best], right[at])
    ]


def paired_error(
    labels: NDArray[np.int64], right: NDArray[np.bool_], other: NDArray[np.bool_]
) -> float:
    """Return a standard error of the difference of two balanced accuracies on the same images.

    From second moments within classes, not variances: with a single image of a class there is none,
    and the error is rather too large than too small.

    Args:
        labels: int64 [N].
        right: bool [N], whether the first classifier was right.
        other: bool [N], whether the second one was.
    """
    squares = (right.astype(np.float64) - other) ** 2
    present, label = np.unique(labels, return_inverse=True)
    counts = np.bincount(label)
    return float(np.sqrt((np.bincount(label, squares) / counts**2).sum()) / len(present))
