"""Images of capitals and digits, made on the spot: several text faces, shared known nuisances.

Nothing is read but matplotlib's own fonts, and the truth is known: an image is one glyph of one
face, printed on a plate that is tilted, lit, blurred and set before a background. The nuisances
have the same distribution for every class, so what frequent classes show holds for rare ones too.
One number, the strength, scales all of them: 0 is black on white, centred, upright and sharp.

Training, validation and test images come from different faces. An image depends on the seed, the
part, its class and its place in the class alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ganaug.errors import ConfigError
from ganaug.images import ImageSet
from ganaug.randomness import stream

try:  # on import, so that a demo without it stops before any work
    import matplotlib
except ImportError as error:
    raise ConfigError(
        f"the letters of the demo are drawn in matplotlib's fonts, and matplotlib cannot be loaded"
        f" ({error}); install it with: pip install 'ganaug[demo]'"
    ) from error

__all__ = ["CLASSES", "FACES", "glyph_masks", "render_glyphs"]

CLASSES = tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
SIZE = 32

# Faces in which all 36 glyphs exist and differ, 0 and O at least in width (matplotlib's cmmi10 is
# left out for its old-style figures). Each part has upright and slanted, light and bold ones.
FACES: dict[str, tuple[str, ...]] = {
    "train": (
        *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono-Bold"),
        *("DejaVuSansMono-Oblique", "DejaVuSerif", "DejaVuSerif-BoldItalic", "STIXGeneral"),
        *("STIXGeneralBolIta", "cmr10", "cmtt10"),
    ),
    "validation": ("DejaVuSansMono-BoldOblique", "DejaVuSerif-Italic", "STIXGeneralBol", "cmss10"),
    "test": (
        *("DejaVuSans-BoldOblique", "DejaVuSansMono", "DejaVuSerif-Bold", "STIXGeneralItalic"),
        *("cmb10", "cmti10"),
    ),
}

_MASK = 96  # pixels of the masks that images are sampled from
_CAPITALS = 0.58  # height of a capital H, as a share of the image
_DETAIL = 2  # images are made at this multiple of their size, then averaged
_PAD = 12  # around them, so that the blur does not wrap
_TEXTURE = 5  # points along a side of the background's pattern


def render_glyphs(
    part: str,
    counts: Sequence[int] | NDArray[np.int64],
    strength: float,
    seed: int,
    source: str,
    *,
    face: str | None = None,
) -> ImageSet:
    """Return `counts[label]` RGB images of each class, 32 x 32, in the faces of `part`.

    The classes are the first `len(counts)` of `CLASSES`.

    Faces are dealt in turn, in an order that differs by class and seed. A group is one glyph in
    one face.

    Args:
        part: "train", "validation" or "test".
        counts: images of each class, for 2 to 36 classes.
        strength: of all nuisances; 0 is none, 1 the usual; from 1.5 many images cannot be read.
        seed: names the draw.
        source: for messages.
        face: one of `FACES[part]`, for all images.
    """
    faces = len(FACES[part])
    labels = np.repeat(np.arange(len(counts)), counts)
    dealt, draws = [], []
    for label, n in enumerate(counts):
        random = stream(seed, f"glyphs/{part}", index=label)
        order = random.permutation(faces)
        dealt.append(order[np.arange(n) % faces])
        draws.append(random.random((int(n), _Draws.SIZE), np.float32))
    which = np.concatenate(dealt)
    if face is not None:
        which[:] = FACES[part].index(face)
    masks = torch.from_numpy(glyph_masks(part))
    parts = [
        _photograph(masks[which[rows], labels[rows]], torch.from_numpy(uniform), strength)
        for rows, uniform in _blocks(np.concatenate(draws))
    ]
    images = torch.cat(parts).permute(0, 2, 3, 1).contiguous().numpy()
    classes = CLASSES[: len(counts)]
    return ImageSet(images, labels, classes, groups=labels * faces + which, source=source)


def _blocks(draws: NDArray[np.float32], size: int = 100) -> list[tuple[slice, NDArray[np.float32]]]:
    """Split into blocks, so that memory does not grow with the number of images."""
    starts = range(0, len(draws), size)
    return [(slice(start, start + size), draws[start : start + size]) for start in starts]


@cache
def glyph_masks(part: str) -> NDArray[np.float32]:
    """float32 [faces, 36, M, M] in 0..1: how much ink, capitals centred and of one height."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    masks = np.zeros((len(FACES[part]), len(CLASSES), _MASK, _MASK), np.float32)
    for at, name in enumerate(FACES[part]):
        path, basic = str(folder / f"{name}.ttf"), ImageFont.Layout.BASIC
        trial = ImageFont.truetype(path, 200, layout_engine=basic)
        _, top, _, bottom = trial.getbbox("H", anchor="ls")
        height = _CAPITALS * _MASK
        font = ImageFont.truetype(path, 200 * height / (bottom - top), layout_engine=basic)
        for label, glyph in enumerate(CLASSES):
            left, _, right, _ = font.getbbox(glyph, anchor="ls")
            sheet = Image.new("L", (_MASK, _MASK))
            corner = ((_MASK - left - right) / 2, (_MASK + height) / 2)
            ImageDraw.Draw(sheet).text(corner, glyph, fill=255, font=font, anchor="ls")
            masks[at, label] = np.asarray(sheet, np.float32) / 255
    return masks


class _Draws:
    """Uniform numbers of a batch of images, handed out column by column."""

    SIZE = 102  # as many as are drawn for one image

    def __init__(self, uniform: Tensor) -> None:
        self.uniform, self.at = uniform, 0

    def __call__(self, low: float, high: float, *shape: int) -> Tensor:
        """Return [N, *shape] in low..high."""
        n = math.prod(shape)
        taken = self.uniform[:, self.at : self.at + n]
        self.at += n
        return (low + (high - low) * taken).reshape(len(taken), *shape)


def _photograph(ink: Tensor, uniform: Tensor, s: float) -> Tensor:
    """Return uint8 [N, 3, 32, 32] of the masks `ink` [N, M, M], with nuisances of strength `s`."""
    draws = _Draws(uniform)
    side = _DETAIL * SIZE + 2 * _PAD
    reach = side / (_DETAIL * SIZE)  # the padded image, in the image's own units of -1..1
    line = (torch.arange(side) + 0.5) / side * 2 * reach - reach
    y, x = torch.meshgrid(line, line, indexing="ij")
    grid = _perspective(draws, x, y, s)
    glyph = F.grid_sample(ink[:, None], grid, align_corners=False)
    pixels = _surfaces(draws, glyph, grid, side, s)
    pixels = pixels * _light(draws, x, y, s)
    pixels = _blurred(pixels, _covariance(draws, s))
    pixels = F.avg_pool2d(pixels[..., _PAD:-_PAD, _PAD:-_PAD], _DETAIL)
    return (pixels.clamp(0, 1) * 255).round().to(torch.uint8)


def _perspective(draws: _Draws, x: Tensor, y: Tensor, s: float) -> Tensor:
    """Where each pixel looks on the plate, [N, side, side, 2]: a pinhole before a tilted plane."""
    tilt, turn = draws(0, 50 * s, 1, 1), draws(0, 2 * math.pi, 1, 1)
    roll, log_scale = draws(-12 * s, 12 * s, 1, 1), draws(-0.35 * s, 0.1 * s, 1, 1)
    shift = draws(-0.2 * s, 0.2 * s, 2, 1, 1)
    tilt, roll = torch.deg2rad(tilt), torch.deg2rad(roll)
    distance = 2.2  # of the camera, in half sides of the plate
    u, v = (x - shift[:, 0]) * torch.exp(-log_scale), (y - shift[:, 1]) * torch.exp(-log_scale)
    u, v = u * roll.cos() + v * roll.sin(), v * roll.cos() - u * roll.sin()
    # Along the direction of the slope (turn) and across it; the plane is z = slope * along.
    along, across = u * turn.cos() + v * turn.sin(), v * turn.cos() - u * turn.sin()
    depth = distance * tilt.cos() / (distance * tilt.cos() - along * tilt.sin()).clamp(min=0.2)
    along, across = along * depth / tilt.cos(), across * depth
    u, v = along * turn.cos() - across * turn.sin(), across * turn.cos() + along * turn.sin()
    return torch.stack([u, v], -1)


def _surfaces(draws: _Draws, glyph: Tensor, grid: Tensor, side: int, s: float) -> Tensor:
    """Colours of ink, plate and background, [N, 3, side, side] in 0..1."""
    paper, ink = 1 - draws(0, 0.5 * s, 3, 1, 1), draws(0, 0.35 * s, 3, 1, 1)
    coarse = draws(0, 1, 3, _TEXTURE, _TEXTURE)
    pattern = F.interpolate(coarse, (side, side), mode="bicubic", align_corners=False)
    behind = paper + min(s, 1.0) * (pattern.clamp(0, 1) - paper)
    half = draws(1.0, 1.25, 2, 1, 1)  # of the plate, which no glyph reaches beyond
    inside = (half[:, 0] - grid[..., 0].abs()).minimum(half[:, 1] - grid[..., 1].abs())
    plate = (inside * side / 4 + 0.5).clamp(0, 1)[:, None]
    paper = paper * (1 - 0.25 * s * pattern.mean(1, keepdim=True))
    printed = paper + glyph * (ink - paper)
    return behind + plate * (printed - behind)


def _light(draws: _Draws, x: Tensor, y: Tensor, s: float) -> Tensor:
    """Exposure, tint, a gradient and the edge of a shadow: a factor [N, 3, side, side]."""
    exposure, tint = draws(-0.6 * s, 0.3 * s, 1, 1, 1), draws(-0.25 * s, 0.25 * s, 3, 1, 1)
    fall, towards = draws(0, 0.7 * s, 1, 1, 1), draws(0, 2 * math.pi, 1, 1, 1)
    gradient = fall * (x * towards.cos() + y * towards.sin())
    deep, across = draws(0, 0.6 * min(s, 1.5), 1, 1, 1), draws(0, 2 * math.pi, 1, 1, 1)
    edge, soft = draws(-0.6, 0.9, 1, 1, 1), draws(0.04, 0.3, 1, 1, 1)
    shadow = torch.sigmoid((x * across.cos() + y * across.sin() - edge) / soft)
    return torch.exp(exposure + tint + gradient) * (1 - deep * shadow)


def _covariance(draws: _Draws, s: float) -> Tensor:
    """Covariance of the blur, [N, 2, 2] in squared pixels of the image: lens and motion."""
    lens, motion, way = draws(0, 0.9 * s), draws(0, 2.2 * s), draws(0, math.pi)
    direction = torch.stack([way.cos(), way.sin()], -1)
    outer = direction[:, :, None] * direction[:, None, :]
    return lens[:, None, None] ** 2 * torch.eye(2) + motion[:, None, None] ** 2 * outer


def _blurred(pixels: Tensor, covariance: Tensor) -> Tensor:
    """Convolve each image with its own Gaussian, by its transform exp(-2 pi^2 f' C f)."""
    side = pixels.shape[-1]
    fy, fx = torch.fft.fftfreq(side)[:, None] * _DETAIL, torch.fft.rfftfreq(side)[None] * _DETAIL
    c = covariance[..., None, None]
    power = c[:, 0, 0] * fx**2 + 2 * c[:, 0, 1] * fx * fy + c[:, 1, 1] * fy**2
    transfer = torch.exp(-2 * math.pi**2 * power)[:, None]
    return torch.fft.irfft2(torch.fft.rfft2(pixels) * transfer, s=(side, side))
