"""Where the generated images of a class come from: a generator, or images that were given."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganaug.artifact.levels import generate_levels, vary_levels
from ganaug.artifact.runtime import Generator
from ganaug.errors import ArtifactError, ConfigError, DataError, did_you_mean
from ganaug.evaluation.other_tools import load_made
from ganaug.evaluation.splits import in_class_order, refuse_unnamed
from ganaug.images import ImageSet
from ganaug.images.class_names import position_of
from ganaug.randomness import stream
from ganaug.use.class_map import class_map, refuse_numbered

__all__ = ["Given", "Made", "Maker", "from_generator", "from_given", "generate", "spread_evenly"]

_log = logging.getLogger("ganaug")

TWICE = 64  # images of a class that are made again with other latents


@dataclass(frozen=True, eq=False)
class Made:
    """Generated images of one class.

    Attributes:
        images: uint8 [M, H, W, C].
        sources: int64 [M], the rows of the real images they came from, or None.
        again: uint8 [L, H, W, C], the first L of them with other latents, or None.
    """

    images: NDArray[np.uint8]
    sources: NDArray[np.int64] | None = None
    again: NDArray[np.uint8] | None = None


def spread_evenly(count: int, most: int) -> NDArray[np.int64]:
    """int64: at most `most` of the places 0..count-1, with equal distances."""
    return np.linspace(0, count - 1, min(most, count)).round().astype(np.int64)


Given = tuple[NDArray[np.uint8], NDArray[np.int64]] | ImageSet | str | os.PathLike[str]
# (rows of real images, their label) -> generated images: as many, where there are so many
Maker = Callable[[NDArray[np.int64], int], Made]


def from_generator(generator: Generator, images: ImageSet, seed: int) -> Maker:
    """Let the generator make them: a variation of each real image, or as many of the class.

    Args:
        generator: of either kind.
        images: the real images.
        seed: of the latents.

    Raises:
        ArtifactError: the generator does not know a class; or its classes are labels without names,
            which may mean others.
        DataError: a class generator's images have another size; or such labels are theirs.
    """
    info = generator.info
    refuse_unnamed(images, info.classes)
    refuse_numbered(images.classes, info, str(generator.path))
    for name in images.classes:
        if position_of(name, info.classes) is None:
            raise ArtifactError(
                f"class {name!r} is unknown to the artifact{did_you_mean(name, info.classes)};"
                f" allowed: {', '.join(info.classes)}; give the images it was fitted on"
            )
    if info.kind == "class" and images.size != info.size:
        raise DataError(
            f"{images.source}: images of {images.size[0]}x{images.size[1]}, generated ones are"
            f" {info.size[0]}x{info.size[1]}; load them at that size"
        )

    def make(rows: NDArray[np.int64], label: int) -> Made:
        rng = stream(seed, "diversity/make", index=label)
        normal = rng.standard_normal((2, len(rows), info.latent_dim), dtype=np.float32)
        return Made(
            generate(generator, images, rows, label, normal[0]),
            rows if info.kind == "variation" else None,
            generate(generator, images, rows[:TWICE], label, normal[1][:TWICE]),
        )

    return make


def generate(
    generator: Generator,
    images: ImageSet,
    rows: NDArray[np.int64],
    label: int,
    normal: NDArray[np.float32],
    *,
    scale: float | None = None,
) -> NDArray[np.uint8]:
    """Return a variation of each of `rows`; from a class generator as many images of the class.

    Args:
        generator: of either kind.
        images: real images of its classes.
        rows: int64 [N] of `images`, all of the class `label`.
        label: of the class, in `images`.
        normal: float32 [N, Z] of N(0, 1).
        scale: put on it; None is the policy's, or 1.

    Returns:
        uint8 [N, H, W, C].
    """
    info = generator.info
    latents = normal * np.float32(info.scale if scale is None else scale)
    if info.kind == "variation":
        return vary_levels(generator, images.images[rows], latents)
    number = class_map(images.classes[label : label + 1], info, str(generator.path)).item()
    return generate_levels(generator, np.full(len(rows), number, np.int64), latents)


def from_given(
    synthetic: Given,
    images: ImageSet,
    seed: int,
    per_class: int,
    *,
    exif: bool = True,
    skip_corrupt: bool = False,
) -> Maker:
    """Take them from what was given: all images of a class, or `per_class` of them at random.

    Args:
        synthetic: images and labels, an image set, or the folder that they lie in.
        images: the real images.
        seed: of the choice.
        per_class: the most of a class.
        exif, skip_corrupt: as for `load_images`, for a folder.

    Raises:
        ConfigError: they are something else.
        DataError: shapes, dtypes, labels or class names do not fit the real images; or there are
            none.
    """
    if isinstance(synthetic, str | os.PathLike):
        loaded = load_made(synthetic, images, exif=exif, skip_corrupt=skip_corrupt)
        for note in loaded.notes:
            _log.info("%s", note)
        synthetic = loaded
    given = _as_set(synthetic, images)
    if not len(given):
        raise DataError("synthetic: no images; allowed: some of each class; give what was made")
    if given.images.shape[1:] != images.images.shape[1:]:
        raise DataError(
            f"synthetic: images {list(given.images.shape[1:])}; allowed:"
            f" {list(images.images.shape[1:])} (H, W, C), as the real ones; resize them"
        )

    def make(rows: NDArray[np.int64], label: int) -> Made:
        own = stream(seed, "diversity/given", index=label).permutation(
            np.flatnonzero(given.labels == label)
        )
        return Made(given.images[own[:per_class]])

    return make


def _as_set(synthetic: object, like: ImageSet) -> ImageSet:
    """Return given images with labels that count in the classes of `like`."""
    if isinstance(synthetic, ImageSet):
        return in_class_order(synthetic, like)
    if isinstance(synthetic, tuple | list) and len(synthetic) == 2:
        pixels, labels = synthetic
        if hasattr(pixels, "dtype") and hasattr(pixels, "ndim") and labels is not None:
            return ImageSet(pixels, np.asarray(labels), like.classes, source="synthetic")
    raise ConfigError(
        f"synthetic: a {type(synthetic).__name__}; allowed: (images, labels) with images as uint8"
        " [N, H, W, C], an ImageSet, or the path of class folders; give one"
    )
