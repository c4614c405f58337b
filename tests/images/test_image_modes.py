"""Sizes and modes of image files: what is chosen, converted and refused."""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import ImageFolder

from ganaug import check
from ganaug.errors import DataError
from ganaug.images import load_images
from ganaug.images.pictures import read_picture

Writer = Callable[..., Path]


def refuses(source: Any, message: str, **options: Any) -> None:
    """Check that loading fails with one line that holds `message`."""
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        load_images(source, **options)
    assert "\n" not in str(caught.value)


# Sizes


def test_the_size_of_few_images_is_the_smallest_height_and_width(write_image: Writer) -> None:
    write_image("photos/a/wide.png", size=(28, 20))
    write_image("photos/a/tall.png", size=(20, 28))
    folder = write_image("photos/a/square.png", size=(24, 24)).parent.parent
    images = load_images(folder)
    assert images.size == (20, 20)
    assert images.notes == ()
    assert load_images(folder, size=(9, 40)).size == (9, 40)
    assert load_images(folder, size=16).size == (16, 16)


def test_one_image_in_twenty_does_not_make_the_training_size(write_image: Writer) -> None:
    for at in range(40):
        write_image(f"photos/a/{at}.png", size=(60, 64))
    folder = write_image("photos/b/thumbnail.png", size=(12, 10)).parent.parent
    images = load_images(folder)
    assert images.size == (64, 60)
    assert images.notes == (
        "training size 64x60 (height x width) enlarges 1 of 41 images, such as"
        f" b{os.sep}thumbnail.png (10x12)",
    )
    assert load_images(folder, size=64).notes == ()


@pytest.mark.parametrize(("others", "size"), [(18, (40, 30)), (19, (64, 48))])
def test_fewer_than_twenty_images_have_no_rare_size(
    write_image: Writer, others: int, size: tuple[int, int]
) -> None:
    for at in range(others):
        write_image(f"photos/a/{at}.png", size=(48, 64))
    assert load_images(write_image("photos/a/x.png", size=(30, 40)).parent).size == size


def test_a_training_size_far_under_the_median_is_told_of(write_image: Writer) -> None:
    for at in range(4):
        write_image(f"photos/a/{at}.png", size=(150, 200))
    small = write_image("photos/b/small.png", size=(28, 38))
    folder = small.parent.parent
    assert load_images(folder).size == (38, 28)
    assert load_images(folder).notes == (
        f"training size 38x28 (height x width), because of b{os.sep}small.png (38x28); the median"
        " is 200x150; choose another with --size, such as --size 64x48",
    )
    write_image("photos/b/small.png", size=(30, 40))
    assert load_images(folder).notes == ()
    assert load_images(ImageFolder(folder)).notes == ()


@pytest.mark.parametrize(
    ("size", "expected"),
    [((64, 48), (48, 64)), ((200, 200), (64, 64)), ((200, 120), (38, 64)), ((66, 100), (64, 42))],
)
def test_large_images_are_scaled_to_64(
    write_image: Writer, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert load_images(write_image("photos/a.png", size=size).parent).size == expected


def test_resizing_averages_over_all_pixels(tmp_path: Path) -> None:
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 200
    Image.fromarray(stripes).save(tmp_path / "a.png")
    small = load_images(tmp_path, size=8).images
    assert abs(small.astype(int) - 100).max() <= 4  # at the border, half of the window is missing


def test_refuses_shapes_too_far_apart(write_image: Writer) -> None:
    wide = write_image("photos/a/wide.png", size=(30, 20))
    tall = write_image("photos/a/tall.png", size=(14, 20))
    folder = wide.parent.parent
    refuses(folder, f"{wide} is 20x30 pixels (height x width), {tall} is 20x14; allowed: shapes")
    assert load_images(folder, size=16).size == (16, 16)


@pytest.mark.parametrize("size", [(7, 12), (12, 7), (1200, 80)])
def test_refuses_sides_under_8(write_image: Writer, size: tuple[int, int]) -> None:
    path = write_image("photos/a.png", size=size)
    refuses(path.parent, f"{path}: {size[1]}x{size[0]} pixels (height x width) would make the")
    assert load_images(path.parent, size=8).size == (8, 8)


# Modes


def test_rgb_with_equal_channels_becomes_grey(write_folder: Writer, write_image: Writer) -> None:
    folder = write_folder()
    for path in folder.rglob("*.png"):
        Image.open(path).convert("RGB").save(path)
    images = load_images(folder)
    assert images.channels == 1
    np.testing.assert_array_equal(images.images, load_images(folder, mode="rgb").images[..., :1])
    assert load_images(folder, mode="rgb").channels == 3
    write_image("photos/cat/colour.png", "RGB")
    assert load_images(folder).channels == 3


def test_one_pixel_of_colour_counts_also_when_it_averages_out(tmp_path: Path) -> None:
    pixels = np.full((200, 200, 3), 128, np.uint8)
    pixels[0, 0, 0] = 129
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert load_images(tmp_path).channels == 3


def test_colour_in_the_test_part_counts(write_folder: Writer, write_image: Writer) -> None:
    folder = write_folder(below="photos/train").parent
    for path in folder.rglob("*.png"):
        Image.open(path).convert("RGB").save(path)
    write_image("photos/test/cat/0.png", "RGB")
    images = load_images(folder)
    assert images.channels == images.test.channels == 3


def test_refuses_grey_and_rgb_mixed(write_image: Writer) -> None:
    grey = write_image("photos/a/grey.png", "L")
    colour = write_image("photos/b/colour.png", "RGB")
    folder = grey.parent.parent
    refuses(folder, f"{grey}: a grey image, but {colour} is RGB; allowed: one mode in a set; pass")
    assert load_images(folder, mode="grey").channels == 1
    assert load_images(folder, mode="rgb").channels == 3


@pytest.mark.parametrize(
    ("mode", "suffix", "words"),
    [
        ("1", "png", "a 1-bit image (mode 1)"),
        ("P", "png", "a palette image (mode P)"),
        ("LA", "png", "a grey image with transparency (mode LA)"),
        ("RGBA", "png", "an RGB image with transparency (mode RGBA)"),
        ("CMYK", "jpg", "a CMYK image (mode CMYK)"),
    ],
)
def test_other_modes_are_refused_and_converted(
    write_image: Writer, mode: str, suffix: str, words: str
) -> None:
    path = write_image(f"photos/a.{suffix}", mode)
    refuses(path.parent, f"{path}: {words}; allowed: 8-bit grey (L) or RGB; pass --mode rgb or")
    colour = np.asarray(Image.open(path).convert("RGB"))
    np.testing.assert_array_equal(load_images(path.parent, mode="rgb").images[0], colour)
    grey = load_images(path.parent, mode="grey").images[0, ..., 0].astype(int)
    assert abs(grey - np.asarray(Image.fromarray(colour).convert("L"))).max() <= 1


def test_a_palette_with_transparency_is_converted_without_a_warning(tmp_path: Path) -> None:
    palette = Image.fromarray(np.arange(144, dtype=np.uint8).reshape(12, 12)).convert("P")
    palette.save(tmp_path / "a.png", transparency=bytes(range(255, -1, -1)))
    assert load_images(tmp_path, mode="grey").images[0, ..., 0].ravel().tolist() == [*range(144)]


@pytest.mark.parametrize(
    ("mode", "clear", "word"), [("L", 7, "a grey image"), ("RGB", (7, 7, 7), "an RGB image")]
)
def test_a_transparent_colour_is_transparency(
    tmp_path: Path, mode: str, clear: Any, word: str
) -> None:
    image = Image.fromarray(np.arange(144, dtype=np.uint8).reshape(12, 12)).convert(mode)
    path = tmp_path / "cat" / "a.png"
    path.parent.mkdir()
    image.save(path, transparency=clear)
    refuses(tmp_path, f"{path}: {word} with a transparent colour (mode {mode};tRNS); allowed: 8-")
    assert f"{word} with a transparent colour" in str(check(tmp_path, times=False))
    for source, options in ((tmp_path, {"mode": "grey"}), (ImageFolder(tmp_path), {})):
        found = load_images(source, **options)
        assert found.images[0, ..., 0].ravel().tolist() == [*range(144)]


@pytest.mark.parametrize("mode", [None, "grey", "rgb"])
def test_refuses_16_bits(write_image: Writer, mode: str | None) -> None:
    path = write_image("photos/a.png", "I;16")
    refuses(path.parent, f"{path}: more than 8 bits a channel (mode I;16)", mode=mode)
    refuses(path.parent, "convert it to 8 bits first", mode=mode)


@pytest.mark.parametrize("turned", [None, 1, 3, 6])
def test_refuses_16_bit_rgb_which_pillow_calls_rgb(turned: int | None, tmp_path: Path) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    rows = zlib.compress(b"".join(b"\0" + bytes(10 * 6) for _ in range(10)))
    header = struct.pack(">IIBBBBB", 10, 10, 16, 2, 0, 0, 0)
    path = tmp_path / "deep.png"
    exif = Image.Exif()
    exif[0x0112] = turned or 1
    lies = chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")) if turned else b""
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + lies
    path.write_bytes(start + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    with Image.open(path) as image:
        assert image.mode == "RGB"
        assert image.getexif().get(0x0112) == turned
    words = f"{path}: more than 8 bits a channel (mode RGB;16)"
    refuses(tmp_path, words, mode="rgb")
    with pytest.raises(DataError, match=re.escape(words)):
        read_picture(path, 3)
    (problem, *_) = check(tmp_path, times=False).problems
    assert words in problem.text


def tiff(planar: int, order: str, bits: int) -> bytes:
    """An uncompressed RGB TIFF of 10 x 10 pixels; `planar` 2 has a plane for each channel."""
    pixels = 10 * 10 * bits // 8
    head = 8 + 2 + 11 * 12 + 4
    strips = [head] if planar == 1 else [head + at * pixels for at in range(3)]
    tags = [
        (256, 3, [10]),
        (257, 3, [10]),
        (258, 3, [bits] * 3),
        (259, 3, [1]),
        (262, 3, [2]),
        (273, 4, strips),
        (277, 3, [3]),
        (278, 3, [10]),
        (279, 4, [3 * pixels // len(strips)] * len(strips)),
        (284, 3, [planar]),
        (339, 3, [1]),
    ]
    entries, beyond = b"", b""
    for tag, kind, values in tags:
        content = struct.pack(order + ("H", "I")[kind == 4] * len(values), *values)
        if len(content) > 4:
            place, beyond = head + 3 * pixels + len(beyond), beyond + content
            content = struct.pack(order + "I", place)
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + content.ljust(4, b"\0")
    start = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "IH", 8, len(tags))
    return start + entries + bytes(4) + (bytes(range(250)) * 3)[: 3 * pixels] + beyond


DEEP = {
    "P6.ppm": b"P6 10 10 65535\n" + bytes(600),
    "of 12 bits.ppm": b"P6 10 10 4095\n" + bytes(600),
    "P3.ppm": b"P3 10 10 1000\n" + b"0 " * 300,
    "together.tif": tiff(1, "<", 16),
    "big end.tif": tiff(1, ">", 16),
    "planes.tif": tiff(2, "<", 16),
}


@pytest.mark.parametrize("name", DEEP)
def test_refuses_more_than_8_bits_of_every_format(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(DEEP[name])
    with Image.open(path) as image:
        assert (image.mode, image.size) == ("RGB", (10, 10))
    for mode in (None, "rgb"):
        refuses(tmp_path, f"{path}: more than 8 bits a channel (mode RGB;16)", mode=mode)
    (problem,) = check(tmp_path, times=False).problems[:1]
    assert "more than 8 bits a channel (mode RGB;16)" in problem.text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("P6.ppm", b"P6 10 10 255\n" + bytes(range(150)) * 2),
        ("of 7 bits.ppm", b"P6 10 10 127\n" + bytes(range(100)) * 3),
        ("P3.ppm", b"P3 10 10 15\n" + b"1 2 3 " * 100),
        ("together.tif", tiff(1, "<", 8)),
        ("planes.tif", tiff(2, ">", 8)),
        (
            "of 5 and 6 bits.bmp",
            b"BM"
            + struct.pack("<IIIIiiHHIIiiII", 266, 0, 66, 40, 10, 10, 1, 16, 3, 200, 0, 0, 0, 0)
            + struct.pack("<III", 0xF800, 0x7E0, 0x1F)
            + bytes(range(200)),
        ),
    ],
)
def test_8_bits_and_fewer_are_read(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    expected = np.asarray(Image.open(tmp_path / name))
    np.testing.assert_array_equal(load_images(tmp_path, mode="rgb").images[0], expected)


def test_without_exif_images_lie_as_in_image_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    image = Image.fromarray(np.arange(120, dtype=np.uint8).reshape(10, 12))
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by a quarter
    image.save(tmp_path / "a" / "turned.png", exif=exif)
    images = load_images(tmp_path, exif=False)
    assert images.size == (10, 12)
    np.testing.assert_array_equal(images.images[0, ..., 0], ImageFolder(tmp_path)[0][0].split()[0])


@pytest.mark.parametrize(("mode", "size"), [("L", (64, 64)), ("RGB", (24, 24)), ("RGB", (64, 8))])
def test_skipped_images_decide_no_mode_and_no_size(
    write_folder: Writer, write_image: Writer, mode: str, size: tuple[int, int]
) -> None:
    folder = write_folder(count=6, mode="RGB", size=(64, 64))
    for name in ("a", "b"):
        path = write_image(f"photos/cat/{name}.jpg", mode, size, seed=1)
        whole = path.read_bytes()
        path.write_bytes(whole[: 2 * len(whole) // 3])
    images = load_images(folder, skip_corrupt=True)
    assert (len(images), images.images.shape[1:]) == (12, (64, 64, 3))
    assert [note.partition(":")[0] for note in images.notes] == [
        f"skipped cat{os.sep}{name}.jpg" for name in ("a", "b")
    ]


def test_an_image_with_nan_is_no_image_of_a_single_colour(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for at in range(3):
        values = np.random.default_rng(at).uniform(0, 900, (40, 40)).astype(np.float32)
        values[at, :2] = np.nan, np.inf
        Image.fromarray(values).save(tmp_path / "a" / f"{at}.tif")
    report = check(tmp_path, times=False)
    assert "more than 8 bits a channel (mode F)" in str(report)
    assert "blank" not in {finding.kind for finding in report.findings}
