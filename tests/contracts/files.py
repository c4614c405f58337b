"""Real files for the contracts: photographs of two sizes and the small generators for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from helpers.small_models import Planted, write_class_model, write_variation_model
from PIL import Image

__all__ = ["CLASSES", "COUNTS", "SIZES", "Files"]

CLASSES = ("ant", "bee", "cat")
COUNTS = (8, 4, 2)
SIZES = ((8, 8), (11, 6))  # height, width of every second photograph


@dataclass(frozen=True)
class Files:
    """Files in a folder, each written when it is first asked for."""

    root: Path

    def photos(self) -> Path:
        """PNG files, one folder a class."""
        folder = self.root / "photos"
        if not folder.exists():
            random = np.random.default_rng(0)
            for name, count in zip(CLASSES, COUNTS, strict=True):
                (folder / name).mkdir(parents=True)
                for i in range(count):
                    levels = random.integers(60, 200, (*SIZES[i % 2], 3), np.uint8)
                    Image.fromarray(levels).save(folder / name / f"{i}.png")
        return folder

    def artifact(self, kind: str, channels: int = 3, **metadata: Any) -> Path:
        """An artifact of `kind`; `metadata` takes the place of the fields' usual values.

        "moving" is a variation generator that moves the image by what is drawn.
        """
        # 19 latents: no multiple of what a processor adds at once, so that batches may show.
        known = {"classes": CLASSES, "counts": COUNTS, "latent_dim": 19, **metadata}
        words = [kind, str(channels), *(f"{key}={value}" for key, value in metadata.items())]
        path = self.root / (" ".join(words) + ".onnx")
        if not path.exists():
            write: Any = write_class_model if kind == "class" else write_variation_model
            if kind == "moving":
                known["planted"] = Planted(drift=0.3)
            write(path, channels=channels, size=SIZES[0], **known)
        return path
