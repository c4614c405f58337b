"""`Refit`: new generators for each seed, with policies of their own where that is asked for."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganaug.artifact.format import Metadata
from ganaug.errors import ConfigError
from ganaug.evaluation.classifiers.given import TorchClassifier
from ganaug.evaluation.trainings.generators import NewGenerator, settings_of
from ganaug.evaluation.trainings.meter import Counted, Tick
from ganaug.evaluation.tuning import tune
from ganaug.evaluation.tuning.budget import FACTOR
from ganaug.files import write_bytes
from ganaug.images import ImageSet, check_size, scaled_down

__all__ = ["Refit", "TunedGenerator", "at_size", "fit_options_of"]

# So short a training may end with blurs, which are measured as they are.
QUICK_FIT = {"preset": "tiny", "steps": 300, "on_collapse": "warn"}
# Arguments of `fit` that the comparison gives itself.
GIVEN = ("source", "out", "seed", "device", "all_images", "progress", "tick")


@dataclass(frozen=True)
class Refit:
    """Draw images and train a new generator for each seed of `evaluate_gain`.

    Only this supports a claim about the method, rather than about one generator.

    Attributes:
        draw: seed -> `ImageSet` to train on. If it has a test part, that seed is judged on it.
            None = 80% of each class, by whole groups where possible.
        fit_options: arguments of `ganaug.fit` (preset, on_collapse, start_from, tracker, fields of
            `FitConfig`) instead of the artifact's own. For variation generators `size` may be
            smaller than the images, which they then vary as they are. Without `size` they are
            trained at the artifact's size; without an artifact at the images', scaled down to at
            most 64 a side.
        tuned: learn each new generator's policy on its draw, as `tune` does, before it is used.
            This judges both together, at about four times the cost.
    """

    draw: Callable[[int], ImageSet] | None = None
    fit_options: Mapping[str, Any] | None = None
    tuned: bool = False


def fit_options_of(
    refit: Refit, metadata: Metadata | None, *, quick: bool, device: str
) -> dict[str, Any]:
    """Return what `ganaug.fit` is called with: what was given, else the artifact's own config.

    The size is left to `at_size`. A quick look is short where nothing else was given.

    Raises:
        ConfigError: an argument that the comparison gives itself, or one that is no JSON value.
    """
    options = {name: _plain(name, value) for name, value in (refit.fit_options or {}).items()}
    if metadata is not None and refit.fit_options is None:
        options = {"kind": metadata.kind} if quick else settings_of(metadata) | {"size": None}
    if quick:
        options = QUICK_FIT | options
    return options | {"device": device}


def _plain(name: str, value: Any) -> Any:
    """Return a given argument of `fit` as the JSON value under which its generator is kept."""
    if name in GIVEN:
        raise ConfigError(
            f"fit_options: {name!r}; allowed: arguments of ganaug.fit without {', '.join(GIVEN)},"
            " which the comparison gives itself; leave it out"
        )
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    try:
        json.dumps(value := value.item() if isinstance(value, np.generic) else value)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"fit_options: {name}={value!r:.60}; allowed: numbers, texts, paths and lists of them;"
            " give one of these"
        ) from error
    return value


def at_size(
    options: dict[str, Any], kind: str, images: tuple[int, int], usual: tuple[int, int] | None
) -> dict[str, Any]:
    """Return `options` with the size of new generators, where it is not that of the images.

    Where it is, they come back as they are, so that generators that were kept are found again.

    Args:
        options: for `ganaug.fit`; their size goes first.
        kind: "variation" works at any size. "class" makes whole images, and has the size of those
            that they stand beside.
        images: height and width of the comparison's images.
        usual: where `options` name no size and the images are not smaller; None = that of the
            images, scaled down to at most 64 a side, as images are loaded.

    Raises:
        ConfigError: a size that is not allowed, is larger than the images, or is another one than
            theirs for the class kind.
    """
    named = check_size(options.get("size"))
    if named is None and kind == "class":
        return options
    if usual is not None and (usual[0] > images[0] or usual[1] > images[1]):
        usual = None
    size = named or check_size(usual or scaled_down(*images)) or images
    if size == images:
        return options
    told = f"size: {size[0]}x{size[1]} for new generators, the images are {images[0]}x{images[1]}"
    if kind == "class":
        raise ConfigError(
            f"{told}; allowed for kind 'class', whose images stand beside real ones: the size of"
            " the images; leave it out, or load the images at that size"
        )
    if size[0] > images[0] or size[1] > images[1]:
        raise ConfigError(
            f"{told}; allowed: at most the size of the images; choose a smaller one, or load"
            " larger images"
        )
    return options | {"size": list(size)}


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
    def _kept(self) -> Path | None:
        """Where results of `tune` are kept; None for a classifier without a name of its own."""
        try:
            self.classifier.check_name()
        except ConfigError:
            return None
        return self.new.folder / "tune"

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
            write_bytes(path, exported.read_bytes())
            tune(
                path,
                self.new.images,
                seed=self.seed,
                classifier=self.classifier,
                jobs=1,
                out=self._kept,
                device=str(self.new.options["device"]),
                threads=torch.get_num_threads(),
                progress=lambda done, total, left: counted.reach(cost * done // total),
            )
            os.replace(path, self.artifact)
        return self.artifact
