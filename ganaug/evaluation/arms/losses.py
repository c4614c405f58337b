"""Losses and label mixing of the free arms against class imbalance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms import v2

__all__ = ["LOSSES", "MIXES", "Objective", "make_objective", "mix"]

# (logits float [N, K], labels int64 [N] or probabilities float [N, K], step) -> mean loss
Objective = Callable[[Tensor, Tensor, int], Tensor]

LOSSES = ("weighted", "logits", "drw")
MIXES = {"mixup": v2.MixUp, "cutmix": v2.CutMix}

DEFERRED = 0.8  # share of the steps without weights
BETA = 0.9999  # of the effective number of images


def make_objective(name: str | None, counts: NDArray[np.int64], steps: int) -> Objective:
    """Return the loss called `name`; None is cross-entropy.

    - "weighted": each class weighs in inverse proportion to its number of images.
    - "logits": logits plus the log of the class frequencies (Menon et al., "Long-tail learning via
      logit adjustment", ICLR 2021, arXiv 2007.07314, equation 10, tau = 1).
    - "drw": deferred re-weighting (Cao et al., NeurIPS 2019, arXiv 1906.07413): in the last fifth
      of the steps classes weigh by (1 - beta) / (1 - beta**n), beta = 0.9999 (Cui et al., CVPR
      2019, arXiv 1901.05555).

    Weights have the mean 1 over the training images.

    Args:
        name: one of `LOSSES`, or None.
        counts: int64 [K], training images of each class.
        steps: of the training.
    """
    present = np.maximum(counts, 1).astype(np.float64)
    if name is None:
        return lambda logits, target, _: F.cross_entropy(logits, target)
    if name == "logits":
        prior = torch.from_numpy(np.log(present / present.sum())).float()
        return lambda logits, target, _: F.cross_entropy(logits + prior.to(logits), target)
    by_class = 1 / present if name == "weighted" else (1 - BETA) / (1 - BETA**present)
    scaled = by_class * counts.sum() / (by_class * counts).sum()
    weights = torch.from_numpy(scaled).float()
    starts = 0.0 if name == "weighted" else DEFERRED * steps

    def weighted(logits: Tensor, target: Tensor, step: int) -> Tensor:
        if step < starts:
            return F.cross_entropy(logits, target)
        if target.ndim == 1:
            target = F.one_hot(target, logits.shape[1]).to(logits)
        # Divided by the number of images, so that the weights of a batch do not cancel.
        losses = F.cross_entropy(logits, target, weights.to(logits), reduction="none")
        return losses.mean()

    return weighted


def mix(images: Tensor, labels: Tensor, name: str, num_classes: int) -> tuple[Tensor, Tensor]:
    """Return uint8 images and float labels [N, K] after torchvision's MixUp or CutMix, alpha 1.

    MixUp: Zhang et al., arXiv 1710.09412. CutMix: Yun et al., arXiv 1905.04899. Mixed pixels are
    rounded. Randomness comes from torch's generator of the process.
    """
    pixels, mixed = MIXES[name](num_classes=num_classes)(images.float(), labels)
    return pixels.round().clamp(0, 255).to(torch.uint8), mixed
