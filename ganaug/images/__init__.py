"""Images, labels, classes and groups: where they come from and how imbalanced sets are drawn."""

from ganaug.images._hold_out import units
from ganaug.images._pixels import check_size, scaled_down, to_pillow
from ganaug.images.enough_classes import require_classes
from ganaug.images.image_set import ImageSet
from ganaug.images.long_tail import draw_indices, long_tailed
from ganaug.images.resizing import resized
from ganaug.images.sources import load_images

__all__ = [
    "ImageSet",
    "check_size",
    "draw_indices",
    "load_images",
    "long_tailed",
    "require_classes",
    "resized",
    "scaled_down",
    "to_pillow",
    "units",
]
