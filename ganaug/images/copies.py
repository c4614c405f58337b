"""Images on both sides of a split: equal ones, whatever their files, and ones that look alike."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganaug.images.image_set import ImageSet, content_key

__all__ = ["also_in", "copies_noted", "near_copies"]

BLOCK = 256  # test images that are compared at once
LOOKED_AT = 4  # nearest training images of a test image
MOST_PAIRS = 10**9  # that are compared; of larger sets some test images are looked at
MOST_AT_ONCE = 2**24  # of them
MOST_BITS = 10  # of the 64 of a hash
SIDE = 16
# Difference that still looks alike: of the image's own deviation, or in grey levels.
RELATIVE, ABSOLUTE = 0.055, 0.5


def also_in(images: ImageSet, other: ImageSet) -> NDArray[np.bool_]:
    """bool [N]: images with the content of one of `other`: as a file, or in pixels.

    Another tool often writes an image anew: then the file differs, and the pixels do not.
    """
    same = np.isin(images.keys, other.keys) | np.isin(images.content, other.content)
    return same | np.isin(_stored(images), _stored(other))


def _stored(images: ImageSet) -> NDArray[np.uint64]:
    return np.array([content_key(image.tobytes()) for image in images.images], np.uint64)


def copies_noted(train: ImageSet, test: ImageSet) -> tuple[str, ...]:
    """Return notes about test images that are training images, or look nearly like one."""
    notes = []
    same = also_in(test, train)
    if same.any():
        notes.append(f"{int(same.sum())} of {len(test)} test images are also training images")
    near = [(ours, theirs) for ours, theirs in near_copies(train, test) if not same[ours]]
    if near:
        ours, theirs = near[0]
        looked = len(_looked_at(train, test))
        compared = "" if looked == len(test) else " that were compared"
        notes.append(
            f"{len(near)} of {looked} test images{compared} look nearly like a training image, such"
            f" as {_name(test, ours)} like {_name(train, theirs)}; results on them look too good:"
            " give such images one group in groups.csv"
        )
    return tuple(notes)


def _name(images: ImageSet, at: int) -> str:
    return f"image {at}" if images.names is None else images.names[at]


def near_copies(train: ImageSet, test: ImageSet) -> list[tuple[int, int]]:
    """Return (test image, training image) of those that look alike, each test image at most once.

    A copy that was encoded anew, at another quality or size. Candidates are the training images
    whose hash has the fewest other bits (dHash: is a pixel brighter than its left neighbour?);
    among them, images whose 16x16 pixels in grey differ by little. 16,000 by 4,000 images take
    seconds; of larger sets some test images are compared, in even steps.
    """
    looked = _looked_at(train, test)
    ours = _Looks.of(test if len(looked) == len(test) else test.take(looked))
    theirs = _Looks.of(train)
    found: list[tuple[int, int]] = []
    number = min(LOOKED_AT, len(train))
    block = max(1, min(BLOCK, MOST_AT_ONCE // max(1, len(train))))
    for start in range(0, len(looked) if number else 0, block):
        rows = slice(start, start + block)
        bits = np.bitwise_count(ours.hashes[rows, None] ^ theirs.hashes[None])
        nearest = np.argpartition(bits, number - 1, axis=1)[:, :number]
        pixels = ours.pixels[rows].astype(np.float32)
        difference = pixels[:, None] - theirs.pixels[nearest].astype(np.float32)
        rms = np.sqrt((difference**2).mean(axis=2))
        allowed = np.maximum(ABSOLUTE, RELATIVE * pixels.std(axis=1))[:, None]
        alike = (rms <= allowed) & (np.take_along_axis(bits, nearest, 1) <= MOST_BITS)
        best = np.where(alike, rms, np.inf).argmin(axis=1)
        found += [
            (int(looked[start + i]), int(nearest[i, best[i]])) for i in np.flatnonzero(alike.any(1))
        ]
    return found


def _looked_at(train: ImageSet, test: ImageSet) -> NDArray[np.int64]:
    """Return positions of the test images that are compared with all of `train`."""
    most = max(1, MOST_PAIRS // max(1, len(train)))
    return np.linspace(0, len(test) - 1, min(len(test), most)).round().astype(np.int64)


class _Looks(NamedTuple):
    """Hashes uint64 [N] and grey pixels uint8 [N, 256] of images."""

    hashes: NDArray[np.uint64]
    pixels: NDArray[np.uint8]

    @classmethod
    def of(cls, images: ImageSet) -> _Looks:
        small = np.empty((len(images), SIDE, SIDE), np.uint8)
        nine = np.empty((len(images), 8, 9), np.uint8)
        for at, pixels in enumerate(images.images):
            image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).convert("L")
            small[at] = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
            nine[at] = np.asarray(image.resize((9, 8), Image.Resampling.BILINEAR))
        brighter = (nine[..., 1:] > nine[..., :-1]).reshape(len(images), 64)
        hashes = np.packbits(brighter, axis=1).view(np.uint64).reshape(-1)
        return cls(hashes, small.reshape(len(images), SIDE * SIDE))
