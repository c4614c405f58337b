"""What a job shows its classifier: batches in order, varied and augmented, or items."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ganaug.artifact.reader import read_artifact
from ganaug.evaluation.arms.augmentations import VIEWS, augment, standardise
from ganaug.evaluation.arms.losses import mix
from ganaug.evaluation.arms.variation import Variation, make_variation
from ganaug.evaluation.trainings.job import Job
from ganaug.randomness import stream, stream_seed
from ganaug.use.datasets import MixedDataset, SyntheticDataset
from ganaug.use.image_dataset import ImageDataset
from ganaug.use.sampling import ClassBalancedSampler

__all__ = ["ArmImages", "batches", "items", "normalisation"]


def normalisation(pixels: Tensor, view: str | None) -> Callable[[Tensor], Tensor]:
    """Return what brings each channel to the mean 0 and the deviation 1 of the training images.

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


def batches(job: Job, real: ImageDataset) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the augmented batches of `job`, one for each step.

    Args:
        job: what is trained.
        real: its training images.

    Returns:
        (uint8 [N, C, H, W], labels int64 [N]; of an arm that mixes labels float [N, K]).
    """
    for images, labels in _varied_batches(job, real):
        images = augment(images, job.arm.augment)
        if job.arm.mix is not None:
            images, labels = mix(images, labels, job.arm.mix, len(job.train.classes))
        yield images, labels


def _varied_batches(job: Job, real: ImageDataset) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches before any free augmentation."""
    if job.arm.folder is not None:
        real = _with_folder(job, real)
    labels = torch.from_numpy(np.asarray(real.targets, dtype=np.int64))
    if job.arm.use == "synthetic":
        yield from _mixed_batches(job, _synthetic(job, real))
        return
    if job.arm.use == "mixed":
        mixed = _mixed(job, real)
        if len(mixed) > len(real):
            yield from _mixed_batches(job, mixed)
            return
    vary = None
    if job.arm.use in ("transform", "warp"):
        vary = make_variation(job.arm, job.file, job.train, real.pixels, job.seed)
    until = job.arm.option("until")
    last = job.schedule.steps * (1.0 if until is None else until)
    for step, rows in enumerate(_order(labels.numpy(), job)):
        images, targets = real.pixels[rows], labels[rows]
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


def _with_folder(job: Job, real: ImageDataset) -> ImageDataset:
    """Real images and those of the arm's folder, or these alone."""
    made = ImageDataset(job.given)
    if job.arm.use == "folder":
        made.pixels = torch.cat([real.pixels, made.pixels])
        made.targets = [*real.targets, *made.targets]
    return made


def _mixed(job: Job, real: ImageDataset) -> MixedDataset:
    """Real images and, by the artifact's policy or else up to balance, generated ones."""
    counts = "balance" if read_artifact(job.file)[1].policy is None else "auto"
    synthetic = SyntheticDataset(job.file, source=real, counts=counts, seed=job.seed)
    return MixedDataset(real, synthetic)


def _synthetic(job: Job, real: ImageDataset) -> SyntheticDataset:
    """Generated images alone, as many of each class as the largest has."""
    counts = job.train.counts
    return SyntheticDataset(
        job.file,
        source=real,
        counts={
            name: int(counts.max()) for name, n in zip(job.train.classes, counts, strict=True) if n
        },
        seed=job.seed,
    )


def items(job: Job, real: ImageDataset) -> ArmImages:
    """Return the images of `job` as items, for a training loop of the user's."""
    arm = job.arm
    images: ImageDataset | MixedDataset | SyntheticDataset = real
    if arm.use in ("mixed", "synthetic"):
        images = _mixed(job, real) if arm.use == "mixed" else _synthetic(job, real)
    elif arm.folder is not None:
        images = _with_folder(job, real)
    vary = None
    if arm.use in ("transform", "warp"):
        vary = make_variation(arm, job.file, job.train, real.pixels, job.seed)
    return ArmImages(images, _Change(vary, arm.augment), balanced=arm.balanced)


@dataclass(frozen=True)
class _Change:
    """Varies and augments images. Picklable: a loader of the user's may have worker processes."""

    vary: Variation | None
    augment: tuple[str, ...]

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        return augment(images if self.vary is None else self.vary(images, labels), self.augment)


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


class ArmImages(Dataset[tuple[Tensor, int]]):
    """The images of an arm as a map-style data set of (uint8 [C, H, W], label).

    Args:
        images: with `targets` and `classes`.
        change: augments uint8 [1, C, H, W] with labels int64 [1]; called at each access.
        balanced: images of smaller classes stand there several times, so that all are as large as
            the largest.

    Attributes:
        targets: label of each item.
        classes: class names by label.
    """

    def __init__(
        self, images: Any, change: Callable[[Tensor, Tensor], Tensor], *, balanced: bool
    ) -> None:
        self.images, self.change = images, change
        self.classes: list[str] = list(images.classes)
        labels = np.asarray(images.targets, dtype=np.int64)
        members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        most = max(map(len, members))
        rows = [np.resize(rows, most) for rows in members]
        self.rows = np.concatenate(rows) if balanced else np.arange(len(labels))
        self.targets: list[int] = labels[self.rows].tolist()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image, label = self.images[int(self.rows[index])]
        # a copy: what a loop does to an item in place stays out of the images
        return self.change(image[None].clone(), torch.tensor([int(label)]))[0], int(label)

    def set_epoch(self, epoch: int) -> None:
        """Draw other generated images from here on; of use to arms that mix them in."""
        if hasattr(self.images, "set_epoch"):
            self.images.set_epoch(epoch)
