"""A handful of diversity numbers, cheap enough for every checkpoint of a training run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganaug.errors import DataError
from ganaug.metrics.distances import energy_distance
from ganaug.metrics.features import PixelPCA
from ganaug.metrics.neighbours import coverage, nearest_distance, precision
from ganaug.metrics.spread import near_duplicates, spread_ratio
from ganaug.metrics.texture import detail_by_scale

__all__ = ["quick_record"]

NEIGHBOURS = 5
MOST = 100  # images of a class
CLASSES = 20  # at most so many, the most frequent ones
COMPONENTS = 32


def quick_record(
    real: NDArray[np.uint8],
    real_labels: NDArray[np.int64],
    synthetic: NDArray[np.uint8],
    synthetic_labels: NDArray[np.int64],
) -> dict[str, float]:
    """Return numbers to follow over a training run, each the mean over classes.

    No references, intervals or words: those need subsamples, and `evaluate_diversity` has them.
    The first 100 images of a class and the 20 classes with the most images count, so that the
    cost is bounded: under a second on one core at 32 px. Give the same real images each time.

    Args:
        real, synthetic: uint8 [N, H, W, C] and [M, H, W, C].
        real_labels, synthetic_labels: int64 [N] and [M].

    Returns:
        coverage, precision: k-NN, in 0..1; texture: precision in detail by scale; spread: mean
        pairwise distance over that of real images; near_duplicates: fraction of generated images
        closer to another one than 95% of the real images are; kernel: energy distance over the
        spread of the real images. Empty where no class has more than 5 real images and 2 generated
        ones that can be compared.

    Raises:
        DataError: images and labels do not fit each other.

    Examples:
        >>> quick_record(real, labels, made, labels)["coverage"]  # doctest: +SKIP
        0.91
    """
    for name, images, labels in (
        ("real", real, real_labels),
        ("synthetic", synthetic, synthetic_labels),
    ):
        if images.ndim != 4 or labels.shape != (len(images),):
            raise DataError(
                f"{name}: images {list(images.shape)} and labels {list(labels.shape)}; allowed:"
                " [N, H, W, C] and [N]; give one label for each image"
            )
    classes, counts = np.unique(real_labels, return_counts=True)
    shown = classes[np.argsort(-counts, kind="stable")][:CLASSES]
    pairs = [
        (real[real_labels == label][:MOST], synthetic[synthetic_labels == label][:MOST])
        for label in shown
    ]
    pairs = [(x, y) for x, y in pairs if len(x) > NEIGHBOURS and len(y) > 1]
    if not pairs:
        return {}
    features = PixelPCA(np.concatenate([x for x, _ in pairs]), COMPONENTS)
    found = [_class(features(x), features(y), x, y) for x, y in pairs]
    kept = [each for each in found if each]
    return {name: float(np.mean([each[name] for each in kept])) for name in (kept or [{}])[0]}


def _class(
    theirs: NDArray[np.float32],
    ours: NDArray[np.float32],
    real: NDArray[np.uint8],
    synthetic: NDArray[np.uint8],
) -> dict[str, float]:
    itself = np.arange(len(theirs), dtype=np.int64)
    close = float(np.quantile(nearest_distance(theirs, theirs, itself), 0.05))
    if not (theirs != theirs[0]).any():  # all alike: nothing to compare with
        return {}
    detail, made_detail = detail_by_scale(real), detail_by_scale(synthetic)
    return {
        "coverage": coverage(theirs, ours, NEIGHBOURS),
        "precision": precision(theirs, ours, NEIGHBOURS),
        "texture": precision(detail, made_detail, NEIGHBOURS),
        "spread": spread_ratio(theirs, ours),
        "near_duplicates": near_duplicates(ours, close),
        "kernel": energy_distance(theirs, ours),
    }
