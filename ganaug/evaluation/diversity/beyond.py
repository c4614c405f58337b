"""How many images of one set lie beyond another set, along the direction in which both differ."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["lost", "strayed"]


def lost(real: NDArray[np.float32], made: NDArray[np.float32]) -> float:
    """Return the share of real images beyond generated ones, less that the other way round.

    A shift of all images cancels out; what the generator leaves out does not.

    Args:
        real, made: float [n, D] and [m, D].
    """
    return float(np.mean([theirs - ours for theirs, ours in _beyond(real, made)]))


def strayed(real: NDArray[np.float32], made: NDArray[np.float32]) -> float:
    """Return the share of generated images [m, E] beyond real ones [n, E]."""
    if len(made) < 2:
        return 0.0  # one image has no halves
    return float(np.mean([ours for _, ours in _beyond(real, made)]))


def _beyond(real: NDArray[Any], made: NDArray[Any]) -> list[tuple[float, float]]:
    """Return (real beyond generated, generated beyond real), twice.

    "Beyond" is past nine tenths of the others, in the direction from the mean of the generated
    images to that of the real ones. The direction comes from one half of the images (odd or even
    rows, in random order), the shares from the other.
    """
    shares = []
    for first in (0, 1):
        direction = real[first::2].mean(0) - made[first::2].mean(0)
        theirs, ours = real[1 - first :: 2] @ direction, made[1 - first :: 2] @ direction
        past = float((theirs > np.quantile(ours, 0.9)).mean())
        shares.append((past, float((ours < np.quantile(theirs, 0.1)).mean())))
    return shares
