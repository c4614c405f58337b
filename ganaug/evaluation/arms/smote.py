"""SMOTE in pixel space: training images interpolated between neighbours of one class."""

from __future__ import annotations

from typing import Any

import numpy as np

from ganaug.errors import ConfigError
from ganaug.images import ImageSet

__all__ = ["check_smote", "with_smote"]

NEIGHBOURS = 5


def check_smote() -> type[Any]:
    """Return imbalanced-learn's SMOTE.

    Raises:
        ConfigError: imbalanced-learn is not installed.
    """
    try:
        from imblearn.over_sampling import SMOTE
    except ImportError as error:
        raise ConfigError(
            "smote: imbalanced-learn is not installed; allowed with it alone; install it with pip"
            " install 'ganaug[imbalanced]'"
        ) from error
    found: type[Any] = SMOTE
    return found


def with_smote(images: ImageSet, seed: int) -> ImageSet:
    """Return `images` and, behind them, SMOTE's up to the size of the largest class.

    imbalanced-learn's implementation (Chawla et al., JAIR 2002) on pixels, rounded to uint8. A
    class of a single image has no neighbour and stays as it is.

    Raises:
        ConfigError: imbalanced-learn is not installed.
    """
    smote = check_smote()
    counts = images.counts
    real = np.asarray(images.images)
    flat = real.reshape(len(images), -1).astype(np.float32)
    pixels, labels = [real], [images.labels]
    largest = int(counts.max())
    for label in np.flatnonzero((counts > 1) & (counts < largest)).tolist():
        # One class against the largest at a time, so that each has as many neighbours as it can.
        against = images.labels == int(counts.argmax())
        rows = np.flatnonzero((images.labels == label) | against)
        sampler = smote(
            sampling_strategy={label: largest},
            k_neighbors=min(NEIGHBOURS, int(counts[label]) - 1),
            random_state=seed % 2**32,
        )
        made, _ = sampler.fit_resample(flat[rows], images.labels[rows])
        new = np.rint(made[len(rows) :]).clip(0, 255).astype(np.uint8)
        pixels.append(new.reshape(-1, *real.shape[1:]))
        labels.append(np.full(len(new), label, np.int64))
    return ImageSet(
        np.concatenate(pixels), np.concatenate(labels), images.classes, source=images.source
    )
