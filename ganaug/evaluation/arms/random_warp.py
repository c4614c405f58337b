"""An untrained random warp and recolouring: what a variation generator would be without learning.

The maps are those of the generator: an affine map and a smooth flow, smooth gains and biases, and
some blur, all drawn at random in fixed proportions. One strength scales them, and is set so that
images change as much as the trained generator changes them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["RandomWarp", "matched_strength", "mean_absolute_change"]

_COARSE = 4  # points along a side of the smooth maps
_LARGEST = 4.0  # strength that is still tried
_HALVINGS = 12


@dataclass(frozen=True)
class RandomWarp:
    """Warp and recolour images, each with a draw of its own.

    At strength 1 the standard deviations are 0.1 for the entries of the affine map and its shift
    (an image is 2 wide), 0.1 for the flow, 0.25 for the log gain, 0.1 for the bias (of 0..1) and
    0.5 for the share of blur.

    Attributes:
        strength: factor on all of them, 0 or more.
    """

    strength: float

    def __call__(self, images: Tensor) -> Tensor:
        """Return uint8 [N, C, H, W]; randomness comes from torch's generator of the process."""
        n, channels, height, width = images.shape
        size, s = (height, width), self.strength
        theta = torch.eye(2, 3) + 0.1 * s * torch.randn(n, 2, 3)
        flow = _smooth(0.1 * s * torch.randn(n, 2, _COARSE, _COARSE), size)
        gain = _smooth(0.25 * s * torch.randn(n, channels, _COARSE, _COARSE), size)
        bias = _smooth(0.1 * s * torch.randn(n, channels, _COARSE, _COARSE), size)
        share = (0.5 * s * torch.randn(n, 1, 1, 1)).abs().clamp(max=1)
        grid = F.affine_grid(theta, list(images.shape), align_corners=False)
        grid = grid + flow.permute(0, 2, 3, 1)
        moved = F.grid_sample(
            images.float() / 255, grid, padding_mode="border", align_corners=False
        )
        blurred = F.avg_pool2d(F.pad(moved, (1, 1, 1, 1), mode="replicate"), 3, 1)
        moved = torch.lerp(moved, blurred, share)
        return ((moved * gain.exp() + bias) * 255).round().clamp(0, 255).to(torch.uint8)


def matched_strength(images: Tensor, change: float, seed: int) -> float:
    """Return the strength at which the mean absolute change of `images` is `change`, by bisection.

    Args:
        images: uint8 [N, C, H, W].
        change: in 0..255.
        seed: of the draws, the same for each strength, so that the change grows with it.
    """

    def mean_change(strength: float) -> float:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return mean_absolute_change(images, RandomWarp(strength))

    low, high = 0.0, _LARGEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if mean_change(middle) < change else (low, middle)
    return (low + high) / 2


def mean_absolute_change(images: Tensor, vary: Callable[[Tensor], Tensor]) -> float:
    """Return the mean |vary(images) - images| over pixels, in 0..255."""
    return float((vary(images).float() - images.float()).abs().mean())


def _smooth(coarse: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(coarse, size, mode="bicubic", align_corners=True)
