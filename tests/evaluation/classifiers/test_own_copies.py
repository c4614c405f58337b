"""Each training has its own network, estimator or loop, whatever the user's function returns."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from helpers.small_comparisons import linear, run
from torch import Tensor, nn

from ganaug import Pretrained, TrainingLoop
from ganaug.errors import ConfigError
from ganaug.evaluation.classifiers import Classifier
from ganaug.evaluation.classifiers.given import as_classifier
from ganaug.images import ImageSet


class Trainer:
    """A loop as a method, which trains the network of its object."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def __repr__(self) -> str:
        return "Trainer()"

    def fit(self, items: Any, seed: int) -> Callable[[Tensor], Tensor]:
        optimiser = torch.optim.SGD(self.network.parameters(), lr=1e-3)
        for at in range(0, len(items), 4):
            image, label = items[at]
            loss = nn.functional.cross_entropy(
                self.network(image[None] / 255), torch.tensor([label])
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        return lambda tested: torch.softmax(self.network(tested / 255), 1)


def trunk() -> nn.Module:
    norm = nn.BatchNorm2d(3)
    return nn.Sequential(nn.Conv2d(3, 3, 3), norm, nn.AdaptiveAvgPool2d(3), nn.Flatten())


def networks(kind: str) -> tuple[nn.Module, Classifier]:
    """Return a network that lies in memory, and a classifier that gives it to every training."""
    torch.default_generator.manual_seed(0)
    if kind == "factory":
        whole = nn.Sequential(nn.BatchNorm2d(1), linear(1, 3, (12, 12)))
        return whole, as_classifier(lambda *_: whole)
    if kind == "a part of it":
        part = nn.Linear(144, 9)
        return part, as_classifier(lambda *_: nn.Sequential(nn.Flatten(), part, nn.Linear(9, 3)))
    if kind == "loop":
        whole = linear(1, 3, (12, 12))
        return whole, TrainingLoop(Trainer(whole).fit)
    below = trunk()
    return below, Pretrained(lambda: below, frozen=kind == "frozen")


@pytest.mark.parametrize("kind", ["factory", "a part of it", "fine-tuned", "frozen", "loop"])
def test_trainings_do_not_go_on_where_another_one_ended(images: ImageSet, kind: str) -> None:
    network, classifier = networks(kind)
    before = {name: value.clone() for name, value in network.eval().state_dict().items()}
    arguments = {"classifier": classifier, "steps": 4, "seeds": 1}
    first, second = (run(None, images, arms=arms, **arguments)
                     for arms in (["plain", "balanced"], ["balanced", "plain"]))  # fmt: skip
    for arm in ("plain", "balanced"):
        assert first.arms[arm].calibration_error == second.arms[arm].calibration_error
        assert first.arms[arm].recall == second.arms[arm].recall
    after = network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert not network.training
    assert {str(value.device) for value in after.values()} == {"cpu"}


class Locked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


class LockedLoop(Trainer):
    def __init__(self) -> None:
        self.lock = threading.Lock()


@pytest.mark.parametrize(
    "classifier", [lambda *_: Locked(), Pretrained(Locked), TrainingLoop(LockedLoop().fit)]
)
def test_what_cannot_be_copied_is_refused_before_any_training(classifier: Any) -> None:
    with pytest.raises(ConfigError, match=r"cannot be copied \(cannot pickle '_thread.lock'"):
        as_classifier(classifier).check(1, 3, (12, 12))
