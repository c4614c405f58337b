"""`Refit`: new generators for each seed, with policies of their own where that is asked for."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ganaug.artifact.format import Metadata
from ganaug.evaluation.classifiers.given import TorchClassifier
from ganaug.evaluation.trainings.generators import NewGenerator, settings_of
from ganaug.evaluation.trainings.meter import Counted, Tick
from ganaug.evaluation.tuning import tune
from ganaug.evaluation.tuning.budget import FACTOR
from ganaug.images import ImageSet

__all__ = ["Refit", "TunedGenerator", "fit_options_of"]

QUICK_FIT = {"preset": "tiny", "steps": 300}


@dataclass(frozen=True)
class Refit:
    """Draw images and train a new generator for each seed of `evaluate_gain`.

    Only this supports a claim about the method, rather than about one generator.

    Attributes:
        draw: seed -> the images to train on; a test part of it is judged on in that seed. None =
            80% of each class, by whole groups where possible.
        fit_options: arguments of `ganaug.fit` (preset, fields of `FitConfig`) instead of the
            artifact's own.
        tuned: learn each new generator's policy on its draw, as `tune` does, before it is used;
            what the whole way gains, at about four times the cost.
    """

    draw: Callable[[int], ImageSet] | None = None
    fit_options: Mapping[str, Any] | None = None
    tuned: bool = False


def fit_options_of(
    refit: Refit, metadata: Metadata | None, *, quick: bool, device: str
) -> dict[str, Any]:
    """Return what `ganaug.fit` is called with: what was given, else the artifact's own config.

    The size is that of the images. A quick look is short where nothing else was given.
    """
    options = dict(refit.fit_options or {})
    if metadata is not None and refit.fit_options is None:
        options = {"kind": metadata.kind} if quick else settings_of(metadata) | {"size": None}
    if quick:
        options = QUICK_FIT | options
    return options | {"device": device}


@dataclass(frozen=True, eq=False)
class TunedGenerator:
    """A new generator that also learns its policy on its draw, as `ganaug.tune` does.

    Attributes:
        new: trains and exports it.
        classifier: that `tune` trains.
    """

    new: NewGenerator
    classifier: TorchClassifier

    @property
    def seed(self) -> int:
        """Of the training."""
        return self.new.seed

    @property
    def artifact(self) -> Path:
        """The file that the seed's arms use."""
        judge = hashlib.sha256(self.classifier.name.encode()).hexdigest()[:8]
        return self.new.folder / f"tuned-{judge}.onnx"

    @property
    def cost(self) -> int:
        """What it costs, in steps of a classifier."""
        return round(self.new.cost * (1 + FACTOR))

    @property
    def seconds(self) -> float | None:
        """How long the training took, without `tune`."""
        return self.new.seconds

    def run(self, tick: Tick) -> Path:
        """Do what is not done yet; return the path of the ONNX file."""
        exported = self.new.run(tick)
        if not self.artifact.is_file():
            counted, cost = Counted(tick), round(FACTOR * self.new.cost)
            path = self.new.folder / "tuning.onnx"
            shutil.copyfile(exported, path)
            tune(
                path,
                self.new.images,
                seed=self.seed,
                classifier=self.classifier,
                jobs=1,
                out=self.new.folder / "tune",
                device=str(self.new.options["device"]),
                threads=torch.get_num_threads(),
                progress=lambda done, total, left: counted.reach(cost * done // total),
            )
            os.replace(path, self.artifact)
        return self.artifact
