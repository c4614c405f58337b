"""`sample`: the same bytes for any number of parts, resumed after a kill, folders and shards."""

from __future__ import annotations

import dataclasses
import json
import os
import tarfile
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.folders import content
from helpers.small_images import bars
from helpers.small_models import write_class_model, write_variation_model
from PIL import Image
from torch.utils.data import TensorDataset
from torchvision.datasets import ImageFolder

import ganaug.use.bulk as bulk
from ganaug import SyntheticDataset, sample
from ganaug.artifact.policy import Policy
from ganaug.artifact.rewrite import rewrite_metadata
from ganaug.errors import ConfigError, DataError, RunError
from ganaug.files import UNFINISHED
from ganaug.use.image_dataset import ImageDataset

NAMES = ("bar 0", "bar 1")


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BLOCK", 4)
    monkeypatch.setattr(bulk, "BATCH", 3)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_variation_model(tmp_path / "small.onnx", classes=NAMES)


SOURCE = ImageDataset(bars((6, 3), (8, 8)))


@pytest.mark.parametrize("shards", [False, True])
@pytest.mark.usefixtures("small_blocks")
def test_any_number_of_parts_writes_the_same_bytes(
    file: Path, tmp_path: Path, shards: bool
) -> None:
    one = sample(file, tmp_path / "one", counts=11, source=SOURCE, shards=shards)
    for of in (2, 3, 5):
        out = tmp_path / f"of {of}"
        for number in reversed(range(1, of + 1)):
            assert not (out / "manifest.jsonl").exists()
            sample(file, out, counts=11, source=SOURCE, shards=shards, part=(number, of))
        assert content(out) == content(one)


@pytest.mark.usefixtures("small_blocks")
def test_images_are_the_items_of_the_data_set(file: Path, tmp_path: Path) -> None:
    out = sample(file, tmp_path / "out", counts=9, source=SOURCE, seed=5)
    items = SyntheticDataset(file, SOURCE, 9, seed=5)
    rows = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert [row["index"] for row in rows] == list(range(9))
    for row, (image, label) in zip(rows, (items[i] for i in range(9)), strict=True):
        assert row["class"] == NAMES[label]
        assert row["source"] == items.source_of(row["index"])
        assert row["file"] == f"{NAMES[label]}/{row['index']:07d}.png"
        with Image.open(out / row["file"]) as picture:
            np.testing.assert_array_equal(np.asarray(picture), image[0].numpy())
    assert ImageFolder(str(out)).classes == list(NAMES)
    with Image.open(out / "contact-sheet.png") as sheet:
        assert sheet.height == 2 * 66 + 2  # a row a class


@pytest.mark.usefixtures("small_blocks")
def test_shards_hold_the_images_and_labels_of_the_folder(file: Path, tmp_path: Path) -> None:
    images = sample(file, tmp_path / "images", counts=9, source=SOURCE)
    shards = sample(file, tmp_path / "shards", counts=9, source=SOURCE, shards=True)
    rows = [json.loads(line) for line in (images / "manifest.jsonl").read_text().splitlines()]
    assert sorted(path.name for path in shards.glob("*.tar")) == [
        f"shard-{block:06d}.tar" for block in range(3)
    ]
    found: dict[str, bytes] = {}
    for path in sorted(shards.glob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                read = tar.extractfile(member)
                assert read is not None
                found[member.name] = read.read()
                assert (member.mtime, member.uid, member.uname) == (0, 0, "")
    assert list(found) == [f"{i:07d}.{end}" for i in range(9) for end in ("png", "cls")]
    for row in rows:
        assert found[f"{row['index']:07d}.png"] == (images / row["file"]).read_bytes()
        assert found[f"{row['index']:07d}.cls"] == str(NAMES.index(row["class"])).encode()


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("shards", [False, True])
@pytest.mark.usefixtures("small_blocks")
def test_killed_at_any_image_the_same_call_goes_on(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shards: bool
) -> None:
    whole = sample(file, tmp_path / "whole", counts=9, source=SOURCE, shards=shards)
    png = bulk._png
    for last in range(9):
        out, made = tmp_path / f"killed at {last}", 0

        def limited(image: Image.Image, last: int = last) -> bytes:
            nonlocal made
            made += 1
            if made > last:
                raise Killed
            return png(image)

        with monkeypatch.context() as patch:
            patch.setattr(bulk, "_png", limited)
            with pytest.raises(Killed):
                sample(file, out, counts=9, source=SOURCE, shards=shards)
        calls: list[tuple[int, int]] = []
        sample(
            file,
            out,
            counts=9,
            source=SOURCE,
            shards=shards,
            progress=lambda *done, calls=calls: calls.append(done),
        )
        assert calls == sorted(calls)
        assert calls[-1] == (9, 9)
        assert content(out) == content(whole)


def test_an_image_that_a_kill_cut_off_is_written_again(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the one file of all outputs that can be there in part; the manifest is not yet."""
    whole = sample(file, tmp_path / "whole", counts=9, source=SOURCE)
    write, cut_off = Path.write_bytes, []

    def half(path: Path, data: bytes) -> int:
        if path.suffix != ".png":
            return write(path, data)
        cut_off.append(path)
        write(path, data[: len(data) // 2])
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", half)
        with pytest.raises(Killed):
            sample(file, tmp_path / "out", counts=9, source=SOURCE)
    whole_image = whole / cut_off[0].relative_to(tmp_path / "out")
    assert cut_off[0].stat().st_size < whole_image.stat().st_size
    assert not list((tmp_path / "out").glob("*manifest*"))
    assert content(sample(file, tmp_path / "out", counts=9, source=SOURCE)) == content(whole)


@pytest.mark.parametrize("shards", [False, True])
@pytest.mark.parametrize("keep_best", [None, 0.5])
@pytest.mark.usefixtures("small_blocks")
def test_a_file_that_is_gone_or_empty_is_made_again(
    file: Path, tmp_path: Path, shards: bool, keep_best: float | None
) -> None:
    def call() -> Path:
        return sample(
            file, tmp_path / "out", counts=9, source=SOURCE, shards=shards, keep_best=keep_best
        )

    out = call()
    whole = content(out)
    first, *_, last = sorted(out.glob("*.tar" if shards else "*/*.png"))
    first.unlink()
    last.write_bytes(b"")
    call()
    assert content(out) == whole


def test_what_is_held_does_not_grow_with_the_count(file: Path) -> None:
    items = SyntheticDataset(file, SOURCE, 10**15)
    assert len(items) == 10**15
    assert [items.label_of(at) for at in (0, int(items.counts[0]), 10**15 - 1)] == [0, 1, 1]
    assert items[10**15 - 1][1] == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_full_disk_is_told_with_the_folder(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        return write(Path("/dev/full") if path.suffix == ".png" else path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(RunError, match=r"out: cannot be written \(No space left on device\)"):
            sample(file, tmp_path / "out", counts=4, source=SOURCE)


def test_counts_and_classes(file: Path, tmp_path: Path) -> None:
    def made(name: str, **options: object) -> list[int]:
        out = sample(file, tmp_path / name, source=SOURCE, **options)  # type: ignore[arg-type]
        return [len(list((out / each).glob("*.png"))) for each in NAMES]

    assert made("balance") == [0, 3]
    assert made("one class", counts=5, classes=["bar 0"]) == [5, 0]
    assert made("evenly", counts=5, classes=NAMES) == [3, 2]
    assert made("balance of one", counts="balance", classes=["bar 1"]) == [0, 3]
    assert made("by class", counts={"bar 0": 2, "bar 1": 1}) == [2, 1]
    assert made("of numpy", counts=np.int64(5)) == made("of Python", counts=5)
    assert made("of numpy, evenly", counts=np.int64(5), classes=NAMES) == [3, 2]
    assert made("of numpy, one class", counts=np.int64(5), classes=["bar 0"]) == [5, 0]


def test_a_class_generator_needs_no_source(tmp_path: Path) -> None:
    file = write_class_model(tmp_path / "class.onnx", channels=3)
    out = sample(file, tmp_path / "out", counts=4)
    with Image.open(out / "b" / "0000000.png") as picture:
        assert (picture.mode, picture.size) == ("RGB", (8, 8))


def test_pictures_keep_their_type_and_size(file: Path, tmp_path: Path) -> None:
    class Photos:
        classes, targets = list(NAMES), [0, 1]

        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> tuple[Image.Image, int]:
            return Image.new("L", (20 + 4 * index, 16), 90), index

    out = sample(file, tmp_path / "out", counts=4, source=Photos())
    for at, name in enumerate(NAMES):
        for path in (out / name).iterdir():
            with Image.open(path) as picture:
                assert (picture.mode, picture.size) == ("L", (20 + 4 * at, 16))


def test_another_call_on_the_same_folder_is_refused(file: Path, tmp_path: Path) -> None:
    out = sample(file, tmp_path / "out", counts=4, source=SOURCE)
    before = content(out)
    with pytest.raises(RunError, match=r"holds other generated images \(seed differs\)"):
        sample(file, out, counts=4, source=SOURCE, seed=1)
    with pytest.raises(RunError, match=r"\(counts differs\)"):
        sample(file, out, counts=5, source=SOURCE)
    other = ImageDataset(bars((6, 3), (8, 8)))
    sample(file, out, counts=4, source=other)  # the same images
    other.pixels = 255 - other.pixels
    with pytest.raises(RunError, match=r"\(source differs\)"):
        sample(file, out, counts=4, source=other)
    with pytest.raises(RunError, match=r"\(source differs\)"):
        sample(file, out, counts=4, source=SOURCE, fingerprint="of others")
    assert content(out) == before
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(b"mine")
    with pytest.raises(RunError, match=r"holds other files \(a\.png\)"):
        sample(file, tmp_path / "photos", counts=4, source=SOURCE)
    assert content(tmp_path / "photos") == {"a.png": b"mine"}


@pytest.mark.usefixtures("small_blocks")
def test_parts_that_begin_together_go_on_together(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sample(file, tmp_path / "whole", counts=9, source=SOURCE)
    refuse, held, out = bulk.refuse_foreign, bulk.locked, tmp_path / "out"

    def late(folder: Path) -> None:
        """Another part has begun, and made a class folder, since this one saw none."""
        monkeypatch.setattr(bulk, "refuse_foreign", refuse)
        sample(file, out, counts=9, source=SOURCE, part=(2, 2))
        refuse(folder)

    monkeypatch.setattr(bulk, "refuse_foreign", late)
    sample(file, out, counts=9, source=SOURCE, part=(1, 2))
    assert content(out) == content(whole)

    def later(folder: Path, **options: bool) -> AbstractContextManager[object]:
        """Another call wrote what it makes, since this one saw an empty folder."""
        monkeypatch.setattr(bulk, "locked", held)
        sample(file, tmp_path / "other", counts=9, source=SOURCE, seed=1)
        return held(folder, **options)

    monkeypatch.setattr(bulk, "locked", later)
    with pytest.raises(RunError, match=r"holds other generated images \(seed differs\)"):
        sample(file, tmp_path / "other", counts=9, source=SOURCE)


def test_killed_while_the_folder_is_begun_the_same_call_goes_on(file: Path, tmp_path: Path) -> None:
    whole = sample(file, tmp_path / "whole", counts=4, source=SOURCE)
    out = tmp_path / "out"
    out.mkdir()
    for name in (".lock", f"..ganaug-sample.json.x{UNFINISHED}"):
        (out / name).touch()
    sample(file, out, counts=4, source=SOURCE)
    assert content(out) == content(whole)


@pytest.mark.usefixtures("small_blocks")
def test_what_is_measured_about_the_generator_changes_no_image(file: Path, tmp_path: Path) -> None:
    policy = Policy(p=((3, 0.5), (6, 0.0)), scale=0.5)
    rewrite_metadata(file, policy=policy)
    out = sample(file, tmp_path / "out", counts=9, source=SOURCE, part=(1, 2))
    rewrite_metadata(file, gain={"verdict": "helps"}, warnings=("a line",))
    sample(file, out, counts=9, source=SOURCE, part=(2, 2))
    whole = sample(file, tmp_path / "whole", counts=9, source=SOURCE)
    assert content(out) == content(whole)
    rewrite_metadata(file, policy=dataclasses.replace(policy, scale=0.7))
    with pytest.raises(RunError, match=r"holds other generated images \(scale differs\)"):
        sample(file, out, counts=9, source=SOURCE)


def test_a_folder_of_another_version_is_refused_with_both(file: Path, tmp_path: Path) -> None:
    out = sample(file, tmp_path / "out", counts=4, source=SOURCE)
    path = out / f"{bulk.HIDDEN}sample.json"
    path.write_text(path.read_text().replace(f'"format": {bulk.FORMAT}', '"format": 2'))
    words = rf"another version of ganaug \(format 2, here {bulk.FORMAT}\); choose another output"
    with pytest.raises(RunError, match=words):
        sample(file, out, counts=4, source=SOURCE)


@pytest.mark.parametrize("size", [(1, 300), (300, 1), (1, 1)])
def test_images_of_any_shape_are_on_the_contact_sheet(
    size: tuple[int, int], file: Path, tmp_path: Path
) -> None:
    images = [(Image.new("L", size, 250), at % 2) for at in range(4)]
    folder = sample(file, tmp_path / "out", counts=2, source=images)
    with Image.open(folder / "contact-sheet.png") as sheet:
        assert np.asarray(sheet.convert("RGB"))[..., 0].max() > 200


def test_what_stands_in_the_folder_is_read_and_written_with_care(
    file: Path, tmp_path: Path
) -> None:
    out = sample(file, tmp_path / "out", counts=4, source=SOURCE)
    begun, part = out / ".ganaug-sample.json", out / ".ganaug-manifest-000000.jsonl"
    whole = begun.read_text()
    begun.write_text("[" * 100_000)
    with pytest.raises(RunError, match="cannot be read"):
        sample(file, out, counts=4, source=SOURCE)
    begun.write_text(whole)
    for damage in ("[" * 100_000, "[]", "{"):
        part.write_text(damage)
        sample(file, out, counts=4, source=SOURCE)
    assert content(out) == content(sample(file, tmp_path / "again", counts=4, source=SOURCE))
    if not hasattr(os, "mkfifo"):
        return
    part.unlink()
    image = next(out.glob("*/*.png"))
    image.unlink()
    os.mkfifo(image)
    with pytest.raises(RunError, match="it is no regular file"):
        sample(file, out, counts=4, source=SOURCE)


def test_what_is_not_allowed_is_refused_before_any_work(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(ConfigError, match="part: 3/2 is not allowed"):
        sample(file, out, counts=4, source=SOURCE, part=(3, 2))
    with pytest.raises(ConfigError, match=r"part: 1\.5/2 is not allowed"):
        sample(file, out, counts=4, source=SOURCE, part=(1.5, 2))  # type: ignore[arg-type]
    for share in ("0.8", 1.0, float("nan")):
        with pytest.raises(ConfigError, match=r"keep_best: .* is not allowed"):
            sample(file, out, counts=4, source=SOURCE, keep_best=share)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="0 asks for no images; allowed: 1 or more"):
        sample(file, out, counts=0, source=SOURCE)
    rewrite_metadata(file, policy=Policy(p=((3, 0.0),), source="tune"))
    with pytest.raises(ConfigError, match=r"its policy is never to vary, .* give one of these"):
        sample(file, out, counts="auto", source=SOURCE)
    with pytest.raises(ConfigError, match="source is missing"):
        sample(file, out, counts=4)
    with pytest.raises((ConfigError, DataError), match="bar 9"):
        sample(file, out, counts=4, source=SOURCE, classes=["bar 9"])
    with pytest.raises(ConfigError, match="000,000 images: more than the free"):
        sample(file, out, counts=10**15, source=SOURCE)
    hostile = write_class_model(tmp_path / "hostile.onnx", classes=("../up", "b"))
    with pytest.raises(ConfigError, match=r"class '\.\./up': is no name of a folder"):
        sample(hostile, out, counts=4)
    assert not out.exists()
    sample(hostile, out, counts=4, shards=True)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float16, torch.bfloat16])
def test_images_of_any_dtype_are_sampled_from(
    file: Path, tmp_path: Path, dtype: torch.dtype
) -> None:
    pixels = torch.arange(6 * 64).reshape(6, 1, 8, 8) % 256
    images = pixels.to(dtype) if dtype == torch.uint8 else (pixels / 255).to(dtype)
    source = TensorDataset(images, torch.tensor([0, 0, 0, 0, 1, 1]))
    assert len(content(sample(file, tmp_path / "out", counts=4, source=source))) >= 4
