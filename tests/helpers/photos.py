"""Small folders of images for tests, as ImageFolder reads them."""

from __future__ import annotations

from pathlib import Path

from helpers.small_images import bars
from PIL import Image

from ganaug.images import ImageSet

CLASSES = ("crack", "dent", "ok")
COUNTS = (4, 6, 12)
# Options of `ganaug fit` for a network that trains a step in milliseconds.
TINY = ["--preset", "tiny", "--batch-size", "4", "--set", "width=4", "--set", "latent_dim=4"]


def write_photos(folder: Path, *, test: bool, side: int = 24, first: int = 0) -> Path:
    """Write RGB photographs of three classes, with train/ and test/ around them or not."""
    parts = {"train": 0, "test": 1} if test else {"": 0}
    for part, seed in parts.items():
        images = bars(COUNTS, (side, side), 3, seed=first + seed)
        for i, (image, label) in enumerate(zip(images.images, images.labels, strict=True)):
            place = folder / part / CLASSES[label]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(place / f"{i:03d}.jpg", quality=90)
    return folder


def write_pngs(folder: Path, images: ImageSet) -> Path:
    """Write the training images, and the test part beside them where there is one, losslessly."""
    test = images.test
    parts = {"": images} if test is None else {"train": images, "test": test}
    for part, each in parts.items():
        for i, (image, label) in enumerate(zip(each.images, each.labels, strict=True)):
            place = folder / part / each.classes[label]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.squeeze()).save(place / f"{i:03d}.png")
    return folder


def write_table(path: Path, folder: Path) -> Path:
    """Write a .csv file of the photographs in `folder`: scan, finding, and patient, two of each."""
    files = [file.relative_to(folder) for file in sorted(folder.rglob("*.jpg"))]
    rows = [f"{at},{f.as_posix()},{f.parent.name},p{at // 2}" for at, f in enumerate(files)]
    path.write_text("\n".join([",scan,finding,patient", *rows]) + "\n", encoding="utf-8")
    return path
