"""`Job`: one training of the classifier, its identity, and its kept outcome."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from ganaug.artifact.policy import Policy
from ganaug.artifact.reader import read_artifact
from ganaug.evaluation.arms import Arm
from ganaug.evaluation.arms.variation import never_varies
from ganaug.evaluation.classifiers import Classifier
from ganaug.evaluation.classifiers.interface import Outcome, Schedule
from ganaug.evaluation.classifiers.network import Network
from ganaug.evaluation.trainings.meter import Load
from ganaug.files import atomic_path, open_regular
from ganaug.images import ImageSet
from ganaug.images.archive import BROKEN

__all__ = ["Job", "Key", "load_outcome", "save_outcome"]

FORMAT = 4  # of the result files
MOST_LETTERS = 150  # of an arm's name in that of a file

Key = tuple[int, str]  # seed, and name among the jobs of that seed


@dataclass(frozen=True, eq=False)
class Job:
    """Train the classifier once: one seed, one arm.

    Attributes:
        seed: of initialisation, order and augmentation.
        arm: how it is trained.
        train, test: the images; their own test parts are not looked at.
        schedule: optimiser steps and learning rate.
        classifier: that is trained.
        artifact: path of the generator; None for an arm that needs none.
        artifact_hash: hash of its content, or of its behaviour alone: what the outcome depends on.
        device: where the classifier runs.
        policy: takes the place of the artifact's own.
        label: tells jobs of one arm apart that differ in their policies; None where there is one.
        made: the images of the arm's folder, in the classes and at the size of `train`, or None.
        baseline: the free arm that the outcome is compared with; None where that is not known.
    """

    seed: int
    arm: Arm
    train: ImageSet
    test: ImageSet
    schedule: Schedule
    classifier: Classifier = field(default_factory=Network)
    artifact: Path | None = None
    artifact_hash: str | None = None
    device: str = "cpu"
    policy: Policy | None = None
    label: str | None = None
    made: ImageSet | None = None
    baseline: Arm | None = None

    @property
    def key(self) -> Key:
        """Names the job among those that run together."""
        return self.seed, self.arm.name if self.label is None else f"{self.arm.name}-{self.label}"

    @property
    def file(self) -> Path:
        """The artifact of an arm that needs one."""
        if self.artifact is None:
            raise ValueError(f"arm {self.arm.name} needs a generator")
        return self.artifact

    @property
    def given(self) -> ImageSet:
        """The images of the folder of an arm that has one."""
        if self.made is None:
            raise ValueError(f"arm {self.arm.name} needs the images of its folder")
        return self.made

    @property
    def load(self) -> Load:
        """What it costs, for the time left: augmenting and varying take a part of each step."""
        weight = 1 + 0.15 * len(self.arm.augment) + (0.2 if self.arm.learned else 0)
        return Load(self.arm.name, self.schedule.steps, weight)

    def identity(self) -> str:
        """Return a hash of everything that the result depends on."""
        content = {
            "format": FORMAT,
            "seed": self.seed,
            "arm": self.key[1],
            "train": self.train.ordered_fingerprint,
            "test": self.test.ordered_fingerprint,
            # keys say which images were read, and stay where their pixels are replaced
            "pixels": [
                each and each.pixel_fingerprint for each in (self.train, self.test, self.made)
            ],
            "schedule": asdict(self.schedule),
            "classifier": self.classifier.name,
            "device": self.device.partition(":")[0],
            "artifact": self.artifact_hash if self.arm.needs_generator else None,
        }
        if self.arm.folder is not None:  # what is in it, which the path does not say
            content["made"] = self.given.ordered_fingerprint
        if self.train.size[0] != self.train.size[1] and "affine" in self.arm.augment:
            content["turned"] = "in pixels"  # before version 0.2.0 in halves of each side
        if self.policy is not None:
            content["policy"] = [self.policy.p, self.policy.scale]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def effective(self) -> Job:
        """Return the job without the generator where that changes no image, else itself.

        Two trainings of one arm differ on a GPU; so there is one, and the comparison says "no
        change".
        """
        if self.artifact is None or not self.arm.needs_generator:
            return self
        if not never_varies(self.arm, read_artifact(self.artifact)[1], self.policy):
            return self
        free = {"artifact": None, "artifact_hash": None, "policy": None, "label": None}
        arm = self.arm.never_varying(self.baseline)
        return replace(self, arm=arm, **free)  # type: ignore[arg-type] # None suits all


def _result_path(folder: Path, job: Job, identity: str) -> Path:
    """Return where the outcome of `job` is kept; another configuration has another path."""
    seed, name = job.key
    # The name of a folder's arm has a path in it; the hash tells two of one spelling apart.
    plain = re.sub(r"[^\w.@=+-]", "_", name, flags=re.ASCII)[:MOST_LETTERS]
    return folder / f"seed-{seed:04d}-{plain}-{identity[:12]}.npz"


def save_outcome(folder: Path, job: Job, outcome: Outcome) -> None:
    """Write an outcome into `folder` atomically, as a compressed .npz with the hash of its job."""
    identity = job.identity()
    path = _result_path(folder, job, identity)
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(
            stream,
            probabilities=outcome.probabilities,
            predicted=outcome.predicted.astype(np.int32),
            seconds=np.float64(outcome.seconds),
            identity=np.array(identity),
        )


def load_outcome(folder: Path, job: Job) -> Outcome | None:
    """Return the outcome kept in `folder` for `job`, or None where there is none that can be used.

    Before version 0.2.0, those of trainings that diverged were kept, too.
    """
    identity = job.identity()
    path = _result_path(folder, job, identity)
    try:
        with open_regular(path) as file, np.load(file, allow_pickle=False) as content:
            if str(content["identity"]) != identity:
                return None
            seconds = float(content["seconds"])
            outcome = Outcome(content["probabilities"], seconds, content["predicted"])
    except BROKEN:
        return None  # it is computed again, and written over
    whole = len(outcome.probabilities) == len(job.test) and outcome.finite
    return outcome if whole else None
