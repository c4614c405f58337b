"""Every public transform, data set and sampler of ganaug: what the contracts run over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from contracts.files import CLASSES, COUNTS, SIZES, Files
from helpers.small_datasets import Pairs
from PIL import Image
from torch.utils.data import Subset
from torchvision import tv_tensors
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from ganaug import (
    AugmentedDataset,
    ClassBalancedSampler,
    GANAugment,
    GANOverSampler,
    MixedDataset,
    SyntheticDataset,
)

__all__ = [
    "DATA_SETS",
    "LABELS",
    "OBJECTS",
    "OVER_SAMPLERS",
    "SAMPLERS",
    "TRANSFORMS",
    "DataSet",
    "PublicObject",
    "Transform",
    "in_memory",
    "levels",
    "over",
]

LABELS = [label for label, count in enumerate(COUNTS) for _ in range(count)]
TO_TENSOR = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
# Many draws, between which another thread may draw.
FLIPS = v2.Compose([v2.RandomHorizontalFlip(), v2.RandomVerticalFlip()] * 12)


@dataclass(frozen=True)
class PublicObject:
    """A public object in one of the ways to build it.

    Attributes:
        name: of the case.
        public: name in `ganaug.__all__`.
        kind: "transform", "data set", "sampler" or "over-sampler"; how `observe` uses it.
        given: returns what it is built for or fed with, anew for each test.
        build: called with the artifact (None for the small file that fits), what is given, and
            options in place of the usual ones.
        file: kind and channels of the generator that fits.
        still: options with which torch's generator does not matter.
        refused: options of one argument each that are not allowed.
        exceptions: {name of a check: why the object does not pass it}. An object that passes all
            the same is an error, so that no exception outlives its reason.
    """

    name: str
    public: str
    kind: str
    given: Callable[[Files], Any]
    build: Callable[..., Any]
    file: tuple[str, int] = ("variation", 3)
    still: Mapping[str, Any] = field(default_factory=dict)
    refused: Sequence[Mapping[str, Any]] = ()
    exceptions: Mapping[str, str] = field(default_factory=dict)

    def artifact(self, files: Files, **metadata: Any) -> Any:
        """Return the path of the small generator that fits."""
        return files.artifact(*self.file, **metadata)

    def built(self, files: Files, **options: Any) -> Any:
        """Return the object for its own file and what it is given."""
        return self.build(self.artifact(files), self.given(files), **options)


@dataclass(frozen=True)
class Transform(PublicObject):
    """A transform.

    Attributes:
        normalised: it stands behind Normalize(0.5, 0.5).
    """

    normalised: bool = False

    def image(self, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Return an image or batch [..., H, W] that fits; `shape` leaves out the channels."""
        *batch, height, width = shape
        values = torch.from_numpy(levels(*batch, self.file[1], height, width))
        if dtype == torch.uint8:
            return values
        return ((values / 255 - 0.5) / 0.5 if self.normalised else values / 255).to(dtype)


@dataclass(frozen=True)
class DataSet(PublicObject):
    """A data set.

    Attributes:
        made: positions of the generated items.
        empty: what is given for a data set without items.
    """

    made: range = range(0)
    empty: Callable[[], Any] = lambda: Pairs([], [], classes=CLASSES, targets=[])


def over(objects: Sequence[PublicObject]) -> Callable[[Any], Any]:
    """Return a decorator that runs a check over `objects` as its argument `case`."""

    def decorate(check: Any) -> Any:
        cases = []
        for case in objects:
            reason = case.exceptions.get(check.__name__)
            marks = [] if reason is None else [pytest.mark.xfail(reason=reason, strict=True)]
            cases.append(pytest.param(case, id=case.name, marks=marks))
        return pytest.mark.parametrize("case", cases)(check)

    return decorate


# What objects are given


def levels(*shape: int) -> Any:
    """Return uint8 values away from 0 and 255, so that a small change is not clipped."""
    return np.random.default_rng(3).integers(60, 200, shape, np.uint8)


def folder(files: Files) -> ImageFolder:
    """PNG files as torchvision reads them."""
    return ImageFolder(str(files.photos()))


def in_memory(files: Files | None = None) -> Pairs:
    """Tensors of both sizes, which a careless reader could write to."""
    images = [torch.from_numpy(levels(3, *SIZES[i % 2])) / 255 for i in range(len(LABELS))]
    return Pairs([image + i / 255 for i, image in enumerate(images)], LABELS, classes=CLASSES)


def samples(channels: int) -> Callable[[Files], Any]:
    """Single images and batches with their labels."""
    rgb = channels == 3

    def given(files: Files) -> list[Any]:
        single, batch = levels(channels, 8, 8), levels(4, channels, 11, 6)
        pil = Image.fromarray(np.moveaxis(single, 0, 2) if rgb else single[0])
        floats = torch.from_numpy(batch / np.float32(255))
        return [
            (pil, 2),
            (torch.from_numpy(single), torch.tensor(1)),
            {"image": tv_tensors.Image(floats), "label": np.array([0, 1, 2, 0])},
            [floats.clone(), torch.eye(3)[[0, 1, 2, 0]]],
        ]

    return given


def normalised_samples(files: Files) -> list[Any]:
    """Floats behind Normalize(0.5, 0.5)."""
    floats = torch.from_numpy(levels(4, 3, 8, 8) / np.float32(127.5) - 1)
    return [(floats[0].clone(), 2), (floats, torch.tensor([0, 1, 2, 0]))]


def class_counts(files: Files) -> dict[str, int]:
    """Images to make of each class, where there is no source."""
    return {"ant": 1, "bee": 4, "cat": 2}


def images_and_labels(files: Files) -> tuple[Any, Any]:
    """Arrays as imbalanced-learn takes them."""
    return levels(14, 8, 8), np.array(LABELS)


def flat_images_and_names(files: Files) -> tuple[Any, Any]:
    """Flat rows of floating point, and labels that are names."""
    return levels(14, 4 * 6 * 3) / 255, np.array(CLASSES)[LABELS]


# How they are built

P = dict.fromkeys(CLASSES, 1.0)  # by name, so that names are checked


def augment(artifact: Any, given: Any, **options: Any) -> GANAugment:
    return GANAugment(artifact, **{"p": P, **options})


def synthetic(artifact: Any, source: Any, **options: Any) -> SyntheticDataset:
    return SyntheticDataset(artifact, source=source, **{"counts": "balance", "seed": 5, **options})


def without_source(artifact: Any, given: Any, **options: Any) -> SyntheticDataset:
    return SyntheticDataset(artifact, **{"counts": given, **options})


def mixed(artifact: Any, real: Any, **options: Any) -> MixedDataset:
    return MixedDataset(real, options.get("synthetic") or synthetic(artifact, real))


def mixed_twice(artifact: Any, real: Any) -> MixedDataset:
    return MixedDataset(mixed(artifact, real), synthetic(artifact, real, seed=6))


def mixed_of_augmented(artifact: Any, real: Any) -> MixedDataset:
    return mixed(artifact, AugmentedDataset(real, v2.Identity()))


def augmented(artifact: Any, real: Any, **options: Any) -> AugmentedDataset:
    transform = v2.Compose([GANAugment(artifact, **{"p": 1.0, **options}), TO_TENSOR])
    return AugmentedDataset(real, transform)


def augmented_mixed(artifact: Any, real: Any, **options: Any) -> AugmentedDataset:
    return AugmentedDataset(mixed(artifact, real), options.get("transform", TO_TENSOR))


def nested(artifact: Any, real: Any) -> AugmentedDataset:
    whole = augmented_mixed(artifact, real)
    backwards = Subset(whole, range(len(whole) - 1, -1, -1))
    return AugmentedDataset(AugmentedDataset(backwards, v2.Identity()), v2.Identity())


def balanced(artifact: Any, given: Any, **options: Any) -> ClassBalancedSampler:
    return ClassBalancedSampler(**{"targets": given, **options})


def balanced_rank(artifact: Any, given: Any, **options: Any) -> ClassBalancedSampler:
    return balanced(artifact, given, **{"seed": 4, "rank": 1, "world_size": 3, **options})


def over_sampler(artifact: Any, given: Any, **options: Any) -> GANOverSampler:
    return GANOverSampler(artifact, **{"random_state": 0, **options})


def flat_over_sampler(artifact: Any, given: Any, **options: Any) -> GANOverSampler:
    return over_sampler(artifact, given, **{"shape": (4, 6, 3), **options})


# The objects

DRAWN = "torchvision's random transforms draw numbers of torch's default dtype and device"
TO_DEVICE = {"test_torchs_default_device_does_not_matter": "v2.ToImage moves to the default device"}
BY_PROCESS = "GANAugment draws from torch's generator of the process, as torchvision's do"
TRANSFORM_EXCEPTIONS = {"test_use_leaves_the_random_state_alone": BY_PROCESS}
BAD_P: Sequence[Mapping[str, Any]] = (
    {"p": 1.5},
    {"p": -0.1},
    {"p": float("nan")},
    {"p": {"cats": 0.5}},
    {"scale": -1},
    {"policy": "tuned"},
    {"mean": 0.5},
)
BAD_SYNTHETIC: Sequence[Mapping[str, Any]] = ({"counts": -1}, {"counts": "even"}, {"seed": None})
LABELS_ALONE = "draws from labels alone and takes no artifact"

TRANSFORMS: tuple[Transform, ...] = (
    Transform(
        "GANAugment",
        "GANAugment",
        "transform",
        samples(3),
        augment,
        still={"scale": 0.0},
        refused=BAD_P,
        exceptions=TRANSFORM_EXCEPTIONS,
    ),
    Transform(
        "GANAugment by class",
        "GANAugment",
        "transform",
        samples(3),
        augment,
        file=("class", 3),
        still={"scale": 0.0},
        refused=BAD_P,
        exceptions=TRANSFORM_EXCEPTIONS,
    ),
    Transform(
        "GANAugment of grey images",
        "GANAugment",
        "transform",
        samples(1),
        augment,
        file=("variation", 1),
        still={"scale": 0.0},
        refused=BAD_P,
        exceptions=TRANSFORM_EXCEPTIONS,
    ),
    Transform(
        "GANAugment behind Normalize",
        "GANAugment",
        "transform",
        normalised_samples,
        lambda artifact, given, **options: augment(artifact, given, mean=0.5, std=0.5, **options),
        still={"scale": 0.0},
        refused=({"p": 1.5}, {"scale": float("inf")}),
        exceptions={
            **TRANSFORM_EXCEPTIONS,
            "test_levels_in_any_layout_of_memory": "Normalize makes no uint8",
        },
        normalised=True,
    ),
)

DATA_SETS: tuple[DataSet, ...] = (
    DataSet(
        "SyntheticDataset",
        "SyntheticDataset",
        "data set",
        folder,
        synthetic,
        refused=BAD_SYNTHETIC,
        made=range(10),
    ),
    DataSet(
        "SyntheticDataset by class",
        "SyntheticDataset",
        "data set",
        in_memory,
        synthetic,
        file=("class", 3),
        refused=BAD_SYNTHETIC,
        made=range(10),
    ),
    DataSet(
        "SyntheticDataset without a source",
        "SyntheticDataset",
        "data set",
        class_counts,
        without_source,
        file=("class", 3),
        refused=BAD_SYNTHETIC,
        made=range(7),
        empty=dict,
        exceptions={
            "test_images_keep_their_sizes": "there is no real image that could give a size",
            "test_a_source_that_changes_is_refused": "there is no source",
        },
    ),
    DataSet(
        "SyntheticDataset with a random transform",
        "SyntheticDataset",
        "data set",
        in_memory,
        lambda artifact, source, **options: synthetic(
            artifact, source, **{"transform": FLIPS, **options}
        ),
        refused=BAD_SYNTHETIC,
        exceptions={
            "test_torchs_default_dtype_does_not_matter": DRAWN,
            "test_torchs_default_device_does_not_matter": DRAWN,
        },
        made=range(10),
    ),
    DataSet(
        "MixedDataset",
        "MixedDataset",
        "data set",
        folder,
        mixed,
        refused=({"synthetic": "photos"},),
        made=range(14, 24),
    ),
    DataSet(
        "MixedDataset of two generators",
        "MixedDataset",
        "data set",
        in_memory,
        mixed_twice,
        made=range(14, 34),
    ),
    DataSet(
        "MixedDataset of an AugmentedDataset",
        "MixedDataset",
        "data set",
        in_memory,
        mixed_of_augmented,
        made=range(14, 24),
    ),
    DataSet(
        "AugmentedDataset",
        "AugmentedDataset",
        "data set",
        folder,
        augmented,
        file=("class", 3),
        still={"scale": 0.0},
        exceptions={
            **TO_DEVICE,
            "test_use_leaves_the_random_state_alone": BY_PROCESS,
            "test_iterating_twice_gives_the_same": BY_PROCESS,
            "test_the_same_bytes_for_any_workers_batch_size_and_order": BY_PROCESS,
            "test_a_source_that_changes_is_refused": "real items may change, as transforms do",
        },
    ),
    DataSet(
        "AugmentedDataset of a MixedDataset",
        "AugmentedDataset",
        "data set",
        folder,
        augmented_mixed,
        refused=({"transform": None}, {"transform": "flip"}),
        exceptions=TO_DEVICE,
        made=range(14, 24),
    ),
    DataSet(
        "AugmentedDataset of a Subset of an AugmentedDataset",
        "AugmentedDataset",
        "data set",
        in_memory,
        nested,
        exceptions=TO_DEVICE,
        made=range(10),
    ),
)

SAMPLERS: tuple[PublicObject, ...] = (
    PublicObject(
        "ClassBalancedSampler",
        "ClassBalancedSampler",
        "sampler",
        lambda files: list(LABELS),
        balanced,
        refused=({"num_samples": 0}, {"seed": 0.5}, {"targets": [0.5]}, {"rank": 0}),
        exceptions={
            "test_the_artifact_decides_however_it_is_named": LABELS_ALONE,
            "test_an_artifact_that_cannot_be_used_is_refused": LABELS_ALONE,
        },
    ),
    PublicObject(
        "ClassBalancedSampler of one rank",
        "ClassBalancedSampler",
        "sampler",
        lambda files: np.array(LABELS),
        balanced_rank,
        refused=({"rank": 3}, {"rank": -1}, {"world_size": 0}),
        exceptions={
            "test_the_artifact_decides_however_it_is_named": LABELS_ALONE,
            "test_an_artifact_that_cannot_be_used_is_refused": LABELS_ALONE,
        },
    ),
)

OVER_SAMPLERS: tuple[PublicObject, ...] = (
    PublicObject(
        "GANOverSampler",
        "GANOverSampler",
        "over-sampler",
        images_and_labels,
        over_sampler,
        file=("variation", 1),
    ),
    PublicObject(
        "GANOverSampler by class",
        "GANOverSampler",
        "over-sampler",
        flat_images_and_names,
        flat_over_sampler,
        file=("class", 3),
        refused=({"shape": (4, 6)}, {"shape": (4, 6, 3, 1)}),
    ),
)

OBJECTS: tuple[PublicObject, ...] = (*TRANSFORMS, *DATA_SETS, *SAMPLERS, *OVER_SAMPLERS)
