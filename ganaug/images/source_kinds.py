"""`kind_of`: which kind of source the user named, in the order in which it is asked.

`as_data_set` knows what people give in the place of a data set.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from ganaug.images.columns import is_huggingface
from ganaug.images.image_set import ImageSet
from ganaug.images.tables import is_table
from ganaug.wording import first_names

__all__ = ["DIGITS", "HF_PREFIX", "TORCHVISION_PREFIX", "Kind", "as_data_set", "kind_of"]

DIGITS = "digits"
HF_PREFIX = "hf:"
TORCHVISION_PREFIX = "torchvision:"

Kind = Literal[
    "table", "huggingface", "dataset", "torchvision", "digits", "folder", "npz", "unknown"
]


def kind_of(source: Any) -> Kind:
    """Return the kind of anything that `load_images` takes.

    "dataset" is every other object, "unknown" every other text or path; nothing is read.
    """
    named = source if isinstance(source, str) else ""
    if is_table(source):
        return "table"
    if named.startswith(HF_PREFIX) or is_huggingface(source):
        return "huggingface"
    if not isinstance(source, str | os.PathLike):
        return "dataset"
    if named.startswith(TORCHVISION_PREFIX):
        return "torchvision"
    if named == DIGITS:
        return "digits"
    if os.path.isdir(source):
        return "folder"
    is_npz = Path(source).suffix.lower() == ".npz" and os.path.isfile(source)
    return "npz" if is_npz else "unknown"


def as_data_set(given: Any) -> str | None:
    """Return what makes a data set of something near to one; None where nothing is known.

    Args:
        given: in the place of a map-style data set of (image, label).
    """
    pair = isinstance(given, tuple) and len(given) == 2
    if isinstance(given, str | bytes | os.PathLike):
        return "read the folder first, with torchvision.datasets.ImageFolder(PATH)"
    if isinstance(given, ImageSet):
        return "pass the data set that it was loaded from, or an ImageFolder of its folder"
    if is_table(given):
        return "write a data set whose items open the file of a row, and return its label"
    if hasattr(given, "dtype") or (pair and hasattr(given[0], "dtype")):  # arrays, tensors
        return "put images and labels into torch.utils.data.TensorDataset(IMAGES, LABELS)"
    if is_huggingface(given):  # its columns say what is wrong
        return None
    if isinstance(given, Mapping) and given and 0 not in given:  # else its keys may be positions
        return f"pass one of its values ({first_names([*map(str, given)], form=repr)})"
    return None
