"""Ways to build the public objects: each takes an artifact, what is given, and options."""

from __future__ import annotations

from typing import Any

import torch
from contracts.files import CLASSES
from torch.utils.data import Subset
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
    "augment",
    "augmented",
    "augmented_mixed",
    "balanced",
    "balanced_rank",
    "behind_normalize",
    "flat_over_sampler",
    "mixed",
    "mixed_of_augmented",
    "mixed_twice",
    "nested",
    "over_sampler",
    "reordered",
    "synthetic",
    "synthetic_flipped",
    "without_content",
    "without_source",
]

TO_TENSOR = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
# Many draws, between which another thread may draw.
FLIPS = v2.Compose([v2.RandomHorizontalFlip(), v2.RandomVerticalFlip()] * 12)
P = dict.fromkeys(CLASSES, 1.0)  # by name, so that names are checked


def augment(artifact: Any, given: Any, **options: Any) -> GANAugment:
    return GANAugment(artifact, **{"p": P, **options})


def without_content(artifact: Any, given: Any, **options: Any) -> GANAugment:
    return augment(artifact, given, **{"content": False, **options})


def behind_normalize(artifact: Any, given: Any, **options: Any) -> GANAugment:
    return augment(artifact, given, mean=0.5, std=0.5, **options)


def reordered(artifact: Any, given: Any, **options: Any) -> GANAugment:
    return augment(artifact, given, **options).for_classes(["cat", "bee", "ant"])


def synthetic(artifact: Any, source: Any, **options: Any) -> SyntheticDataset:
    return SyntheticDataset(artifact, source=source, **{"counts": "balance", "seed": 5, **options})


def synthetic_flipped(artifact: Any, source: Any, **options: Any) -> SyntheticDataset:
    return synthetic(artifact, source, **{"transform": FLIPS, **options})


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
