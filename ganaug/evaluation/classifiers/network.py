"""`Network`: a torch network as the classifier, and how every arm trains it."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import MethodType
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganaug.errors import ConfigError, did_you_mean
from ganaug.evaluation.arms import Arm
from ganaug.evaluation.classifiers.interface import Outcome, Schedule, Task
from ganaug.evaluation.classifiers.resnet import ResNet, ThreeChannels
from ganaug.evaluation.classifiers.seeded import seeded
from ganaug.randomness import stream_seed
from ganaug.wording import one_line

__all__ = [
    "ClassifierFactory",
    "Network",
    "check_own_name",
    "default_steps",
    "name_of",
    "own_copy",
    "predict",
    "train_network",
]

ClassifierFactory = Callable[[int, int, tuple[int, int]], nn.Module]
T = TypeVar("T")


@dataclass(frozen=True)
class Network:
    """A network as the classifier.

    Attributes:
        given: None (the small `ResNet`), the name of a torchvision model, or a factory (channels,
            classes, (height, width)) -> nn.Module; each training has a copy of what it returns.
    """

    given: str | ClassifierFactory | None = None

    @property
    def name(self) -> str:
        """A function goes by its name: results are used again although its body changed."""
        if self.given is None:
            return "resnet-small"
        return self.given if isinstance(self.given, str) else name_of(self.given)

    @property
    def source(self) -> object:
        """The factory."""
        return None if isinstance(self.given, str) else self.given

    @property
    def counts_steps(self) -> bool:
        """True."""
        return True

    def check(self, channels: int, num_classes: int, image_size: tuple[int, int]) -> None:
        """Make it, and show it two black images.

        Raises:
            ConfigError: torchvision has no such model, or a network that does not take the images
                or does not return a number for each class.
        """
        with torch.random.fork_rng(devices=[]):
            network = self.build(channels, num_classes, image_size)
            self._try_out(network, (2, channels, *image_size), num_classes)

    def check_name(self) -> None:
        """Refuse a lambda, a function inside a function, or an object named by its address."""
        check_own_name(self.name)

    def ignored(self, arm: Arm) -> str | None:
        """Return what needs features that do not change."""
        return "lda" if arm.lda else None

    def schedule(
        self, images: int, image_size: tuple[int, int], *, steps: int | None, quick: bool
    ) -> Schedule:
        """Return batches of 64 at rate 0.05; how many: see `default_steps`."""
        return Schedule(default_steps(image_size, quick) if steps is None else steps)

    def train(self, task: Task, on_step: Callable[[], None] | None = None) -> Outcome:
        """Train it by SGD on the batches of `task`, and predict."""
        model, seconds = train_network(
            lambda: self.build(task.channels, task.num_classes, task.image_size),
            task.normalise,
            task,
            on_step,
        )
        found = predict(model, task.tested, task.normalise, device=task.device)
        return Outcome.of(found, seconds)

    def build(self, channels: int, num_classes: int, image_size: tuple[int, int]) -> nn.Module:
        """Return the untrained network.

        Raises:
            ConfigError: torchvision has no classification model of that name, or the network of a
                factory cannot be copied.
        """
        if self.given is None:
            return ResNet(channels, num_classes, image_size)
        if not isinstance(self.given, str):
            return own_copy(self.given(channels, num_classes, image_size), self.name)
        import torchvision.models as models  # here: its registry takes a while to load

        names = models.list_models(module=models)
        if self.given not in names:
            every = [*names, *(f"torchvision:{name}" for name in names)]
            raise ConfigError(
                f"classifier {self.given!r} is not in torchvision{did_you_mean(self.given, every)};"
                " allowed: a name from torchvision.models.list_models(), a pretrained network"
                " (torchvision:NAME, timm:NAME, with probe: before it to freeze it), or a factory"
                " (channels, classes, size) -> nn.Module; give one"
            )
        network: nn.Module = models.get_model(self.given, weights=None, num_classes=num_classes)
        return network if channels == 3 else ThreeChannels(network)

    def _try_out(self, network: nn.Module, shape: tuple[int, ...], num_classes: int) -> None:
        try:
            shown: Any = network.train()(torch.zeros(shape))
        except Exception as error:
            raise ConfigError(
                f"classifier {self.name}: fails on images of {shape[2]}x{shape[3]}"
                f" pixels and {shape[1]} channels ({one_line(error)}); allowed: a network that"
                " takes them; choose another, or load the images at its size with --size"
            ) from error
        if not isinstance(shown, Tensor) or shown.shape != (2, num_classes):
            found = list(shown.shape) if isinstance(shown, Tensor) else type(shown).__name__
            raise ConfigError(
                f"classifier {self.name}: returns {found} for two images; allowed: a"
                f" tensor [2, {num_classes}], a number for each class; choose another"
            )


def name_of(function: object) -> str:
    """Return module and name of a function or class, or the repr of an object.

    What a method computes depends on its object: the repr of that is a part of its name.
    """
    module = getattr(function, "__module__", "?")
    name = f"{module}.{getattr(function, '__qualname__', repr(function))}"
    return f"{name} of {function.__self__!r}" if isinstance(function, MethodType) else name


def own_copy(given: T, who: str) -> T:
    """Return a copy for one training.

    A function may return the same network each time, or a part of it: the next training would go on
    where this one ended, and the user's network would be trained.

    Raises:
        ConfigError: it cannot be copied.
    """
    try:
        return copy.deepcopy(given)
    except Exception as error:
        raise ConfigError(
            f"classifier {who}: a {type(given).__name__} that cannot be copied ({one_line(error)});"
            " allowed: what copy.deepcopy takes, so that no training goes on with the weights of"
            " another; leave out what it cannot copy"
        ) from error


def check_own_name(name: str) -> None:
    """Refuse a name that others share, where results are kept by it.

    Raises:
        ConfigError: that of a lambda, a function inside a function, or an address.
    """
    if any(part in name for part in ("<locals>", "<lambda>", " at 0x")):
        raise ConfigError(
            f"classifier {name}: has no name of its own, by which results could be kept; allowed"
            " where they are (out): a function or class at the top of a module, or an object with"
            " a repr, also for its methods; define it there, or keep nothing"
        )


def default_steps(image_size: tuple[int, int], quick: bool = False) -> int:
    """Return the optimiser steps of a network: 3000, 900 under 16 px, 150 for a quick look.

    On MNIST more hardly help the free arm; photographs and letters gain by them.
    benchmarks/LOG.md has the figures.
    """
    if quick:
        return 150
    return 3000 if min(image_size) >= 16 else 900


def sgd(model: nn.Module, schedule: Schedule) -> torch.optim.Optimizer:
    """Return SGD with Nesterov's momentum for all weights."""
    return torch.optim.SGD(
        model.parameters(),
        lr=schedule.rate,
        momentum=schedule.momentum,
        weight_decay=schedule.weight_decay,
        nesterov=True,
    )


def train_network(
    build: Callable[[], nn.Module],
    normalise: Callable[[Tensor], Tensor],
    task: Task,
    on_step: Callable[[], None] | None = None,
    *,
    make_optimiser: Callable[[nn.Module, Schedule], torch.optim.Optimizer] = sgd,
    low_precision: bool = False,
) -> tuple[nn.Module, float]:
    """Train a network on the batches of `task`; return it in evaluation mode, and the seconds.

    Args:
        build: makes the network; called with the stream of initialisation as torch's state.
        normalise: uint8 images -> float32 input of the network.
        task: images, loss and length.
        on_step: called before each step; may raise to stop.
        make_optimiser: for the weights; the rate of a group is multiplied by its "scale".
        low_precision: the network computes in bfloat16 where that is safe (autocast).
    """
    schedule, device = task.schedule, task.device
    with seeded(stream_seed(task.seed, "evaluate/initialisation")):
        # On a CPU a step in channels-last order takes 0.7 of the time (32 px, one core, AVX-512).
        model = build().to(device).train()
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's stub
        optimiser = make_optimiser(model, schedule)
        kind = torch.device(device).type
        started = time.perf_counter()
        for step, (images, labels) in enumerate(task.drawn(on_step)):
            for group in optimiser.param_groups:
                group["lr"] = schedule.rate_at(step) * group.get("scale", 1.0)
            with torch.autocast(kind, torch.bfloat16, enabled=low_precision):
                logits = model(normalise(images).to(device))
            loss = task.objective(logits.float(), labels.to(device), step)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
        return model.eval(), time.perf_counter() - started


@torch.no_grad()
def predict(
    model: nn.Module,
    images: Tensor,
    normalise: Callable[[Tensor], Tensor],
    *,
    device: str = "cpu",
    block: int = 500,
) -> NDArray[np.float32]:
    """Return class probabilities, float32 [N, classes], of uint8 images [N, C, H, W]."""
    parts = [
        torch.softmax(model(normalise(part).to(device)).float(), 1).cpu()
        for part in images.split(block)
    ]
    result: NDArray[np.float32] = torch.cat(parts).numpy()
    return result
