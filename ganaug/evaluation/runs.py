"""One training of the classifier: a seed and an arm, from images to kept predictions."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ganaug.artifact.reader import read_artifact
from ganaug.evaluation.arms import Arm, augment
from ganaug.evaluation.classifiers import (
    ClassifierFactory,
    Schedule,
    build_classifier,
    classifier_name,
    predict,
    train_classifier,
)
from ganaug.files import atomic_path
from ganaug.images import ImageSet
from ganaug.randomness import stream, stream_seed
from ganaug.use.datasets import MixedDataset, SyntheticDataset
from ganaug.use.sampling import ClassBalancedSampler
from ganaug.use.transform import GANAugment

__all__ = ["Job", "Outcome", "load_outcome", "result_path", "run_job", "save_outcome"]

FORMAT = 1  # of the result files


@dataclass(frozen=True, eq=False)
class Job:
    """Train the classifier once: one seed, one arm.

    Attributes:
        seed: of initialisation, order and augmentation.
        arm: how it is trained.
        train, test: the images; their own test parts are not looked at.
        schedule: optimiser steps and learning rate.
        classifier: see `build_classifier`.
        artifact: path of the generator; None for a free arm.
        artifact_hash: hash of its content, for the name of the result file.
        device: where the classifier runs.
    """

    seed: int
    arm: Arm
    train: ImageSet
    test: ImageSet
    schedule: Schedule
    classifier: str | ClassifierFactory | None = None
    artifact: Path | None = None
    artifact_hash: str | None = None
    device: str = "cpu"

    def identity(self) -> str:
        """Return a hash of everything that the result depends on."""
        content = {
            "format": FORMAT,
            "seed": self.seed,
            "arm": self.arm.name,
            "train": self.train.fingerprint,
            "size": list(self.train.images.shape[1:]),
            "test": self.test.fingerprint,
            "schedule": asdict(self.schedule),
            "classifier": classifier_name(self.classifier),
            "artifact": None if self.arm.free else self.artifact_hash,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one job gave.

    Attributes:
        probabilities: float16 [N, classes], for the images of the test part in order.
        seconds: training time.
    """

    probabilities: NDArray[np.float16]
    seconds: float

    @property
    def predicted(self) -> NDArray[np.int64]:
        """int64 [N]: the most likely class."""
        return self.probabilities.argmax(1)


def result_path(folder: Path, job: Job) -> Path:
    """Return where the outcome of `job` is kept; another configuration has another path."""
    return folder / f"seed-{job.seed:04d}-{job.arm.name}-{job.identity()[:12]}.npz"


def save_outcome(path: Path, job: Job, outcome: Outcome) -> None:
    """Write an outcome atomically, as a compressed .npz with the hash of its job."""
    with atomic_path(path) as temporary, temporary.open("wb") as stream_:
        np.savez_compressed(
            stream_,
            probabilities=outcome.probabilities,
            predicted=outcome.predicted.astype(np.int32),
            seconds=np.float64(outcome.seconds),
            identity=np.array(job.identity()),
        )


def load_outcome(path: Path, job: Job) -> Outcome | None:
    """Return the outcome kept for `job`, or None where there is none or it cannot be read."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            if str(content["identity"]) != job.identity():
                return None
            outcome = Outcome(content["probabilities"], float(content["seconds"]))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None  # it is computed again, and written over
    return outcome if len(outcome.probabilities) == len(job.test) else None


def run_job(job: Job, on_step: Callable[[], None] | None = None) -> Outcome:
    """Train the classifier as `job` says and judge it on the test part."""
    pixels = _pixels(job.train)
    normalise = _normalisation(pixels)
    classes = len(job.train.classes)

    def network() -> torch.nn.Module:
        return build_classifier(job.classifier, job.train.channels, classes, job.train.size)

    model, seconds = train_classifier(
        network,
        _batches(job, pixels),
        normalise,
        job.schedule,
        seed=job.seed,
        device=job.device,
        on_step=on_step,
    )
    probabilities = predict(model, _pixels(job.test), normalise, device=job.device)
    return Outcome(probabilities.astype(np.float16), seconds)


def _pixels(images: ImageSet) -> Tensor:
    return torch.from_numpy(images.images).permute(0, 3, 1, 2).contiguous()


def _normalisation(pixels: Tensor) -> Callable[[Tensor], Tensor]:
    """Bring each channel to the mean 0 and the deviation 1 of the training images."""
    channels = pixels.movedim(1, 0).flatten(1)
    mean = torch.stack([channel.double().mean() for channel in channels]).float()
    deviation = torch.stack([channel.double().std() for channel in channels]).float()
    mean, deviation = mean.view(1, -1, 1, 1), deviation.clamp(min=1.0).view(1, -1, 1, 1)

    def normalise(images: Tensor) -> Tensor:
        return ((images.float() - mean) / deviation).contiguous(memory_format=torch.channels_last)

    return normalise


def _batches(job: Job, pixels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the augmented batches of `job`, one for each step."""
    labels = torch.from_numpy(job.train.labels)
    if job.arm.ganaug == "mixed":
        mixed = _mixed(job, pixels)
        if len(mixed) > len(pixels):
            yield from _mixed_batches(job, mixed)
            return
    vary = _variation(job) if job.arm.ganaug == "transform" else None
    for rows in _order(job.train.labels, job):
        images, targets = pixels[rows], labels[rows]
        if vary is not None:
            images = vary(images, targets)
        yield augment(images, job.arm.augment), targets


def _order(labels: NDArray[np.int64], job: Job) -> Iterator[NDArray[np.int64]]:
    """Yield int64 [batch] for each step: positions, from the order stream of the seed.

    A balanced arm reads a `ClassBalancedSampler`, epoch after epoch; a plain arm goes through all
    images in a new order each epoch.
    """
    seed = stream_seed(job.seed, "evaluate/order")
    sampler = ClassBalancedSampler(labels, seed=seed, rank=0, world_size=1)
    queue = np.zeros(0, np.int64)
    epoch = 0
    for _ in range(job.schedule.steps):
        while len(queue) < job.schedule.batch:
            if job.arm.balanced:
                more = np.fromiter(sampler, np.int64, len(sampler))
            else:
                more = stream(seed, "plain", epoch).permutation(len(labels))
            queue = np.concatenate([queue, more])
            epoch += 1
        yield queue[: job.schedule.batch]
        queue = queue[job.schedule.batch :]


def _variation(job: Job) -> Callable[[Tensor, Tensor], Tensor] | None:
    """`GANAugment` as users have it, on whole batches; None where its policy is never to vary.

    Then the arm is the free arm below it, to the bit, and the comparison says "no change".
    """
    transform = GANAugment(_artifact(job)).for_classes(job.train.classes)
    info = transform.generator.info
    if info.policy is not None and not info.policy.probability(info.counts).any():
        return None

    def vary(images: Tensor, labels: Tensor) -> Tensor:
        varied: Tensor = transform(images, labels)[0]
        return varied

    return vary


class _Images(Dataset[tuple[Tensor, int]]):
    """Training images as a map-style data set: (uint8 [C, H, W], label)."""

    def __init__(self, pixels: Tensor, images: ImageSet) -> None:
        self.pixels = pixels
        self.targets = images.labels.tolist()
        self.classes = list(images.classes)
        self.class_to_idx = {name: label for label, name in enumerate(images.classes)}

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.pixels[index], self.targets[index]


def _mixed(job: Job, pixels: Tensor) -> MixedDataset:
    """Real images and, by the artifact's policy or else up to balance, generated ones."""
    real = _Images(pixels, job.train)
    counts = "balance" if read_artifact(_artifact(job))[1].policy is None else "auto"
    synthetic = SyntheticDataset(_artifact(job), source=real, counts=counts, seed=job.seed)
    return MixedDataset(real, synthetic)


def _mixed_batches(job: Job, mixed: MixedDataset) -> Iterator[tuple[Tensor, Tensor]]:
    """Read a real DataLoader over `mixed`, with new generated images each epoch.

    Only what a batch draws is generated, so that an epoch never costs more than its steps.
    """
    rows = list(_order(np.asarray(mixed.targets, dtype=np.int64), job))
    in_epoch = max(1, len(mixed) // job.schedule.batch)
    for epoch, start in enumerate(range(0, len(rows), in_epoch)):
        mixed.set_epoch(epoch)
        batches = [batch.tolist() for batch in rows[start : start + in_epoch]]
        for images, labels in DataLoader(mixed, batch_sampler=batches):
            yield augment(images, job.arm.augment), labels


def _artifact(job: Job) -> Path:
    if job.artifact is None:
        raise ValueError(f"arm {job.arm.name} needs a generator")
    return job.artifact
