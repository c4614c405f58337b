"""Equal pixels in other files, and what looks equal and is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganaug import check, load_images


def kinds(source: Any, **options: Any) -> dict[str, int]:
    report = check(source, times=False, **options)
    return {finding.kind: finding.count for finding in report.findings}


def noise(seed: int, side: int = 256) -> Image.Image:
    """Fine texture: in small it has next to no contrast."""
    levels = 128 + 12 * np.random.default_rng(seed).standard_normal((side, side))
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def folder_of(root: Path, counts: dict[str, int], side: int = 256) -> Path:
    for seed, (place, count) in enumerate(counts.items()):
        (root / place).mkdir(parents=True)
        for at in range(count):
            noise(1000 * seed + at, side).save(root / place / f"{at}.png")
    return root


def test_copies_of_fine_texture_are_found(tmp_path: Path) -> None:
    parts = {"train/bad": 12, "train/ok": 12, "test/bad": 4, "test/ok": 4}
    root = folder_of(tmp_path / "photos", parts)
    Image.open(root / "train/ok/0.png").save(root / "test/ok/copy.bmp")
    Image.open(root / "train/ok/1.png").save(root / "train/bad/copy.bmp")
    found = kinds(root)
    assert found["leak"] == found["two labels"] == 1


def test_a_jpeg_and_its_pixels_in_another_format_are_equal(tmp_path: Path) -> None:
    """A fraction of a JPEG, which is quick to read, is not its pixels made smaller."""
    root = folder_of(tmp_path / "photos", {"train/bad": 8, "test/bad": 4}, side=160)
    for at in range(6):
        levels = np.random.default_rng(at).integers(0, 255, (20, 20, 3), np.uint8)
        textured = Image.fromarray(levels).resize((160, 160), Image.Resampling.NEAREST)
        textured.save(root / f"train/bad/jpeg-{at}.jpg", quality=80)
        Image.open(root / f"train/bad/jpeg-{at}.jpg").save(root / f"test/bad/copy-{at}.png")
    assert kinds(root)["leak"] == 6


def test_pictures_in_other_palettes_are_other_pictures() -> None:
    rng, items = np.random.default_rng(0), []
    for _ in range(20):
        levels = rng.integers(0, 4, (16, 16), np.uint8)
        for label in (0, 1):
            picture = Image.frombytes("P", (16, 16), levels.tobytes())
            picture.putpalette(rng.integers(0, 255, 12).tolist())
            items.append((picture, label))

    class Sprites(list):  # type: ignore[type-arg]
        classes = ("normal", "shiny")

    images = load_images(Sprites(items), mode="rgb")
    assert len(np.unique(images.keys)) == len(np.unique(images.units)) == 40
    assert "two labels" not in kinds(Sprites(items), mode="rgb")


@pytest.mark.parametrize("seed", range(3))
def test_the_fifth_is_that_of_fit_where_files_are_copies(seed: int, tmp_path: Path) -> None:
    rng, root = np.random.default_rng(seed), tmp_path / "photos"
    for name, count in (("ok", 30), ("bad", 7)):
        (root / name).mkdir(parents=True)
        for at in range(count):
            picture = Image.fromarray(rng.integers(0, 255, (16, 16), np.uint8))
            for ending in ("png", *np.array(["bmp", "tif"])[rng.random(2) < 0.6]):
                picture.save(root / name / f"{at}.{ending}")
    report, images = check(root, times=False), load_images(root).hold_out()
    assert images.test is not None
    held_out = [(each.train, each.test) for each in report.classes]
    assert held_out == list(zip(images.counts, images.test.counts, strict=True))


def test_names_that_are_not_utf8_can_be_stored(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "photos", {"a": 4, "b": 4}, side=16)
    try:
        (root / "a" / "\udcff.png").write_bytes(b"no image")
    except OSError:
        pytest.skip("this file system has no such names")
    report = check(root, times=False)
    stored = json.dumps(report.to_dict(), ensure_ascii=False).encode()
    assert b"\\\\udcff.png" in stored
