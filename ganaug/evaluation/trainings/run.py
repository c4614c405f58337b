"""One training of the classifier: a seed and an arm, from images to kept predictions."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ganaug.artifact.format import Policy
from ganaug.artifact.reader import read_artifact
from ganaug.artifact.rewrite import rewrite_metadata
from ganaug.evaluation.arms.augmentations import VIEWS, augment, standardise
from ganaug.evaluation.arms.grammar import Arm
from ganaug.evaluation.arms.losses import make_objective, mix
from ganaug.evaluation.arms.smote import with_smote
from ganaug.evaluation.arms.variation import make_variation, never_varies
from ganaug.evaluation.classifiers.estimator import (
    ArmImages,
    UserLoop,
    is_estimator,
    predict_with,
    train_estimator,
    train_with_loop,
)
from ganaug.evaluation.classifiers.network import (
    Classifier,
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

__all__ = ["Job", "Outcome", "load_outcome", "result_path", "run_job", "save_outcome"]

FORMAT = 4  # of the result files


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
        policy: takes the place of the artifact's own.
    """

    seed: int
    arm: Arm
    train: ImageSet
    test: ImageSet
    schedule: Schedule
    classifier: Classifier | None = None
    artifact: Path | None = None
    artifact_hash: str | None = None
    device: str = "cpu"
    policy: Policy | None = None

    def identity(self) -> str:
        """Return a hash of everything that the result depends on."""
        content = {
            "format": FORMAT,
            "seed": self.seed,
            "arm": self.arm.name,
            "train": self.train.ordered_fingerprint,
            "size": list(self.train.images.shape[1:]),
            "test": self.test.ordered_fingerprint,
            "schedule": asdict(self.schedule),
            "classifier": classifier_name(self.classifier),
            "device": self.device.partition(":")[0],
            "artifact": None if self.arm.free else self.artifact_hash,
        }
        if self.policy is not None:
            content["policy"] = [self.policy.p, self.policy.scale]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def effective(self) -> Job:
        """Return the job of the free arm below where the generator changes no image, else itself.

        Two trainings of one arm differ on a GPU; so there is one, and the comparison says "no
        change".
        """
        if self.artifact is None or self.arm.free:
            return self
        if not never_varies(self.arm, read_artifact(self.artifact)[1], self.policy):
            return self
        return replace(self, arm=self.arm.below(), artifact=None, artifact_hash=None, policy=None)


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
    job = job.effective()
    if job.policy is not None:  # a copy with that policy inside is used just as users would
        with TemporaryDirectory(prefix="ganaug-") as folder:
            copy = Path(folder, "generator.onnx")
            rewrite_metadata(_artifact(job), target=copy, policy=job.policy)
            return run_job(replace(job, artifact=copy, policy=None), on_step)
    if job.arm.smote:
        job = replace(job, train=with_smote(job.train, stream_seed(job.seed, "evaluate/smote")))
    pixels = _pixels(job.train)
    normalise = _normalisation(pixels, job.arm.view)
    classes = len(job.train.classes)
    if isinstance(job.classifier, UserLoop):
        loop, seconds = train_with_loop(job.classifier, _arm_images(job, pixels), seed=job.seed)
        found = predict_with(loop, _pixels(job.test), classes)
        return Outcome(found.astype(np.float16), seconds)
    if is_estimator(job.classifier):
        estimator, seconds = train_estimator(
            job.classifier, _batches(job, pixels), normalise, seed=job.seed, on_step=on_step
        )
        found = predict_with(estimator, normalise(_pixels(job.test)), classes)
        return Outcome(found.astype(np.float16), seconds)

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
        objective=make_objective(job.arm.loss, job.train.counts, job.schedule.steps),
    )
    probabilities = predict(model, _pixels(job.test), normalise, device=job.device)
    return Outcome(probabilities.astype(np.float16), seconds)


def _pixels(images: ImageSet) -> Tensor:
    return torch.from_numpy(images.images).permute(0, 3, 1, 2).contiguous()


def _normalisation(pixels: Tensor, view: str | None) -> Callable[[Tensor], Tensor]:
    """Bring each channel to the mean 0 and the deviation 1 of the training images.

    Or show every image as `view` says: standardised by itself, or equalised first.
    """
    if view == "standardise":
        return lambda images: standardise(images).contiguous(memory_format=torch.channels_last)
    seen: Callable[[Tensor], Tensor] = (lambda images: images) if view is None else VIEWS[view]
    channels = seen(pixels).movedim(1, 0).flatten(1)
    mean = torch.stack([channel.double().mean() for channel in channels]).float()
    deviation = torch.stack([channel.double().std() for channel in channels]).float()
    mean, deviation = mean.view(1, -1, 1, 1), deviation.clamp(min=1.0).view(1, -1, 1, 1)

    def normalise(images: Tensor) -> Tensor:
        shown = (seen(images).float() - mean) / deviation
        return shown.contiguous(memory_format=torch.channels_last)

    return normalise


def _batches(job: Job, pixels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the augmented batches of `job`, one for each step; mixed labels are float [N, K]."""
    for images, labels in _varied_batches(job, pixels):
        images = augment(images, job.arm.augment)
        if job.arm.mix is not None:
            images, labels = mix(images, labels, job.arm.mix, len(job.train.classes))
        yield images, labels


def _varied_batches(job: Job, pixels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches before any free augmentation."""
    labels = torch.from_numpy(job.train.labels)
    if job.arm.ganaug == "synthetic":
        yield from _mixed_batches(job, _synthetic(job, pixels))
        return
    if job.arm.ganaug == "mixed":
        mixed = _mixed(job, pixels)
        if len(mixed) > len(pixels):
            yield from _mixed_batches(job, mixed)
            return
    vary = None
    if job.arm.ganaug in ("transform", "warp"):
        vary = make_variation(job.arm, _artifact(job), job.train, pixels, job.seed)
    until = job.arm.option("until")
    last = job.schedule.steps * (1.0 if until is None else until)
    for step, rows in enumerate(_order(job.train.labels, job)):
        images, targets = pixels[rows], labels[rows]
        if vary is not None and step < last:
            images = vary(images, targets)
        yield images, targets


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


def _synthetic(job: Job, pixels: Tensor) -> SyntheticDataset:
    """Generated images alone, as many of each class as the largest has."""
    counts = job.train.counts
    return SyntheticDataset(
        _artifact(job),
        source=_Images(pixels, job.train),
        counts={
            name: int(counts.max()) for name, n in zip(job.train.classes, counts, strict=True) if n
        },
        seed=job.seed,
    )


def _arm_images(job: Job, pixels: Tensor) -> ArmImages:
    """The images of an arm for a loop of the user's."""
    arm = job.arm
    images: _Images | MixedDataset | SyntheticDataset = _Images(pixels, job.train)
    if arm.ganaug in ("mixed", "synthetic"):
        images = _mixed(job, pixels) if arm.ganaug == "mixed" else _synthetic(job, pixels)
    vary = None
    if arm.ganaug in ("transform", "warp"):
        vary = make_variation(arm, _artifact(job), job.train, pixels, job.seed)

    def change(image: Tensor, label: Tensor) -> Tensor:
        return augment(image if vary is None else vary(image, label), arm.augment)

    return ArmImages(images, change, balanced=arm.balanced)


def _mixed_batches(
    job: Job, mixed: MixedDataset | SyntheticDataset
) -> Iterator[tuple[Tensor, Tensor]]:
    """Read a real DataLoader over `mixed`, with new generated images each epoch.

    Only what a batch draws is generated, so that an epoch never costs more than its steps.
    """
    rows = list(_order(np.asarray(mixed.targets, dtype=np.int64), job))
    in_epoch = max(1, len(mixed) // job.schedule.batch)
    for epoch, start in enumerate(range(0, len(rows), in_epoch)):
        mixed.set_epoch(epoch)
        batches = [batch.tolist() for batch in rows[start : start + in_epoch]]
        yield from DataLoader(mixed, batch_sampler=batches)


def _artifact(job: Job) -> Path:
    if job.artifact is None:
        raise ValueError(f"arm {job.arm.name} needs a generator")
    return job.artifact
