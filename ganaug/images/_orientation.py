"""How an image in a file stands, and which page of it is read."""

from __future__ import annotations

import threading
import warnings
from collections import Counter

from PIL import Image

from ganaug.images._left_out import by_class
from ganaug.images._pixels import DEEP, UNREADABLE, Header, inside, is_deep
from ganaug.images.image_set import content_key
from ganaug.wording import counted

__all__ = ["Told", "as_shown", "upright"]

ORIENTATION = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDES_CHANGE = (5, 6, 7, 8)
_quietly = threading.Lock()  # images are decoded in threads, and these share their filters
PAGED = ("TIFF", "GIF", "WEBP", "PNG")  # not MPO: its further pictures are previews


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where there is none, or damaged EXIF.

    A TIFF file has 1: Pillow turns these itself.
    """
    if image.format == "TIFF":
        return 1
    try:
        with _quietly, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged EXIF
            # Not PngImageFile's own method, which decodes the image to look for EXIF behind it.
            found = Image.Image.getexif(image).get(ORIENTATION, 1)
    except UNREADABLE:
        return 1
    return found if found in UPRIGHT else 1


def upright(image: Image.Image) -> Image.Image:
    """Return a decoded image turned as its EXIF orientation says, as viewers show it."""
    method = UPRIGHT.get(orientation(image))
    if method is None:
        return image
    deep = is_deep(image)  # which a turned image does not tell
    turned = image.transpose(method)
    if deep:
        turned.info[DEEP] = True
    return turned


def as_shown(image: Image.Image, content: bytes, *, exif: bool) -> tuple[Image.Image, int, int]:
    """Return a decoded image as EXIF turns it, where asked, and two content keys of its file.

    A turned image is another one: a run or a fifth of images that lie is not found in these. The
    second key is the one that the image has where `exif` is not what it is here.
    """
    key = content_key(content)
    if orientation(image) == 1:
        return image, key, key
    other = content_key(content + b"turned")
    return (upright(image), other, key) if exif else (image, key, other)


class Told:
    """Notes about files: turned images, and pages that are not read.

    Args:
        source: the folder of the files.
        turned: whether images are turned as their EXIF orientation says.
    """

    def __init__(self, source: str, *, turned: bool) -> None:
        self.source, self.turned = source, turned
        self._lying = Counter[str]()  # images, by class
        self._paged = Counter[str]()  # pages beyond the first, by class
        self._example: dict[str, str] = {}

    def header(self, header: Header, image: Image.Image, name: str) -> Header:
        """Note what is to be told of an opened image of the class `name`.

        Returns:
            Its header as the image stands.
        """
        found, pages = orientation(image), _pages(image)
        if found != 1:
            self._lying[name] += 1
            self._example.setdefault("lying", inside(header.name, self.source))
        if pages > 1:
            self._paged[name] += pages - 1
            of = f"{inside(header.name, self.source)} ({pages} of them)"
            self._example.setdefault("paged", of)
        if self.turned and found in SIDES_CHANGE:
            return header._replace(height=header.width, width=header.height)
        return header

    @property
    def notes(self) -> list[str]:
        """At most one line of each kind."""
        notes = []
        if self._lying:
            of = f"{counted(self._lying.total(), 'image')} ({by_class(self._lying)}), such as"
            of += f" {self._example['lying']}"
            notes.append(
                f"turned as EXIF says: {of}; torchvision's ImageFolder does not turn them (choose"
                " with --no-exif)"
                if self.turned
                else f"not turned, though EXIF says so: {of}"
            )
        if self._paged:
            notes.append(
                f"not read: {counted(self._paged.total(), 'page')} or frames beyond the first"
                f" ({by_class(self._paged)}), such as those of {self._example['paged']}"
            )
        return notes


def _pages(image: Image.Image) -> int:
    if image.format not in PAGED:
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except UNREADABLE:
        return 1
