"""Images of any accepted type to float32 arrays in 0..1, and back to what they were."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision import tv_tensors

from ganaug.artifact.arrays import level, whole_levels
from ganaug.errors import ConfigError, DataError

__all__ = [
    "TOLERANCE",
    "Normalisation",
    "check_image",
    "num_images",
    "pixels_of",
    "placed_like",
    "read_pixels",
    "replace_pixels",
    "tolerance",
    "typed_like",
]

MODES = ("L", "RGB")
# As Pillow hands the levels over: a line of each band after another, instead of band by band in
# each pixel. To sort lines costs a fraction of sorting pixels.
_RAW = {"L": "L", "RGB": "RGB;L"}
# Half a grey level: what rounding to float16 may add, and undoing a normalisation of float32.
TOLERANCE = 0.5 / 255


@dataclass(frozen=True)
class Normalisation:
    """What a `Normalize` before the generator did: y = (x - mean) / std for each channel.

    Attributes:
        mean: one value, or one for each channel, in units of the image before it.
        std: as many values, all over 0.

    Raises:
        ConfigError: lengths differ, or a value is not finite or not positive.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std) or len(self.mean) not in (1, 3):
            raise ConfigError(
                f"mean= has {len(self.mean)} values and std= {len(self.std)}; allowed: 1 or 3 of"
                " each; pass those of the Normalize before it"
            )
        if not np.isfinite(self.mean).all() or not np.isfinite(self.std).all():
            raise ConfigError(f"mean={self.mean}, std={self.std}; allowed: finite numbers")
        if min(self.std) <= 0:
            raise ConfigError(f"std={self.std}; allowed: numbers over 0")

    @classmethod
    def of(
        cls, mean: float | Sequence[float] | None, std: float | Sequence[float] | None
    ) -> Normalisation | None:
        """Return the normalisation of the arguments `mean` and `std`, None where both are None."""
        if mean is None and std is None:
            return None
        if mean is None or std is None:
            missing = "mean" if mean is None else "std"
            raise ConfigError(f"{missing}= is missing; mean= and std= go together; pass both")
        return cls(_floats("mean", mean), _floats("std", std))

    def undo(self, image: torch.Tensor) -> torch.Tensor:
        """Return image * std + mean; image float [..., C, H, W]."""
        return image * _column(self.std, image) + _column(self.mean, image)

    def redo(self, image: torch.Tensor) -> torch.Tensor:
        """Return (image - mean) / std; image float [..., C, H, W]."""
        return (image - _column(self.mean, image)) / _column(self.std, image)


def _floats(name: str, value: float | Sequence[float]) -> tuple[float, ...]:
    try:
        return tuple(float(number) for number in np.atleast_1d(np.asarray(value, np.float64)))
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{name}={value!r}; allowed: a number or a sequence of 1 or 3 numbers"
        ) from error


def _column(values: tuple[float, ...], image: torch.Tensor) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32, device=image.device).view(-1, 1, 1)


def check_image(image: Any, normalisation: Normalisation | None = None) -> None:
    """Refuse an image that cannot be varied; every message ends with the next step.

    Args:
        image: a PIL image of mode L or RGB, or a tensor [C, H, W] or [N, C, H, W] with C = 1 or 3,
            uint8 in 0..255 or floating point in 0..1 (after `normalisation` is undone).

    Raises:
        DataError: another mode, dtype or shape, no pixels, or floats out of range.
        ConfigError: a normalisation is to be undone on an image that cannot have one.
    """
    if isinstance(image, Image.Image):
        if image.mode not in MODES:
            raise DataError(
                f"PIL image of mode {image.mode!r}; allowed: L or RGB; convert it first"
                " (v2.Grayscale or v2.RGB, or image.convert('RGB'))"
            )
        _check_area("PIL image", image.height, image.width)
        _check_not_normalised("a PIL image", normalisation)
        return
    if image.is_meta or image.layout != torch.strided:
        kind = "the meta device" if image.is_meta else _name(image.layout)
        raise DataError(
            f"image tensor of {kind}; allowed: dense tensors with values; give the image itself"
        )
    shape = list(image.shape)
    if len(shape) not in (3, 4) or shape[-3] not in (1, 3):
        raise DataError(
            f"image tensor of shape {shape}; allowed: [C, H, W] or [N, C, H, W] with C = 1 or 3;"
            " permute its axes or convert it with v2.ToImage()"
        )
    _check_area("image tensor", *shape[-2:])
    if image.dtype == torch.uint8:
        _check_not_normalised("uint8", normalisation)
        return
    if not image.is_floating_point() or image.dtype.itemsize < 2:  # torch hardly reads float8
        raise DataError(
            f"image tensor of {_name(image.dtype)}; allowed: uint8 or floating point;"
            f" {_converted(image)}"
        )
    if normalisation is not None and len(normalisation.mean) not in (1, shape[-3]):
        raise ConfigError(
            f"mean= and std= of {len(normalisation.mean)} values for an image tensor of shape"
            f" {shape}; allowed: one, or one for each channel; pass those of the Normalize before"
            " it"
        )
    _check_range(image, normalisation)


def _converted(image: torch.Tensor) -> str:
    """Return what makes a tensor of another dtype an image.

    Scaled by ToDtype whole numbers of 0..255 would be black: it divides by the largest int64.
    """
    if image.is_floating_point() or image.is_complex() or not image.numel():
        return "convert it first with v2.ToDtype(torch.float32, scale=True)"
    low, high = (int(bound) for bound in torch.aminmax(image.detach().to(torch.int64)))
    return whole_levels(low, high, "v2.ToDtype(torch.{dtype}) before it")


def _check_area(what: str, height: int, width: int) -> None:
    if not height or not width:
        raise DataError(
            f"{what} of height {height} and width {width}; allowed: a height and width of 1 or"
            " more; look for an empty crop before it"
        )


def _check_not_normalised(what: str, normalisation: Normalisation | None) -> None:
    if normalisation is not None:
        raise ConfigError(
            f"mean= and std= were given, but the image is {what}, which no Normalize has seen;"
            " allowed: floating-point tensors; drop mean= and std=, or move the transform behind"
            " Normalize"
        )


def tolerance(image: Any, normalisation: Normalisation | None) -> float:
    """How far from its true value a level of an image may be, in 0..1: by rounding alone."""
    if normalisation is None or not isinstance(image, torch.Tensor):
        return TOLERANCE
    # y = (x - mean) / std was rounded, and |y| * std = |x - mean| is at most 1
    return TOLERANCE + torch.finfo(image.dtype).eps / 2


def _check_range(image: torch.Tensor, normalisation: Normalisation | None) -> None:
    if image.numel() == 0:
        return
    undone = image if normalisation is None else normalisation.undo(image.float())
    least, most = (float(bound) for bound in torch.aminmax(undone.detach()))
    allowed = tolerance(image, normalisation)
    if least >= -allowed and most <= 1 + allowed:  # False for NaN
        return
    span = f"{_name(image.dtype)} image with values from {level(least)} to {level(most)}"
    if normalisation is None:
        raise DataError(
            f"{span}; allowed: 0 to 1; put it before Normalize, or pass GANAugment the mean= and"
            " std= of the Normalize before it (values in 0..255: v2.ToDtype with scale=True)"
        )
    raise DataError(
        f"{span} after mean={normalisation.mean} and std={normalisation.std} were undone; allowed:"
        " 0 to 1; pass exactly the mean= and std= of the Normalize before it"
    )


def _name(kind: torch.dtype | torch.layout) -> str:
    return str(kind).removeprefix("torch.")


def pixels_of(image: Any) -> int:
    """Return height times width of an image of any type, also of one that is refused later."""
    if isinstance(image, Image.Image):
        return image.height * image.width
    return math.prod(getattr(image, "shape", ())[-2:])


def num_images(image: Any) -> int | None:
    """Return N for a batch [N, C, H, W], None for a single image."""
    if isinstance(image, Image.Image) or image.ndim == 3:
        return None
    return int(image.shape[0])


def read_pixels(
    image: Any, rows: NDArray[np.intp] | None = None, normalisation: Normalisation | None = None
) -> NDArray[np.float32]:
    """Return float32 [N, C, H, W] in 0..1 of a checked image; `rows` selects from a batch."""
    if isinstance(image, Image.Image):
        return np.divide(_planes(image), 255, dtype=np.float32, order="C")[None]
    if image.dtype == torch.uint8:
        levels = image.numpy(force=True)
        if levels.ndim == 3:
            levels = levels[None]
        elif rows is not None:
            levels = levels[rows]
        return np.divide(levels, 255, dtype=np.float32)
    tensor = image.detach().as_subclass(torch.Tensor)
    if tensor.ndim == 3:
        tensor = tensor[None]
    elif rows is not None:
        tensor = tensor[torch.from_numpy(rows)]
    values = tensor.float()
    values = (normalisation.undo(values) if normalisation else values).clamp(0.0, 1.0)
    return np.ascontiguousarray(values.cpu().numpy())


def replace_pixels(
    image: Any,
    pixels: NDArray[np.float32],
    rows: NDArray[np.intp] | None = None,
    normalisation: Normalisation | None = None,
) -> Any:
    """Return an image of the type, dtype, size, device and layout of `image`, showing `pixels`.

    Args:
        image: the checked image that `read_pixels` was given; it is left as it is.
        pixels: float32 [N, C, H, W] in 0..1, N = 1 for a single image.
        rows: the places of `pixels` in a batch; the other images of it are kept bit for bit.
    """
    if isinstance(image, Image.Image):
        by_line = _levels(pixels[0]).transpose(1, 0, 2).tobytes()
        made = Image.frombytes(image.mode, image.size, by_line, "raw", _RAW[image.mode])
        made.info = dict(image.info)  # resolution, colour profile, EXIF
        return made
    single = image.ndim == 3
    pixels = pixels[0] if single else pixels
    if image.dtype == torch.uint8:
        result = torch.from_numpy(_levels(pixels))
    else:
        result = torch.from_numpy(pixels)
        result = result if normalisation is None else normalisation.redo(result)
    if not image.is_cpu or result.dtype != image.dtype:
        result = result.to(device=image.device, dtype=image.dtype)
    plain = image.detach().as_subclass(torch.Tensor)
    if not single and rows is not None:
        values, result = result, plain.clone()  # which keeps the order in memory
        result[torch.from_numpy(rows).to(image.device)] = values
    return typed_like(placed_like(result, plain), image)


def typed_like(made: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """Return a plain tensor in the type of `image`, with what that holds beside its pixels."""
    if isinstance(image, tv_tensors.TVTensor):
        wrapped: torch.Tensor = tv_tensors.wrap(made, like=image)
        return wrapped
    if type(image) is torch.Tensor or isinstance(image, torch.nn.Parameter):
        return made
    typed = made.as_subclass(type(image))
    vars(typed).update(vars(image))
    return typed


def placed_like(made: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """Return `made` in the memory format of `image`, and in pinned memory where that is."""
    if made.stride() != image.stride():
        made = torch.empty_like(image).copy_(made)
    # Without CUDA in this process nothing is pinned, and to ask would start it in each worker.
    if image.is_cpu and torch.cuda.is_initialized() and image.is_pinned():
        made = made.pin_memory()
    return made


def _planes(image: Image.Image) -> NDArray[np.uint8]:
    """uint8 [C, H, W]: a view of the levels of a PIL image."""
    levels = np.frombuffer(image.tobytes("raw", _RAW[image.mode]), np.uint8)
    return levels.reshape(image.height, -1, image.width).transpose(1, 0, 2)


def _levels(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    levels = pixels * np.float32(255)
    return np.rint(levels, out=levels).astype(np.uint8)
