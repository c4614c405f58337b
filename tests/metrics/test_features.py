from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.small_images import bars
from torch import nn
from torchvision import models

from ganaug.errors import ConfigError, DataError
from ganaug.metrics.features import (
    JointFeatures,
    ModuleFeatures,
    PixelPCA,
    take_off_last_layer,
    torchvision_features,
)


def images(n: int, height: int = 6, width: int = 5, channels: int = 1) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (n, height, width, channels), np.uint8)


def test_all_components_keep_every_distance() -> None:
    real = images(40)
    features = PixelPCA(real, components=30)(real)
    pixels = real.reshape(40, -1) / 255
    assert features.dtype == np.float32
    for i, j in ((0, 1), (3, 17), (20, 39)):
        expected = np.linalg.norm(pixels[i] - pixels[j])
        assert np.linalg.norm(features[i] - features[j]) == pytest.approx(expected, rel=1e-4)


def test_components_are_of_the_real_images_alone() -> None:
    real = images(40)
    fitted = PixelPCA(real, components=8)
    assert fitted(real).shape == (40, 8)
    assert 0 < fitted.explained < 1
    assert (fitted(real[:3]) == fitted(real)[:3]).all()


def test_few_images_give_few_components() -> None:
    assert PixelPCA(images(3))(images(10)).shape == (10, 2)
    assert PixelPCA(images(3))(images(3)[:0]).shape == (0, 2)


def test_equal_images_are_no_error() -> None:
    flat = np.full((5, 4, 4, 1), 7, np.uint8)
    fitted = PixelPCA(flat)
    assert fitted.explained == 1.0
    assert np.abs(fitted(flat)).max() < 1e-6


def test_large_images_are_averaged_in_blocks() -> None:
    small = images(10, 8, 8, 3)
    large = small.repeat(8, axis=1).repeat(8, axis=2)
    distance = [
        float(np.linalg.norm(np.subtract(*PixelPCA(each)(each)[:2]))) for each in (small, large)
    ]
    # 64 px are averaged to 32 px, where each pixel of the 8 px images stands 16 times.
    assert distance[1] == pytest.approx(4 * distance[0], rel=1e-4)
    assert PixelPCA(images(3, 200, 1))(images(3, 200, 1)).shape == (3, 2)


def test_other_sizes_and_too_few_images_are_refused() -> None:
    with pytest.raises(DataError, match=r"allowed: \[6, 5, 1\]"):
        PixelPCA(images(4))(images(4, 5, 6))
    with pytest.raises(DataError, match="2 or more"):
        PixelPCA(images(1))


class Columns(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean(2) if images.shape[3] != 5 else images


def test_modules_get_scaled_images_in_evaluation_mode() -> None:
    images = np.random.default_rng(0).integers(0, 256, (7, 4, 5, 1), np.uint8)
    module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Dropout(0.5))
    found = ModuleFeatures(module, mean=(0.1, 0.2, 0.3), std=(1, 2, 4), batch=3)(images)
    assert module.training
    with torch.no_grad():
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
        three = (pixels - torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1)) / torch.tensor(
            [1, 2, 4]
        ).view(1, 3, 1, 1)
        expected = module.eval()(three).mean((2, 3))
    assert np.allclose(found, expected.numpy(), atol=1e-6)
    with pytest.raises(DataError, match=r"Columns returned \[7, 1, 4\]"):
        ModuleFeatures(Columns())(images[:, :, :4])


def test_torchvision_features_read_weights_from_a_file(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    model = models.get_model("squeezenet1_1", weights=None)
    torch.save(model.state_dict(), tmp_path / "squeeze.pth")
    with pytest.raises(ConfigError, match="does not end in a linear layer"):
        torchvision_features("squeezenet1_1", tmp_path / "squeeze.pth")
    small = models.get_model("shufflenet_v2_x0_5", weights=None)
    torch.save(small.state_dict(), tmp_path / "weights.pth")
    features = torchvision_features("shufflenet_v2_x0_5", tmp_path / "weights.pth")
    assert features(images).shape == (2, 1024)
    with pytest.raises(ConfigError, match="cannot be loaded into shufflenet_v2_x1_0"):
        torchvision_features("shufflenet_v2_x1_0", tmp_path / "weights.pth")
    with pytest.raises(ConfigError, match="'resnet1' is no torchvision classifier"):
        torchvision_features("resnet1", tmp_path / "weights.pth")


def test_torchvision_features_leave_out_the_last_layer_of_any_weights(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    state = models.get_model("shufflenet_v2_x0_5", weights=None).state_dict()
    torch.save(state, tmp_path / "whole.pth")
    state |= {"fc.weight": torch.zeros(10, 1024), "fc.bias": torch.zeros(10)}
    torch.save({"model": {f"module.{key}": each for key, each in state.items()}}, tmp_path / "own")
    whole, own = (
        torchvision_features("shufflenet_v2_x0_5", tmp_path / name)(images)
        for name in ("whole.pth", "own")
    )
    np.testing.assert_array_equal(own, whole)


def test_the_last_layer_is_found_whatever_its_name() -> None:
    trunk = nn.Linear(3, 4)
    named = nn.Sequential(OrderedDict(trunk=trunk, head=nn.Linear(4, 1000)))
    nested = nn.Sequential(trunk, nn.Sequential(nn.Dropout(0.0), nn.Linear(4, 1000)))
    seen = torch.rand(2, 3)
    for network in (named, nested):
        assert take_off_last_layer(network)
        assert torch.equal(network(seen), trunk(seen))
    for other in (nn.Conv2d(3, 1000, 1), nn.Sequential(trunk, nn.Unflatten(1, (4, 1, 1)))):
        before = str(other)
        assert not take_off_last_layer(other)
        assert str(other) == before


def test_joint_features_have_the_same_say() -> None:
    images = bars((40, 40)).images
    small, large = PixelPCA(images, 4), PixelPCA(images, 8)
    found = JointFeatures([lambda x: 1000 * small(x), large], images)(images)
    assert found.shape == (80, 12)
    assert found[:, :4].var(0).sum() == pytest.approx(1, rel=1e-4)
    assert found[:, 4:].var(0).sum() == pytest.approx(1, rel=1e-4)


def test_equal_images_have_equal_components_in_any_batch() -> None:
    images = np.random.default_rng(0).integers(0, 256, (230, 12, 12, 1), dtype=np.uint8)
    components = PixelPCA(images)
    whole = components(images)
    for start, end in ((0, 1), (50, 57), (0, 64), (50, 203)):
        np.testing.assert_array_equal(components(images[start:end]), whole[start:end])
