"""Every public transform, data set and sampler of ganaug: what the contracts run over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from contracts.files import Files
from contracts.given import (
    LABELS,
    class_counts,
    flat_images_and_names,
    folder,
    images_and_labels,
    in_memory,
    levels,
    marked_samples,
    no_items,
    normalised_samples,
    samples,
)
from contracts.ways import (
    augment,
    augmented,
    augmented_mixed,
    balanced,
    balanced_rank,
    behind_normalize,
    flat_over_sampler,
    mixed,
    mixed_of_augmented,
    mixed_twice,
    nested,
    over_sampler,
    reordered,
    synthetic,
    synthetic_flipped,
    without_content,
    without_source,
)

__all__ = [
    "DATA_SETS",
    "OBJECTS",
    "OVER_SAMPLERS",
    "SAMPLERS",
    "TRANSFORMS",
    "DataSet",
    "OverSampler",
    "PublicObject",
    "Sampler",
    "Transform",
    "over",
]


@dataclass(frozen=True)
class PublicObject:
    """A public object in one of the ways to build it.

    Attributes:
        name: of the case.
        public: name in `ganaug.__all__`.
        kind: how `observe` uses it.
        given: returns what it is built for or fed with, anew for each test.
        build: called with the artifact, what is given, and options in place of the usual ones.
        file: kind and channels of the generator that fits.
        still: options with which torch's generator does not matter.
        refused: options of one argument each that are not allowed.
        exceptions: {name of a check: why the object does not pass it}. An object that passes all
            the same is an error, so that no exception outlives its reason.
    """

    kind: ClassVar[str]
    name: str
    public: str
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

    kind = "transform"
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

    kind = "data set"
    made: range = range(0)
    empty: Callable[[], Any] = no_items


@dataclass(frozen=True)
class Sampler(PublicObject):
    """A sampler of indices, for a DataLoader."""

    kind = "sampler"


@dataclass(frozen=True)
class OverSampler(PublicObject):
    """An over-sampler of imbalanced-learn."""

    kind = "over-sampler"


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
        samples(3),
        augment,
        still={"scale": 0.0},
        refused=BAD_P,
        exceptions=TRANSFORM_EXCEPTIONS,
    ),
    Transform(
        "GANAugment by class",
        "GANAugment",
        samples(3),
        augment,
        file=("class", 3),
        still={"scale": 0.0},
        refused=BAD_P,
        exceptions=TRANSFORM_EXCEPTIONS,
    ),
    Transform(
        "GANAugment for classes in another order",
        "GANAugment",
        samples(3),
        reordered,
        file=("class", 3),
        still={"scale": 0.0},
        refused=BAD_P,
        exceptions=TRANSFORM_EXCEPTIONS,
    ),
    Transform(
        "GANAugment of grey images",
        "GANAugment",
        samples(1),
        augment,
        file=("variation", 1),
        still={"scale": 0.0},
        refused=BAD_P,
        exceptions=TRANSFORM_EXCEPTIONS,
    ),
    Transform(
        "GANAugment of marked images",
        "GANAugment",
        marked_samples,
        augment,
        file=("moving", 3),
        still={"scale": 0.0},
        refused=({"content": 1}, {"content": None}),
        exceptions=TRANSFORM_EXCEPTIONS,
    ),
    Transform(
        "GANAugment without content",
        "GANAugment",
        marked_samples,
        without_content,
        file=("moving", 3),
        still={"scale": 0.0},
        exceptions=TRANSFORM_EXCEPTIONS,
    ),
    Transform(
        "GANAugment behind Normalize",
        "GANAugment",
        normalised_samples,
        behind_normalize,
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
        folder,
        synthetic,
        refused=BAD_SYNTHETIC,
        made=range(10),
    ),
    DataSet(
        "SyntheticDataset by class",
        "SyntheticDataset",
        in_memory,
        synthetic,
        file=("class", 3),
        refused=BAD_SYNTHETIC,
        made=range(10),
    ),
    DataSet(
        "SyntheticDataset without a source",
        "SyntheticDataset",
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
        in_memory,
        synthetic_flipped,
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
        folder,
        mixed,
        refused=({"synthetic": "photos"},),
        made=range(14, 24),
    ),
    DataSet(
        "MixedDataset of two generators",
        "MixedDataset",
        in_memory,
        mixed_twice,
        made=range(14, 34),
    ),
    DataSet(
        "MixedDataset of an AugmentedDataset",
        "MixedDataset",
        in_memory,
        mixed_of_augmented,
        made=range(14, 24),
    ),
    DataSet(
        "AugmentedDataset",
        "AugmentedDataset",
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
        folder,
        augmented_mixed,
        refused=({"transform": None}, {"transform": "flip"}),
        exceptions=TO_DEVICE,
        made=range(14, 24),
    ),
    DataSet(
        "AugmentedDataset of a Subset of an AugmentedDataset",
        "AugmentedDataset",
        in_memory,
        nested,
        exceptions=TO_DEVICE,
        made=range(10),
    ),
)

SAMPLERS: tuple[Sampler, ...] = (
    Sampler(
        "ClassBalancedSampler",
        "ClassBalancedSampler",
        lambda files: list(LABELS),
        balanced,
        refused=({"num_samples": 0}, {"seed": 0.5}, {"targets": [0.5]}, {"rank": 0}),
        exceptions={
            "test_the_artifact_decides_however_it_is_named": LABELS_ALONE,
            "test_an_artifact_that_cannot_be_used_is_refused": LABELS_ALONE,
        },
    ),
    Sampler(
        "ClassBalancedSampler of one rank",
        "ClassBalancedSampler",
        lambda files: np.array(LABELS),
        balanced_rank,
        refused=({"rank": 3}, {"rank": -1}, {"world_size": 0}),
        exceptions={
            "test_the_artifact_decides_however_it_is_named": LABELS_ALONE,
            "test_an_artifact_that_cannot_be_used_is_refused": LABELS_ALONE,
        },
    ),
)

OVER_SAMPLERS: tuple[OverSampler, ...] = (
    OverSampler(
        "GANOverSampler",
        "GANOverSampler",
        images_and_labels,
        over_sampler,
        file=("variation", 1),
    ),
    OverSampler(
        "GANOverSampler by class",
        "GANOverSampler",
        flat_images_and_names,
        flat_over_sampler,
        file=("class", 3),
        refused=({"shape": (4, 6)}, {"shape": (4, 6, 3, 1)}),
    ),
)

OBJECTS: tuple[PublicObject, ...] = (*TRANSFORMS, *DATA_SETS, *SAMPLERS, *OVER_SAMPLERS)
