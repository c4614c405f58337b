"""What a classifier of the comparison is asked for, and what it gives.

Four kinds do it: `network.Network`, `pretrained.Pretrained`, `estimator.EstimatorClassifier` and
`loop.TrainingLoop`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ganaug.errors import ConfigError
from ganaug.evaluation.arms import Arm
from ganaug.evaluation.arms.losses import Objective
from ganaug.randomness import stream_seed

__all__ = ["Classifier", "Outcome", "Schedule", "Task", "as_probabilities", "check_arms"]

COPIES = 5  # of each training image, augmented differently, where nothing is trained step by step


@dataclass(frozen=True)
class Schedule:
    """How long and how fast every arm trains: linear warm-up, then a half cosine to 0.

    Attributes:
        trunk: share of the rate at which pretrained layers learn.
    """

    steps: int
    batch: int = 64
    rate: float = 0.05
    warm_up: int = 50
    momentum: float = 0.9
    weight_decay: float = 5e-4
    trunk: float = 1.0

    @classmethod
    def of_copies(cls, images: int, steps: int | None, *, quick: bool) -> Schedule:
        """Return `steps`, else the batches that hold five copies of each image; quick: one copy."""
        if steps is None:
            steps = max(1, math.ceil((1 if quick else COPIES) * images / cls.batch))
        return cls(steps)

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigError(
                f"steps: {self.steps}; allowed: 1 or more; leave it out for the usual number"
            )

    def rate_at(self, step: int) -> float:
        """Return the learning rate of step 0..steps-1."""
        warm_up = min(self.warm_up, max(1, self.steps // 4))
        cosine = 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return self.rate * min(1.0, (step + 1) / warm_up) * cosine


@dataclass(frozen=True, eq=False)
class Task:
    """One training as a classifier sees it: images of an arm, and images to be judged on.

    Attributes:
        seed: of the comparison; initialisation and augmentation are streams of it.
        schedule: length and learning rate.
        device: "cpu" or "cuda[:N]".
        channels, num_classes, image_size: of the images; the size is (height, width).
        batches: yields (uint8 [N, C, H, W], labels int64 [N] or probabilities float [N, K]), one
            batch for each step, augmented with torch's random state; `drawn` sets that.
        items: the same images as a map-style data set of (uint8 [C, H, W], label).
        normalise: uint8 images -> float32 input of a network.
        objective: (logits, labels, step) -> loss.
        lda: of frozen features: a linear discriminant analysis in the place of that loss.
        tested: uint8 [M, C, H, W].
    """

    seed: int
    schedule: Schedule
    device: str
    channels: int
    num_classes: int
    image_size: tuple[int, int]
    batches: Callable[[], Iterator[tuple[Tensor, Tensor]]]
    items: Callable[[], Dataset[tuple[Tensor, int]]]
    normalise: Callable[[Tensor], Tensor]
    objective: Objective
    lda: bool
    tested: Tensor

    def drawn(self, on_step: Callable[[], None] | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches of all steps, each drawn in the augmentation stream of its step.

        So no two steps share one. `on_step` is called before each, and may raise.
        """
        batches = self.batches()
        for step in range(self.schedule.steps):
            if on_step is not None:
                on_step()
            stream = stream_seed(self.seed, "evaluate/augmentation", index=step)
            torch.default_generator.manual_seed(stream)
            yield next(batches)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one training gave.

    Attributes:
        probabilities: float16 [M, classes], for the images of the test part in order.
        seconds: training time.
        decided: int64 [M], what is predicted: the most likely class before the probabilities were
            rounded, or what a classifier with a rule of its own says, such as one with a threshold.
            None = the most likely class of the rounded ones.
    """

    probabilities: NDArray[np.float16]
    seconds: float
    decided: NDArray[np.int64] | None = None

    @property
    def predicted(self) -> NDArray[np.int64]:
        """int64 [M]: the class of each image."""
        return self.probabilities.argmax(1) if self.decided is None else self.decided

    @property
    def finite(self) -> bool:
        """Whether there is a number for each image and class: a training that diverged has none."""
        return bool(np.isfinite(self.probabilities).all())

    @classmethod
    def of(cls, found: NDArray[np.float32], seconds: float) -> Outcome:
        """Return that of a training after which the probabilities are `found` [M, classes].

        Float16 makes ties of nearly equal ones, which would all go to the first class.
        """
        return cls(found.astype(np.float16), seconds, found.argmax(1))

    @classmethod
    def diverged(cls, task: Task, seconds: float) -> Outcome:
        """Return that of a training of `task` that found no numbers."""
        none = np.full((len(task.tested), task.num_classes), np.nan, np.float16)
        return cls(none, seconds)


class Classifier(Protocol):
    """What is trained with every arm. Picklable, since worker processes train it."""

    @property
    def name(self) -> str:
        """Stands for it in result files: results kept under it are used again."""

    @property
    def source(self) -> object:
        """What a worker process has to import for it, or None."""

    @property
    def counts_steps(self) -> bool:
        """Whether `train` calls `on_step` for each step of the schedule."""

    def check(self, channels: int, num_classes: int, image_size: tuple[int, int]) -> None:
        """Refuse, with a ConfigError, what cannot be trained on such images; before any work."""

    def check_name(self) -> None:
        """Refuse, with a ConfigError, a name that others share, where results are to be kept."""

    def ignored(self, arm: Arm) -> str | None:
        """Return a part of `arm` that this kind of training does not honour, or None."""

    def schedule(
        self, images: int, image_size: tuple[int, int], *, steps: int | None, quick: bool
    ) -> Schedule:
        """Return how it is trained on so many images; `steps` where given, else the usual number.

        Raises:
            ConfigError: fewer than one step.
        """

    def train(self, task: Task, on_step: Callable[[], None] | None = None) -> Outcome:
        """Train it on `task` and predict; `on_step` is called before each step, and may raise."""


def check_arms(classifier: Classifier, arms: Iterable[Arm]) -> None:
    """Refuse arms with a part that only the training of a network honours.

    Raises:
        ConfigError: such as a loss or mixed labels with an estimator.
    """
    for arm in arms:
        part = classifier.ignored(arm)
        if part is not None:
            raise ConfigError(
                f"arm {arm.name!r}: {part!r} is no part of how this classifier is trained; allowed"
                f" with {classifier.name[:60]}: arms without it; leave the arm out"
            )


def as_probabilities(found: Any, images: int, num_classes: int, who: str) -> NDArray[np.float32]:
    """Return predictions as float32 [images, num_classes]; labels count as certain.

    Probabilities that are not finite come back as they are, see `Outcome.finite`.

    Args:
        found: labels [images], or probabilities [images, num_classes] with rows that add up to 1;
            an array, a tensor on the CPU, or nested lists.
        images, num_classes: how many were predicted, of how many classes.
        who: predicted them, for the message.

    Raises:
        ConfigError: something else.
    """
    try:
        values: NDArray[Any] = np.asarray(found)
    except ValueError:  # lists of different lengths
        values = np.asarray(None)
    wrong: str | None = None
    if values.dtype.kind not in "biuf":
        wrong = f" of {values.dtype}"
    elif values.shape == (images, num_classes):
        rows = values[np.isfinite(values).all(1)]
        # so much does bfloat16 round
        if not np.allclose(rows.sum(1), 1, atol=1e-2) or rows.min(initial=0) < -1e-2:
            wrong = " with other rows"
    elif values.shape == (images,):
        known = np.isin(values, np.arange(num_classes))
        wrong = None if known.all() else f" with the label {values[~known][0]}"
    else:
        wrong = ""
    if wrong is not None:
        raise ConfigError(
            f"{who} returned {list(values.shape)}{wrong}; allowed: labels [{images}] from 0 to"
            f" {num_classes - 1}, or probabilities [{images}, {num_classes}] with rows that add up"
            " to 1; return one of them"
        )
    if values.ndim == 1:
        values = np.eye(num_classes)[values.astype(np.int64)]
    return values.astype(np.float32)
