"""Generators that a comparison trains itself, one for each draw."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganaug.artifact.format import Metadata
from ganaug.artifact.identity import made_hash
from ganaug.artifact.reader import read_artifact
from ganaug.errors import ConfigError, RunError
from ganaug.evaluation.trainings.meter import Counted, Tick
from ganaug.files import make_folder
from ganaug.images import ImageSet, resized
from ganaug.records import NAMES, TEXT, check_fields, load_json, read_rows

__all__ = [
    "FIT_STEP",
    "NewGenerator",
    "data_of",
    "generator_folder",
    "settings_of",
    "start_data",
    "start_hash",
]

FIT_STEP = 6  # a step of a generator costs about as much as six of the classifier
# Settings that 0.1.0 did not write, as it trained: FitConfig's defaults. Not all of these, because
# what `settings_of` returns is in the names of kept folders.
YOUNGER = {"class_match": 0.0, "shared_affine": 0.0}


def settings_of(metadata: Metadata) -> dict[str, Any]:
    """Return the fields of the config that a generator was fitted with, all of them."""
    return YOUNGER | metadata.config


def start_hash(start: str) -> str:
    """Return a hash of the run or file that a training starts from: its path may get another one.

    Raises:
        ArtifactError: the file cannot be read.
        ConfigError: the run has no checkpoint.
    """
    if not Path(start).is_dir():
        return made_hash(read_artifact(start)[0])  # what evaluations write into a file is no part
    try:
        kept = Path(start, "checkpoint.json").read_bytes()  # it names the weights by their hashes
    except OSError as error:
        raise ConfigError(
            f"start_from: {start} has no checkpoint ({error.strerror}); allowed: a run with one, or"
            " an exported file; name another"
        ) from error
    return hashlib.sha256(kept).hexdigest()


def data_of(info: Metadata) -> dict[str, Any]:
    """Return what a file says of the images of its training."""
    return info.data | {"fingerprint": info.fingerprint, "classes": info.classes}


def start_data(start: str) -> dict[str, Any]:
    """Return what the run or file that a training starts from says of its images.

    Raises:
        ArtifactError, ConfigError: as in `start_hash`.
        RunError: its data.json is missing or damaged.
    """
    if not Path(start).is_dir():
        return data_of(read_artifact(start)[1])
    start_hash(start)
    path = Path(start, "data.json")
    try:
        data = load_json(path)
    except (OSError, ValueError) as error:
        raise RunError(
            f"start_from: {path} cannot be read ({error}); allowed: a sound run, or an exported"
            " file; name another"
        ) from error
    return check_fields(path, data, {"fingerprint": TEXT, "classes": NAMES})


def generator_folder(
    work: Path, name: str, content: list[Any], images: ImageSet, size: tuple[int, int]
) -> Path:
    """Return the folder, in the folder `work`, of a generator of `size` that `images` train.

    Another `content` has another folder. So have images of another size or mode, or with other
    pixels, although their fingerprint is that of the source: one source can be loaded in many ways.
    """
    if images.size != size:
        content = [*content, list(images.size)]
    way = (*size, images.channels)
    for earlier in (content, [content, size, images.channels]):  # no pixels were in these names
        folder = _folder(work, name, earlier)
        if _kept(folder) == way:
            return folder
    return make_folder(_folder(work, name, [content, *way, images.pixel_fingerprint]))


def _folder(work: Path, name: str, content: object) -> Path:
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
    return work / "generators" / f"{name}-{digest}"


def _kept(folder: Path) -> tuple[int, int, int] | None:
    """Return (height, width, channels) of what is trained in `folder`; None where nothing is."""
    try:
        kept = load_json(folder / "run" / "config.json")
        height, width = kept["config"]["size"]
        return height, width, kept["channels"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True, eq=False)
class NewGenerator:
    """Train and export the generator of one seed.

    Attributes:
        seed: of the training.
        images: the draw; all of it is trained on, at the size that `options` name.
        folder: gets the run and the ONNX file; the same call resumes.
        options: for `ganaug.training.fit`: preset, device, fields of its config.
        steps: how many it will take, for the time left.
    """

    seed: int
    images: ImageSet
    folder: Path
    options: Mapping[str, Any]
    steps: int

    @property
    def trained_on(self) -> ImageSet:
        """The images at the size of the generator; `images` itself where `options` name none."""
        size = self.options.get("size")
        return self.images if size is None else resized(self.images, size)

    @property
    def artifact(self) -> Path:
        """The file that the seed's arms use."""
        return self.folder / "generator.onnx"

    @property
    def cost(self) -> int:
        """What it costs, in steps of a classifier."""
        return FIT_STEP * self.steps

    @property
    def seconds(self) -> float | None:
        """How long the training took, over all its starts; None where that was not written down."""
        try:
            return float(read_rows(self.folder / "run" / "metrics.jsonl")[-1]["seconds"])
        except (RunError, KeyError, IndexError, TypeError):
            return None

    def run(self, tick: Tick) -> Path:
        """Do what is not done yet; return the path of the ONNX file.

        Args:
            tick: called with the steps done since the last call, in steps of a classifier.
        """
        if not self.artifact.is_file():
            from ganaug.training import export, fit  # here: most comparisons train no generator

            counted = Counted(tick)
            run = fit(
                self.trained_on,
                self.folder / "run",
                seed=self.seed,
                all_images=True,
                tick=lambda step: counted.reach(FIT_STEP * step),
                **self.options,
            )
            # Who lets a training go on where it fails wants to measure what comes of it.
            export(run, self.artifact, force=self.options.get("on_collapse") == "warn")
        return self.artifact
