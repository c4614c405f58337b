"""Scores of a classifier against scikit-learn, and which classifiers are level."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, precision_score

from ganaug.evaluation.gain.scores import (
    error_reduction,
    level_with_best,
    macro_f1,
    mean_or_none,
    paired_error,
    precision_by_class,
    rarer_half,
    recall_by_class,
    thirds,
)


def test_recall_and_f1_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 100)
    predicted = np.where(rng.random(100) < 0.6, labels, rng.integers(0, 4, 100))
    recall = recall_by_class(labels, predicted, 4)
    assert recall.mean() == pytest.approx(balanced_accuracy_score(labels, predicted))
    assert macro_f1(labels, predicted, 4) == pytest.approx(
        f1_score(labels, predicted, average="macro")
    )


def test_precision_agrees_with_scikit_learn() -> None:
    labels, predicted = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 0, 0, 1, 1, 1])
    found = precision_by_class(labels, predicted, 4)
    expected = precision_score(labels, predicted, average=None, labels=[0, 1, 2], zero_division=0)
    assert found[:3] == pytest.approx(expected)
    assert found[2] == 0  # no image was taken for it
    assert np.isnan(found[3])


def test_classes_without_test_images_do_not_count() -> None:
    labels, predicted = np.array([0, 0, 2]), np.array([0, 1, 2])
    recall = recall_by_class(labels, predicted, 3)
    assert np.isnan(recall[1])
    assert np.nanmean(recall) == 0.75
    assert macro_f1(labels, predicted, 3) == pytest.approx((2 / 3 + 1) / 2)


def test_the_rarer_half_and_the_thirds_follow_the_counts() -> None:
    counts = np.array([50, 5, 20, 5, 100])
    assert rarer_half(counts).tolist() == [1, 3]
    rare, middle, frequent = thirds(counts)
    assert (rare.tolist(), middle.tolist(), frequent.tolist()) == ([1], [3, 2, 0], [4])
    sizes = [[len(third) for third in thirds(np.arange(classes))] for classes in (1, 2, 3, 4, 6)]
    assert sizes == [[0, 1, 0], [1, 0, 1], [1, 1, 1], [1, 2, 1], [2, 2, 2]]


def test_means_and_error_reduction() -> None:
    assert mean_or_none(np.array([np.nan, 1.0, 0.0])) == 0.5
    assert mean_or_none(np.array([np.nan])) is None
    assert mean_or_none([None, 1.0, 0.0]) == 0.5
    assert error_reduction([0.9, 0.95], [0.8, 0.9]) == pytest.approx(0.5)
    assert error_reduction([0.9], [1.0]) is None


def test_the_paired_error_of_balanced_accuracies() -> None:
    labels = np.array([0, 0, 0, 0, 1])
    right = np.array([True, True, False, False, True])
    other = np.array([True, False, False, True, False])
    # class 0: differences 0, 1, 0, -1 of 4 images; class 1: 1 of 1
    expected = np.sqrt(2 / 16 + 1) / 2
    assert paired_error(labels, right, other) == pytest.approx(expected)
    assert paired_error(labels, right, right) == 0


def test_few_images_do_not_tell_classifiers_apart() -> None:
    once = np.array([False, True])  # wrong about the only image of the first class
    for repeats, level in ((1, [0, 1, 2]), (200, [1])):
        labels = np.repeat([0, 1], repeats)
        one_wrong, none_wrong = np.repeat(once, repeats), np.ones(2 * repeats, bool)
        assert level_with_best(labels, [one_wrong, none_wrong, one_wrong]) == level


def test_the_best_is_level_with_itself() -> None:
    labels = np.repeat([0, 1], 50)
    wrong = np.zeros(100, bool)
    assert level_with_best(labels, [wrong, ~wrong, ~wrong]) == [1, 2]
