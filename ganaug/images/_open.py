"""The only place where an image file is opened: which formats are read."""

from __future__ import annotations

from typing import BinaryIO

from PIL import Image

__all__ = ["FORMATS", "open_image"]

# The extensions of torchvision's ImageFolder, and the format that each stands for. What Pillow
# knows beside these is not tried, whatever a file is called: EPS would start Ghostscript, and
# rarely used formats have rarely read parsers.
FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".ppm": "PPM",
    ".bmp": "BMP",
    ".pgm": "PPM",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}


def open_image(stream: BinaryIO) -> Image.Image:
    """Open the image file in `stream`, without decoding it yet.

    Raises:
        OSError: it is of none of `FORMATS`; and what else Pillow raises on damaged files.
    """
    return Image.open(stream, formats=sorted(set(FORMATS.values())))
