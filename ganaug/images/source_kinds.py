"""`kind_of`: which kind of source the user named, in the order in which it is asked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from ganaug.images.columns import is_huggingface
from ganaug.images.tables import is_table

__all__ = ["DIGITS", "HF_PREFIX", "TORCHVISION_PREFIX", "Kind", "kind_of"]

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
