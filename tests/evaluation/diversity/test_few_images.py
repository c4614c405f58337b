"""Few real images: honest ones look honest, and what cannot be measured is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.small_images import bars
from scipy.ndimage import gaussian_filter

from ganaug import evaluate_diversity
from ganaug.checking.classes import class_checks
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


def test_honest_grain_differs_in_every_place_and_is_not_collapsed() -> None:
    """Components of real images alone are those in which just these differ most."""
    rng = np.random.default_rng(0)

    def grain(number: int) -> np.ndarray:
        noise = gaussian_filter(rng.normal(size=(number, 24, 24, 1)), (0, 1, 1, 0))
        return np.clip(128 + 40 * noise / noise.std(), 0, 255).astype(np.uint8)

    labels = np.repeat([0, 1], 40)
    real = ImageSet(grain(80), labels, ("a", "b"))
    found = evaluate_diversity(real=real, synthetic=(grain(80), labels), quick=True)
    assert [each.word for each in found.classes] == ["OK", "OK"]
    repeated = grain(3)[np.arange(80) % 3]
    found = evaluate_diversity(real=real, synthetic=(repeated, labels), quick=True)
    assert [each.word for each in found.classes] == ["COLLAPSED", "COLLAPSED"]


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


@pytest.mark.parametrize(
    ("groups", "word"),
    [
        (np.zeros(30, int), "too few images"),
        (np.repeat([0, 1], [25, 5]), "too few images"),
        (np.repeat([0, 1], [24, 6]), "measured"),
        (np.arange(30), "measured"),
    ],
)
def test_a_class_is_measured_where_its_groups_can_be_halved(groups: np.ndarray, word: str) -> None:
    real = replace(bars((30, 30)), test=None)
    real = replace(real, groups=np.concatenate([groups, 100 + np.arange(30)]))
    made = real.images[::-1].copy(), real.labels[::-1]
    found = evaluate_diversity(real=real, synthetic=made, quick=True)
    assert [each.status for each in found.classes] == [word, "measured"]
    said = [each.diversity != "no" for each in class_checks(real)]
    assert said == [each.status == "measured" for each in found.classes]


def test_of_long_films_some_frames_of_each_are_compared() -> None:
    real = replace(bars((210, 30)), test=None)
    films = np.concatenate([np.repeat([0, 1, 2], 70), 100 + np.arange(30)])
    real = replace(real, groups=films)  # a quick look compares 60 images
    made = real.images, real.labels
    found = evaluate_diversity(real=real, synthetic=made, quick=True)
    assert [(each.status, each.images) for each in found.classes] == [
        ("measured", 60),
        ("measured", 30),
    ]


def test_what_is_learnt_from_leaves_groups_to_compare() -> None:
    """A quarter of 100 images would be all that is no frame of the long film."""
    real = replace(bars((100, 300, 300)), test=None)
    films = np.where(np.arange(700) < 90, 0, np.arange(700))
    films[90:100] = 1
    real = replace(real, groups=films)
    made = real.images, real.labels
    found = evaluate_diversity(real=real, synthetic=made, quick=True)
    assert found.settings["fitted_on"] == 150
    assert [each.status for each in found.classes] == ["measured"] * 3
