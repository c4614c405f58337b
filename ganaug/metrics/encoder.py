"""`SmallEncoder`: features that a small network learns from a part of the real images, unlabelled.

Two random crops of an image shall have the same features, and different features shall say
different things: VICReg (Bardes, Ponce and LeCun, ICLR 2022), which needs no large batches. The
augmentations move, light and roughen an image, but never blur it, or blur could not be seen in the
features. Labels are not used: the last layer of a classifier hides collapse inside a class.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ganaug.errors import DataError
from ganaug.metrics.features import LARGEST_SIDE, averaged
from ganaug.randomness import stream_seed

__all__ = ["FEWEST_TO_LEARN_FROM", "SmallEncoder"]

FEWEST_TO_LEARN_FROM = 128
BATCH = 64
WIDTH = 16
COMPONENTS = 64


class SmallEncoder:
    """Principal components of what a small self-supervised network sees, at three depths.

    Args:
        images: uint8 [N, H, W, C], N of 128 or more; better none of them is compared later.
        steps: of training, each on two views of 64 images; about 25 ms a step on one core.
        seed: of weights, batches and views.
        on_step: called after each step.

    Raises:
        DataError: fewer images.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        *,
        steps: int = 200,
        seed: int = 0,
        on_step: Callable[[], None] | None = None,
    ) -> None:
        from sklearn.decomposition import PCA  # here: it takes a second to load

        if len(images) < FEWEST_TO_LEARN_FROM:
            raise DataError(
                f"encoder: {len(images)} images; allowed: {FEWEST_TO_LEARN_FROM} or more; compare"
                " in PixelPCA"
            )
        self.shape = images.shape[1:]
        self._network = _train(_tensor(images), steps, seed, on_step)
        raw = self._raw(images)
        self._mean, deviation = raw.mean(0), raw.std(0)
        # A channel that hardly ever fires may not decide about distances where it does.
        self._scale = np.maximum(deviation, 0.1 * deviation.mean() + 1e-12)
        kept = min(COMPONENTS, len(raw) - 1, raw.shape[1])
        self._pca = PCA(kept, svd_solver="full").fit((raw - self._mean) / self._scale)

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return float32 [N, up to 64] of uint8 images [N, H, W, C] of the size it was fitted on.

        Raises:
            DataError: another size or number of channels.
        """
        if images.shape[1:] != self.shape:
            raise DataError(
                f"features: images {list(images.shape[1:])}; allowed: {list(self.shape)} (H, W, C),"
                " as the encoder was fitted on; load both at one size"
            )
        if not len(images):
            return np.zeros((0, self._pca.n_components_), np.float32)
        scaled = (self._raw(images) - self._mean) / self._scale
        return self._pca.transform(scaled).astype(np.float32)

    @torch.no_grad()
    def _raw(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        parts = [
            self._network.features(_tensor(images[start : start + 256]))
            for start in range(0, len(images), 256)
        ]
        found: NDArray[np.float32] = torch.cat(parts).numpy()
        return found


class _Network(nn.Module):
    """Three stages; `features` pools each of them, `forward` is what the loss compares."""

    def __init__(self, channels: int, strides: tuple[int, int, int]) -> None:
        super().__init__()
        widths = (channels, WIDTH, 2 * WIDTH, 4 * WIDTH)
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before, after, 3, stride, padding=1), nn.BatchNorm2d(after), nn.ReLU()
            )
            for before, after, stride in zip(widths, widths[1:], strides, strict=False)
        )
        self.projector = nn.Sequential(
            nn.Linear(5 * widths[3], 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 128)
        )

    def _pooled(self, images: Tensor) -> tuple[list[Tensor], Tensor]:
        """Means and deviations of each stage, and the last stage in four quarters."""
        pooled = []
        for stage in self.stages:
            images = stage(images)
            pooled += [images.mean((2, 3)), images.std((2, 3), correction=0)]
        return pooled, F.adaptive_avg_pool2d(images, 2).flatten(1)

    def forward(self, images: Tensor) -> Tensor:
        pooled, quarters = self._pooled(images)
        projected: Tensor = self.projector(torch.cat([quarters, pooled[-2]], 1))
        return projected

    def features(self, images: Tensor) -> Tensor:
        pooled, quarters = self._pooled(images)
        return torch.cat([*pooled, quarters], 1)


def _train(images: Tensor, steps: int, seed: int, on_step: Callable[[], None] | None) -> _Network:
    generator = torch.Generator().manual_seed(stream_seed(seed, "encoder"))
    strides = (2, 2, 2) if min(images.shape[2:]) > 16 else (1, 2, 2)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(stream_seed(seed, "encoder/weights"))
        network = _Network(images.shape[1], strides)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(steps):
        chosen = images[torch.randint(len(images), (BATCH,), generator=generator)]
        one, other = (network(_view(chosen, generator)) for _ in range(2))
        optimizer.zero_grad()
        _vicreg(one, other).backward()
        optimizer.step()
        if on_step is not None:
            on_step()
    return network.eval()


def _view(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turn, scale, shift, light and roughen each image in its own way."""

    def uniform(*shape: int) -> Tensor:
        return 2 * torch.rand(len(images), *shape, generator=generator) - 1

    angle, scale, shift = 0.25 * uniform(), 1 + 0.15 * uniform(), 0.15 * uniform(2)
    cos, sin = scale * angle.cos(), scale * angle.sin()
    long = images.shape[3] / images.shape[2]  # a grid counts in halves of each side
    rows = ([cos, -sin / long, shift[:, 0]], [sin * long, cos, shift[:, 1]])
    affine = torch.stack([torch.stack(row, 1) for row in rows], 1)
    grid = F.affine_grid(affine, list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    noise = torch.randn(moved.shape, generator=generator)
    return moved * (1 + 0.3 * uniform(1, 1, 1)) + 0.1 * uniform(1, 1, 1) + 0.02 * noise


def _vicreg(one: Tensor, other: Tensor) -> Tensor:
    """Equation 6 of the paper, with its weights 25, 25 and 1."""
    loss = 25 * F.mse_loss(one, other)
    for features in (one, other):
        centred = features - features.mean(0)
        deviation = (centred.var(0) + 1e-4).sqrt()
        covariance = centred.T @ centred / (len(centred) - 1)
        squares = covariance.pow(2)
        beside = (squares.sum() - squares.diagonal().sum()) / features.shape[1]
        loss = loss + 12.5 * F.relu(1 - deviation).mean() + beside
    return loss


def _tensor(images: NDArray[np.uint8]) -> Tensor:
    """float32 [N, C, h, w] in 0..1, averaged in blocks where a side is over `LARGEST_SIDE`."""
    small = averaged(images, LARGEST_SIDE)
    return torch.from_numpy(np.ascontiguousarray(small.transpose(0, 3, 1, 2)))
