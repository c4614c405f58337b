"""`EstimatorClassifier`: a scikit-learn classifier; features are the first step of a pipeline."""

from __future__ import annotations

import hashlib
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganaug.errors import ConfigError
from ganaug.evaluation.arms import Arm
from ganaug.evaluation.classifiers.fitted import UNKNOWN, fitted_hash
from ganaug.evaluation.classifiers.interface import Outcome, Schedule, Task, as_probabilities
from ganaug.randomness import stream_seed
from ganaug.wording import one_line

__all__ = ["Estimator", "EstimatorClassifier", "is_estimator", "train_estimator"]

OMITTED = "..."  # in a repr of numpy or scikit-learn, in the place of elements


class Estimator(Protocol):
    """A scikit-learn classifier or pipeline."""

    def fit(self, X: NDArray[np.float32], y: NDArray[np.int64]) -> Any:
        """Train on float32 [N, pixels], each channel of mean 0 and deviation 1, and int64 [N]."""

    def get_params(self) -> Mapping[str, Any]:
        """Return the settings by name, with those of the estimators inside."""

    def predict(self, X: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return int64 [N]."""


def is_estimator(classifier: object) -> TypeGuard[Estimator]:
    """Return whether `classifier` is an instance with the methods of a scikit-learn classifier."""
    methods = ("fit", "get_params", "set_params")
    if isinstance(classifier, type) or not all(hasattr(classifier, name) for name in methods):
        return False
    if hasattr(classifier, "predict"):
        return True
    if not hasattr(classifier, "__sklearn_tags__"):
        return False
    from sklearn.base import is_classifier  # here: it takes a second to load

    # Such as one that stacks others: it has no `predict` before it is trained.
    return bool(is_classifier(classifier))


@dataclass(frozen=True, eq=False)
class EstimatorClassifier:
    """A scikit-learn estimator as the classifier, trained on augmented copies of each image."""

    estimator: Estimator

    @property
    def name(self) -> str:
        """The repr of the estimator, in a line; with a hash of what it does not say.

        That is settings which it omits, and what parts that are fitted already have learnt.
        """
        shown, beside = _line(self.estimator), []
        if OMITTED in shown:
            digest = hashlib.sha256(self._settings().encode()).hexdigest()[:16]
            beside.append(f"settings {digest}")
        if self._fitted is not None:
            beside.append(f"fitted {self._fitted}")
        return f"{shown} ({'; '.join(beside)})" if beside else shown

    @cached_property
    def _fitted(self) -> str | None:
        return fitted_hash(self.estimator)

    @property
    def source(self) -> object:
        """The estimator."""
        return self.estimator

    @property
    def counts_steps(self) -> bool:
        """True: a batch is a step."""
        return True

    def check(self, channels: int, num_classes: int, image_size: tuple[int, int]) -> None:
        """Nothing is known before it is trained."""

    def check_name(self) -> None:
        """Refuse a setting whose repr is an address, another one in the next process.

        Raises:
            ConfigError: such as a function, or an object without a repr; a fitted part that cannot
                be pickled.
        """
        if self._fitted == UNKNOWN:
            raise ConfigError(
                f"classifier {self.name[:60]}: a part that is fitted already cannot be pickled, so"
                " nothing tells it from another one; allowed where results are kept (out): parts"
                " that can be; leave out what cannot, or keep nothing"
            )
        found = re.search(r"[^=,(]* at 0x\w+", f"{_line(self.estimator)} {self._settings()}")
        if found is not None:
            raise ConfigError(
                f"classifier {self.name[:60]}: its setting {found[0][-80:]} has no name of its own,"
                " by which results could be kept; allowed where they are (out): settings with a"
                " repr that says all; give the object such a __repr__, or keep nothing"
            )

    def _settings(self) -> str:
        """Return every setting, those of the estimators inside, too; arrays are whole."""
        with np.printoptions(threshold=sys.maxsize):
            values = sorted(self.estimator.get_params().items())
            return " ".join(f"{name}={_line(value)}" for name, value in values)

    def ignored(self, arm: Arm) -> str | None:
        """Return its loss, or what takes the place of one, or how it mixes labels."""
        return arm.loss or arm.mix or ("lda" if arm.lda else None)

    def schedule(
        self, images: int, image_size: tuple[int, int], *, steps: int | None, quick: bool
    ) -> Schedule:
        """Return the batches that hold five copies of each image; one for a quick look."""
        return Schedule.of_copies(images, steps, quick=quick)

    def train(self, task: Task, on_step: Callable[[], None] | None = None) -> Outcome:
        """Train a copy of the estimator on all batches together, and predict."""
        model, seconds = train_estimator(self.estimator, task, on_step)
        shown = _flat(task.normalise(task.tested))
        asked = len(shown), task.num_classes, f"classifier {self.name[:60]}"
        certain = as_probabilities(model.predict(shown), *asked)
        if not hasattr(model, "predict_proba"):
            return Outcome.of(certain, seconds)
        found = np.asarray(model.predict_proba(shown))
        if hasattr(model, "classes_"):  # without those that have no images
            columns, found = found, np.zeros((len(shown), task.num_classes))
            found[:, model.classes_] = columns
        # The most likely class is not what a threshold, or a support vector machine, decides on.
        likely = as_probabilities(found, *asked)
        return Outcome(likely.astype(np.float16), seconds, certain.argmax(1))


def train_estimator(
    estimator: Estimator, task: Task, on_step: Callable[[], None] | None = None
) -> tuple[Estimator, float]:
    """Train a copy of a scikit-learn estimator on all batches together; return it, and the seconds.

    Args:
        estimator: left as it is. Its `random_state`, where it has one (also inside a pipeline), is
            set from the stream of initialisation.
        task: its images, normalised, are what the estimator sees, flattened.
        on_step: called before each batch.
    """
    from sklearn.base import clone  # here: it takes a second to load

    started = time.perf_counter()
    images, labels = [], []
    with torch.random.fork_rng(devices=[]):
        for shown, targets in task.drawn(on_step):
            images.append(_flat(task.normalise(shown)))
            labels.append(targets.numpy())
    model = clone(estimator)
    number = stream_seed(task.seed, "evaluate/initialisation") % 2**32
    names = [name for name in model.get_params() if name.split("__")[-1] == "random_state"]
    model.set_params(**dict.fromkeys(names, number))
    model.fit(np.concatenate(images), np.concatenate(labels))
    return model, time.perf_counter() - started


def _line(value: object) -> str:
    """Return the repr in a line, whole where scikit-learn cuts it at 700 characters."""
    with np.printoptions(floatmode="unique"):  # all digits
        try:
            text = value.__repr__(N_CHAR_MAX=10**6)  # type: ignore[call-arg] # scikit-learn's
        except TypeError:
            text = repr(value)
    return one_line(text, None)


def _flat(images: Tensor) -> NDArray[np.float32]:
    pixels: NDArray[np.float32] = images.flatten(1).numpy()
    return pixels
