"""ganaug: GAN augmentation for imbalanced image data, with evidence whether it helps.

`import ganaug` is light: each public name is loaded, with its libraries, when it is first used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ganaug._version import __version__
from ganaug.errors import ConfigError, GanaugError

if TYPE_CHECKING:
    from ganaug.artifact.runtime import Generator
    from ganaug.checking import check
    from ganaug.evaluation.classifiers import Pretrained, TrainingLoop
    from ganaug.evaluation.diversity.evaluate import evaluate_diversity
    from ganaug.evaluation.gain import Refit, evaluate_gain
    from ganaug.evaluation.tuning import tune
    from ganaug.images import load_images, long_tailed
    from ganaug.imbalanced import GANOverSampler
    from ganaug.training import FitConfig, export, fit
    from ganaug.use.bulk import sample
    from ganaug.use.datasets import AugmentedDataset, MixedDataset, SyntheticDataset
    from ganaug.use.fitted_on import held_out_split
    from ganaug.use.sampling import ClassBalancedSampler
    from ganaug.use.transform import GANAugment

__all__ = [
    "AugmentedDataset",
    "ClassBalancedSampler",
    "FitConfig",
    "GANAugment",
    "GANOverSampler",
    "GanaugError",
    "Generator",
    "MixedDataset",
    "Pretrained",
    "Refit",
    "SyntheticDataset",
    "TrainingLoop",
    "__version__",
    "check",
    "evaluate_diversity",
    "evaluate_gain",
    "export",
    "fit",
    "held_out_split",
    "load_images",
    "long_tailed",
    "sample",
    "tune",
]

_HOME = {
    "AugmentedDataset": "ganaug.use.datasets",
    "ClassBalancedSampler": "ganaug.use.sampling",
    "FitConfig": "ganaug.training",
    "GANAugment": "ganaug.use.transform",
    "GANOverSampler": "ganaug.imbalanced",
    "Generator": "ganaug.artifact.runtime",
    "MixedDataset": "ganaug.use.datasets",
    "Pretrained": "ganaug.evaluation.classifiers",
    "Refit": "ganaug.evaluation.gain",
    "SyntheticDataset": "ganaug.use.datasets",
    "TrainingLoop": "ganaug.evaluation.classifiers",
    "check": "ganaug.checking",
    "evaluate_diversity": "ganaug.evaluation.diversity.evaluate",
    "evaluate_gain": "ganaug.evaluation.gain",
    "export": "ganaug.training",
    "fit": "ganaug.training",
    "held_out_split": "ganaug.use.fitted_on",
    "load_images": "ganaug.images",
    "long_tailed": "ganaug.images",
    "sample": "ganaug.use.bulk",
    "tune": "ganaug.evaluation.tuning",
}


# What `from ganaug import *`, `dir` and pydoc look at: a name that needs an extra is not there
# without it.
if find_spec("imblearn") is None:
    __all__.remove("GANOverSampler")


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'ganaug' has no attribute {name!r}")
    try:
        value = getattr(import_module(_HOME[name]), name)
    except ConfigError as error:  # an extra is not installed
        # `from ganaug import NAME` would put an ImportError without the hint in the place of an
        # AttributeError; it asks for the name from inside the import system.
        if sys._getframe(1).f_globals.get("__name__") == "importlib._bootstrap":
            raise
        raise AttributeError(str(error)) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
