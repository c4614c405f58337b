"""The numbers of one class as the record takes them, against their definitions in plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ganaug.evaluation.diversity.features import InFeatures
from ganaug.evaluation.diversity.subsamples import NEIGHBOURS, ClassDistances, ClassImages, Near

Points = NDArray[np.float32]


def class_images(real: Points, made: Points) -> ClassImages:
    """Points as a class, in each of the kinds of features; far from copying anything."""
    near = Near(*(np.tile([0.9, 1.0], (len(each), 1)) for each in (real, real, made)))
    return ClassImages(
        label=0,
        real=InFeatures(real, real, real),
        synthetic=InFeatures(made, made, made),
        units=np.arange(len(real)),
        sources=None,
        taken=None,
        near=near,
        near_pixels=near,
    )


def distance(a: Points, b: Points) -> float:
    return float(np.sqrt(((a.astype(np.float64) - b) ** 2).sum()))


def radius(points: Points, at: int) -> float:
    others = [distance(points[at], points[j]) for j in range(len(points)) if j != at]
    return sorted(others)[NEIGHBOURS - 1]


def pairs(points: Points) -> float:
    n = len(points)
    found = [distance(points[i], points[j]) for i in range(n) for j in range(n) if i != j]
    return float(np.mean(found))


def slow(real: Points, made: Points) -> dict[str, float]:
    """Naeem et al. 2020, Kynkäänniemi et al. 2019, and the energy distance over the spread."""
    radii = [radius(real, i) for i in range(len(real))]
    near = [[distance(real[i], each) <= radii[i] for each in made] for i in range(len(real))]
    between = float(np.mean([distance(a, b) for a in real for b in made]))
    return {
        "coverage": float(np.mean([any(row) for row in near])),
        "precision": float(np.mean([any(column) for column in zip(*near, strict=True)])),
        "kernel": (2 * between - pairs(real) - pairs(made)) / pairs(real),
        "spread": pairs(made) / pairs(real),
    }


@pytest.mark.parametrize("repeated", [False, True])
def test_coverage_precision_kernel_and_spread_agree_with_their_definitions(repeated: bool) -> None:
    """With k + 1 equal real images the radius is 0, and `<` would miss exact copies of them."""
    rng = np.random.default_rng(5)
    real = rng.standard_normal((34, 4)).astype(np.float32)
    if repeated:
        real[:17] = np.repeat(real[:2], (9, 8), axis=0)
    made = (1.3 * rng.standard_normal((17, 4)) + 0.2).astype(np.float32)
    if repeated:
        made[:3] = real[[0, 0, 12]]
    half_a, half_b, rows = np.arange(17), np.arange(17, 34), np.arange(17)
    found = ClassDistances(class_images(real, made)).compare(half_a, half_b, rows)
    # Repeated generated images count once in precision, as often as they stand in the others.
    single = np.unique(made, axis=0)
    wanted = slow(real[half_a], made) | {"precision": slow(real[half_a], single)["precision"]}
    reference = slow(real[half_a], real[half_b])
    for name, value in wanted.items():
        assert found[name][0] == pytest.approx(value, rel=1e-5), name
        assert found[name][1] == pytest.approx(reference[name], rel=1e-5), name
    assert 0 < found["coverage"][0] <= 1
    assert 0 < found["precision"][0] < 1
