"""Decoded images in a cache: the same as without, decoded once, and never trusted blindly."""

from __future__ import annotations

import json
import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.short_runs import SHORT
from PIL import Image
from torchvision.datasets import ImageFolder

import ganaug.images.cache as module
from ganaug import fit
from ganaug.errors import ConfigError, DataError, RunError
from ganaug.images import ImageSet, load_images
from ganaug.images.stored import StoredImages

SIZE = (10, 12)


def write(folder: Path, *, grey: bool = False, test: bool = False) -> Path:
    """Write RGB images of another size than `SIZE`; many enough for several threads."""
    rng = np.random.default_rng(0)
    for part in ("train", "test") if test else ("",):
        for name, count in (("a", 30), ("b", 20)):
            (folder / part / name).mkdir(parents=True)
            for at in range(count if part != "test" else 3):
                pixels = rng.integers(0, 256, (14, 15, 3), np.uint8)
                pixels = pixels[..., :1].repeat(3, 2) if grey else pixels
                Image.fromarray(pixels).save(folder / part / name / f"{at:02d}.png")
    return folder


def assert_same(one: ImageSet, other: ImageSet) -> None:
    for name in ("images", "labels", "keys", "pixel_keys", "other_keys", "units"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    for name in ("classes", "names", "notes", "source", "size", "channels"):
        assert getattr(one, name) == getattr(other, name), name
    assert one.fingerprint == other.fingerprint
    assert one.pixel_fingerprint == other.pixel_fingerprint
    assert (one.groups is None) == (other.groups is None)
    if one.test is not None:
        assert other.test is not None
        assert_same(one.test, other.test)


def turned(folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(folder / "a" / "03.png").save(folder / "a" / "03.png", exif=exif)


def damaged(folder: Path) -> None:
    for at in ("00", "29"):
        content = (folder / "a" / f"{at}.png").read_bytes()
        (folder / "a" / f"{at}.png").write_bytes(content[: len(content) // 2 if at == "29" else 9])


def grouped(folder: Path) -> None:
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    lines = [f"{name},{at // 2}" for at, name in enumerate(files)]
    (folder / "groups.csv").write_text("\n".join(["file,group", *lines]))


@pytest.mark.parametrize(
    ("how", "change", "options"),
    [
        ({}, None, {}),
        ({"grey": True}, None, {}),
        ({"grey": True}, None, {"mode": "rgb"}),
        ({"test": True}, None, {"size": None}),
        ({}, turned, {}),
        ({}, turned, {"exif": False}),
        ({}, damaged, {"skip_corrupt": True}),
        ({}, grouped, {"mode": "grey"}),
    ],
    ids=["", "grey", "rgb", "test", "turned", "no-exif", "corrupt", "groups"],
)
def test_a_cache_holds_what_is_read_without(
    tmp_path: Path,
    how: dict[str, Any],
    change: Callable[[Path], None] | None,
    options: dict[str, Any],
) -> None:
    folder, options = write(tmp_path / "photos", **how), {"size": SIZE} | options
    if change is not None:
        change(folder)
    calls: list[tuple[int, int]] = []
    given = {"cache": tmp_path / "cache", "progress": lambda *call: calls.append(call), **options}
    plain, made = load_images(folder, **options), load_images(folder, **given)
    assert calls[-1][0] == calls[-1][1] > 40
    calls.clear()
    again = load_images(folder, **given)
    assert calls == []  # nothing was decoded
    for cached in (made, again):
        assert isinstance(cached.images, StoredImages)
        assert_same(plain, cached)
    held = again.hold_out()
    assert held.test is not None
    assert isinstance(held.images, StoredImages)
    assert isinstance(held.test.images, StoredImages)
    assert_same(plain.hold_out(), held)


def test_an_image_folder_has_an_entry_of_its_own(tmp_path: Path) -> None:
    folder, cache = write(tmp_path / "photos", grey=True), tmp_path / "cache"
    for source in (folder, ImageFolder(folder), folder, ImageFolder(folder)):
        assert_same(load_images(source), load_images(source, cache=cache))
    assert len(list(cache.glob("*.json"))) == 2


def replaced(folder: Path) -> None:
    Image.new("RGB", (14, 15), "red").save(folder / "b" / "00.png")


def touched(folder: Path) -> None:
    os.utime(folder / "b" / "00.png", ns=(1, 1))


def added(folder: Path) -> None:
    Image.new("RGB", (14, 15), "red").save(folder / "b" / "99.png")


def moved(folder: Path) -> None:
    (folder / "b" / "00.png").rename(folder / "a" / "99.png")


def exchanged(folder: Path) -> None:
    """Two images of one size and one time change places."""
    one, other = folder / "a" / "00.bmp", folder / "b" / "00.bmp"
    one.rename(folder / "kept.bmp")
    other.rename(one)
    (folder / "kept.bmp").rename(other)


@pytest.mark.parametrize("change", [replaced, touched, added, moved, exchanged])
def test_changed_files_are_read_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, change: Callable[[Path], None]
) -> None:
    folder, cache = write(tmp_path / "photos"), tmp_path / "cache"
    for name, colour in (("a", "red"), ("b", "blue")):
        Image.new("RGB", (14, 15), colour).save(folder / name / "00.bmp")
        os.utime(folder / name / "00.bmp", ns=(1, 1))
    before = load_images(folder, size=SIZE, cache=cache)
    old = np.array(before.images)
    load_images(folder, size=16, cache=cache)  # another size has an entry of its own
    assert caplog.messages == []
    change(folder)
    assert_same(load_images(folder, size=SIZE), load_images(folder, size=SIZE, cache=cache))
    (line,) = caplog.messages
    assert line.endswith(
        ": the images have changed since they were put into the cache; the images are read again"
    )
    assert np.array_equal(before.images, old)  # who reads the old file goes on reading it
    assert len(list(cache.glob("*.pixels"))) == 2


def flipped(entry: Path) -> None:
    content = bytearray(entry.with_suffix(".pixels").read_bytes())
    content[-1] ^= 1
    entry.with_suffix(".pixels").write_bytes(content)


def cut(entry: Path) -> None:
    entry.with_suffix(".keys").write_bytes(entry.with_suffix(".keys").read_bytes()[:-8])


def lost(entry: Path) -> None:
    entry.with_suffix(".pixels").unlink()


def half(entry: Path) -> None:
    entry.write_text(entry.read_text()[:50])


def newer(entry: Path) -> None:
    entry.write_text(entry.read_text().replace('"format": 2', '"format": 3'))


def reshaped(entry: Path) -> None:
    entry.write_text(entry.read_text().replace("12,", "7,"))


def flat(entry: Path) -> None:
    values = json.loads(entry.read_text())
    entry.write_text(json.dumps(values | {"shape": [0, *values["shape"][1:]]}))


@pytest.mark.parametrize("damage", [flipped, cut, lost, half, newer, reshaped, flat])
def test_a_broken_cache_is_made_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], None]
) -> None:
    folder, cache = write(tmp_path / "photos"), tmp_path / "cache"
    load_images(folder, size=SIZE, cache=cache)
    (entry,) = cache.glob("*.json")
    damage(entry)
    for _ in range(2):
        assert_same(load_images(folder, size=SIZE), load_images(folder, size=SIZE, cache=cache))
    (line,) = caplog.messages  # the second time it is whole
    why = "has format 3, this version reads 2" if damage is newer else "the cache is damaged"
    assert line == f"{entry}: {why}; the images are read again"


def test_what_cannot_be_decoded_leaves_no_entry(tmp_path: Path) -> None:
    folder, cache = write(tmp_path / "photos"), tmp_path / "cache"
    load_images(folder, size=SIZE, cache=cache)
    damaged(folder)
    with pytest.raises(DataError, match=r"00\.png: cannot be read"):
        load_images(folder, size=SIZE, cache=cache)
    assert not list(cache.glob("*.json"))
    write(tmp_path / "again").rename(tmp_path / "more")
    for name in ("00.png", "29.png"):
        (tmp_path / "more" / "a" / name).replace(folder / "a" / name)
    assert_same(load_images(folder, size=SIZE), load_images(folder, size=SIZE, cache=cache))


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("part", ["", "train"], ids=["all images", "those of train/"])
def test_where_every_training_image_is_cut_off_no_entry_is_made(
    tmp_path: Path, mode: str, part: str
) -> None:
    folder, cache = write(tmp_path / "photos", grey=mode == "L", test=part != ""), tmp_path / "c"
    for path in (folder / part).rglob("*.png"):
        path.write_bytes(path.read_bytes()[:-60])
    words = f"^{re.escape(str(folder))}: no training image can be read; add images that can$"
    for where in (None, cache, cache):
        with pytest.raises(DataError, match=words):
            load_images(folder, size=SIZE, mode="rgb", skip_corrupt=True, cache=where)
        with pytest.raises(DataError, match=words):
            load_images(folder, size=SIZE, skip_corrupt=True, cache=where)
    assert [path.name for path in cache.iterdir()] == [".lock"]


def test_training_from_a_cache_gives_the_same_bytes(tmp_path: Path) -> None:
    folder, found = write(tmp_path / "photos"), []
    for name, cache in (("plain", None), ("cached", tmp_path / "cache")):
        images = load_images(folder, size=SIZE, cache=cache)
        run = fit(images, tmp_path / name, class_match=1.0, **SHORT)
        files = [*run.glob("*.safetensors"), *run.glob("samples/*"), run / "diversity.jsonl"]
        files += [run / name for name in ("config.json", "data.json", "examples.npz")]
        found.append({path.name: path.read_bytes() for path in files})
    assert found[0] == found[1]


def test_a_table_is_cached_by_what_it_names(tmp_path: Path) -> None:
    """Several tables, and tables in memory, may name files of one folder."""
    folder, cache = write(tmp_path / "photos"), tmp_path / "cache"
    files = sorted(folder.rglob("*.png"))
    for name, chosen in (("first.csv", files[::2]), ("second.csv", files[1::2])):
        rows = [f"{file.relative_to(tmp_path)},{file.parent.name}" for file in chosen]
        (tmp_path / name).write_text("\n".join(["file,label", *rows]))
    for _ in range(2):
        for name in ("first.csv", "second.csv"):
            calls: list[tuple[int, int]] = []
            found = load_images(
                tmp_path / name,
                size=SIZE,
                cache=cache,
                progress=lambda *call: calls.append(call),  # noqa: B023
            )
            assert isinstance(found.images, StoredImages)
            assert_same(load_images(tmp_path / name, size=SIZE), found)
    assert calls == []
    assert len(list(cache.glob("*.json"))) == 2


def test_images_of_a_cache_that_was_made_anew_are_refused(tmp_path: Path) -> None:
    """In another process, which opens the file anew; who has it open keeps what it had."""
    folder, cache = write(tmp_path / "photos"), tmp_path / "cache"
    found = load_images(folder, size=SIZE, cache=cache)
    before, sent = np.asarray(found.images), pickle.dumps(found.images)
    np.testing.assert_array_equal(pickle.loads(sent), before)
    added(folder)
    load_images(folder, size=SIZE, cache=cache)
    np.testing.assert_array_equal(found.images, before)
    with pytest.raises(DataError, match="was written again since the images were loaded"):
        pickle.loads(sent)


def test_an_entry_that_is_whole_is_read_without_a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk may be read-only, or the folder another user's."""
    folder, cache = write(tmp_path / "photos"), tmp_path / "cache"
    load_images(folder, size=SIZE, cache=cache)

    def refused(path: Path, **_: bool) -> Any:
        raise RunError(f"{path}: cannot be written")

    for name in ("locked", "make_folder"):
        monkeypatch.setattr(module, name, refused)
    assert_same(load_images(folder, size=SIZE), load_images(folder, size=SIZE, cache=cache))
    touched(folder)
    with pytest.raises(RunError, match="cache: cannot be written"):
        load_images(folder, size=SIZE, cache=cache)


def test_a_file_that_becomes_shorter_is_told(tmp_path: Path) -> None:
    """A page that is gone would end the process without a word."""
    folder, cache = write(tmp_path / "photos"), tmp_path / "cache"
    found = load_images(folder, size=SIZE, cache=cache)
    (pixels,) = cache.glob("*.pixels")
    os.truncate(pixels, 0)
    with pytest.raises(DataError, match=r"\.pixels: became shorter while it was read") as caught:
        fit(found, tmp_path / "run", **SHORT)
    assert "\n" not in str(caught.value)
    assert_same(load_images(folder, size=SIZE), load_images(folder, size=SIZE, cache=cache))


def test_sources_that_are_no_files_have_no_cache(tmp_path: Path) -> None:
    file = tmp_path / "one.npz"
    np.savez(file, images=np.zeros((4, 8, 8), np.uint8), labels=[0, 0, 1, 1])
    pairs = [(Image.new("L", (8, 8)), 0)]
    for source in ("digits", file, pairs):
        with pytest.raises(ConfigError, match=r"^cache: given for .*; leave --cache out$"):
            load_images(source, cache=tmp_path / "cache")


def test_a_cache_does_not_lie_among_the_images(tmp_path: Path) -> None:
    folder = write(tmp_path / "photos")
    for cache in (folder, folder / "a" / "cache"):
        with pytest.raises(RunError, match="lies in the folder of the images"):
            load_images(folder, cache=cache)


@pytest.mark.parametrize(
    "key",
    [
        *(3, -1, slice(2, 9), slice(None), slice(None, None, -2), Ellipsis),
        *(np.array([5, 1, 1]), np.arange(20) % 3 == 0, np.zeros(0, np.int64)),
        *((Ellipsis, 0), (slice(3), 1, slice(2)), (np.array([2, 0]), Ellipsis)),
    ],
    ids=str,
)
def test_stored_images_are_indexed_like_an_array(tmp_path: Path, key: Any) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 3, 4, 3), np.uint8)
    (tmp_path / "pixels").write_bytes(pixels.tobytes())
    stored = StoredImages(tmp_path / "pixels", (3, 4, 3))
    for expected, found in (
        (pixels, stored),
        (pixels[::-1], stored.take(np.arange(20)[::-1])),
        (pixels, pickle.loads(pickle.dumps(stored))),
    ):
        assert (found.shape, found.ndim, found.dtype) == (pixels.shape, 4, np.uint8)
        assert np.array_equal(found[key], expected[key])
        assert found[key].flags.owndata or found[key].base is not None
        assert np.array_equal(np.stack(list(found)), expected)
