"""Which features real and generated images are compared in, and what those are fitted on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganaug.errors import ConfigError
from ganaug.evaluation.diversity.cuts import can_be_halved
from ganaug.images import ImageSet
from ganaug.metrics.encoder import FEWEST_TO_LEARN_FROM, SmallEncoder
from ganaug.metrics.features import (
    FeatureMap,
    JointFeatures,
    ModuleFeatures,
    PixelPCA,
    torchvision_features,
)
from ganaug.randomness import stream

__all__ = ["ChosenFeatures", "InFeatures", "choose_features", "in_blocks", "learnt_from"]

KEPT_FOR_REFERENCE = 60  # of a class; features are fitted on a quarter of what it has, beyond that
MOST_TO_LEARN_FROM = 2000
COMPONENTS = 64  # of the pixels, at most
IMAGES_A_COMPONENT = 8  # of those that are compared, where the components are fitted on these
BLOCK = 2048  # images that are put into features at once


@dataclass(frozen=True, eq=False)
class ChosenFeatures:
    """Features that real and generated images are compared in.

    Attributes:
        features: that the record is made in.
        pixels: components of the pixels, in which copies are searched, too.
        name: for the settings of the record.
    """

    features: FeatureMap
    pixels: FeatureMap
    name: str


@dataclass(frozen=True, eq=False)
class InFeatures:
    """Images of one class, as they are compared.

    Attributes:
        features: float32 [N, D].
        texture: float32 [N, E], detail by scale.
        pixels: float32 [N, P], components of the pixels.
    """

    features: NDArray[np.float32]
    texture: NDArray[np.float32]
    pixels: NDArray[np.float32]


def choose_features(
    wanted: Any,
    images: ImageSet,
    learnt: NDArray[np.bool_],
    made: NDArray[np.uint8],
    steps: int,
    seed: int,
    on_step: Callable[[], None] | None = None,
) -> ChosenFeatures:
    """Return the features that `evaluate_diversity` was asked for.

    Args:
        wanted: its argument `features`.
        images: the real images.
        learnt: bool [N], of `learnt_from`: those that features are fitted on, if there are any.
        made: uint8 [M, H, W, C], all that is compared with the others.
        steps: of the encoder.
        seed: of the encoder.
        on_step: called after each step of the encoder.

    Raises:
        ConfigError: features of another kind.
    """
    if learnt.any():
        examples = images.images[learnt]
        pixels = PixelPCA(examples)
        maps = (pixels, SmallEncoder(examples, steps=steps, seed=seed, on_step=on_step))
        return ChosenFeatures(JointFeatures(maps, examples), pixels, "PixelPCA and SmallEncoder")
    pixels = _few_components(images.images, made)
    if wanted is None:
        return ChosenFeatures(pixels, pixels, "PixelPCA")
    if isinstance(wanted, tuple) and len(wanted) == 2:
        return ChosenFeatures(torchvision_features(*wanted), pixels, str(wanted[0]))
    from torch import nn

    name = type(wanted).__name__
    if isinstance(wanted, nn.Module):
        return ChosenFeatures(ModuleFeatures(wanted), pixels, name)
    if not callable(wanted):
        raise ConfigError(
            f"features: a {name}; allowed: a function of uint8 [N, H, W, C], a torch module, or"
            " (torchvision model, file of weights); leave it out for the default"
        )
    return ChosenFeatures(wanted, pixels, name)


def _few_components(real: NDArray[np.uint8], made: NDArray[np.uint8]) -> PixelPCA:
    """Return components of the compared images themselves, real and generated ones alike.

    Of real images alone they would be those in which just these differ most: honest images of
    textures, that differ in every place, would seem to differ less. They are few beside the images,
    which lie wholly within as many components as there are of them.
    """
    some = [each[:: len(each) // (MOST_TO_LEARN_FROM // 2) + 1] for each in (real, made)]
    both = np.concatenate(some)
    return PixelPCA(both, min(COMPONENTS, max(2, len(both) // IMAGES_A_COMPONENT)))


def learnt_from(images: ImageSet, seed: int) -> NDArray[np.bool_]:
    """bool [N]: real images that features are fitted on, and that are not compared.

    None where these would be too few for an encoder.
    """
    part = _part_to_learn_from(images, seed)
    return part if part.sum() >= FEWEST_TO_LEARN_FROM else np.zeros(len(images), np.bool_)


def in_blocks(features: FeatureMap, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return float32 [N, D], computed in blocks: floating point needs many times the memory.

    Raises:
        ConfigError: the features are no finite numbers [N, D].
    """
    blocks = range(0, max(len(images), 1), BLOCK)
    return np.concatenate([_numbers(features, images[at : at + BLOCK]) for at in blocks])


def _numbers(features: FeatureMap, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    if not len(images):  # a class without images: many functions cannot tell of none
        return np.zeros((0, 0), np.float32)
    given: Any = features(images)
    if hasattr(given, "detach"):  # a torch tensor, perhaps with a gradient or on a GPU
        given = given.detach().float().cpu()
    try:
        found = np.asarray(given, np.float32)
    except (TypeError, ValueError):  # None, text, rows of different lengths
        found = np.zeros(0, np.float32)
    fits = found.ndim == 2 and len(found) == len(images)
    if len(images) and not (fits and np.isfinite(found).all()):
        what = "NaN or infinity" if fits else f"a {type(given).__name__} {list(found.shape)}"
        raise ConfigError(
            f"features: gave {what} for {len(images)} images; allowed: finite numbers"
            f" [{len(images)}, D]; correct the function"
        )
    return found


def _part_to_learn_from(images: ImageSet, seed: int) -> NDArray[np.bool_]:
    """bool [N]: at most a quarter of each class, whole units, only of classes with many images."""
    unit = images.units
    spare = np.minimum(images.counts // 4, images.counts - KEPT_FOR_REFERENCE).clip(0)
    spare = (spare * min(1.0, MOST_TO_LEARN_FROM / max(int(spare.sum()), 1))).astype(np.int64)
    part = np.zeros(len(images), bool)
    order = stream(seed, "diversity/features").permutation(int(unit.max(initial=-1)) + 1)
    for label in np.flatnonzero(spare):
        rows = np.flatnonzero(images.labels == label)
        rows = rows[np.argsort(order[unit[rows]], kind="stable")]
        sizes = np.cumsum(np.unique(order[unit[rows]], return_counts=True)[1])
        whole = int(sizes[sizes <= spare[label]].max(initial=0))
        part[rows[:whole]] = can_be_halved(unit[rows[whole:]])  # what is left is compared
    return part & ~np.isin(unit, unit[~part])  # a unit of two classes may not be torn
