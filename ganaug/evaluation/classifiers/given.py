"""What the user gave as the classifier, as one of the four kinds."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from torch import nn

from ganaug.errors import ConfigError
from ganaug.evaluation.classifiers.estimator import Estimator, EstimatorClassifier, is_estimator
from ganaug.evaluation.classifiers.interface import Classifier
from ganaug.evaluation.classifiers.loop import TrainingLoop
from ganaug.evaluation.classifiers.network import ClassifierFactory, Network
from ganaug.evaluation.classifiers.pretrained import Pretrained

__all__ = ["Given", "TorchClassifier", "as_classifier"]

TorchClassifier = Network | Pretrained
Given = str | ClassifierFactory | Estimator | TrainingLoop | TorchClassifier | None


def as_classifier(given: Given) -> Classifier:
    """Return the classifier that `given` stands for.

    Args:
        given: None (a small residual network), the name of a torchvision model, a pretrained
            network as `Pretrained.named` takes it, a factory (channels, classes, (height, width))
            -> nn.Module, a scikit-learn classifier, a `Pretrained`, or a `TrainingLoop`.

    Raises:
        ConfigError: something else.
    """
    if isinstance(given, TrainingLoop | TorchClassifier):
        return given
    if is_estimator(given):
        return EstimatorClassifier(given)
    if isinstance(given, str) and ":" in given:
        return Pretrained.named(given)
    if given is None or isinstance(given, str):
        return Network(given)
    if isinstance(given, type) and hasattr(given, "fit") and hasattr(given, "predict"):
        raise ConfigError(
            f"classifier: the class {given.__name__}; allowed: an instance of it; write"
            f" {given.__name__}()"
        )
    if callable(given) and not isinstance(given, nn.Module):
        if not _takes(given, 3):
            name = getattr(given, "__name__", type(given).__name__)
            raise ConfigError(
                f"classifier: {name} does not take (channels, classes, size); allowed: a factory"
                " of these -> nn.Module, or a training loop (train_dataset, seed) as"
                f" TrainingLoop({name}); wrap it, or correct it"
            )
        return Network(given)
    raise ConfigError(
        f"classifier: a {type(given).__name__}; allowed: a name of torchvision, a factory"
        " (channels, classes, size) -> nn.Module, a scikit-learn classifier, a Pretrained, or a"
        " TrainingLoop; give one"
    )


def _takes(function: Callable[..., Any], number: int) -> bool:
    """Whether a function can be called with so many arguments, as far as it tells."""
    try:
        inspect.signature(function).bind(*range(number))
    except TypeError:
        return False
    except ValueError:  # one of another language has no signature
        return True
    return True
