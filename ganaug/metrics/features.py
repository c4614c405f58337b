"""Features in which images are compared: principal components of their pixels."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ganaug.errors import DataError

__all__ = ["FeatureMap", "PixelPCA"]

LARGEST_SIDE = 32  # beyond it pixels are averaged in blocks; components are smooth anyway


class FeatureMap(Protocol):
    """Anything that turns images into features."""

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return float32 [N, D] of uint8 images [N, H, W, C]."""
        ...


class PixelPCA:
    """The first principal components of the pixels of real images.

    Distances between components are distances between images, less what the last components hold
    (mostly noise). Offline, without weights, and the same for all classes.

    Args:
        real: uint8 [N, H, W, C], N of 2 or more; what the components are fitted on.
        components: at most so many; fewer where there are fewer images or pixels.

    Attributes:
        explained: fraction of the variance of `real` that the components keep, in 0..1.

    Raises:
        DataError: fewer than 2 images.
    """

    def __init__(self, real: NDArray[np.uint8], components: int = 64) -> None:
        from sklearn.decomposition import PCA  # here: it takes a second to load

        if len(real) < 2:
            raise DataError(f"features: {len(real)} real images; allowed: 2 or more; give more")
        self.shape = real.shape[1:]
        pixels = _pixels(real)
        kept = min(components, len(pixels) - 1, pixels.shape[1])
        # The randomised solver needs far fewer components than there are; else the exact one.
        solver = "randomized" if 4 * kept <= min(pixels.shape) else "full"
        with np.errstate(divide="ignore", invalid="ignore"):  # where all images are equal
            self._pca = PCA(kept, svd_solver=solver, random_state=0).fit(pixels)
        ratio = float(self._pca.explained_variance_ratio_.sum())
        self.explained = 1.0 if np.isnan(ratio) else ratio

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return float32 [N, components] of uint8 images [N, H, W, C] of the size of `real`.

        Raises:
            DataError: another size or number of channels.
        """
        if images.shape[1:] != self.shape:
            raise DataError(
                f"features: images {list(images.shape[1:])}; allowed: {list(self.shape)} (H, W, C),"
                " as the real ones; load both at one size"
            )
        if not len(images):
            return np.zeros((0, self._pca.n_components_), np.float32)
        return self._pca.transform(_pixels(images)).astype(np.float32)


def _pixels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32 [N, pixels] in 0..1, averaged in blocks where a side is over `LARGEST_SIDE`."""
    n, height, width, channels = images.shape
    step = -(-max(height, width) // LARGEST_SIDE)
    rows, columns = height // step, width // step
    if not rows or not columns:  # a strip thinner than a block
        return images.reshape(n, -1).astype(np.float32) / np.float32(255)
    cut = images[:, : rows * step, : columns * step].astype(np.float32) / np.float32(255)
    blocks = cut.reshape(n, rows, step, columns, step, channels)
    averaged: NDArray[np.float32] = blocks.mean((2, 4)).reshape(n, -1)
    return averaged
