"""From images of any size and mode to one uint8 array: checks, the training size, the resizing."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from ganaug.errors import Complain, ConfigError, DataError, did_you_mean, refuse
from ganaug.images.image_set import content_key
from ganaug.values import is_whole
from ganaug.wording import counted, one_line

__all__ = [
    "DEEP",
    "UNREADABLE",
    "Damage",
    "Header",
    "Layout",
    "check_mode",
    "check_size",
    "choose_layout",
    "converted",
    "inside",
    "is_deep",
    "key_of_pixels",
    "picture_key",
    "pixels_at",
    "read_header",
    "rendered",
    "scaled_down",
    "to_pillow",
    "unreadable",
]

DEEP = "more than 8 bits a channel"  # in the info of a turned image
DEFAULT_SIDE = 64
LEAST_SIDE, MOST_SIDE = 8, 4096  # of a generator
MOST_ASPECT = 2.0
ODDLY_SMALL = 20  # one image in so many may be smaller than the training size
MARKED = 0.6  # of the median: a training size below it is told of
NOTED = 20  # skipped images, by name

CONVERTIBLE = {
    "1": "a 1-bit image",
    "P": "a palette image",
    "PA": "a palette image with transparency",
    "LA": "a grey image with transparency",
    "RGBA": "an RGB image with transparency",
    "L;tRNS": "a grey image with a transparent colour",
    "RGB;tRNS": "an RGB image with a transparent colour",
    "CMYK": "a CMYK image",
    "YCbCr": "a YCbCr image",
}

# What Pillow's decoders raise on damaged files.
UNREADABLE = (
    ArithmeticError,
    EOFError,
    Image.DecompressionBombError,
    LookupError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


class Header(NamedTuple):
    """What is known of an image before it is decoded; `name` is for messages."""

    name: str
    mode: str
    height: int
    width: int


class Layout(NamedTuple):
    """How images are stored: `mode` is "L" or "RGB", `size` is (height, width) in pixels.

    `notes` tell of a size that few would expect.
    """

    mode: str
    size: tuple[int, int]
    notes: tuple[str, ...] = ()

    @property
    def channels(self) -> int:
        """Of an image: 1 or 3."""
        return 3 if self.mode == "RGB" else 1


class Damage:
    """What happens to images that cannot be read: refused, or skipped and told of in `notes`.

    Notes travel with a generator, so they are few and hold paths inside `folder` alone.
    """

    def __init__(self, skip: bool, folder: str = "") -> None:
        self.skip = skip
        self.folder = folder
        self.skipped: list[str] = []

    @property
    def notes(self) -> list[str]:
        """The skipped images, the first `NOTED` by name."""
        rest = len(self.skipped) - NOTED
        more = [f"skipped {counted(rest, 'more image')} that cannot be read"] if rest > 0 else []
        return [f"skipped {each}" for each in self.skipped[:NOTED]] + more

    def found(self, name: str, error: Exception) -> None:
        """Note that the image `name` cannot be read, or raise `DataError`."""
        if not self.skip:
            way = ", or go on without such images with --skip-corrupt"
            raise unreadable(name, error, way) from error
        self.skipped.append(f"{inside(name, self.folder)}: {_reason(error)}")


def unreadable(name: str, error: Exception, way: str = "") -> DataError:
    """Return the error of the image `name`, whose reading raised `error`; `way` is another way."""
    return DataError(
        f"{name}: cannot be read ({_reason(error)}); allowed: whole image files; replace or remove"
        f" it{way}"
    )


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "not recognised as an image"
    return error.strerror if isinstance(error, OSError) and error.strerror else one_line(error)


def inside(name: str, folder: str) -> str:
    """Return `name` without the folder or file that it lies in, for notes."""
    return name.removeprefix(folder).lstrip("/\\: ")


def check_size(size: int | Sequence[int] | None) -> tuple[int, int] | None:
    """Return `size` as (height, width), or None; raise `ConfigError` where it is neither."""
    if size is None:
        return None
    sides: list[Any] = list(size) if isinstance(size, tuple | list) else [size, size]
    whole = all(map(is_whole, sides))
    if len(sides) != 2 or not whole or not LEAST_SIDE <= min(sides) <= max(sides) <= MOST_SIDE:
        raise ConfigError(
            f"size: {size!r:.60}; allowed: a side, or height and width, in whole pixels from"
            f" {LEAST_SIDE} to {MOST_SIDE}; choose one, for example --size 32"
        )
    return (int(sides[0]), int(sides[1]))


def check_mode(mode: str | None) -> None:
    """Raise `ConfigError` unless `mode` is None, "grey" or "rgb"."""
    if mode not in (None, "grey", "rgb"):
        near = (
            " (did you mean 'grey'?)"
            if mode == "gray"
            else did_you_mean(str(mode), ["grey", "rgb"])
        )
        raise ConfigError(
            f"mode: {mode!r}{near}; allowed: 'grey' or 'rgb'; leave it out to keep what the images"
            " have"
        )


def picture_key(image: Image.Image) -> int:
    """Return the content key of an image that has no file: of its levels, whatever its palette."""
    shown = converted(image, "RGB") if image.mode == "P" else image
    return content_key(shown.tobytes())


def read_header(image: Image.Image, name: str) -> Header:
    """Return the header of an opened image, without decoding it.

    Pillow reads 16-bit RGB files as 8-bit "RGB"; such an image gets the mode "RGB;16", also where
    it was turned by `upright`. In a PNG file one colour may be transparent: "RGB;tRNS".
    """
    deep = image.mode[0] not in "IF" and (DEEP in image.info or is_deep(image))
    mode = f"{image.mode};16" if deep else image.mode
    if mode in ("L", "RGB") and image.format == "PNG" and "transparency" in image.info:
        mode += ";tRNS"
    return Header(name, mode, image.height, image.width)


def is_deep(image: Image.Image) -> bool:
    """Whether the file of an opened image has more than 8 bits a channel, whatever its mode."""
    if image.format == "TIFF":
        return max(getattr(image, "tag_v2").get(ExifTags.Base.BitsPerSample, (1,))) > 8  # noqa: B009
    for decoder, _, _, given in getattr(image, "tile", ()):  # its arguments alone tell
        layout, *rest = given if isinstance(given, tuple) else (given,)
        if decoder in ("ppm", "ppm_plain") and rest and rest[0] > 255:  # the largest value
            return True
        if str(layout).endswith(";16B"):  # a PNG; BGR;16 is a BMP of 5 or 6 bits
            return True
    return False


def choose_layout(
    headers: Sequence[Header],
    size: tuple[int, int] | None,
    mode: str | None,
    *,
    as_rgb: bool = False,
    folder: str = "",
    complain: Complain = refuse,
) -> Layout:
    """Check the modes and sizes of a whole set and say how its images are stored.

    `mode` None keeps grey or RGB images as they are; "grey" and "rgb" convert, also palette,
    transparent and CMYK images (transparency is dropped). `as_rgb` converts like "rgb", for images
    that their data set would hand out as RGB. `size` None takes the height and the width that 19 in
    20 images reach, scaled down to at most 64 a side. Notes name images by their path in `folder`.
    `complain` is told of every mode that is not allowed, before sizes are looked at.

    Raises:
        DataError: a mode that is not allowed, grey and RGB mixed, aspect ratios more than a
            factor of 2 apart without a size, or a side under 8 pixels; the message names files.
    """
    first: dict[str, Header] = {}
    for header in headers:
        first.setdefault(header.mode, header)
    convert = mode is not None or as_rgb
    for header in first.values():
        _check_pixels(header, convert, complain)
    if mode is None and not as_rgb and {"L", "RGB"} <= first.keys():
        complain(
            DataError(
                f"{first['L'].name}: a grey image, but {first['RGB'].name} is RGB; allowed: one"
                " mode in a set; pass --mode rgb or --mode grey to convert them"
            )
        )
    target = "RGB" if as_rgb or mode == "rgb" or (mode is None and "RGB" in first) else "L"
    if size is not None:
        return Layout(target, size)
    size, notes = _common_size(headers, folder)
    return Layout(target, size, notes)


def _check_pixels(header: Header, convert: bool, complain: Complain) -> None:
    mode = header.mode
    if ";16" in mode or mode in ("I", "F"):
        complain(
            DataError(
                f"{header.name}: more than 8 bits a channel (mode {mode}); allowed: 8-bit grey (L)"
                " or RGB; convert it to 8 bits first"
            )
        )
    elif mode in CONVERTIBLE and not convert:
        complain(
            DataError(
                f"{header.name}: {CONVERTIBLE[mode]} (mode {mode}); allowed: 8-bit grey (L) or RGB;"
                " pass --mode rgb or --mode grey to convert it"
            )
        )
    elif mode not in ("L", "RGB", *CONVERTIBLE):
        complain(
            DataError(
                f"{header.name}: mode {mode}; allowed: 8-bit grey (L) or RGB; convert it to RGB"
                " first"
            )
        )


def _common_size(headers: Sequence[Header], folder: str) -> tuple[tuple[int, int], tuple[str, ...]]:
    """Return the height and the width that 19 in 20 images reach, at most 64, and notes.

    Not the smallest ones: a single thumbnail would decide for the whole set.
    """
    wide = max(headers, key=lambda header: header.width / header.height)
    tall = min(headers, key=lambda header: header.width / header.height)
    if wide.width * tall.height > MOST_ASPECT * wide.height * tall.width:
        raise DataError(
            f"{wide.name} is {wide.height}x{wide.width} pixels (height x width), {tall.name} is"
            f" {tall.height}x{tall.width}; allowed: shapes within a factor of {MOST_ASPECT:g};"
            " choose one for all with --size, or remove the odd ones"
        )
    by_height = sorted(headers, key=lambda header: header.height)
    by_width = sorted(headers, key=lambda header: header.width)
    low, narrow = by_height[len(headers) // ODDLY_SMALL], by_width[len(headers) // ODDLY_SMALL]
    height, width = size = scaled_down(low.height, narrow.width)
    if min(size) < LEAST_SIDE:
        odd = low if height < LEAST_SIDE else narrow
        raise DataError(
            f"{odd.name}: {odd.height}x{odd.width} pixels (height x width) would make the training"
            f" size {height}x{width}; allowed: {LEAST_SIDE} pixels a side or more; remove it or"
            " choose --size"
        )
    notes = []
    chosen = f"training size {height}x{width} (height x width)"
    median = (by_height[len(headers) // 2].height, by_width[len(headers) // 2].width)
    usual = scaled_down(*median)
    if height < MARKED * usual[0] or width < MARKED * usual[1]:
        odd = low if height < MARKED * usual[0] else narrow
        notes.append(
            f"{chosen}, because of {_described(odd, folder)}; the median is"
            f" {median[0]}x{median[1]}; choose another with --size, such as --size"
            f" {usual[0]}x{usual[1]}"
        )
    smaller = [header for header in headers if header.height < height or header.width < width]
    if smaller:
        notes.append(
            f"{chosen} enlarges {len(smaller)} of {len(headers)} images, such as"
            f" {_described(smaller[0], folder)}"
        )
    return size, tuple(notes)


def scaled_down(height: int, width: int) -> tuple[int, int]:
    """Return the sides, scaled so that the longer is at most 64."""
    longest = max(height, width)
    if longest <= DEFAULT_SIDE:
        return height, width
    return round(height * DEFAULT_SIDE / longest), round(width * DEFAULT_SIDE / longest)


def _described(header: Header, folder: str) -> str:
    return f"{inside(header.name, folder)} ({header.height}x{header.width})"


def converted(image: Image.Image, mode: str) -> Image.Image:
    """Return the image in `mode`, "L" or "RGB"; transparency is dropped."""
    if image.mode == mode:
        return image
    if image.mode == "P":  # with transparency, Pillow warns on the direct way to RGB
        image = image.convert("RGBA")
    return image.convert(mode)


def pixels_at(image: Image.Image, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a grey or RGB image as uint8 [H, W, C] at `size`, (height, width).

    Resizing is Pillow's BILINEAR, which averages over all source pixels when it makes an image
    smaller; the exported graph scales in the same way.
    """
    height, width = size
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.uint8).reshape(height, width, -1)


def _is_grey(image: Image.Image) -> bool:
    """Say whether an RGB image has equal channels everywhere."""
    some = image.resize((16, 16), Image.Resampling.NEAREST)  # tells most, and quickly
    for each in (some, image):
        red, green, blue = (channel.tobytes() for channel in each.split())
        if not red == green == blue:
            return False
    return True


def key_of_pixels(image: Image.Image) -> tuple[int, bool]:
    """Return a hash of the pixels, and whether all of them are grey; a grey image may be RGB.

    At full size: averaging could hide a pixel of colour.
    """
    plain = image if image.mode == "L" else converted(image, "RGB")
    grey = plain.mode == "L" or _is_grey(plain)
    first = plain.getchannel(0) if grey else plain
    return content_key(b"%dx%d" % plain.size + first.tobytes()), grey


def to_pillow(pixels: NDArray[np.uint8]) -> Image.Image:
    """Return uint8 [H, W, C] as a grey (C = 1) or RGB (C = 3) image."""
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def rendered(images: NDArray[np.uint8], layout: Layout) -> NDArray[np.uint8]:
    """Return the images in the layout's mode and size; the array itself where it has them."""
    shape = (*layout.size, layout.channels)
    if images.shape[1:] == shape:
        return images
    out = np.empty((len(images), *shape), np.uint8)
    for at, pixels in enumerate(images):
        out[at] = pixels_at(converted(to_pillow(pixels), layout.mode), layout.size)
    return out
