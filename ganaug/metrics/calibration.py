"""How far a classifier's confidence is from its accuracy."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganaug.errors import DataError

__all__ = ["calibration_error"]


def calibration_error(probabilities: ArrayLike, labels: NDArray[np.int64], bins: int = 15) -> float:
    """Return the expected calibration error in 0..1 (Guo et al., arXiv 1706.04599, equation 3).

    The images are put into `bins` bins of equal width by their highest probability; the result is
    the mean, weighted by images, of |accuracy - mean confidence| in each bin.

    Args:
        probabilities: [N, classes], each row adding up to 1.
        labels: int64 [N].
        bins: number of bins.

    Raises:
        DataError: no images, or shapes that do not fit.

    Examples:
        >>> calibration_error([[0.9, 0.1], [0.9, 0.1]], np.array([0, 1]))
        0.4
    """
    scores = np.asarray(probabilities, dtype=np.float64)
    if scores.ndim != 2 or labels.shape != (len(scores),) or not len(scores):
        raise DataError(
            f"calibration: probabilities {list(scores.shape)} and labels {list(labels.shape)};"
            " allowed: [N, classes] and [N] with N of 1 or more"
        )
    confidence = scores.max(1)
    right = (scores.argmax(1) == labels).astype(np.float64)
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    gaps = np.bincount(place, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(scores))
