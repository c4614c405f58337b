"""Generators that a comparison trains itself: one for each draw, tuned on it where asked."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ganaug.artifact.format import Metadata
from ganaug.evaluation.classifiers.network import ClassifierFactory, classifier_name
from ganaug.images import ImageSet

__all__ = ["FIT_STEP", "Refit", "Tick", "settings_of"]

Tick = Callable[[int], None]
FIT_STEP = 6  # a step of a generator costs about as much as six of the classifier
TUNE_FITS = 3  # `tune` may cost that many times the training
# Settings that older files do not know, as they were trained.
YOUNGER = {"class_match": 0.0, "shared_affine": 0.0}


def settings_of(metadata: Metadata) -> dict[str, Any]:
    """Return the fields of the config that a generator was fitted with, all of them."""
    return YOUNGER | metadata.config


@dataclass(frozen=True, eq=False)
class Refit:
    """Train and export the generator of one seed.

    Attributes:
        seed: of the training.
        images: the draw; all of it is trained on.
        folder: gets the run and the ONNX files; the same call resumes.
        options: for `ganaug.training.fit`: preset, device, fields of its config.
        steps: how many it will take, for the time left.
        tuned: also learn its policy on the draw, as `ganaug.tune` does.
        classifier: that `tune` trains.
    """

    seed: int
    images: ImageSet
    folder: Path
    options: dict[str, Any]
    steps: int
    tuned: bool = False
    classifier: str | ClassifierFactory | None = None

    @property
    def artifact(self) -> Path:
        """The file that the seed's arms use."""
        if not self.tuned:
            return self._exported
        judge = hashlib.sha256(classifier_name(self.classifier).encode()).hexdigest()[:8]
        return self.folder / f"tuned-{judge}.onnx"

    @property
    def cost(self) -> int:
        """What it costs, in steps of a classifier."""
        return self._fit_cost * (1 + TUNE_FITS * self.tuned)

    @property
    def seconds(self) -> float | None:
        """How long the training took, over all its starts; None where that was not written down."""
        try:
            rows = (self.folder / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
            return float(json.loads(rows[-1])["seconds"])
        except (OSError, ValueError, KeyError, IndexError):
            return None

    def run(self, tick: Tick) -> Path:
        """Do what is not done yet; return the path of the ONNX file.

        Args:
            tick: called with the steps done since the last call, in steps of a classifier.
        """
        if not self._exported.is_file():
            self._fit(tick)
        if not self.artifact.is_file():
            self._tune(tick)
        return self.artifact

    @property
    def _exported(self) -> Path:
        return self.folder / "generator.onnx"

    @property
    def _fit_cost(self) -> int:
        return FIT_STEP * self.steps

    def _fit(self, tick: Tick) -> None:
        from ganaug.training import export, fit  # here: most comparisons train no generator

        counted = _Counted(tick)
        run = fit(
            self.images,
            self.folder / "run",
            seed=self.seed,
            all_images=True,
            progress=lambda step, steps, row: counted.reach(FIT_STEP * step),
            **self.options,
        )
        export(run, self._exported)

    def _tune(self, tick: Tick) -> None:
        from ganaug.evaluation.tuning.tune import tune  # here: it compares, too

        counted, cost = _Counted(tick), TUNE_FITS * self._fit_cost
        path = self.folder / "tuning.onnx"
        shutil.copyfile(self._exported, path)
        tune(
            path,
            self.images,
            seed=self.seed,
            classifier=self.classifier,
            jobs=1,
            out=self.folder / "tune",
            device=str(self.options["device"]),
            threads=torch.get_num_threads(),
            progress=lambda done, total, left: counted.reach(cost * done // total),
        )
        os.replace(path, self.artifact)


class _Counted:
    """Turns "this far" into "so many more"."""

    def __init__(self, tick: Tick) -> None:
        self.tick, self.done = tick, 0

    def reach(self, done: int) -> None:
        self.tick(max(0, done - self.done))
        self.done = max(self.done, done)
