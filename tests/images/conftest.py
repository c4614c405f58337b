"""Folders of real image files, written with Pillow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Writer = Callable[..., Path]


@pytest.fixture
def write_image(tmp_path: Path) -> Writer:
    """Return a function that writes one image of noise below tmp_path and returns its path."""

    def write(name: str, mode: str = "L", size: tuple[int, int] = (12, 10), seed: int = 0) -> Path:
        """`size` is (width, height), as in Pillow."""
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng([seed, *name.encode()])
        noise = random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        if mode == "I;16":
            Image.fromarray(noise[..., 0].astype(np.uint16) * 257).save(path)
        else:
            Image.fromarray(noise).convert(mode).save(path)
        return path

    return write


@pytest.fixture
def write_folder(tmp_path: Path, write_image: Writer) -> Writer:
    """Return a function that writes class folders of PNG files and returns the folder above."""

    def write(
        classes: Sequence[str] = ("cat", "dog"),
        count: int = 3,
        below: str = "photos",
        mode: str = "L",
        size: tuple[int, int] = (12, 10),
    ) -> Path:
        for name in classes:
            for at in range(count):
                write_image(f"{below}/{name}/{at}.png", mode, size)
        return tmp_path / below

    return write
