"""Latent interpolation with an autoencoder: the idea of DeepSMOTE, as an arm to compare with.

Dablain, Krawczyk and Chawla, "DeepSMOTE: fusing deep learning and SMOTE for imbalanced data",
arXiv 2105.02340: an autoencoder learns to reconstruct, and to turn the code of one image of a class
into another image of it; SMOTE then interpolates between codes of neighbours in a class, and the
decoder makes images of them, up to balance. Written anew for these benchmarks, for images of 28 to
32 pixels; figures of the paper are not to be expected of it.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors
from torch import Tensor, nn

from ganaug.images import ImageSet
from ganaug.randomness import stream, stream_seed

__all__ = ["with_latent_interpolation"]

CODE = 64
STEPS = 2000
BATCH = 64
NEIGHBOURS = 5


class _Autoencoder(nn.Module):
    """Two stride-2 convolutions to a code of 64 values, and back."""

    def __init__(self, channels: int, size: tuple[int, int], width: int = 32) -> None:
        super().__init__()
        self.small = tuple((side + 3) // 4 for side in size)
        self.size = size
        height, breadth = self.small
        self.encode = nn.Sequential(
            nn.Conv2d(channels, width, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 4, 2, 1),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d((height, breadth)),
            nn.Flatten(),
            nn.Linear(2 * width * height * breadth, CODE),
        )
        self.start = nn.Linear(CODE, 2 * width * height * breadth)
        self.grow = nn.Sequential(
            nn.ReLU(),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.ConvTranspose2d(width, channels, 4, 2, 1),
        )
        self.width = width

    def decode(self, codes: Tensor) -> Tensor:
        """Return images [N, C, H, W] in 0..1 of codes [N, 64]."""
        small = self.start(codes).view(len(codes), 2 * self.width, *self.small)
        grown = self.grow(small)[..., : self.size[0], : self.size[1]]
        return torch.sigmoid(grown)


def with_latent_interpolation(images: ImageSet, seed: int, steps: int = STEPS) -> ImageSet:
    """Return `images` and, behind them, interpolated ones up to the size of the largest class."""
    pixels = torch.from_numpy(images.images).permute(0, 3, 1, 2).float() / 255
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "autoencoder/initialisation"))
        model = _trained(pixels, images, seed, steps)
    model.eval()
    with torch.no_grad():
        codes = torch.cat([model.encode(part) for part in pixels.split(500)])
        made = _interpolated(codes.numpy(), images, seed)
        parts = [model.decode(torch.from_numpy(part)) for part in _chunks(made[0])]
    new = (torch.cat(parts) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return ImageSet(
        np.concatenate([images.images, new]),
        np.concatenate([images.labels, made[1]]),
        images.classes,
        source=images.source,
    )


def _trained(pixels: Tensor, images: ImageSet, seed: int, steps: int) -> _Autoencoder:
    """Train on reconstruction, and on images of a class with their codes permuted."""
    model = _Autoencoder(images.channels, images.size).train()
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    rows_of = [np.flatnonzero(images.labels == label) for label in range(len(images.classes))]
    present = [rows for rows in rows_of if len(rows)]
    for step in range(steps):
        random = stream(seed, "autoencoder/batch", index=step)
        batch = pixels[random.integers(len(pixels), size=BATCH)]
        members = present[random.integers(len(present))]
        same = pixels[members[random.integers(len(members), size=BATCH // 2)]]
        mixed = torch.from_numpy(random.permutation(len(same)))
        loss = F.mse_loss(model.decode(model.encode(batch)), batch)
        loss = loss + F.mse_loss(model.decode(model.encode(same)[mixed]), same)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    return model


def _interpolated(
    codes: NDArray[np.float32], images: ImageSet, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Codes between an image and one of its 5 nearest of the class, up to balance."""
    made, labels = [np.zeros((0, CODE), np.float32)], [np.zeros(0, np.int64)]
    largest = int(images.counts.max())
    for label, n in enumerate(images.counts.tolist()):
        missing = largest - n if n > 1 else 0
        if not missing:
            continue
        mine = codes[images.labels == label]
        random = stream(seed, "autoencoder/interpolate", index=label)
        first = random.integers(n, size=missing)
        second = _neighbours(mine, first, random)
        share = random.random((missing, 1), np.float32)
        made.append(mine[first] + share * (mine[second] - mine[first]))
        labels.append(np.full(missing, label, np.int64))
    return np.concatenate(made), np.concatenate(labels)


def _neighbours(
    codes: NDArray[np.float32], first: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.int64]:
    """int64: for each of `first`, one of its nearest neighbours."""
    k = min(NEIGHBOURS, len(codes) - 1)
    near = NearestNeighbors(n_neighbors=k + 1).fit(codes).kneighbors(codes)[1][:, 1:]
    chosen: NDArray[np.int64] = near[first, random.integers(k, size=len(first))]
    return chosen


def _chunks(codes: NDArray[np.float32], size: int = 500) -> list[NDArray[np.float32]]:
    return [codes[start : start + size] for start in range(0, max(len(codes), 1), size)]
