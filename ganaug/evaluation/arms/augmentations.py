"""Free augmentations of uint8 batches, each image with a draw of its own."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as TF

from ganaug.evaluation.arms.rand_augment import BINS, rand_augment, trivial_augment_wide

__all__ = ["AUGMENTATIONS", "LARGEST_MAGNITUDE", "VIEWS", "augment", "standardise"]

LARGEST_MAGNITUDE = BINS - 1


def augment(images: Tensor, names: tuple[str, ...]) -> Tensor:
    """Return `images` (uint8 [N, C, H, W]) after the augmentations `names`, each drawn per image.

    A name is a key of `AUGMENTATIONS`, or randaugment-M with the magnitude M. Randomness comes
    from torch's generator of the process, as in torchvision.
    """
    for name in names:
        if name in AUGMENTATIONS:
            images = AUGMENTATIONS[name](images)
        else:  # randaugment-M
            images = rand_augment(images, int(name.partition("-")[2]))
    return images


def _affine(
    images: Tensor,
    degrees: float = 15,
    shift: float = 0.125,
    log_scale: float = 0.15,
    shear: float = 10,
) -> Tensor:
    """Rotate, scale, shear and shift each image on its own; the border is repeated outwards."""
    n, long = len(images), images.shape[3] / images.shape[2]
    unit = torch.rand(5, n) * 2 - 1
    angle = unit[0] * math.radians(degrees)
    scale = torch.exp(unit[1] * log_scale)
    slant = unit[2] * math.radians(shear)
    cos, sin = torch.cos(angle), torch.sin(angle)
    # The coordinates of affine_grid count in halves of each side: hence the factor on the shift,
    # and those on what one side adds to the other.
    theta = torch.stack(
        [
            torch.stack([cos / scale, (slant - sin) / scale / long, unit[3] * 2 * shift], 1),
            torch.stack([sin / scale * long, cos / scale, unit[4] * 2 * shift], 1),
        ],
        1,
    )
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return _sampled(images, grid)


def _shift(images: Tensor) -> Tensor:
    """Shift each image by up to an eighth of its size."""
    return _affine(images, degrees=0, log_scale=0, shear=0)


def _elastic(images: Tensor, amplitude: float = 0.08) -> Tensor:
    """Bend each image: a smooth random flow, up to about `amplitude` of the image's size.

    As Simard et al. ("Best practices for convolutional neural networks", ICDAR 2003), with a
    bicubic spline through 5 x 5 random displacements in place of a filtered field.
    """
    n, _, height, width = images.shape
    coarse = torch.randn(n, 2, 5, 5) * amplitude
    flow = F.interpolate(coarse, (height, width), mode="bicubic", align_corners=True)
    still = torch.eye(2, 3).expand(n, -1, -1)
    grid = F.affine_grid(still, list(images.shape), align_corners=False)
    return _sampled(images, grid + flow.permute(0, 2, 3, 1))


def _sampled(images: Tensor, grid: Tensor) -> Tensor:
    moved = F.grid_sample(images.float(), grid, padding_mode="border", align_corners=False)
    return _to_uint8(moved)


def _jitter(images: Tensor, brightness: float = 0.4, contrast: float = 0.4) -> Tensor:
    """Change brightness and contrast of each image by a factor in exp(-0.4)..exp(0.4)."""
    n = len(images)
    factors = torch.rand(2, n, 1, 1, 1) * 2 - 1
    pixels = images.float()
    mean = pixels.mean((1, 2, 3), keepdim=True)
    pixels = (pixels - mean) * torch.exp(factors[0] * contrast) + mean
    return _to_uint8(pixels * torch.exp(factors[1] * brightness))


def _flip(images: Tensor) -> Tensor:
    """Mirror half of the images from left to right."""
    return _where(torch.rand(len(images)) < 0.5, images.flip(3), images)


def _flips(images: Tensor) -> Tensor:
    """Mirror half of the images from left to right, and half upside down."""
    images = _flip(images)
    return _where(torch.rand(len(images)) < 0.5, images.flip(2), images)


def _augmix(images: Tensor) -> Tensor:
    """Mix each image with three chains of mild operations: torchvision's AugMix.

    Hendrycks et al., ICLR 2020, arXiv 1912.02781; without its consistency loss.
    """
    mixed = v2.AugMix()
    return torch.stack([mixed(image) for image in images])


def _where(chosen: Tensor, changed: Tensor, images: Tensor) -> Tensor:
    return torch.where(chosen.view(-1, 1, 1, 1), changed, images)


def _to_uint8(pixels: Tensor) -> Tensor:
    return pixels.round().clamp(0, 255).to(torch.uint8)


AUGMENTATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "affine": _affine,
    "jitter": _jitter,
    "randaugment": rand_augment,
    "trivialaugment": trivial_augment_wide,
    "augmix": _augmix,
    "shift": _shift,
    "elastic": _elastic,
    "flip": _flip,
    "flips": _flips,
}


def standardise(images: Tensor) -> Tensor:
    """Return float32 [N, C, H, W]: each image with the mean 0 and the deviation 1."""
    pixels = images.float()
    mean = pixels.mean((1, 2, 3), keepdim=True)
    deviation = pixels.std((1, 2, 3), keepdim=True).clamp(min=1.0)  # a flat image stays flat
    return (pixels - mean) / deviation


# What the classifier sees of an image, at training and test alike.
VIEWS: dict[str, Callable[[Tensor], Tensor]] = {"standardise": standardise, "equalise": TF.equalize}
