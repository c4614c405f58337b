"""What `ganaug demo` shows: digits made imbalanced, and the generator in two real DataLoaders."""

from __future__ import annotations

import os
from dataclasses import replace

import torch
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from ganaug.images import ImageSet, load_images, long_tailed
from ganaug.use.datasets import AugmentedDataset, MixedDataset, SyntheticDataset
from ganaug.use.sampling import ClassBalancedSampler
from ganaug.use.transform import GANAugment

__all__ = ["ARMS", "BASELINE", "digits_lt", "read_pipelines"]

BASELINE = "balanced+affine"
ARMS = ("plain", "balanced", BASELINE, "ganaug+affine", "mixed+affine")
RARE = 5  # images of each odd digit


def digits_lt(seed: int = 0) -> ImageSet:
    """Return scikit-learn's digits: all training images of even digits, 5 of each odd one."""
    digits = load_images("digits")
    odd = {name: RARE for name in digits.classes if int(name) % 2}
    return replace(long_tailed(digits, odd, seed=seed), source="digits-lt")


class _Digits(Dataset[tuple[torch.Tensor, int]]):
    """Items (uint8 [C, H, W], label), as an ImageFolder with v2.ToImage would give them."""

    def __init__(self, images: ImageSet) -> None:
        self.pixels = torch.from_numpy(images.images).permute(0, 3, 1, 2)
        self.classes = list(images.classes)
        self.targets = images.labels.tolist()

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.pixels[index], self.targets[index]


def read_pipelines(artifact: str | os.PathLike[str], images: ImageSet) -> list[str]:
    """Read an epoch of two DataLoaders with two workers each; return a line about either.

    The first has the generator as a transform under a class-balanced sampler, the second has its
    images beside the real ones, up to balance.
    """
    real = _Digits(images)
    affine = v2.RandomAffine(degrees=15, translate=(0.1, 0.1))
    varied = AugmentedDataset(real, v2.Compose([GANAugment(artifact), affine]))
    made = SyntheticDataset(artifact, source=real, counts="balance")
    mixed = AugmentedDataset(MixedDataset(real, made), affine)
    balanced = ClassBalancedSampler(real.targets)
    loaders = {
        "as a transform": DataLoader(varied, batch_size=64, sampler=balanced, num_workers=2),
        "beside the real images": DataLoader(mixed, batch_size=64, shuffle=True, num_workers=2),
    }
    lines = []
    for name, loader in loaders.items():
        labels = torch.cat([labels for _, labels in loader])
        odd = 100 * float((labels % 2 == 1).float().mean())
        lines.append(f"{name}: an epoch of {len(labels)} images, {odd:.0f}% of them odd digits")
    return lines
