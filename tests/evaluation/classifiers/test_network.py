from __future__ import annotations

from typing import Any

import pytest
import torch

from ganaug.errors import ConfigError
from ganaug.evaluation.classifiers.given import as_classifier
from ganaug.evaluation.classifiers.interface import Schedule
from ganaug.evaluation.classifiers.network import Network, default_steps
from ganaug.evaluation.classifiers.resnet import ResNet


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (32, 32), (64, 64), (12, 40), (200, 200)])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_network_takes_any_size(size: tuple[int, int], channels: int) -> None:
    network = ResNet(channels, 5, size).eval()
    with torch.no_grad():
        assert network(torch.rand(2, channels, *size)).shape == (2, 5)


def test_the_network_halves_the_image_as_far_as_it_goes() -> None:
    sizes = {}
    for side in (8, 28, 32, 64):
        network = ResNet(1, 2, (side, side)).eval()
        with torch.no_grad():
            out = network.blocks(network.stem(torch.rand(1, 1, side, side)))
        sizes[side] = out.shape[-1]
    assert sizes == {8: 2, 28: 4, 32: 4, 64: 4}


def test_networks_by_name_take_grey_images() -> None:
    network = Network("resnet18").build(1, 4, (32, 32)).eval()
    with torch.no_grad():
        assert network(torch.rand(1, 1, 32, 32)).shape == (1, 4)


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'resnet18'"):
        Network("resnet-18").build(3, 4, (32, 32))
    with pytest.raises(ConfigError, match=r"did you mean 'torchvision:resnet18'.*timm:NAME, with"):
        Network("torchvision/resnet18").build(3, 4, (32, 32))


def linear(channels: int, classes: int, size: tuple[int, int]) -> torch.nn.Module:
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(channels * size[0] * size[1], classes)
    )


def test_a_factory_is_called_with_channels_classes_and_size() -> None:
    network = Network(linear).build(3, 4, (5, 6))
    assert network(torch.rand(2, 3, 5, 6)).shape == (2, 4)
    assert Network(linear).name.endswith("test_network.linear")
    assert Network().name == "resnet-small"
    assert Network("resnet18").name == "resnet18"


def test_the_rate_warms_up_and_falls_to_nothing() -> None:
    schedule = Schedule(1000)
    rates = [schedule.rate_at(step) for step in range(1000)]
    assert rates[0] == pytest.approx(0.05 / 50, rel=1e-3)
    assert max(rates) == pytest.approx(0.05, rel=0.01)
    assert rates.index(max(rates)) in (49, 50)
    assert rates[-1] < 1e-5
    assert Schedule(4).rate_at(0) == 0.05


@pytest.mark.parametrize("steps", [0, -3])
def test_no_steps_are_refused(steps: int) -> None:
    with pytest.raises(ConfigError, match="allowed: 1 or more"):
        Schedule(steps)


def test_steps_by_default() -> None:
    assert default_steps((32, 32)) == 3000
    assert default_steps((8, 8)) == 900
    assert default_steps((32, 32), quick=True) == 150


@pytest.mark.parametrize(
    ("classifier", "message"),
    [
        ("alexnet", r"alexnet: fails on images of 12x12 pixels and 1 channels .*choose another"),
        (torch.nn.Linear(2, 3), r"classifier: a Linear; allowed: a name of torchvision"),
        (lambda *_: torch.nn.Flatten(), r"returns \[2, 144\] for two images; .*\[2, 3\]"),
    ],
)
def test_a_network_that_does_not_fit_is_refused_at_once(classifier: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        as_classifier(classifier).check(1, 3, (12, 12))
