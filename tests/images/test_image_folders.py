"""Folders of images: layout, groups, sizes, modes, damaged files."""

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

from ganaug.errors import DataError
from ganaug.images import load_images

Writer = Callable[..., Path]


def refuses(source: Any, message: str, **options: Any) -> None:
    """Check that loading fails with one line that holds `message`."""
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        load_images(source, **options)
    assert "\n" not in str(caught.value)


# Layout


def test_class_folders_in_the_order_of_image_folder(write_folder: Writer) -> None:
    folder = write_folder(("dog", "Cat", "ant 10", "ant 9"), count=11)
    (folder / "dog" / "nested").mkdir()
    (folder / "dog" / "0.png").rename(folder / "dog" / "nested" / "0.PNG")
    images, torch_set = load_images(folder), ImageFolder(folder)
    assert images.classes == tuple(torch_set.classes)
    assert images.labels.tolist() == torch_set.targets
    assert [str(folder / name) for name in images.names] == [path for path, _ in torch_set.samples]
    for pixels, (image, _) in zip(images.images, torch_set, strict=True):
        np.testing.assert_array_equal(pixels.repeat(3, axis=2), image)
    assert images.test is None
    assert images.source == str(folder)


def test_train_and_test_folders(write_folder: Writer) -> None:
    write_folder(("cat", "dog"), count=3, below="photos/train")
    write_folder(("dog",), count=2, below="photos/test")
    folder = write_folder(("cat",), below="photos/val")
    images = load_images(folder.parent)
    assert images.names[:4] == (*(f"train/cat/{at}.png" for at in range(3)), "train/dog/0.png")
    assert images.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert images.test.names == ("test/dog/0.png", "test/dog/1.png")
    assert images.test.labels.tolist() == [1, 1]
    assert images.held_out is None
    assert images.notes == (
        "not used beside train/ and test/: val/",
        "classes without a test image: cat",
    )


def test_train_folder_alone_has_no_test_part(write_folder: Writer) -> None:
    images = load_images(write_folder(below="photos/train").parent)
    assert images.test is None
    assert images.classes == ("cat", "dog")


def test_classes_may_be_called_train_and_val(write_folder: Writer) -> None:
    assert load_images(write_folder(("bus", "test", "train", "val"))).classes == (
        "bus",
        "test",
        "train",
        "val",
    )


def test_a_flat_folder_is_one_class(write_image: Writer) -> None:
    folder = write_image("photos/a.png").parent
    write_image("photos/b.jpg")
    images = load_images(folder)
    assert images.classes == ("all",)
    assert images.names == ("a.png", "b.jpg")


def test_other_and_hidden_files_are_left_out(write_folder: Writer, write_image: Writer) -> None:
    folder = write_folder()
    (folder / "cat" / "notes.txt").write_text("not an image")
    (folder / "cat" / "._0.png").write_bytes(b"resource fork")
    (folder / ".cache").mkdir()
    write_image("photos/beside.png")
    images = load_images(folder)
    assert len(images) == 6
    assert images.notes == ("not used beside the class folders: 1 images such as beside.png",)


def test_a_loop_of_links_is_read_once(write_folder: Writer) -> None:
    folder = write_folder()
    os.symlink(folder / "cat", folder / "cat" / "again", target_is_directory=True)
    assert load_images(folder).counts.tolist() == [3, 3]


def test_linked_class_folders_are_read(write_folder: Writer) -> None:
    folder = write_folder()
    elsewhere = write_folder(("bird",), below="elsewhere")
    os.symlink(elsewhere / "bird", folder / "bird", target_is_directory=True)
    assert load_images(folder).counts.tolist() == [3, 3, 3]


def test_refuses_an_empty_folder(tmp_path: Path) -> None:
    refuses(tmp_path, f"{tmp_path}: no images; allowed: .jpg, .jpeg, .png")


def test_refuses_an_empty_class_folder(write_folder: Writer) -> None:
    folder = write_folder()
    (folder / "bird").mkdir()
    refuses(folder, f"{folder / 'bird'}: a class folder without images")


def test_refuses_train_without_classes(write_image: Writer) -> None:
    folder = write_image("photos/train/a.png").parent
    refuses(folder.parent, f"{folder}: no class folders; allowed: one folder for each class")


def test_refuses_test_without_train(write_folder: Writer) -> None:
    folder = write_folder(below="photos/test").parent
    refuses(folder, f"{folder}: has test/ but no train/")


def test_refuses_a_test_class_that_is_not_in_train(write_folder: Writer) -> None:
    write_folder(("cat", "dog"), below="photos/train")
    folder = write_folder(("cat", "dogs"), below="photos/test")
    refuses(folder.parent, f"{folder}: class 'dogs' is not in train/ (did you mean 'dog'?)")


# Groups


def test_groups_of_both_parts(write_folder: Writer) -> None:
    write_folder(("cat", "dog"), count=2, below="photos/train")
    folder = write_folder(("cat",), count=2, below="photos/test").parent
    (folder / "groups.csv").write_text(
        "group,file,camera\nleft,train/cat/0.png,1\n9,train\\cat\\1.png,1\n10,./train/dog/0.png,2\n"
        " 9 ,train/dog/1.png,2\nright,test/cat/0.png,1\nright,test/cat/1.png,1\n",
        encoding="utf-8-sig",
    )
    images = load_images(folder)
    assert images.groups.tolist() == [2, 1, 0, 1]
    assert images.test.groups.tolist() == [0, 0]


def test_groups_of_the_training_part_alone(write_folder: Writer) -> None:
    write_folder(("cat",), count=2, below="photos/train")
    folder = write_folder(("cat",), count=2, below="photos/test").parent
    (folder / "groups.csv").write_text("file,group\ntrain/cat/0.png,a\ntrain/cat/1.png,b\n")
    images = load_images(folder)
    assert images.groups.tolist() == [0, 1]
    assert images.test.groups is None


def test_groups_on_both_sides_and_stale_lines_are_noted(write_folder: Writer) -> None:
    write_folder(("cat",), count=1, below="photos/train")
    folder = write_folder(("cat",), count=1, below="photos/test").parent
    (folder / "groups.csv").write_text(
        "file,group\ntrain/cat/0.png,a\ntest/cat/0.png,a\ntrain/cat/7.png,b\n"
    )
    assert load_images(folder).notes == (
        "groups.csv: 1 lines name no image here, such as train/cat/7.png",
        "groups.csv: 1 groups have images in train/ and in test/, such as a; results on test/ will"
        " look too good",
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file,groups\ncat/0.png,1\n", "no column 'group' (found: file, groups) (did you mean"),
        ("", "no column 'file' (found: none)"),
        ("file,group\ncat/0.png,1\n", "no group for 'cat/1.png' (1 of 2 images have none)"),
        ("file,group\nx/0.png,1\n", "names none of the images"),
        ("file,group\ncat/0.png\ncat/1.png,2\n", "line 2: no group for 'cat/0.png'"),
        ("file,group\ncat/0.png,1\ncat/0.png,2\n", "line 3: a second group '2' for 'cat/0.png'"),
        ("file,group\ncat/\xe9.png,1\n", "cannot be read ('utf-8' codec"),
    ],
)
def test_refuses_a_bad_groups_file(write_folder: Writer, content: str, message: str) -> None:
    folder = write_folder(("cat",), count=2)
    (folder / "groups.csv").write_bytes(content.encode("latin-1"))
    refuses(folder, f"{folder / 'groups.csv'}: {message}")


# Sizes


def test_the_size_is_the_smallest_height_and_width(write_image: Writer) -> None:
    write_image("photos/a/wide.png", size=(28, 20))
    write_image("photos/a/tall.png", size=(20, 28))
    folder = write_image("photos/a/square.png", size=(24, 24)).parent.parent
    assert load_images(folder).size == (20, 20)
    assert load_images(folder, size=(9, 40)).size == (9, 40)
    assert load_images(folder, size=16).size == (16, 16)


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
    refuses(folder, f"{wide} is 30x20 pixels, {tall} is 14x20; allowed: shapes within a factor")
    assert load_images(folder, size=16).size == (16, 16)


@pytest.mark.parametrize("size", [(7, 12), (12, 7), (1200, 80)])
def test_refuses_sides_under_8(write_image: Writer, size: tuple[int, int]) -> None:
    path = write_image("photos/a.png", size=size)
    refuses(path.parent, f"{path}: {size[0]}x{size[1]} pixels would make the training size")
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


@pytest.mark.parametrize("mode", [None, "grey", "rgb"])
def test_refuses_16_bits(write_image: Writer, mode: str | None) -> None:
    path = write_image("photos/a.png", "I;16")
    refuses(path.parent, f"{path}: more than 8 bits a channel (mode I;16)", mode=mode)
    refuses(path.parent, "convert it to 8 bits first", mode=mode)


def test_refuses_16_bit_rgb_which_pillow_calls_rgb(tmp_path: Path) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    rows = zlib.compress(b"".join(b"\0" + bytes(10 * 6) for _ in range(10)))
    header = struct.pack(">IIBBBBB", 10, 10, 16, 2, 0, 0, 0)
    path = tmp_path / "deep.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )
    with Image.open(path) as image:
        assert image.mode == "RGB"
    refuses(tmp_path, f"{path}: more than 8 bits a channel (mode RGB;16)", mode="rgb")


def test_orientation_is_not_applied_as_in_image_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    image = Image.fromarray(np.arange(120, dtype=np.uint8).reshape(10, 12))
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by a quarter
    image.save(tmp_path / "a" / "turned.png", exif=exif)
    images = load_images(tmp_path)
    assert images.size == (10, 12)
    np.testing.assert_array_equal(images.images[0, ..., 0], ImageFolder(tmp_path)[0][0].split()[0])


# Damaged files


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def replaced_by_text(path: Path) -> None:
    path.write_text("<html>404 not found</html>")


def replaced_by_a_broken_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp", "tif", "pgm"])
@pytest.mark.parametrize(
    "damage", [truncated, emptied, replaced_by_text, replaced_by_a_broken_link]
)
def test_damaged_images_are_refused_by_path_or_skipped(
    write_image: Writer, suffix: str, damage: Callable[[Path], None]
) -> None:
    write_image(f"photos/cat/a.{suffix}", size=(20, 20))
    bad = write_image(f"photos/cat/b.{suffix}", size=(20, 20))
    write_image(f"photos/cat/c.{suffix}", size=(20, 20), seed=1)
    damage(bad)
    folder = bad.parent.parent
    refuses(folder, f"{bad}: cannot be read (")
    refuses(folder, "--skip-corrupt")
    images = load_images(folder, skip_corrupt=True)
    assert images.names == (f"cat/a.{suffix}", f"cat/c.{suffix}")
    with Image.open(bad.parent / f"c.{suffix}") as image:
        colour = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(np.broadcast_to(images.images[1], colour.shape), colour)
    (note,) = images.notes
    assert note.startswith(f"skipped cat{os.sep}b.{suffix}: ")


def test_flipped_bytes_never_end_in_a_traceback(write_image: Writer) -> None:
    path = write_image("photos/a.png", size=(20, 20))
    write_image("photos/b.png", size=(20, 20))
    content = path.read_bytes()
    for at in [*range(60), *range(60, len(content), 11)]:
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :])
        try:
            images = load_images(path.parent, skip_corrupt=True, size=8, mode="grey")
        except DataError as error:
            message = str(error)  # a mode that cannot be converted
        else:
            message = str(path) if len(images) + len(images.notes) == 2 else ""
        assert str(path) in message


def test_a_part_without_a_readable_image_is_refused(write_folder: Writer) -> None:
    write_folder(("cat",), count=1, below="photos/train")
    folder = write_folder(("cat",), count=1, below="photos/test").parent
    truncated(folder / "test" / "cat" / "0.png")
    refuses(folder, f"{folder}: no test image can be read", skip_corrupt=True)
    emptied(folder / "train" / "cat" / "0.png")
    refuses(folder, f"{folder}: no training image can be read", skip_corrupt=True)


def test_a_class_that_lost_all_images_is_noted(write_folder: Writer) -> None:
    folder = write_folder(("cat", "dog"), count=1)
    emptied(folder / "dog" / "0.png")
    images = load_images(folder, skip_corrupt=True)
    assert images.counts.tolist() == [1, 0]
    assert images.notes[-1] == "classes without a training image: dog"


# Content


def test_the_content_key_is_that_of_the_file(write_folder: Writer) -> None:
    folder = write_folder()
    images = load_images(folder)
    assert load_images(folder, size=8).fingerprint == images.fingerprint
    (folder / "dog" / "0.png").write_bytes((folder / "cat" / "0.png").read_bytes())
    again = load_images(folder)
    assert again.fingerprint != images.fingerprint
    assert again.keys[0] == again.keys[3]


def test_image_folder_is_the_same_data_as_its_folder(write_folder: Writer) -> None:
    folder = write_folder(("cat", "dog"), mode="RGB")
    images, torch_set = load_images(folder), load_images(ImageFolder(folder))
    assert torch_set.fingerprint == images.fingerprint
    assert torch_set.names == images.names
    np.testing.assert_array_equal(torch_set.images, images.images)
    assert load_images(ImageFolder(folder), mode="grey").channels == 1


def test_image_folder_converts_as_its_loader_does(
    write_folder: Writer, write_image: Writer
) -> None:
    folder = write_folder(("cat",), mode="L")
    write_image("photos/cat/p.png", "P")
    torch_set = ImageFolder(folder)
    images = load_images(torch_set)
    assert images.channels == 3
    for at, (image, _) in enumerate(torch_set):
        np.testing.assert_array_equal(images.images[at], image)


def test_real_steel_defects(shared_data: Path) -> None:
    images = load_images(shared_data / "neu-defects", size=16)
    assert images.images.shape == (1440, 16, 16, 1)
    assert images.test.images.shape == (360, 16, 16, 1)
    assert images.counts.tolist() == [240] * 6
    assert images.classes[0] == "crazing"
    assert images.names[0] == "train/crazing/crazing_1.jpg"
    assert len(set(images.groups.tolist())) == 542
    assert len(set(images.test.groups.tolist())) == 176
    assert images.notes == ()
    assert not set(images.keys.tolist()) & set(images.test.keys.tolist())
