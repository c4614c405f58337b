from __future__ import annotations

import numpy as np
import pytest

from ganaug.errors import DataError
from ganaug.metrics.consistency import cross_fitted_labels


def clouds(n: int, seed: int, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), n)
    return rng.standard_normal((len(labels), 4)) + 4 * np.eye(4)[labels], labels


def test_images_are_taken_for_the_class_they_look_like() -> None:
    real, labels = clouds(40, 0)
    made, meant = clouds(30, 1)
    shown = (meant + 1) % 3  # every label is wrong
    taken, ours = cross_fitted_labels(real, labels, np.arange(120), made, np.random.default_rng(0))
    assert (taken == labels).mean() > 0.9
    assert (ours == meant).mean() > 0.9
    assert (ours == shown).mean() < 0.1


def test_real_images_are_judged_by_classifiers_that_have_not_seen_them() -> None:
    """Labels at random cannot be told; judged on its own images a classifier would do better."""
    rng = np.random.default_rng(0)
    real, labels = rng.standard_normal((80, 60)), np.arange(80) % 2
    taken, _ = cross_fitted_labels(real, labels, np.arange(80), real[:0], rng)
    assert abs((taken == labels).mean() - 0.5) < 0.2
    pairs = np.repeat(
        real[:40], 2, axis=0
    )  # each image twice: torn apart, one gives the other away
    marks = rng.integers(2, size=40).repeat(2)
    whole, _ = cross_fitted_labels(pairs, marks, np.arange(40).repeat(2), real[:0], rng)
    torn, _ = cross_fitted_labels(pairs, marks, np.arange(80), real[:0], rng)
    assert (torn == marks).mean() > (whole == marks).mean() + 0.15


def test_a_class_of_one_unit_and_equal_images() -> None:
    real = np.concatenate([np.zeros((10, 3)), np.ones((10, 3))])
    labels = np.repeat([2, 5], 10)
    units = np.concatenate([np.arange(10), np.full(10, 10)])
    taken, ours = cross_fitted_labels(real, labels, units, real, np.random.default_rng(0))
    assert (taken[:10] == 2).all()
    assert (taken[10:] == 2).all()  # no classifier but its own has seen this class
    assert set(ours) <= {2, 5}


def test_one_class_is_refused() -> None:
    with pytest.raises(DataError, match="1 classes in 5 units"):
        cross_fitted_labels(
            np.ones((5, 2)),
            np.zeros(5, int),
            np.arange(5),
            np.ones((1, 2)),
            np.random.default_rng(),
        )
