from __future__ import annotations

import numpy as np
import pytest

from ganaug.errors import DataError
from ganaug.metrics.calibration import calibration_error


def slow(probabilities: np.ndarray, labels: np.ndarray, bins: int) -> float:
    confidence, predicted = probabilities.max(1), probabilities.argmax(1)
    total = 0.0
    for i in range(bins):
        low, high = i / bins, (i + 1) / bins
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            accuracy = (predicted[inside] == labels[inside]).mean()
            total += inside.mean() * abs(accuracy - confidence[inside].mean())
    return float(total)


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_agrees_with_the_definition(bins: int) -> None:
    rng = np.random.default_rng(0)
    scores = rng.dirichlet(np.ones(4), 200)
    labels = rng.integers(0, 4, 200)
    assert calibration_error(scores, labels, bins) == pytest.approx(
        slow(scores, labels, bins), rel=1e-9
    )


def test_a_sure_and_right_classifier_has_no_error_and_a_sure_and_wrong_one_all() -> None:
    sure = np.eye(3)[[0, 1, 2]]
    assert calibration_error(sure, np.array([0, 1, 2])) == 0.0
    assert calibration_error(sure, np.array([1, 2, 0])) == 1.0


def test_half_precision_predictions_are_taken() -> None:
    scores = np.array([[0.5, 0.5], [0.25, 0.75]], np.float16)
    assert calibration_error(scores, np.array([0, 1])) == pytest.approx(0.375)


@pytest.mark.parametrize("labels", [np.array([0]), np.zeros((2, 1), np.int64)])
def test_labels_that_do_not_fit_are_refused(labels: np.ndarray) -> None:
    with pytest.raises(DataError, match="allowed"):
        calibration_error(np.eye(2), labels)
