"""Decoding: from image files to one array, or to a file of pixels, in several threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganaug.images._pixels import (
    UNREADABLE,
    Damage,
    Header,
    Layout,
    converted,
    key_of_pixels,
    pixels_at,
)

__all__ = ["DecodedPixels", "Sink", "in_order", "read_pixels"]

TOGETHER = 16  # images that a thread decodes at a time
TOLD = 100  # images between two calls of a progress
Result = TypeVar("Result")


class DecodedPixels(NamedTuple):
    """Decoded images: uint8 [n, H, W, C], content keys uint64 [n], positions int64 [n].

    `pixel_keys`, uint64 [n], are hashes of the pixels before any resizing, `other_keys` the content
    keys of the same files where EXIF is followed and here is not, or the other way round.
    """

    images: NDArray[np.uint8]
    keys: NDArray[np.uint64]
    pixel_keys: NDArray[np.uint64]
    other_keys: NDArray[np.uint64]
    kept: NDArray[np.int64]


class _Memory:
    """Takes decoded images one after the other, into one array; the only copy in memory."""

    def __init__(self, count: int, shape: tuple[int, int, int]) -> None:
        self._images, self._count = np.empty((count, *shape), np.uint8), 0

    def add(self, image: NDArray[np.uint8]) -> None:
        self._images[self._count] = image
        self._count += 1

    def finished(self, *, all_grey: bool) -> NDArray[np.uint8]:
        images = self._images[: self._count]
        return np.ascontiguousarray(images[..., :1]) if all_grey else images


class _Image(NamedTuple):
    """One decoded image at its final size, its keys, and whether it is grey."""

    pixels: NDArray[np.uint8]
    key: int
    pixel_key: int
    other_key: int
    grey: bool


class Sink(Protocol):
    """Where decoded images go, one after the other."""

    def add(self, image: NDArray[np.uint8]) -> None:
        """Append one image [H, W, C]."""

    def finished(self, *, all_grey: bool) -> NDArray[np.uint8]:
        """Return all of them; of each its first channel alone, where `all_grey`."""


def read_pixels(
    headers: Sequence[Header],
    load: Callable[[int], tuple[Image.Image, int, int]],
    layout: Layout,
    damage: Damage,
    *,
    keep_rgb: bool,
    into: Callable[[tuple[int, int, int]], Sink] | None = None,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> DecodedPixels:
    """Decode every image into one array of the layout; the only copy held in memory.

    `load(i)` returns image i, decoded, and its content keys, as `as_shown` gives them; it is called
    in so many `threads`. RGB images that are all grey come back with one channel, unless
    `keep_rgb`. Images that cannot be read go to `damage`. `into(shape)` makes what takes images of
    that shape in place of an array.
    """
    shape = (*layout.size, layout.channels)
    sink: Sink = _Memory(len(headers), shape) if into is None else into(shape)
    keys = np.empty((3, len(headers)), np.uint64)
    kept: list[int] = []
    all_grey = layout.mode == "RGB" and not keep_rgb

    def decoded(at: int) -> _Image | Exception:
        try:
            image, key, other_key = load(at)
            by_pixels, grey = key_of_pixels(image)
            final = pixels_at(converted(image, layout.mode), layout.size)
            return _Image(final, key, by_pixels, other_key, grey)
        except UNREADABLE as error:
            return error

    for at, found in enumerate(in_order(decoded, len(headers), threads)):
        if progress is not None and (at + 1 == len(headers) or at % TOLD == 0):
            progress(at + 1, len(headers))
        if isinstance(found, Exception):
            damage.found(headers[at].name, found)
            continue
        sink.add(found.pixels)
        keys[:, len(kept)] = found.key, found.pixel_key, found.other_key
        all_grey = all_grey and found.grey
        kept.append(at)
    rows = np.array(kept, dtype=np.int64)
    images = sink.finished(all_grey=all_grey)
    by_file, by_pixels, other = keys[:, : len(kept)]
    return DecodedPixels(images, by_file, by_pixels, other, rows)


def in_order(call: Callable[[int], Result], count: int, threads: int) -> Iterator[Result]:
    """Yield call(0) to call(count - 1), computed in threads a little ahead of what is taken."""
    if threads == 1 or count <= TOGETHER:
        yield from map(call, range(count))
        return

    def some(start: int) -> list[Result]:
        return [call(at) for at in range(start, min(start + TOGETHER, count))]

    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Future[list[Result]]] = deque()
        try:
            for start in range(0, count, TOGETHER):
                ahead.append(pool.submit(some, start))
                if len(ahead) > 2 * threads:
                    yield from ahead.popleft().result()
            while ahead:
                yield from ahead.popleft().result()
        finally:
            for waiting in ahead:
                waiting.cancel()
