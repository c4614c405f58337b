from __future__ import annotations

import numpy as np
import pytest
from helpers.small_images import bars
from scipy import ndimage

from ganaug.errors import DataError
from ganaug.metrics.record import quick_record

NAMES = ["coverage", "kernel", "near_duplicates", "precision", "spread", "texture"]


def test_other_real_images_look_like_real_ones() -> None:
    real, other = bars((80, 40)), bars((60, 60), seed=1)
    found = quick_record(real.images, real.labels, other.images, other.labels)
    assert sorted(found) == NAMES
    assert all(isinstance(value, float) for value in found.values())
    assert min(found["coverage"], found["precision"], found["texture"]) > 0.8
    assert found["spread"] == pytest.approx(1, abs=0.15)
    assert abs(found["kernel"]) < 0.1
    assert found["near_duplicates"] < 0.3


def test_each_failure_moves_its_number() -> None:
    real, other = bars((60, 60)), bars((60, 60), seed=1)
    honest = quick_record(real.images, real.labels, other.images, other.labels)
    few = other.images[np.repeat([0, 60], 60)]
    blurred = ndimage.gaussian_filter(other.images.astype(float), (0, 2, 2, 0)).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, other.images.shape, np.uint8)
    collapsed = quick_record(real.images, real.labels, few, other.labels)
    assert collapsed["near_duplicates"] == 1
    assert collapsed["spread"] == 0
    assert collapsed["coverage"] < 0.5 * honest["coverage"]
    soft = quick_record(real.images, real.labels, blurred, other.labels)
    assert soft["texture"] < 0.5 * honest["texture"]
    rough = quick_record(real.images, real.labels, noise, other.labels)
    assert rough["precision"] == 0
    swapped = quick_record(real.images, real.labels, other.images, 1 - other.labels)
    assert swapped["kernel"] > 10 * abs(honest["kernel"])


def test_small_and_missing_classes_are_left_out() -> None:
    real, other = bars((30, 5, 30)), bars((30, 30, 1), seed=1)
    alone = bars((30, 5, 30)).labels == 0
    found = quick_record(real.images, real.labels, other.images, other.labels)
    only = quick_record(
        real.images[alone], real.labels[alone], other.images[:30], other.labels[:30]
    )
    assert found == only
    assert quick_record(real.images[:5], real.labels[:5], other.images, other.labels) == {}
    flat = np.zeros_like(real.images)
    assert quick_record(flat, real.labels, other.images, other.labels) == {}


def test_labels_that_do_not_fit_are_refused() -> None:
    real = bars((6,))
    with pytest.raises(DataError, match="synthetic: images"):
        quick_record(real.images, real.labels, real.images, real.labels[:2])
