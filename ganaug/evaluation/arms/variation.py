"""Varied batches: `GANAugment` as users have it, or an untrained warp in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganaug.artifact.format import Metadata
from ganaug.artifact.policy import Policy
from ganaug.evaluation.arms.grammar import Arm, check_kind
from ganaug.evaluation.arms.random_warp import RandomWarp, matched_strength, mean_absolute_change
from ganaug.images import ImageSet
from ganaug.randomness import stream, stream_seed
from ganaug.use.generate import open_generator
from ganaug.use.policy import can_make, class_probabilities
from ganaug.use.transform import GANAugment

__all__ = ["Variation", "make_variation", "never_varies"]

Variation = Callable[[Tensor, Tensor], Tensor]
MATCHED_IMAGES = 256


def never_varies(arm: Arm, info: Metadata, policy: Policy | None = None) -> bool:
    """Return whether p is 0 for every class, so that the arm is a free arm.

    Args:
        info: of the generator.
        policy: takes the place of the artifact's own.
    """
    if arm.use not in ("transform", "warp", "mixed"):
        return False
    used = _policy(arm, info) if policy is None else policy
    return used is not None and not used.probability(info.counts)[can_make(info)].any()


def make_variation(
    arm: Arm, artifact: Path, train: ImageSet, pixels: Tensor, seed: int
) -> Variation:
    """Return what varies a batch, uint8 [N, C, H, W] and labels int64 [N].

    The options of the arm take the place of the artifact's policy. The arm with a warp varies the
    same images, by a random warp that changes them as much.

    Raises:
        ConfigError: a warp in place of a class generator, which does not vary images.
    """
    generator = open_generator(artifact)
    info = generator.info
    policy = _policy(arm, info)
    p = class_probabilities(None, policy, info, generator.path.name)
    by_name = dict(zip(info.classes, p.tolist(), strict=True))  # given, so that no log tells it
    transform = GANAugment(generator, p=by_name, scale=arm.option("scale"))
    transform = transform.for_classes(train.classes)
    if arm.use == "transform":
        return _Varied(transform)
    check_kind(arm, info.kind)
    return _warp(transform, pixels, stream_seed(seed, "evaluate/warp"))


def _policy(arm: Arm, info: Metadata) -> Policy | None:
    """Return the artifact's policy, or the one that the options of the arm describe."""
    p, top, start = arm.option("p"), arm.option("top"), arm.option("from")
    if p is not None:
        return Policy(((0, p),), source="arm")
    if top is None and start is None:
        return info.policy
    given = {name: value for name, value in (("top", top), ("start", start)) if value is not None}
    return replace(Policy.falling(info.counts, **given), source="arm")


def _warp(transform: GANAugment, pixels: Tensor, seed: int) -> Variation:
    """Vary the images that `transform` would, by a random warp of matched strength.

    The strength is found on up to 256 training images: their mean absolute change is the
    generator's.
    """
    rows = stream(seed, "rows").permutation(len(pixels))[:MATCHED_IMAGES]
    some = pixels[np.sort(rows)]
    always = GANAugment(transform.generator, p=1.0, scale=transform.scale, labels_getter=None)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        change = mean_absolute_change(some, always)
    return _Warped(transform, RandomWarp(matched_strength(some, change, seed)))


@dataclass(frozen=True)
class _Varied:
    """What the arm with the generator does. Picklable, for worker processes of a loader."""

    transform: GANAugment

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        varied: Tensor = self.transform(images, labels)[0]
        return varied


@dataclass(frozen=True)
class _Warped:
    """The same images, warped."""

    transform: GANAugment
    warp: RandomWarp

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        # The draws of the arm with the generator come first, so that the same images are varied.
        rows = torch.from_numpy(self.transform.make_params([images], labels)["rows"])
        result = images.clone()
        if len(rows):
            result[rows] = self.warp(images[rows])
        return result
