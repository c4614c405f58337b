"""What a report shows of single images: a map of features, and the most suspicious samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from ganaug.artifact.runtime import Generator
from ganaug.images import ImageSet
from ganaug.metrics.features import PixelPCA
from ganaug.metrics.neighbours import neighbour_radius
from ganaug.randomness import stream

__all__ = ["Look", "Suspect", "look_at"]

REAL_ON_MAP = 1200
NEIGHBOURS = 5
BLOCK = 256  # generated images compared at a time
CLASSES = 64  # looked at, from the rarest on, spread evenly


@dataclass(frozen=True, eq=False)
class Suspect:
    """A generated image that lies unusually near to a training image it was not made from.

    Attributes:
        name: class that it was made for.
        neighbour_name: class of that training image.
        ratio: distance to it, over the distance from it to its 5th nearest other training image,
            the ball of coverage and precision; far below 1 is a copy.
        image, neighbour: uint8 [H, W, C].
        source: what it was varied from; None for a class generator.
    """

    name: str
    neighbour_name: str
    ratio: float
    image: NDArray[np.uint8]
    neighbour: NDArray[np.uint8]
    source: NDArray[np.uint8] | None


@dataclass(frozen=True, eq=False)
class Look:
    """Points of a map, and suspects.

    Attributes:
        classes: class names by label.
        real, synthetic: float32 [N, 2], on the first two principal components of the real pixels.
        real_labels, synthetic_labels: int64 [N].
        explained: fraction of the variance that these two components hold.
        suspects: the nearest first.
    """

    classes: tuple[str, ...]
    real: NDArray[np.float32]
    real_labels: NDArray[np.int64]
    synthetic: NDArray[np.float32]
    synthetic_labels: NDArray[np.int64]
    explained: float
    suspects: tuple[Suspect, ...]


def look_at(
    generator: Generator, images: ImageSet, *, per_class: int = 24, suspects: int = 8, seed: int = 0
) -> Look:
    """Generate a few images of each class and compare them with the training images.

    Args:
        generator: a variation generator varies images of the class, spread evenly.
        images: the training images; at most 64 of their classes are looked at.
        per_class: generated images of each class.
        suspects: how many to return, at most one for each training image.
        seed: of the latents.
    """
    (name, *others) = generator.info.classes
    if not others and name not in images.classes:
        images = images.merged(name)
    features = PixelPCA(images.images)
    real = features(images.images)
    made, sources, labels = _generate(generator, images, per_class, seed)
    points = features(made)
    varied = generator.info.kind == "variation"
    found: list[Suspect] = []
    radius = neighbour_radius(real, min(NEIGHBOURS, len(real) - 1))
    for start in range(0, len(made), BLOCK):
        part = np.arange(start, min(start + BLOCK, len(made)))
        distances = cdist(points[part], real)
        if varied:  # twins of the source are no more suspicious than the source
            distances[images.keys[sources[part]][:, None] == images.keys[None]] = np.inf
        for i, at in zip(part.tolist(), distances.argmin(1).tolist(), strict=True):
            distance = float(distances[i - start, at])
            if np.isfinite(distance):
                found.append(
                    Suspect(
                        images.classes[labels[i]],
                        images.classes[images.labels[at]],
                        distance / max(float(radius[at]), 1e-12),
                        made[i],
                        images.images[at],
                        images.images[sources[i]] if varied else None,
                    )
                )
    found.sort(key=lambda suspect: suspect.ratio)
    seen: set[bytes] = set()
    chosen: list[Suspect] = []
    for suspect in found:
        if len(chosen) < suspects and suspect.neighbour.tobytes() not in seen:
            seen.add(suspect.neighbour.tobytes())
            chosen.append(suspect)
    most = max(per_class, REAL_ON_MAP // len(images.classes))
    members = [np.flatnonzero(images.labels == label) for label in range(len(images.classes))]
    shown = np.concatenate([rows[_spread(len(rows), most)] for rows in members if len(rows)])
    variance = real.var(0)
    return Look(
        images.classes,
        real[shown, :2],
        images.labels[shown],
        points[:, :2],
        labels,
        float(variance[:2].sum() / max(variance.sum(), 1e-12) * features.explained),
        tuple(chosen),
    )


def _generate(
    generator: Generator, images: ImageSet, per_class: int, seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Images uint8 [N, H, W, C], the rows they came from, and labels."""
    info = generator.info
    scale = 1.0 if info.policy is None else info.policy.scale
    present = np.argsort(images.counts, kind="stable")
    present = present[images.counts[present] > 0]
    made, sources, labels = [], [], []
    for label in present[_spread(len(present), CLASSES)]:
        rng = stream(seed, "report/look", index=int(label))
        latents = scale * rng.standard_normal((per_class, info.latent_dim), dtype=np.float32)
        latents = latents.astype(np.float32)
        own = np.flatnonzero(images.labels == label)
        rows = own[np.resize(_spread(len(own), per_class), per_class)]
        if info.kind == "variation":
            pixels = images.images[rows].transpose(0, 3, 1, 2).astype(np.float32) / 255
            found = generator.vary(np.ascontiguousarray(pixels), latents)
        else:
            wanted = info.classes.index(images.classes[label])
            found = generator.generate(np.full(per_class, wanted, np.int64), latents)
        made.append(np.rint(found.transpose(0, 2, 3, 1) * 255).astype(np.uint8))
        sources.append(rows)
        labels.append(np.full(per_class, label, np.int64))
    return np.concatenate(made), np.concatenate(sources), np.concatenate(labels)


def _spread(count: int, most: int) -> NDArray[np.int64]:
    """int64: at most `most` of `count` places, spread evenly."""
    places = np.linspace(0, count - 1, min(most, count)).round().astype(np.int64)
    result: NDArray[np.int64] = np.unique(places)
    return result
