"""Few real images: honest ones look honest, and what cannot be measured is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.small_images import bars

from ganaug import evaluate_diversity
from ganaug.demo.glyphs import render_glyphs
from ganaug.images import ImageSet


def test_other_images_of_few_are_of_the_same_kind() -> None:
    """40 of each class: all components of these would set every other image apart."""
    apart = []
    for seed in range(3):
        both = render_glyphs("train", [80, 80], 1.0, seed, "few", face="DejaVuSans-Bold")
        first = np.arange(160) % 80 < 40
        real = ImageSet(both.images[first], both.labels[first], both.classes)
        others = both.images[~first], both.labels[~first]
        found = evaluate_diversity(real=real, synthetic=others, seed=seed, quick=True)
        apart += [each.measures["apart"].z for each in found.classes]
        assert [each.word for each in found.classes] == ["OK", "OK"]
    assert abs(np.mean([z for z in apart if z is not None])) < 1.5  # 3.6 with all components


@pytest.mark.parametrize("classes", [1, 2])
def test_images_that_are_all_of_one_object_are_too_few(classes: int) -> None:
    real = bars((20,) * classes)
    real = replace(real, groups=np.zeros(len(real), np.int64), test=None)
    found = evaluate_diversity(real=real, synthetic=(real.images, real.labels), quick=True)
    assert {each.word for each in found.classes} == {"TOO FEW IMAGES TO TELL"}


def test_features_are_not_asked_for_a_class_without_images() -> None:
    real = bars((30, 30, 30), size=(8, 8))
    some = real.labels < 2
    for features in (
        lambda images: images.reshape(len(images), -1).astype(np.float32),
        lambda images: np.stack([[each.mean(), each.std()] for each in images]),
    ):
        made = real.images[some], real.labels[some]
        found = evaluate_diversity(real=real, synthetic=made, features=features, quick=True)
        assert found.classes[2].word == "TOO FEW IMAGES TO TELL"


def test_a_test_part_without_images_tells_nothing() -> None:
    real = replace(bars((14, 14)), test=None)
    made = real.images[::-1].copy(), real.labels[::-1]
    alone = evaluate_diversity(real=real, synthetic=made, quick=True)
    empty = replace(real, test=real.take([]))
    assert evaluate_diversity(real=empty, synthetic=made, quick=True) == alone


def test_features_may_be_tensors_with_a_gradient() -> None:
    real = replace(bars((14, 14)), test=None)
    flat = torch.nn.Linear(real.images[0].size, 4)

    def features(images: np.ndarray) -> torch.Tensor:
        found: torch.Tensor = flat(torch.from_numpy(images.reshape(len(images), -1)).float())
        return found

    def arrays(images: np.ndarray) -> np.ndarray:
        return features(images).detach().numpy()

    made = real.images, real.labels
    ours, same = (
        evaluate_diversity(real=real, synthetic=made, features=each, quick=True)
        for each in (features, arrays)
    )
    assert ours.classes == same.classes
    half = evaluate_diversity(
        real=real, synthetic=made, features=lambda x: features(x).bfloat16(), quick=True
    )
    assert half.classes[0].word == ours.classes[0].word
