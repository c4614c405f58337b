"""What a file may cost before it is refused, and how a user raises it: one table.

A limit is read from the environment each time, so that it holds in worker processes, too.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from ganaug.errors import ConfigError

__all__ = ["IMAGE_MEMORY", "IMAGE_OPERATIONS", "LIMITS", "MEGAPIXELS", "NPZ_SIZE", "Limit"]


@dataclass(frozen=True)
class Limit:
    """One limit: the environment variable that sets it, its default, and what it is."""

    variable: str
    default: int
    meaning: str

    @property
    def value(self) -> int:
        """The limit that holds now.

        Raises:
            ConfigError: the variable is set to something else than a whole number from 1 up.
        """
        text = os.environ.get(self.variable, "")
        if not text:
            return self.default
        if not (text.isascii() and text.isdigit() and len(text) < 16 and int(text)):
            raise ConfigError(
                f"{self.variable}: {text[:40]!r}; allowed: a whole number from 1 up; the default is"
                f" {self.default:,} ({self.meaning})"
            )
        return int(text)

    def advice(self, needed: int) -> str:
        """Return how to allow `needed`, for the end of a message."""
        return f"if you trust the file, set {self.variable}={needed}"


IMAGE_MEMORY = Limit(
    "GANAUG_MAX_IMAGE_MIB", 512, "MiB of all results between input and output, for one image"
)
IMAGE_OPERATIONS = Limit(
    "GANAUG_MAX_IMAGE_GFLOP", 100, "thousand million operations, for one image"
)
NPZ_SIZE = Limit(
    "GANAUG_MAX_NPZ_MIB", 512, "MiB of an unpacked .npz file; 20 times its own size is allowed, too"
)
MEGAPIXELS = Limit("GANAUG_MAX_MEGAPIXELS", 4, "megapixels of an image that is varied")
LIMITS = (IMAGE_MEMORY, IMAGE_OPERATIONS, NPZ_SIZE, MEGAPIXELS)
