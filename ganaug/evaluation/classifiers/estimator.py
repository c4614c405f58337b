"""What may stand in the place of a network: a scikit-learn estimator, or the user's own loop."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ganaug.errors import ConfigError
from ganaug.randomness import stream_seed

__all__ = [
    "ArmImages",
    "Estimator",
    "PredictFunction",
    "TrainFunction",
    "UserLoop",
    "default_views",
    "is_estimator",
    "predict_with",
    "train_estimator",
    "train_with_loop",
]

PredictFunction = Callable[[Tensor], Any]
TrainFunction = Callable[[Dataset[tuple[Tensor, int]], int], PredictFunction]

VIEWS = 5  # of each training image


class Estimator(Protocol):
    """A scikit-learn classifier or pipeline."""

    def fit(self, X: NDArray[np.float32], y: NDArray[np.int64]) -> Any:
        """Train on float32 [N, pixels], each channel of mean 0 and deviation 1, and int64 [N]."""

    def predict(self, X: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return int64 [N]."""


@dataclass(frozen=True)
class UserLoop:
    """A training loop of the user's: `train_fn(train_dataset, seed) -> predict_fn`."""

    train_fn: TrainFunction


def is_estimator(classifier: object) -> TypeGuard[Estimator]:
    """Return whether `classifier` is an instance with the methods of a scikit-learn classifier."""
    methods = ("fit", "predict", "get_params")
    return not isinstance(classifier, type) and all(hasattr(classifier, name) for name in methods)


def default_views(images: int, batch: int, quick: bool) -> int:
    """Return the batches that an estimator is trained on: five views of each image, or one."""
    return max(1, math.ceil((1 if quick else VIEWS) * images / batch))


def train_estimator(
    estimator: Estimator,
    batches: Iterable[tuple[Tensor, Tensor]],
    normalise: Callable[[Tensor], Tensor],
    *,
    seed: int,
    on_step: Callable[[], None] | None = None,
) -> tuple[Estimator, float]:
    """Train a copy of a scikit-learn estimator on all batches together; return it, and the seconds.

    Args:
        estimator: left as it is. Its `random_state`, where it has one (also inside a pipeline), is
            set from the stream of initialisation.
        batches: as in `train_classifier`.
        normalise: as there; the estimator sees the result, flattened.
        seed: of the comparison.
        on_step: called before each batch.
    """
    from sklearn.base import clone  # here: it takes a second to load

    started = time.perf_counter()
    images, labels = [], []
    with torch.random.fork_rng(devices=[]):
        source = iter(batches)
        for step in itertools.count():
            torch.manual_seed(stream_seed(seed, "evaluate/augmentation", index=step))
            batch = next(source, None)
            if batch is None:
                break
            if on_step is not None:
                on_step()
            images.append(_flat(normalise(batch[0])))
            labels.append(batch[1].numpy())
    model = clone(estimator)
    number = stream_seed(seed, "evaluate/initialisation") % 2**32
    names = [name for name in model.get_params() if name.split("__")[-1] == "random_state"]
    model.set_params(**dict.fromkeys(names, number))
    model.fit(np.concatenate(images), np.concatenate(labels))
    return model, time.perf_counter() - started


def _flat(images: Tensor) -> NDArray[np.float32]:
    pixels: NDArray[np.float32] = images.flatten(1).numpy()
    return pixels


def predict_with(
    model: Estimator | PredictFunction, images: Tensor, num_classes: int
) -> NDArray[np.float32]:
    """Return float32 [N, classes] for images [N, C, H, W]: probabilities where there are any.

    Args:
        model: a trained estimator, or a function from images to labels [N] or to probabilities
            [N, classes], as an array or a tensor. Labels count as certain.
        images: as the model was trained on.
        num_classes: number of classes.

    Raises:
        ConfigError: a function returned something else.
    """
    if not is_estimator(model):
        found = np.asarray(torch.as_tensor(model(images)).detach().cpu())  # type: ignore[operator]
    elif hasattr(model, "predict_proba"):
        some = model.predict_proba(_flat(images))
        found = np.zeros((len(images), num_classes))
        found[:, model.classes_] = some  # type: ignore[attr-defined] # a class may have no images
    else:
        found = model.predict(_flat(images))
    if found.shape == (len(images),) and np.isin(found, np.arange(num_classes)).all():
        found = np.eye(num_classes)[found.astype(np.int64)]
    if found.shape != (len(images), num_classes) or not np.allclose(found.sum(1), 1, atol=1e-3):
        raise ConfigError(
            f"train_fn: its predict_fn returned {list(found.shape)}; allowed: labels"
            f" [{len(images)}], or probabilities [{len(images)}, {num_classes}] with rows that add"
            " up to 1; return one of them"
        )
    return found.astype(np.float32)


class ArmImages(Dataset[tuple[Tensor, int]]):
    """The images of an arm as a map-style data set of (uint8 [C, H, W], label).

    Args:
        images: with `targets` and `classes`.
        change: augments uint8 [1, C, H, W] with labels int64 [1]; called at each access.
        balanced: images of smaller classes stand there several times, so that all are as large as
            the largest.

    Attributes:
        targets: label of each item.
        classes: class names by label.
    """

    def __init__(
        self, images: Any, change: Callable[[Tensor, Tensor], Tensor], *, balanced: bool
    ) -> None:
        self.images, self.change = images, change
        self.classes: list[str] = list(images.classes)
        labels = np.asarray(images.targets, dtype=np.int64)
        members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        most = max(map(len, members))
        rows = [np.resize(rows, most) for rows in members]
        self.rows = np.concatenate(rows) if balanced else np.arange(len(labels))
        self.targets: list[int] = labels[self.rows].tolist()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image, label = self.images[int(self.rows[index])]
        return self.change(image[None], torch.tensor([int(label)]))[0], int(label)

    def set_epoch(self, epoch: int) -> None:
        """Draw other generated images from here on; of use to arms that mix them in."""
        if hasattr(self.images, "set_epoch"):
            self.images.set_epoch(epoch)


def train_with_loop(
    loop: UserLoop, images: Dataset[tuple[Tensor, int]], *, seed: int
) -> tuple[PredictFunction, float]:
    """Call the user's loop with torch's state set from the seed; return its result and the seconds.

    Args:
        loop: the loop.
        images: what it trains on, items (uint8 [C, H, W], label), augmented anew at each access.
        seed: of the comparison.

    Raises:
        ConfigError: it did not return a function.
    """
    started = time.perf_counter()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "evaluate/initialisation"))
        predict_fn = loop.train_fn(images, seed)
    if not callable(predict_fn):
        raise ConfigError(
            f"train_fn: returned a {type(predict_fn).__name__}; allowed: a function from uint8"
            " images [N, C, H, W] to labels or probabilities; return one"
        )
    return predict_fn, time.perf_counter() - started
