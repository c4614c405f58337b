"""`resized`: an image set at another size; everything but the pixels stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ganaug.images._pixels import Layout, check_size, rendered
from ganaug.images.image_set import ImageSet

__all__ = ["resized"]


def resized(image_set: ImageSet, size: int | Sequence[int]) -> ImageSet:
    """Return the images and those of the test part at `size`, resized as loading does.

    Keys are hashes of the content before any resizing, and stay. So the fingerprint is that of the
    same source loaded at `size`, although the pixels may differ by what a second resizing does. A
    set that has this size comes back as it is.

    Args:
        image_set: images uint8 [N, H, W, C].
        size: a side, or (height, width), in pixels, 8 to 4096. Resizing is bilinear, antialiased.

    Raises:
        ConfigError: a size that is not allowed.

    Examples:
        >>> from ganaug.images import load_images
        >>> resized(load_images("digits"), 16).size
        (16, 16)
    """
    sides = check_size(size)
    if sides is None or sides == image_set.size:
        return image_set
    layout = Layout("L" if image_set.channels == 1 else "RGB", sides)
    return replace(
        image_set,
        images=rendered(image_set.images, layout),
        test=None if image_set.test is None else resized(image_set.test, sides),
    )
