"""Copies of one photograph on both sides of a split: kept together, or told of."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.photos import write_photos
from helpers.small_images import bars, still_scenes
from PIL import Image
from torchvision.datasets import ImageFolder

from ganaug.images import ImageSet, alike, copies, load_images
from ganaug.images.alike import Alike
from ganaug.images.copies import also_in, copies_noted, near_copies


def photo(seed: int, side: int = 48) -> Image.Image:
    """A smooth picture of its own, in colour."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC)


def folder_of(root: Path, count: int = 10) -> Path:
    for at in range(count):
        for name in ("cat", "dog"):
            (root / name).mkdir(parents=True, exist_ok=True)
            photo(100 * at + (name == "dog")).save(root / name / f"{at}.png")
    return root


def test_a_photograph_in_two_formats_is_on_one_side(tmp_path: Path) -> None:
    root = folder_of(tmp_path)
    for file in sorted(root.rglob("*.png")):
        Image.open(file).save(file.with_suffix(".bmp"))
    loaded = load_images(root)
    assert len(set(loaded.keys.tolist())) == 40
    assert len(set(loaded.content.tolist())) == 20
    parts = loaded.hold_out()
    assert parts.test is not None
    assert parts.test.counts.tolist() == [4, 4]
    assert not np.isin(parts.test.content, parts.content).any()
    assert copies_noted(parts, parts.test) == ()


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "RGBA"])
def test_pixels_are_the_same_in_whatever_file(tmp_path: Path, mode: str) -> None:
    """Grey as L or as RGB, a palette, with transparency."""
    (tmp_path / "a").mkdir()
    picture = photo(1).convert("L").quantize(64).convert("RGB")
    picture.save(tmp_path / "a" / "0.png")
    between = picture.convert("L") if mode in ("L", "P") else picture
    between.convert(mode).save(tmp_path / "a" / "1.png")
    content = load_images(tmp_path, mode="rgb").content
    assert content[0] == content[1]


def test_folders_and_data_sets_agree_on_the_pixels(tmp_path: Path) -> None:
    root = folder_of(tmp_path, 3)
    items = list(ImageFolder(str(root)))
    read = load_images(items)
    assert read.content_fingerprint == load_images(root).content_fingerprint
    assert read.fingerprint != load_images(root).fingerprint


def test_without_copies_all_is_as_it_was(tmp_path: Path) -> None:
    """Runs and files that exist find their fifth again."""
    loaded = load_images(folder_of(tmp_path))
    plain = replace(loaded, pixel_keys=np.zeros(0, np.uint64))
    assert loaded.units.tolist() == plain.units.tolist()
    assert loaded.hold_out().fingerprint == plain.hold_out().fingerprint


def as_set(pictures: list[Image.Image], size: int = 32) -> ImageSet:
    images = np.stack([np.asarray(each.resize((size, size))) for each in pictures])
    names = tuple(f"{at}.jpg" for at in range(len(images)))
    return ImageSet(images, np.zeros(len(images), np.int64), ("all",), names=names)


def encoded(quality: int) -> Callable[[Image.Image], Image.Image]:
    def encode(image: Image.Image) -> Image.Image:
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=quality)
        return Image.open(stream)

    return encode


@pytest.mark.parametrize(
    "again",
    [
        encoded(90),
        encoded(40),
        lambda image: image.resize((37, 37)).resize((64, 64)),
        lambda image: image.point(lambda level: min(255, level + 1)),
    ],
    ids=["quality 90", "quality 40", "resized", "brighter"],
)
def test_copies_that_were_encoded_anew_are_found(again: Any) -> None:
    train = as_set([photo(seed) for seed in range(30)])
    test = as_set([*(again(photo(seed)) for seed in (3, 7)), photo(40), photo(41)])
    assert near_copies(train, test) == [(0, 3), (1, 7)]
    assert copies_noted(train, test) == (
        "2 of 4 test images look nearly like a training image, such as 0.jpg like 3.jpg; results on"
        " them look too good: give such images one group in groups.csv",
    )


def test_of_large_sets_a_part_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    train = as_set([photo(seed) for seed in range(9)])
    test = as_set([encoded(90)(photo(0)), photo(40), photo(41)])
    monkeypatch.setattr(copies, "MOST", 8)
    assert copies_noted(train, test) == (
        "1 of 2 test images that were compared look nearly like a training image, such as 0.jpg"
        " like 0.jpg; results on them look too good: give such images one group in groups.csv",
    )


def test_equal_images_are_counted_as_such() -> None:
    train, test = as_set([photo(1), photo(2)]), as_set([photo(2), photo(3)])
    assert also_in(test, train).tolist() == [True, False]
    assert copies_noted(train, test) == ("1 of 2 test images are also training images",)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_one_class_are_no_copies(channels: int) -> None:
    train, test = bars((60, 60), (24, 24), channels), bars((30, 30), (24, 24), channels, seed=1)
    assert len(near_copies(train, test)) <= 2
    digits = load_images("digits")
    assert digits.test is not None
    assert len(near_copies(digits, digits.test)) <= 7  # of 719
    assert near_copies(train.take([]), test) == near_copies(train, test.take([])) == []


def test_fit_tells_of_copies(tmp_path: Path) -> None:
    from ganaug import export, fit

    photos = write_photos(tmp_path / "photos", test=True)
    for at in range(3):
        encoded(60)(Image.open(photos / "train" / "crack" / f"00{at}.jpg")).save(
            photos / "test" / "crack" / f"copy{at}.png"
        )
    run = fit(photos, tmp_path / "run", preset="tiny", steps=1, batch_size=4, width=4)
    warnings = export(run, tmp_path / "a.onnx").warnings
    (told,) = [line for line in warnings if "look nearly like a training image" in line]
    assert told.startswith("3 of 25 test images look nearly like a training image, such as test/")


def test_frames_of_a_still_scene_take_little_memory() -> None:
    """Their pairs are the square of their number: 100,000 of 256 values each here."""
    scenes = still_scenes(225)
    test = scenes.take(np.arange(len(scenes)) % 3 == 0)
    train = scenes.take(np.arange(len(scenes)) % 3 != 0)
    tracemalloc.start()
    found = near_copies(train, test)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == len(test) == 300
    assert all(train.labels[theirs] == test.labels[ours] for ours, theirs in found)
    assert peak < 60e6


def test_few_pairs_at_a_time_are_those_of_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scenes = still_scenes(12)
    first = np.arange(48) % 4 == 0
    test, train = scenes.take(first), scenes.take(~first)
    looks, whole = Alike(scenes.images), near_copies(train, test)
    (pairs,) = looks.near_pairs()
    monkeypatch.setattr(alike, "PAIRS", 5)
    monkeypatch.setattr(alike, "COMPARED", 100)
    few = list(looks.near_pairs())
    assert max(map(len, few)) == 5
    assert np.concatenate(few).tolist() == pairs.tolist()
    one, other = np.triu_indices(48, 1)
    alike_ones = one // 12 == other // 12
    assert pairs.tolist() == np.stack([one, other], 1)[alike_ones].tolist()
    assert near_copies(train, test) == whole
    cosines = (looks.detail @ looks.detail.T)[first][:, ~first]
    assert [theirs for _, theirs in whole] == cosines.argmax(1).tolist()


def test_a_photograph_is_found_whether_it_is_turned_or_not(tmp_path: Path) -> None:
    """A folder is turned as EXIF says, an ImageFolder is not."""
    exif = Image.Exif()
    exif[0x0112] = 6
    root = folder_of(tmp_path / "all", 4)
    for file in sorted(root.rglob("*.png")):
        Image.open(file).save(file, exif=exif)
    turned, lying = load_images(root), load_images(ImageFolder(str(root)))
    assert not np.isin(turned.keys, lying.keys).any()
    assert turned.other_keys.tolist() == lying.keys.tolist()
    assert lying.other_keys.tolist() == turned.keys.tolist()
    some, rest = lying.take([0, 3]), turned.take([1, 2, 4, 5, 6, 7])
    assert also_in(turned, some).tolist() == [at in (0, 3) for at in range(8)]
    assert also_in(some, turned).all()
    assert not also_in(some, rest).any()
    assert copies_noted(turned, some)[0] == "2 of 2 test images are also training images"
