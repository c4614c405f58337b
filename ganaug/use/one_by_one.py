"""`OneByOne`: the images of a source at their full size, none of them held in memory."""

from __future__ import annotations

from PIL import Image

from ganaug.artifact.arrays import check_area
from ganaug.artifact.format import Metadata
from ganaug.images import to_pillow
from ganaug.images.originals import Readable, decoded
from ganaug.use.class_map import refuse_unclear

__all__ = ["OneByOne"]


class OneByOne:
    """Images that were found readable, as a map-style data set of (PIL image, label).

    Args:
        images: those of a source.
        info: of the generator that they are for: grey images for one of grey images, else RGB.
        side: larger images are made smaller, to so many pixels at the longer side; None = as they
            are.

    Attributes:
        targets: the label of each.
        names: of each, inside the source.
        classes: class names by label.
        class_to_idx: {class name: label}.

    Raises:
        DataError: the labels have no names, and the generator's classes are whole numbers out of
            order.
    """

    def __init__(self, images: Readable, info: Metadata, side: int | None = None) -> None:
        if images.unnamed:
            where, instead = "the source has labels without class names", "give them class names"
            refuse_unclear(info.classes, where, instead)
        self._items, self._info, self._side = images.items, info, side
        self.names = [each.inside or each.name for each in images.items]
        self.targets: list[int] = images.labels.tolist()
        self.classes = list(images.classes)
        self.class_to_idx = {name: label for label, name in enumerate(images.classes)}

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        pixels = decoded(self._items[index], self._info.channels, self._side)
        if self._info.kind == "variation":
            height, width = pixels.shape[:2]
            check_area(height, width, "make images smaller with --side {longer}")
        return to_pillow(pixels), self.targets[index]
