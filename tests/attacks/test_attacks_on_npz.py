"""Archives of arrays that are larger inside than outside, or are not what they say."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganaug.errors import DataError
from ganaug.images import load_images


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        load_images(path, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(str(path))
    return text


def array(value: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, value)
    return stream.getvalue()


def archive(path: Path, kind: int = zipfile.ZIP_DEFLATED, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", kind) as stream:
        for name, content in members.items():
            stream.writestr(f"{name}.npy", content)
    return path


def zeros(path: Path, mebibytes: int) -> Path:
    """An archive of images that are all black: a thousandth of its size on disk."""
    header = array(np.zeros((0, 32, 32), np.uint8)).replace(
        b"(0, 32, 32), }".ljust(30), f"({mebibytes * 1024}, 32, 32), }}".ljust(30).encode()
    )
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as stream,
        stream.open("images.npy", "w") as member,
    ):
        member.write(header)
        for _ in range(mebibytes):
            member.write(bytes(2**20))
    return path


def test_a_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANAUG_MAX_NPZ_MIB", "8")
    path = zeros(tmp_path / "bomb.npz", 9)
    assert path.stat().st_size < 2**17
    text = refused(path)
    assert "bytes that unpack to 10 MiB; allowed: 8 MiB, or 20 times the file" in text
    assert text.endswith("if you trust the file, set GANAUG_MAX_NPZ_MIB=10")
    monkeypatch.setenv("GANAUG_MAX_NPZ_MIB", "10")
    assert len(load_images(path)) == 9 * 1024


def test_a_large_file_may_be_as_large_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANAUG_MAX_NPZ_MIB", "1")
    pixels = np.random.default_rng(0).integers(0, 256, (2048, 32, 32)).astype(np.uint8)
    np.savez(tmp_path / "noise.npz", images=pixels)
    assert len(load_images(tmp_path / "noise.npz")) == 2048


def test_a_header_that_claims_more_than_there_is(tmp_path: Path) -> None:
    content = array(np.zeros((4, 9, 9), np.uint8)).replace(b"(4, 9, 9)", b"(4,9,9**9)"[:9])
    path = archive(tmp_path / "x.npz", images=content)
    assert "images: cannot be read" in refused(path)
    content = array(np.zeros((4, 9, 9), np.uint8)).replace(b"(4, 9, 9)", b"(9999999,")
    assert "images: cannot be read" in refused(archive(tmp_path / "y.npz", images=content))
    content = array(np.zeros((40, 9, 9), np.uint8)).replace(b"(40, 9, 9)", b"(10**9, 9)")
    assert "images: cannot be read" in refused(archive(tmp_path / "z.npz", images=content))
    content = array(np.zeros((40, 9, 9), np.uint8)).replace(b"(40, 9, 9)", b"(99, 9, 9)")
    assert "images: cannot be read (it is cut off)" in refused(
        archive(tmp_path / "cut.npz", images=content)
    )


def test_entries_without_bytes_are_refused_by_their_number(tmp_path: Path) -> None:
    header = io.BytesIO()
    shape = {"descr": "<U0", "fortran_order": False, "shape": (2 * 10**7,)}
    np.lib.format.write_array_header_1_0(header, shape)
    images = array(np.zeros((4, 9, 9), np.uint8))
    path = archive(tmp_path / "x.npz", images=images, classes=header.getvalue())
    assert "classes: cannot be read (it is cut off)" in refused(path)


def test_a_flood_of_arrays_is_refused_before_it_is_listed(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.npz", **{f"{at:040}": b"" for at in range(12_000)})
    assert "a list of arrays of more than 1,048,576 bytes" in refused(path)


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packing_that_numpy_does_not_use_is_refused(tmp_path: Path, kind: int) -> None:
    content = array(np.zeros((4, 9, 9), np.uint8))
    assert "packed as numpy does not" in refused(archive(tmp_path / "x.npz", kind, images=content))


@pytest.mark.parametrize(
    "images",
    [
        np.float32(0.5),
        np.array(np.nan),
        np.zeros(3, np.float64),
        np.zeros((2, 3)),
        np.zeros((1,) * 20, np.uint8),
        np.zeros((0, 8, 8), np.uint8),
        np.zeros((4, 8, 0), np.uint8),
    ],
)
def test_images_of_odd_shapes_are_refused(tmp_path: Path, images: np.ndarray) -> None:
    np.savez(tmp_path / "x.npz", images=images, labels=np.zeros(4, int))
    assert "images have the shape [" in refused(tmp_path / "x.npz")


def test_a_flood_of_pixels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez_compressed(path, images=np.zeros((5_000_001, 1, 1), np.uint8))
    assert "images: 5,000,001; allowed: 5,000,000" in refused(path, size=8)


@pytest.mark.parametrize("name", ["\ud800", "a\udcff"])
def test_class_names_that_are_half_a_character_are_refused(tmp_path: Path, name: str) -> None:
    classes = np.array(["aa", "bb"])
    classes.view(np.uint32)[2 : 2 + len(name)] = [ord(each) for each in name]
    images = np.zeros((4, 8, 8), np.uint8)
    np.savez(tmp_path / "x.npz", images=images, labels=[0, 1, 0, 1], classes=classes)
    assert "has a name that is not UTF-8" in refused(tmp_path / "x.npz")


def test_class_names_beyond_unicode_are_refused(tmp_path: Path) -> None:
    classes = np.array(["aa", "bb"])
    classes.view(np.uint32)[2] = 0x7FFFFFFF
    images = np.zeros((4, 8, 8), np.uint8)
    np.savez(tmp_path / "x.npz", images=images, labels=[0, 1, 0, 1], classes=classes)
    assert "classes hold text that is not Unicode" in refused(tmp_path / "x.npz")
