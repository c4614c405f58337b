"""RandAugment and TrivialAugmentWide for whole batches, with one draw for each image.

torchvision's classes draw once for what they are given, so a batch had to go through them image by
image, which took most of a comparison's time. Here each operation runs once for all images of the
batch that drew it, each with its own magnitude. Operations, magnitudes and rounding are those of
torchvision 0.26 and later (nearest neighbour, black fill); the tests compare them pixel by pixel.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

__all__ = ["BINS", "OPERATIONS", "apply_operations", "rand_augment", "trivial_augment_wide"]

OPERATIONS = (
    *("Identity", "ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness"),
    *("Color", "Contrast", "Sharpness", "Posterize", "Solarize", "AutoContrast", "Equalize"),
)
BINS = 31
_GEOMETRIC = OPERATIONS.index("Brightness")  # the first one that moves no pixel
_SIGNED = OPERATIONS.index("Posterize")  # the first one whose magnitude has no sign


def rand_augment(images: Tensor, magnitude: int = 9, num_ops: int = 2) -> Tensor:
    """Apply RandAugment (Cubuk et al., arXiv 1909.13719) to each of uint8 [N, C, H, W].

    `magnitude` is torchvision's, 0..30. Randomness comes from torch's generator of the process.
    """
    for _ in range(num_ops):
        bins = torch.full((len(images),), magnitude)
        images = _drawn(images, bins, _rand_augment_space(images.shape[-2:]))
    return images


def trivial_augment_wide(images: Tensor) -> Tensor:
    """Apply TrivialAugmentWide (Müller and Hutter, arXiv 2103.10158) to each of uint8 [N, C, H, W].

    Randomness comes from torch's generator of the process.
    """
    bins = torch.randint(BINS, (len(images),))
    return _drawn(images, bins, _trivial_augment_space())


def _drawn(images: Tensor, bins: Tensor, space: dict[str, Tensor]) -> Tensor:
    """Apply to each image an operation drawn anew, at the magnitude of its bin."""
    operation = torch.randint(len(OPERATIONS), (len(images),))
    sign = 1 - 2 * torch.randint(2, (len(images),))
    table = torch.stack([space.get(name, torch.zeros(BINS)).float() for name in OPERATIONS])
    magnitudes = table[operation, bins]
    magnitudes = torch.where(operation < _SIGNED, magnitudes * sign, magnitudes)
    return apply_operations(images, operation, magnitudes)


def apply_operations(images: Tensor, operation: Tensor, magnitudes: Tensor) -> Tensor:
    """Return uint8 [N, C, H, W], image n after `OPERATIONS[operation[n]]` at `magnitudes[n]`."""
    result = images.clone()
    rows = torch.nonzero((operation > 0) & (operation < _GEOMETRIC))[:, 0]
    if len(rows):
        which = zip(operation[rows].tolist(), magnitudes[rows].tolist(), strict=True)
        height, width = images.shape[-2:]
        matrices = [_matrix(OPERATIONS[at], size, height, width) for at, size in which]
        result[rows] = _moved(images[rows], matrices)
    for at, apply in enumerate(_COLOURS, _GEOMETRIC):
        rows = torch.nonzero(operation == at)[:, 0]
        if len(rows):
            result[rows] = apply(images[rows], magnitudes[rows])
    return result


def _rand_augment_space(size: torch.Size) -> dict[str, Tensor]:
    height, width = size
    furthest = {"TranslateX": 150.0 / 331.0 * width, "TranslateY": 150.0 / 331.0 * height}
    largest = {"ShearX": 0.3, "ShearY": 0.3, "Rotate": 30.0} | furthest
    return _space(largest, 0.9, posterize=4)


def _trivial_augment_space() -> dict[str, Tensor]:
    largest = {"ShearX": 0.99, "ShearY": 0.99, "Rotate": 135.0} | {
        "TranslateX": 32.0,
        "TranslateY": 32.0,
    }
    return _space(largest, 0.99, posterize=6)


def _space(largest: dict[str, float], colour: float, posterize: int) -> dict[str, Tensor]:
    """Magnitudes [31] of each operation that has one."""
    n = BINS
    largest = largest | dict.fromkeys(("Brightness", "Color", "Contrast", "Sharpness"), colour)
    space = {name: torch.linspace(0.0, value, n) for name, value in largest.items()}
    space["Posterize"] = (8 - (torch.arange(n) / ((n - 1) / posterize))).round()
    space["Solarize"] = torch.linspace(1.0, 0.0, n)
    return space


def _matrix(name: str, magnitude: float, height: int, width: int) -> list[float]:
    """Return the 2 x 3 matrix of a geometric operation, from a pixel to where it is sampled."""
    if name == "ShearX":  # about the upper left corner, as in torchvision
        return [1.0, magnitude, magnitude * height * 0.5, 0.0, 1.0, 0.0]
    if name == "ShearY":
        return [1.0, 0.0, 0.0, magnitude, 1.0, magnitude * width * 0.5]
    if name == "TranslateX":
        return [1.0, 0.0, -int(magnitude), 0.0, 1.0, 0.0]
    if name == "TranslateY":
        return [1.0, 0.0, 0.0, 0.0, 1.0, -int(magnitude)]
    turn = math.radians(-(magnitude % 360))
    cos, sin = math.cos(turn), math.sin(turn)
    return [cos, sin, 0.0, -sin, cos, 0.0]


def _moved(images: Tensor, matrices: list[list[float]]) -> Tensor:
    """Sample each image where its 2 x 3 matrix, in pixels from the centre, sends the pixel."""
    height, width = images.shape[-2:]
    theta = torch.tensor(matrices, dtype=torch.float32).reshape(-1, 2, 3).transpose(1, 2)
    theta = theta / torch.tensor([0.5 * width, 0.5 * height])
    x = torch.linspace((1.0 - width) * 0.5, (width - 1.0) * 0.5, width)
    y = torch.linspace((1.0 - height) * 0.5, (height - 1.0) * 0.5, height)
    base = torch.stack([x.repeat(height), y.repeat_interleave(width), torch.ones(height * width)])
    grid = (base.T.expand(len(images), -1, -1) @ theta).view(-1, height, width, 2)
    moved = F.grid_sample(images.float(), grid, mode="nearest", align_corners=False)
    return moved.round_().to(torch.uint8)


def _brightness(images: Tensor, magnitudes: Tensor) -> Tensor:
    return _truncated(images * _column(1 + magnitudes.double()))


def _color(images: Tensor, magnitudes: Tensor) -> Tensor:
    if images.shape[1] == 1:
        return images
    return _blended(images, _grey(images), magnitudes)


def _contrast(images: Tensor, magnitudes: Tensor) -> Tensor:
    return _blended(images, _grey(images).mean((1, 2, 3), keepdim=True), magnitudes)


def _sharpness(images: Tensor, magnitudes: Tensor) -> Tensor:
    channels, height, width = images.shape[1:]
    if height <= 2 or width <= 2:
        return images
    kernel = torch.full((channels, 1, 3, 3), 1.0 / 13.0)
    kernel[:, :, 1, 1] = 5.0 / 13.0
    pixels = images.float()
    smooth = F.conv2d(pixels, kernel, groups=channels).round_()
    inner = pixels[..., 1:-1, 1:-1]
    inner.addcmul_(smooth - inner, _column(1 - (1 + magnitudes.double())))
    return _truncated(pixels)


def _posterize(images: Tensor, magnitudes: Tensor) -> Tensor:
    low = 8 - magnitudes.to(torch.int64)
    return images & ((255 >> low) << low).to(torch.uint8).view(-1, 1, 1, 1)


def _solarize(images: Tensor, magnitudes: Tensor) -> Tensor:
    threshold = _column(255 * magnitudes.double())
    return torch.where(images >= threshold, 255 - images, images)


def _column(values: Tensor) -> Tensor:
    return values.float().view(-1, 1, 1, 1)


def _grey(images: Tensor) -> Tensor:
    """Luma of ITU-R BT.601, rounded down; [N, 1, H, W]."""
    pixels = images.float()
    if images.shape[1] == 1:
        return pixels
    red, green, blue = pixels.unbind(1)
    return (red * 0.2989 + green * 0.587 + blue * 0.114).floor()[:, None]


def _blended(images: Tensor, other: Tensor, magnitudes: Tensor) -> Tensor:
    ratio = 1 + magnitudes.double()
    return _truncated((images * _column(ratio)).addcmul_(other, _column(1 - ratio)))


def _truncated(pixels: Tensor) -> Tensor:
    return pixels.clamp(0, 255).to(torch.uint8)


# In the order of OPERATIONS.
_COLOURS: tuple[Callable[[Tensor, Tensor], Tensor], ...] = (
    *(_brightness, _color, _contrast, _sharpness, _posterize, _solarize),
    lambda images, _: TF.autocontrast(images),
    lambda images, _: TF.equalize(images),
)
