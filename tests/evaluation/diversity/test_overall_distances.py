"""The distances of all classes together: variations are not compared with their own sources."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from helpers.small_images import bars
from helpers.small_models import write_variation_model

from ganaug import evaluate_diversity
from ganaug.evaluation.diversity.overall import overall_distances


def test_a_generator_that_changes_nothing_is_no_better_than_real_images() -> None:
    real = np.random.default_rng(0).standard_normal((400, 6)).astype(np.float32)
    alone = np.arange(400)
    found = overall_distances(real, alone, real, alone, seed=0)
    assert set(found) == {"cubic_kernel", "frechet"}
    for measure in found.values():
        assert measure.value == measure.reference


def test_images_of_noise_have_no_sources_and_all_count() -> None:
    rng = np.random.default_rng(0)
    real, made = (rng.standard_normal((n, 6)).astype(np.float32) for n in (400, 200))
    found = overall_distances(real, np.arange(400), made, None, seed=0)
    assert 0.5 < found["frechet"].value / found["frechet"].reference < 2
    far = overall_distances(real, np.arange(400), made + 3, None, seed=0)
    assert far["frechet"].value > 10 * far["frechet"].reference


def test_a_class_without_images_changes_nothing(tmp_path: Path) -> None:
    images = bars((30, 30), (8, 8))
    found = []
    for classes in (("bar 0", "bar 1"), ("bar 0", "bar 1", "empty")):
        counts = (30,) * len(classes)
        file = write_variation_model(tmp_path / "a.onnx", classes=classes, counts=counts)
        real = replace(images, classes=classes, test=None)
        found.append(evaluate_diversity(file, real=real, quick=True).overall)
    assert found[0] == found[1]
