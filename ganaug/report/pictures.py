"""Pictures of real images beside generated ones, class by class."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from PIL import Image

from ganaug.evaluation.diversity.samples import ClassSamples
from ganaug.images.grid import picture_grid

__all__ = ["Picture", "class_pictures"]


class Picture(NamedTuple):
    """A picture with its caption."""

    caption: str
    image: Image.Image


def class_pictures(samples: Iterable[ClassSamples]) -> list[Picture]:
    """Return a picture of each class, with its name and the number of its images."""
    return [
        Picture(
            f"{each.name}, {each.count} image{'s' if each.count != 1 else ''}",
            picture_grid(each.rows),
        )
        for each in samples
    ]
