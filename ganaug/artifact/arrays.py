"""What a call of a generator is given and what it returns: checked, each refusal with a reason."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganaug.errors import ArtifactError, DataError
from ganaug.limits import MEGAPIXELS
from ganaug.values import path_name

__all__ = [
    "check_area",
    "check_array",
    "check_equal_channels",
    "check_latents",
    "check_output",
    "check_range",
    "images_at_once",
    "level",
    "output_shape",
    "whole_levels",
]

# So many pixels at a time keep the results of the operators in the cache of a core.
_PIXELS_AT_ONCE = 2**14
MEMORY_OF_A_PIXEL = 140  # bytes while it is varied, as measured

# Far from what N(0, 1) gives, also times the largest scale of a policy; larger ones may overflow.
MOST_LATENT = 10_000

# What the values of an output lie in.
_BOUNDS = {
    "image": (0, 1),
    "variation": (0, 1),
    "positions": (-3, 3),
    "factor": (0, 3),
    "offset": (-1, 1),
}
# By which onnxruntime's fast functions may pass a bound: its Tanh was seen to return 1 + 1e-7.
_ROUNDING = 1e-5


def check_output(
    path: Path, name: str, values: NDArray[np.float32], shape: tuple[int, ...]
) -> None:
    """Refuse an output of another shape or beyond its bounds; cut off what is rounding."""
    low, high = _BOUNDS[name]
    if values.shape != shape:
        found = str(list(values.shape))
    elif values.min() >= low and values.max() <= high:  # false for NaN
        return
    elif values.min() >= low - _ROUNDING and values.max() <= high + _ROUNDING:
        np.clip(values, low, high, out=values)
        return
    else:
        found = f"values from {values.min():g} to {values.max():g}"
    what = "" if name in ("variation", "image") else f" as {name}"
    raise ArtifactError(
        f"{path_name(path)}: its graph returned {found}{what}; allowed: {list(shape)} from"
        f" {low} to {high}; export the run again"
    )


def output_shape(name: str, images: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of an output for images [N, C, H, W]."""
    return (images[0], *images[2:], 2) if name == "positions" else images


def images_at_once(height: int, width: int) -> int:
    """Return how many images of this size are best varied together on a CPU."""
    return max(1, _PIXELS_AT_ONCE // (height * width))


def check_area(
    height: int, width: int, way: str = "put v2.Resize({shorter}) or a smaller one before it"
) -> None:
    """Refuse images that would take too much memory, and say which size fits.

    `way` says how to make them smaller; `{shorter}` and `{longer}` in it are the sides that fit.
    """
    most = MEGAPIXELS.value
    pixels = height * width
    if pixels <= most * 10**6:
        return
    shrink = math.sqrt(most * 10**6 / pixels)
    shorter, longer = (max(1, int(shrink * side)) for side in sorted((height, width)))
    raise DataError(
        f"images: {height} x {width}, {math.ceil(pixels / 1e5) / 10} megapixels, which take about"
        f" {MEMORY_OF_A_PIXEL * pixels / 1e9:.1f} GB; allowed: {most} ({MEGAPIXELS.meaning});"
        f" {way.format(shorter=shorter, longer=longer)}, or set"
        f" {MEGAPIXELS.variable}={-(-pixels // 10**6)}"
    )


def check_array(name: str, array: object, dtype: type, shape: str, rank: int) -> None:
    if not isinstance(array, np.ndarray):
        raise DataError(
            f"{name}: a {type(array).__module__}.{type(array).__name__}; allowed: a numpy array"
            f" {np.dtype(dtype)} {shape}; convert it with numpy.asarray"
        )
    if array.dtype != dtype or array.ndim != rank:
        raise DataError(
            f"{name}: {array.dtype} {list(array.shape)}; allowed: {np.dtype(dtype)} {shape};"
            " convert it with astype and reshape"
        )


def check_latents(latents: NDArray[np.float32], count: int, size: int) -> None:
    check_array("latents", latents, np.float32, "[N, Z]", 2)
    if latents.shape != (count, size):
        raise DataError(
            f"latents: shape {list(latents.shape)}; allowed: [{count}, {size}], one of"
            f" info.latent_dim = {size} values for each item"
        )
    if not latents.size:
        return
    if not np.isfinite(latents).all():
        raise DataError("latents: hold NaN or infinity; allowed: finite numbers; draw from N(0, 1)")
    largest = float(latents[np.unravel_index(np.abs(latents).argmax(), latents.shape)])
    if abs(largest) > MOST_LATENT:
        raise DataError(
            f"latents: hold {largest:g}; allowed: -{MOST_LATENT:,} to {MOST_LATENT:,}; draw from"
            " N(0, 1)"
        )


def check_range(images: NDArray[np.float32]) -> None:
    low, high = images.min(), images.max()
    if low >= 0 and high <= 1:  # false for NaN
        return
    if not (np.isfinite(low) and np.isfinite(high)):
        raise DataError(
            "images: hold NaN or infinity; allowed: 0 to 1; look for a division by 0 before this"
        )
    if low >= 0 and 2 < high <= 255:
        advice = "divide by 255"
    else:
        advice = "clip what a resize overshot, and normalise by mean and std after the generator"
    raise DataError(f"images: values from {level(low)} to {level(high)}; allowed: 0 to 1; {advice}")


def level(value: float) -> str:
    """Return a level in short, but never one outside of 0..1 as one inside."""
    short = f"{value:.3g}"
    return short if (0 <= float(short) <= 1) == (0 <= value <= 1) else f"{value:.9g}"


def whole_levels(low: float, high: float, cast: str) -> str:
    """Return what makes allowed levels of whole numbers or truth values.

    `cast` is how to change the dtype; `{dtype}` in it is that which fits.
    """
    if low < 0 or high > 255:
        return (
            "scale it to 0..1 in float32: divide by the largest level there can be, such as 65535"
        )
    return "convert it with " + cast.format(dtype="float32" if high <= 1 else "uint8")


def check_equal_channels(images: NDArray[np.float32]) -> None:
    if (images[:, 1:] != images[:, :1]).any():
        wrong = int((images[:, 1:] != images[:, :1]).any(axis=(1, 2, 3)).argmax())
        raise DataError(
            f"images: image {wrong} is coloured; allowed: grey (three equal channels), as the"
            f" generator was trained; convert to grey first, or train on colour images"
        )
