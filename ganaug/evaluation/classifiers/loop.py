"""`TrainingLoop`: a training loop of the user's in the place of ours."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ganaug.errors import ConfigError
from ganaug.evaluation.arms import Arm
from ganaug.evaluation.classifiers.interface import Outcome, Schedule, Task, as_probabilities
from ganaug.evaluation.classifiers.network import (
    check_own_name,
    default_steps,
    name_of,
    own_copy,
)
from ganaug.evaluation.classifiers.seeded import seeded
from ganaug.randomness import stream_seed

__all__ = ["PredictFunction", "TrainFunction", "TrainingLoop"]

PredictFunction = Callable[[Tensor], Any]
TrainFunction = Callable[[Dataset[tuple[Tensor, int]], int], PredictFunction]


@dataclass(frozen=True)
class TrainingLoop:
    """Your own training loop as the classifier of `evaluate_gain`.

    Attributes:
        train_fn: (train_dataset, seed) -> predict_fn. Items of the map-style data set are (uint8
            [C, H, W] in 0..255, int), augmented anew at each access. Arms that balance the classes
            show images of smaller ones more often, and have more items: count steps, not epochs, so
            that all arms train equally long. The data set has `targets`, `classes` and
            `set_epoch`. predict_fn takes uint8 [N, C, H, W], and returns labels [N] or
            probabilities [N, classes]. torch's state is set from the seed. An object, or that of a
            method, is copied for each training; a function makes its network itself.

    Raises:
        ConfigError: `train_fn` is no function.

    Examples:
        >>> evaluate_gain("f.onnx", train="photos/", classifier=TrainingLoop(f))  # doctest: +SKIP
    """

    train_fn: TrainFunction

    def __post_init__(self) -> None:
        if not callable(self.train_fn):
            raise ConfigError(
                f"train_fn: a {type(self.train_fn).__name__}; allowed: a function"
                " (train_dataset, seed) -> predict_fn; define one at the top of a module"
            )

    @property
    def name(self) -> str:
        """That of the function: results are used again although its body changed."""
        return f"train_fn {name_of(self.train_fn)}"

    @property
    def source(self) -> object:
        """The function."""
        return self.train_fn

    @property
    def counts_steps(self) -> bool:
        """False: its own steps are not seen."""
        return False

    def check(self, channels: int, num_classes: int, image_size: tuple[int, int]) -> None:
        """Copy it; more is not known before it has run.

        Raises:
            ConfigError: an object that cannot be copied.
        """
        own_copy(self.train_fn, self.name)

    def check_name(self) -> None:
        """Refuse a lambda, a function inside a function, or an object named by its address."""
        check_own_name(self.name)

    def ignored(self, arm: Arm) -> str | None:
        """Return what is a part of the training, and not of the images."""
        until = None if arm.option("until") is None else "until"
        longer = f"longer-{arm.longer}" if arm.longer > 1 else None
        lda = "lda" if arm.lda else None
        return arm.loss or arm.mix or arm.view or lda or until or longer

    def schedule(
        self, images: int, image_size: tuple[int, int], *, steps: int | None, quick: bool
    ) -> Schedule:
        """Return that of a network, for the time left; the loop decides for itself."""
        return Schedule(default_steps(image_size, quick) if steps is None else steps)

    def train(self, task: Task, on_step: Callable[[], None] | None = None) -> Outcome:
        """Call the loop with torch's state set from the seed, and predict.

        Raises:
            ConfigError: it did not return a function, or that did not return predictions.
        """
        items, train_fn = task.items(), own_copy(self.train_fn, self.name)
        started = time.perf_counter()
        with seeded(stream_seed(task.seed, "evaluate/initialisation")):
            predict_fn = train_fn(items, task.seed)
            seconds = time.perf_counter() - started
            if not callable(predict_fn):
                raise ConfigError(
                    f"train_fn: returned a {type(predict_fn).__name__}; allowed: a function from"
                    " uint8 images [N, C, H, W] to labels or probabilities; return one"
                )
            predicted = predict_fn(task.tested.clone())  # other arms are judged on them, too
        if isinstance(predicted, torch.Tensor):
            found = predicted.detach().cpu().to_dense()
            # of bfloat16, as autocast gives it, numpy knows nothing
            predicted = found.float() if found.is_floating_point() else found
        who = "train_fn: its predict_fn"
        probabilities = as_probabilities(predicted, len(task.tested), task.num_classes, who)
        return Outcome.of(probabilities, seconds)
