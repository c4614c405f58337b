"""The classifier of the comparison: a small residual network, and how every arm trains it.

Instead of it: a torchvision model, a network of the user's, a scikit-learn estimator (features are
the first step of a pipeline), or a training loop of the user's.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ganaug.errors import ConfigError, did_you_mean
from ganaug.evaluation.arms.grammar import Arm
from ganaug.evaluation.classifiers.estimator import Estimator, UserLoop, is_estimator
from ganaug.randomness import stream_seed

__all__ = [
    "Classifier",
    "ClassifierFactory",
    "ResNet",
    "Schedule",
    "build_classifier",
    "check_arms",
    "check_classifier",
    "check_name",
    "classifier_name",
    "default_steps",
    "predict",
    "train_classifier",
]

ClassifierFactory = Callable[[int, int, tuple[int, int]], nn.Module]
Classifier = str | ClassifierFactory | Estimator | UserLoop


class ResNet(nn.Module):
    """A residual network of about 80,000 weights (He et al., arXiv 1512.03385).

    A 3x3 stem, three residual blocks of width w, 2w and 4w (16, 32 and 64, as theirs for CIFAR),
    global average, one linear layer. Each block halves the image, where that leaves two pixels or
    more; for images of 48 pixels and more the stem does so too, so that a step costs about the same
    at any size from 28 upwards.

    Args:
        channels: of the image, 1 or 3.
        num_classes: number of outputs.
        image_size: height and width in pixels.
        width: w, the channels of the stem.
    """

    def __init__(
        self, channels: int, num_classes: int, image_size: tuple[int, int], width: int = 16
    ) -> None:
        super().__init__()
        side = max(min(image_size), 2)
        in_blocks = min(3, int(math.log2(side / 2)))
        in_stem = max(0, int(math.log2(side / 3)) - 3)
        self.stem = nn.Sequential(
            nn.Conv2d(channels, width, 3, 2 if in_stem else 1, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            *(nn.MaxPool2d(2) for _ in range(in_stem - 1)),
        )
        widths = (width, width, 2 * width, 4 * width)
        self.blocks = nn.Sequential(
            *(
                _Block(widths[i], widths[i + 1], stride=2 if i >= 3 - in_blocks else 1)
                for i in range(3)
            )
        )
        self.head = nn.Linear(4 * width, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, num_classes] of normalised images [N, C, H, W]."""
        return self.head(self.blocks(self.stem(images)).mean((2, 3)))


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


class _ThreeChannels(nn.Module):
    """Show a grey image to a network that wants RGB."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images.expand(-1, 3, -1, -1))


def check_classifier(
    classifier: Classifier | None, channels: int, num_classes: int, image_size: tuple[int, int]
) -> None:
    """Refuse a classifier that cannot be made or trained on such images, before any work is done.

    Raises:
        ConfigError: no known name, a value of another type, or a network that does not take the
            images or does not return a number for each class.
    """
    if isinstance(classifier, UserLoop):
        if not callable(classifier.train_fn):
            raise ConfigError(
                f"train_fn: a {type(classifier.train_fn).__name__}; allowed: a function"
                " (train_dataset, seed) -> predict_fn; define one at the top of a module"
            )
    elif not is_estimator(classifier):
        with torch.random.fork_rng(devices=[]):
            network = build_classifier(classifier, channels, num_classes, image_size)
            _try_out(network, classifier, (2, channels, *image_size), num_classes)


def _try_out(
    network: nn.Module, classifier: Classifier | None, shape: tuple[int, ...], num_classes: int
) -> None:
    """Show a network two black images."""
    try:
        shown: Any = network.train()(torch.zeros(shape))
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ConfigError(
            f"classifier {classifier_name(classifier)}: fails on images of {shape[2]}x{shape[3]}"
            f" pixels and {shape[1]} channels ({reason}); allowed: a network that takes them;"
            " choose another, or load the images at its size with --size"
        ) from error
    if not isinstance(shown, Tensor) or shown.shape != (2, num_classes):
        found = list(shown.shape) if isinstance(shown, Tensor) else type(shown).__name__
        raise ConfigError(
            f"classifier {classifier_name(classifier)}: returns {found} for two images; allowed: a"
            f" tensor [2, {num_classes}], a number for each class; choose another"
        )


def check_name(classifier: Classifier | None) -> None:
    """Refuse a classifier that others share the name of, by which results are kept.

    Raises:
        ConfigError: a lambda, a function inside a function, or an object named by its address.
    """
    name = classifier_name(classifier)
    if not is_estimator(classifier) and any(x in name for x in ("<locals>", "<lambda>", " at 0x")):
        raise ConfigError(
            f"classifier {name}: has no name of its own, by which results could be kept; allowed"
            " where they are (out): a function or class at the top of a module, or an object with"
            " a repr; define it there, or keep nothing"
        )


def check_arms(classifier: Classifier | None, arms: Iterable[Arm]) -> None:
    """Refuse arms whose parts only our own training of a network honours.

    Raises:
        ConfigError: a loss or mixed labels with an estimator; these, a view, more steps or an end
            of the variation with a loop of the user's.
    """
    if not (is_estimator(classifier) or isinstance(classifier, UserLoop)):
        return
    for arm in arms:
        parts = [arm.loss, arm.mix]
        if isinstance(classifier, UserLoop):
            until = None if arm.option("until") is None else "until"
            parts += [arm.view, until, f"longer-{arm.longer}" if arm.longer > 1 else None]
        for part in filter(None, parts):
            raise ConfigError(
                f"arm {arm.name!r}: {part!r} is a part of how networks are trained here; allowed"
                f" with {classifier_name(classifier)[:60]}: arms without it; leave the arm out"
            )


def build_classifier(
    classifier: Classifier | None,
    channels: int,
    num_classes: int,
    image_size: tuple[int, int],
) -> nn.Module:
    """Return an untrained network: `ResNet`, a torchvision model by name, or what a factory makes.

    Raises:
        ConfigError: torchvision has no classification model of that name, or nothing of the kind.
    """
    if classifier is None:
        return ResNet(channels, num_classes, image_size)
    if callable(classifier) and not isinstance(classifier, nn.Module):
        return classifier(channels, num_classes, image_size)
    if not isinstance(classifier, str):
        raise ConfigError(
            f"classifier: a {type(classifier).__name__}; allowed: a name of torchvision, a factory"
            " (channels, classes, size) -> nn.Module, or a scikit-learn classifier; give one"
        )
    import torchvision.models as models  # here: its registry takes a while to load

    names = models.list_models(module=models)
    if classifier not in names:
        raise ConfigError(
            f"classifier {classifier!r} is not in torchvision{did_you_mean(classifier, names)};"
            " give a name from torchvision.models.list_models(), or a factory"
            " (channels, classes, size) -> nn.Module"
        )
    network: nn.Module = models.get_model(classifier, weights=None, num_classes=num_classes)
    return network if channels == 3 else _ThreeChannels(network)


def classifier_name(classifier: Classifier | None) -> str:
    """Return a name that stands for `classifier` in result files.

    A function goes by its name: results kept under it are used again although its body changed.
    """
    if classifier is None:
        return "resnet-small"
    if isinstance(classifier, str):
        return classifier
    if isinstance(classifier, UserLoop):
        return f"train_fn {classifier_name(classifier.train_fn)}"  # type: ignore[arg-type]
    if is_estimator(classifier):
        return " ".join(repr(classifier).split())
    module = getattr(classifier, "__module__", "?")
    return f"{module}.{getattr(classifier, '__qualname__', repr(classifier))}"


@dataclass(frozen=True)
class Schedule:
    """How long and how fast every arm trains: SGD, linear warm-up, then a half cosine to 0."""

    steps: int
    batch: int = 64
    rate: float = 0.05
    warm_up: int = 50
    momentum: float = 0.9
    weight_decay: float = 5e-4

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigError(f"steps: {self.steps}; allowed: 1 or more; leave it out for 3000")

    def rate_at(self, step: int) -> float:
        """Return the learning rate of step 0..steps-1."""
        warm_up = min(self.warm_up, max(1, self.steps // 4))
        cosine = 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return self.rate * min(1.0, (step + 1) / warm_up) * cosine


def default_steps(image_size: tuple[int, int], quick: bool = False) -> int:
    """Return the optimiser steps of a network: 3000, 900 under 16 px, 150 for a quick look.

    On MNIST more hardly help the free arm; photographs and letters gain by them.
    docs/evaluation.md has the figures.
    """
    if quick:
        return 150
    return 3000 if min(image_size) >= 16 else 900


def train_classifier(
    network: Callable[[], nn.Module],
    batches: Iterable[tuple[Tensor, Tensor]],
    normalise: Callable[[Tensor], Tensor],
    schedule: Schedule,
    *,
    seed: int,
    device: str = "cpu",
    on_step: Callable[[], None] | None = None,
    objective: Callable[[Tensor, Tensor, int], Tensor] | None = None,
) -> tuple[nn.Module, float]:
    """Train a network on `schedule.steps` batches; return it in evaluation mode, and the seconds.

    Args:
        network: makes the network; called with the stream of initialisation as torch's state.
        batches: (uint8 [N, C, H, W], labels that `objective` takes), already augmented; drawn
            with torch's state set to the augmentation stream of that step, so that no two steps
            and no initialisation share a stream.
        normalise: uint8 images -> float32 input of the network.
        seed: of the comparison; initialisation and augmentation are streams of it.
        device: where the network runs.
        on_step: called before each step; may raise to stop.
        objective: (logits, labels, step) -> loss; None = cross-entropy.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "evaluate/initialisation"))
        # On a CPU a step in channels-last order takes 0.7 of the time (32 px, one core, AVX-512).
        model = network().to(device).train()
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's stub
        optimiser = torch.optim.SGD(
            model.parameters(),
            lr=schedule.rate,
            momentum=schedule.momentum,
            weight_decay=schedule.weight_decay,
            nesterov=True,
        )
        started = time.perf_counter()
        source = iter(batches)
        for step in range(schedule.steps):
            if on_step is not None:
                on_step()
            torch.manual_seed(stream_seed(seed, "evaluate/augmentation", index=step))
            images, labels = next(source)
            for group in optimiser.param_groups:
                group["lr"] = schedule.rate_at(step)
            logits, target = model(normalise(images).to(device)), labels.to(device)
            if objective is None:
                loss = F.cross_entropy(logits, target)
            else:
                loss = objective(logits, target, step)
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
