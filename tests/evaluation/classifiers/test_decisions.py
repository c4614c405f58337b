"""What counts is what a classifier of scikit-learn predicts; probabilities are for calibration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.small_comparisons import run
from helpers.small_images import bars
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier

from ganaug.evaluation.arms import parse_arm
from ganaug.evaluation.classifiers.estimator import EstimatorClassifier
from ganaug.evaluation.classifiers.interface import Outcome, Schedule
from ganaug.evaluation.gain.judge import Judged, arm_result, paired_gain
from ganaug.evaluation.gain.units import TestPart
from ganaug.evaluation.trainings import Job, run_job
from ganaug.evaluation.trainings.job import load_outcome, save_outcome
from ganaug.images import ImageSet

FAR = 0.999999  # a threshold that hardly an image reaches


@pytest.fixture
def two() -> ImageSet:
    return replace(bars((24, 12)), test=bars((8, 8), seed=1))


def above(threshold: float) -> FixedThresholdClassifier:
    model = LogisticRegression(max_iter=300)
    return FixedThresholdClassifier(
        model, threshold=threshold, pos_label=1, response_method="predict_proba"
    )


class Plain(ClassifierMixin, BaseEstimator):
    """A classifier of the user's that does not say which classes its columns are."""

    def fit(self, X: Any, y: Any) -> Plain:
        self.model_ = LogisticRegression(max_iter=300).fit(X, y)
        return self

    def predict(self, X: Any) -> NDArray[np.int64]:
        found: NDArray[np.int64] = self.model_.predict(X)
        return found

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        found: NDArray[np.float64] = self.model_.predict_proba(X)
        return found


class Contrary(Plain):
    """Decides on the class that is least likely."""

    def predict(self, X: Any) -> NDArray[np.int64]:
        found: NDArray[np.int64] = self.predict_proba(X).argmin(1)
        return found


def test_a_threshold_decides(two: ImageSet, tmp_path: Path) -> None:
    """Also where the result was kept."""
    low, middle, high = (
        run(None, two, classifier=above(at), arms=["plain"], seeds=1, steps=3, out=tmp_path)
        for at in (1 - FAR, 0.5, FAR)
    )
    assert low.arms["plain"].recall[0] == (0, 1)
    assert middle.arms["plain"].recall[0] == (1, 1)
    assert high.arms["plain"].recall[0] == (1, 0)
    errors = {report.arms["plain"].calibration_error for report in (low, middle, high)}
    assert len(errors) == 1
    kept = run(None, two, classifier=above(FAR), arms=["plain"], seeds=1, steps=3, out=tmp_path)
    assert kept.arms == high.arms  # with its times, so it was kept


def test_outcomes_keep_predictions_beside_probabilities(images: ImageSet, tmp_path: Path) -> None:
    assert images.test is not None
    model = EstimatorClassifier(Contrary())
    job = Job(0, parse_arm("plain"), images, images.test, Schedule(2), model)
    outcome = run_job(job)
    save_outcome(tmp_path, job, outcome)
    kept = load_outcome(tmp_path, job)
    assert kept is not None
    assert np.array_equal(kept.predicted, outcome.predicted)
    assert np.array_equal(kept.probabilities, outcome.probabilities)
    assert not (outcome.predicted == outcome.probabilities.argmax(1)).any()


def test_columns_without_names_are_the_classes_in_order(images: ImageSet) -> None:
    for classifier in (Plain(), LogisticRegression(max_iter=300)):
        report = run(None, images, classifier=classifier, arms=["plain"], seeds=1)
        assert report.arms["plain"].balanced_accuracy == (1.0,)
        assert report.arms["plain"].calibration_error[0] > 0


def test_arms_that_decide_otherwise_are_not_identical(two: ImageSet) -> None:
    assert two.test is not None
    likely = Outcome(np.tile(np.float16([0.75, 0.25]), (len(two.test), 1)), 1.0)
    contrary = replace(likely, decided=np.ones(len(two.test), np.int64))
    theirs = Judged(likely, TestPart.of(two.test), two.counts)
    for outcome, word in ((likely, "no change"), (contrary, "no evidence")):
        ours = replace(theirs, outcome=outcome)
        results = [arm_result([each] * 2, 2) for each in (ours, theirs)]
        assert paired_gain(*results, [(ours, theirs)] * 2).verdict == word


def test_probabilities_that_are_nearly_equal_decide_before_they_are_rounded() -> None:
    found = np.array([[0.5, 0.50001, 0], [0.50001, 0.5, 0], [0.2, 0.1, 0.7]], np.float32)
    outcome = Outcome.of(found, 1.0)
    assert outcome.probabilities[0, 0] == outcome.probabilities[0, 1]
    assert outcome.predicted.tolist() == [1, 0, 2]
