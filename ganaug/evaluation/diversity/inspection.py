"""Generated images looked at one by one: a map of all of them, and the most suspicious ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from ganaug.artifact.runtime import Generator
from ganaug.evaluation.diversity.generated import generate, spread_evenly
from ganaug.evaluation.diversity.subsamples import NEIGHBOURS
from ganaug.evaluation.splits import as_trained
from ganaug.images import ImageSet
from ganaug.metrics.features import PixelPCA
from ganaug.metrics.neighbours import neighbour_radius
from ganaug.randomness import stream

__all__ = ["Inspection", "Suspect", "inspect_samples"]

REAL_ON_MAP = 1200
SUSPECTS = 8
BLOCK = 256  # generated images compared at a time
CLASSES = 64  # looked at, from the rarest on, spread evenly


@dataclass(frozen=True, eq=False)
class Suspect:
    """A generated image that lies unusually near to a training image it was not made from.

    Attributes:
        name: class that it was made for.
        neighbour_name: class of that training image.
        ratio: distance to it, over the distance from it to its 5th nearest other training image,
            the ball of coverage and precision; 0 where they are equal.
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
class Inspection:
    """A map of real and generated images, and the generated ones nearest to training images.

    Attributes:
        classes: class names by label.
        real, synthetic: float32 [N, 2], on the first two principal components of the real pixels.
        real_labels, synthetic_labels: int64 [N].
        explained: fraction of the variance that these two components hold.
        suspects: the nearest first, at most one for each training image.
    """

    classes: tuple[str, ...]
    real: NDArray[np.float32]
    real_labels: NDArray[np.int64]
    synthetic: NDArray[np.float32]
    synthetic_labels: NDArray[np.int64]
    explained: float
    suspects: tuple[Suspect, ...]


def inspect_samples(generator: Generator, images: ImageSet, *, per_class: int = 24) -> Inspection:
    """Generate a few images of each class and compare them with the training images.

    Args:
        generator: a variation generator varies images of the class, spread evenly.
        images: those that it was fitted on; where `fit` held out a fifth, or there is a test part,
            that is left out. At most 64 of their classes are looked at.
        per_class: generated images of each class.
    """
    images = as_trained(images, generator.info)
    features = PixelPCA(images.images)
    real = features(images.images)
    made, sources, labels = _generate(generator, images, per_class)
    points = features(made)
    varied = generator.info.kind == "variation"
    nearest, ratios = _nearest(points, real, images.content, sources if varied else None)
    shown: dict[bytes, Suspect] = {}  # one for each training image
    for i in np.argsort(ratios, kind="stable").tolist():
        neighbour = images.images[nearest[i]]
        if len(shown) == SUSPECTS or not np.isfinite(ratios[i]):
            break
        if neighbour.tobytes() not in shown:
            shown[neighbour.tobytes()] = Suspect(
                images.classes[labels[i]],
                images.classes[images.labels[nearest[i]]],
                float(ratios[i]),
                made[i],
                neighbour,
                images.images[sources[i]] if varied else None,
            )
    most = max(per_class, REAL_ON_MAP // len(images.classes))
    members = [np.flatnonzero(images.labels == label) for label in range(len(images.classes))]
    on_map = np.concatenate([rows[spread_evenly(len(rows), most)] for rows in members if len(rows)])
    variance = real.var(0)
    return Inspection(
        images.classes,
        _plane(real[on_map]),
        images.labels[on_map],
        _plane(points),
        labels,
        float(variance[:2].sum() / max(variance.sum(), 1e-12) * features.explained),
        tuple(shown.values()),
    )


def _plane(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 [N, 2]: the first two components; 0 where two images have but one."""
    return np.pad(points[:, :2], ((0, 0), (0, 2 - min(2, points.shape[1]))))


def _nearest(
    points: NDArray[np.float32],
    real: NDArray[np.float32],
    keys: NDArray[np.uint64],
    sources: NDArray[np.int64] | None,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The nearest real image of each generated one, int64 [M], and the ratio of its distance.

    Args:
        points, real: float32 [M, D] and [N, D].
        keys: uint64 [N], equal for twins.
        sources: int64 [M], the real images that they were varied from, or None.
    """
    radius = np.maximum(neighbour_radius(real, min(NEIGHBOURS, len(real) - 1)), 1e-12)
    nearest, ratios = np.empty(len(points), np.int64), np.empty(len(points))
    for start in range(0, len(points), BLOCK):
        part = slice(start, min(start + BLOCK, len(points)))
        distances = cdist(points[part], real)
        if sources is not None:  # twins of the source are no more suspicious than the source
            distances[keys[sources[part]][:, None] == keys[None]] = np.inf
        nearest[part] = distances.argmin(1)
        ratios[part] = distances.min(1) / radius[nearest[part]]
    return nearest, ratios


def _generate(
    generator: Generator, images: ImageSet, per_class: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Images uint8 [N, H, W, C], the rows they came from, and labels."""
    present = np.argsort(images.counts, kind="stable")
    present = present[images.counts[present] > 0]
    made, sources, labels = [], [], []
    for label in present[spread_evenly(len(present), CLASSES)]:
        # The name of the stream decides which images are made: it stays, wherever this file lies.
        rng = stream(0, "report/look", index=int(label))
        shape = (per_class, generator.info.latent_dim)
        normal = rng.standard_normal(shape, dtype=np.float32)
        own = np.flatnonzero(images.labels == label)
        rows = own[np.resize(spread_evenly(len(own), per_class), per_class)]
        made.append(generate(generator, images, rows, int(label), normal))
        sources.append(rows)
        labels.append(np.full(per_class, label, np.int64))
    return np.concatenate(made), np.concatenate(sources), np.concatenate(labels)
