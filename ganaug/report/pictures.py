"""Pictures of real images beside generated ones, class by class; and the history of a run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganaug.artifact.runtime import Generator
from ganaug.images import ImageSet
from ganaug.images.grid import picture_grid
from ganaug.randomness import stream

__all__ = ["Picture", "class_pictures", "overview", "read_history"]


class Picture(NamedTuple):
    """A picture with its caption."""

    caption: str
    image: Image.Image


def class_pictures(
    generator: Generator, images: ImageSet, *, most: int = 16, rows: int = 3, columns: int = 7
) -> list[Picture]:
    """Return a picture for each class, from the rarest on; at most `most`, spread evenly.

    In each row of a variation generator's picture the first image is real, the others are its
    variations. A class generator's picture has one row of real images above the generated ones.
    """
    images, found = _as_trained(generator, images), []
    for label in _chosen(images, most):
        count = int(images.counts[label])
        caption = f"{images.classes[label]}, {count} image{'s' if count != 1 else ''}"
        made = _rows(generator, images, label, rows, columns)
        found.append(Picture(caption, picture_grid(made)))
    return found


def overview(
    generator: Generator, images: ImageSet, *, most: int = 16, columns: int = 9
) -> Image.Image:
    """Return one picture of all classes (at most `most`): a row a class, the first image real."""
    images, rows = _as_trained(generator, images), []
    for label in sorted(_chosen(images, most)):
        row = _rows(generator, images, label, 1, columns)
        rows.append(row[0] if len(row) == 1 else np.concatenate([row[0][:1], row[1][1:]]))
    return picture_grid(rows)


def read_history(run: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Return the rows of a run's metrics.jsonl and diversity.jsonl, none where there is neither."""
    rows: list[dict[str, Any]] = []
    for path in (Path(run) / name for name in ("metrics.jsonl", "diversity.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
            try:
                rows.append(json.loads(line))
            except ValueError:  # the last line of a killed run
                break
    return rows


def _as_trained(generator: Generator, images: ImageSet) -> ImageSet:
    """Return `images` as one class where the generator was trained without labels."""
    (name, *others) = generator.info.classes
    return images if others or name in images.classes else images.merged(name)


def _chosen(images: ImageSet, most: int) -> list[int]:
    """Labels of classes with images, from the rarest on, at most `most` spread evenly."""
    present = [int(i) for i in np.argsort(images.counts, kind="stable") if images.counts[i]]
    places = np.linspace(0, len(present) - 1, min(most, len(present))).round().astype(int)
    return [present[place] for place in places]


def _rows(
    generator: Generator, images: ImageSet, label: int, rows: int, columns: int
) -> list[NDArray[np.uint8]]:
    """uint8 [columns, H, W, C] a row."""
    info, name = generator.info, images.classes[label]
    members = np.flatnonzero(images.labels == label)
    latents = stream(0, "report/pictures", index=label).standard_normal(
        (rows, columns - 1, info.latent_dim), dtype=np.float32
    )
    if info.policy is not None:
        latents *= np.float32(info.policy.scale)
    if info.kind == "class":
        flat = latents.reshape(-1, info.latent_dim)
        wanted = np.full(len(flat), info.classes.index(name), np.int64)
        made = _to_uint8(generator.generate(wanted, flat))
        real = images.images[np.resize(members, columns - 1)]
        return [real, *np.split(made, rows)]
    found = []
    for row, at in enumerate(np.resize(members, rows)):
        source = images.images[at]
        pixels = source.transpose(2, 0, 1).astype(np.float32) / 255
        repeated = np.repeat(pixels[None], columns - 1, axis=0)
        made = _to_uint8(generator.vary(repeated, latents[row]))
        found.append(np.concatenate([source[None], made]))
    return found


def _to_uint8(images: NDArray[np.float32]) -> NDArray[np.uint8]:
    """uint8 [N, H, W, C] of float32 [N, C, H, W] in 0..1."""
    return np.rint(images * 255).astype(np.uint8).transpose(0, 2, 3, 1)
