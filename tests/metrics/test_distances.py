"""Kernel, energy and Fréchet distances against their definitions and against torchmetrics."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from ganaug.errors import DataError
from ganaug.metrics import distances, spread
from ganaug.metrics.distances import energy_distance, frechet_distance, kernel_distance
from ganaug.metrics.features import ModuleFeatures


def points(n: int, seed: int, dim: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, dim))


class Corners(nn.Module):
    """Features of images that need no weights: means of quarters, and their squares."""

    num_features = 24

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        quarters = nn.functional.adaptive_avg_pool2d(images.double() / 255, 2).flatten(1)
        return torch.cat([quarters, quarters**2], 1)


def pictures(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    light = rng.integers(20, 200 + 50 * seed, (n, 1, 1, 1))
    return (light * rng.random((n, 8, 8, 3))).clip(0, 255).astype(np.uint8)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save")
def test_kernel_and_frechet_distance_agree_with_torchmetrics() -> None:
    fid = pytest.importorskip("torchmetrics.image.fid")
    kid = pytest.importorskip("torchmetrics.image.kid")
    real, made = pictures(60, 0), pictures(60, 1)
    extractor = Corners()
    frechet = fid.FrechetInceptionDistance(feature=extractor, input_img_size=(3, 8, 8))
    frechet.set_dtype(torch.float64)
    kernel = kid.KernelInceptionDistance(feature=extractor, subsets=1, subset_size=60)
    for metric in (frechet, kernel):
        for images, is_real in ((real, True), (made, False)):
            metric.update(torch.from_numpy(images).permute(0, 3, 1, 2), real=is_real)
    ours = [extractor(torch.from_numpy(x).permute(0, 3, 1, 2)).numpy() for x in (real, made)]
    assert frechet_distance(*ours) == pytest.approx(float(frechet.compute()), rel=1e-6)
    assert frechet_distance(ours[0][:5], ours[0][:5]) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(ours[0][:5], ours[0][:5]) >= 0
    mean, _ = kernel.compute()
    assert kernel_distance(*ours) == pytest.approx(float(mean), rel=1e-4)
    assert kernel_distance(*ours) > 0.001


def test_modules_give_the_same_features_in_any_batch() -> None:
    images = pictures(10, 0)
    whole = ModuleFeatures(Corners(), batch=64)(images)
    assert np.allclose(whole, ModuleFeatures(Corners(), batch=3)(images))
    assert whole.shape == (10, 24)


def slow_kernel(x: np.ndarray, y: np.ndarray) -> float:
    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    xx = np.mean([k(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j])
    yy = np.mean([k(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j])
    return float(xx + yy - 2 * np.mean([k(a, b) for a in x for b in y]))


def slow_energy(x: np.ndarray, y: np.ndarray) -> float:
    xx = np.mean(
        [np.linalg.norm(a - b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j]
    )
    yy = np.mean(
        [np.linalg.norm(a - b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j]
    )
    return float((2 * np.mean([np.linalg.norm(a - b) for a in x for b in y]) - xx - yy) / xx)


@pytest.mark.parametrize("block", [1, 3, 1024])
def test_distances_agree_with_their_definitions_in_any_block(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    for module in (distances, spread):
        monkeypatch.setattr(module, "BLOCK", block)
    x, y = points(13, 0), 1.3 * points(9, 1) + 0.2
    assert kernel_distance(x, y) == pytest.approx(slow_kernel(x, y), rel=1e-9)
    assert energy_distance(x, y) == pytest.approx(slow_energy(x, y), rel=1e-9)


def test_unbiased_distances_are_about_nothing_for_equal_distributions() -> None:
    energy = [energy_distance(points(30, 2 * i), points(30, 2 * i + 1)) for i in range(40)]
    kernel = [kernel_distance(points(30, 2 * i), points(30, 2 * i + 1)) for i in range(40)]
    for found in (energy, kernel):
        assert min(found) < 0 < max(found)
        assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(40)
    assert energy_distance(points(30, 0), points(30, 1) + 1) > max(energy)


def test_distances_of_equal_images() -> None:
    equal = np.ones((5, 3))
    assert energy_distance(equal, equal) == 0.0
    assert energy_distance(equal, 2 * equal) == float("inf")
    assert frechet_distance(equal, 2 * equal) == pytest.approx(3.0)
    assert frechet_distance(points(20, 0), points(20, 0)) == pytest.approx(0, abs=1e-6)


def test_one_image_has_no_distance() -> None:
    with pytest.raises(DataError, match="2 rows or more"):
        kernel_distance(points(1, 0), points(5, 1))
    with pytest.raises(DataError, match="same features"):
        frechet_distance(points(5, 0), points(5, 1, dim=3))
