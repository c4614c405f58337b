"""Folders of images: layout, groups, damaged files, content."""

from __future__ import annotations

import os
import re
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


@pytest.mark.parametrize(("train", "test"), [("Train", "Test"), ("TRAIN", "test")])
def test_train_and_test_in_any_case(write_folder: Writer, train: str, test: str) -> None:
    write_folder(("cat", "dog"), below=f"photos/{train}")
    write_folder(("dog",), below=f"photos/{test}")
    folder = write_folder(("icons",), below="photos/Meta").parent
    images = load_images(folder)
    assert images.classes == ("cat", "dog")
    assert images.names[0] == f"{train}/cat/0.png"
    assert images.test.names[0] == f"{test}/dog/0.png"
    assert images.notes == (
        f"not used beside {train}/ and {test}/: Meta/",
        "classes without a test image: cat",
    )


def test_image_folder_of_a_part_in_any_case_has_the_groups_above(write_folder: Writer) -> None:
    folder = write_folder(("cat",), 2, below="photos/Train")
    (folder.parent / "groups.csv").write_text("file,group\nTrain/cat/0.png,a\nTrain/cat/1.png,a\n")
    assert load_images(ImageFolder(folder)).groups.tolist() == [0, 0]


def test_unsorted_test_images_are_no_test_part(write_folder: Writer, write_image: Writer) -> None:
    train = write_folder(("cat", "dog"), below="photos/Train")
    write_image("photos/Meta/cat.png")
    test = write_image("photos/Test/0.png").parent
    refuses(
        train.parent,
        f"{test}: no class folders; allowed: one folder for each class, as in Train/; sort its"
        f" images into them, or load {train} alone",
    )
    assert load_images(train).classes == ("cat", "dog")


def test_classes_may_be_called_train_and_val(write_folder: Writer) -> None:
    assert load_images(write_folder(("bus", "test", "train", "val"))).classes == (
        "bus",
        "test",
        "train",
        "val",
    )


@pytest.mark.parametrize("parts", [("Training", "test"), ("training", "validation"), ("Val",)])
@pytest.mark.parametrize("flat", [(), ("Meta",), ("Meta", "bus")])
def test_refuses_parts_under_other_names(
    write_folder: Writer, parts: tuple[str, ...], flat: tuple[str, ...]
) -> None:
    for part in parts:
        write_folder(("cat", "dog"), 1, below=f"photos/{part}")
    folder = write_folder(flat, below="photos")
    named = ", ".join(f"{part}/" for part in parts)
    refuses(folder, f"{folder}: {named} hold folders and look like parts of a data set")
    refuses(folder, "rename them to train/ and test/")


def test_refuses_train_in_two_cases(write_folder: Writer) -> None:
    write_folder(("cat", "dog"), 1, below="photos/Train")
    folder = write_folder(("cat", "dog"), 1, below="photos/train").parent
    if len(os.listdir(folder)) == 1:
        pytest.skip("this file system takes both for one")
    refuses(folder, f"{folder}: Train/, train/ hold folders and look like parts of a data set")


def test_names_of_classes_are_composed(write_folder: Writer) -> None:
    """macOS stores a name decomposed, others as it was written; a generator must match both."""
    decomposed, composed = "scho\u0308n", "sch\u00f6n"
    assert load_images(write_folder(("alt", decomposed))).classes == ("alt", composed)


def test_refuses_a_class_folder_whose_name_is_not_utf_8(write_folder: Writer) -> None:
    folder = write_folder()
    try:
        os.rename(folder / "cat", os.fsencode(folder) + b"/caf\xe9")
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    with pytest.raises(DataError, match="name that is not UTF-8"):
        load_images(folder)


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
    assert images.notes == (
        "not used beside the class folders: 1 image, such as beside.png",
        "not read: 1 hidden images (cat 1), such as cat/._0.png",
    )


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


@pytest.mark.parametrize("name", ["test", "Test"])
def test_refuses_test_without_train(write_folder: Writer, name: str) -> None:
    folder = write_folder(below=f"photos/{name}").parent
    refuses(folder, f"{folder}: has {name}/ but no train/")


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
        "groups.csv: 1 line without an image here, such as train/cat/7.png",
        "groups.csv: 1 group with images in train/ and in test/, such as a; results on test/ will"
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
        ("file,group\ncat/0.png,1\ncat/1.png,2,3\n", "line 3: 3 cells, but the first line"),
        ('file,group\ncat/0.png,"1\ncat/1.png,2\n', "cannot be read (unexpected end of data)"),
        ("file,group\ncat/0.png,1\ncat/0.png,2\n", "line 3: a second group '2' for 'cat/0.png'"),
        ("file,group\ncat/\xe9.png,1\n", "cannot be read ('utf-8' codec"),
    ],
)
def test_refuses_a_bad_groups_file(write_folder: Writer, content: str, message: str) -> None:
    folder = write_folder(("cat",), count=2)
    (folder / "groups.csv").write_bytes(content.encode("latin-1"))
    refuses(folder, f"{folder / 'groups.csv'}: {message}")


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


def test_many_skipped_images_are_few_notes(write_folder: Writer) -> None:
    """Notes travel in the exported file, which has a limit."""
    folder = write_folder()
    for at in range(50):
        (folder / "cat" / f"empty{at}.png").touch()
    notes = load_images(folder, skip_corrupt=True).notes
    assert len(notes) == 21
    assert notes[-1] == "skipped 30 more images that cannot be read"


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


def test_image_folder_has_the_groups_of_its_folder(write_folder: Writer) -> None:
    folder = write_folder(("cat", "dog"), 4)
    lines = [f"{name}/{i}.png,{name}{i // 2}" for name in ("cat", "dog") for i in range(4)]
    (folder / "groups.csv").write_text("\n".join(("file,group", *lines)))
    same, read = load_images(ImageFolder(folder)), load_images(folder)
    assert read.groups is not None
    assert same.groups is not None
    np.testing.assert_array_equal(same.groups, read.groups)
    assert same.hold_out().fingerprint == read.hold_out().fingerprint


def test_image_folder_of_a_part_has_the_groups_of_the_folder_above(write_folder: Writer) -> None:
    for part in ("train", "test"):
        write_folder(("cat", "dog"), 4, below=f"photos/{part}")
    above = write_folder((), below="photos")
    lines = [f"train/{name}/{i}.png,{name}{i // 2}" for name in ("cat", "dog") for i in range(4)]
    (above / "groups.csv").write_text("\n".join(("file,group", *lines)))
    train, test = (load_images(ImageFolder(above / part)) for part in ("train", "test"))
    assert train.groups is not None
    assert train.groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert test.groups is None
    assert train.notes == ()


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


@pytest.mark.parametrize(
    "parts",
    [("train", "validation"), ("test_images", "train_images"), ("test1", "train"), ("dev", "Val")],
)
def test_refuses_parts_that_hold_images_themselves(
    write_folder: Writer, parts: tuple[str, str]
) -> None:
    folder = write_folder(parts)
    named = ", ".join(sorted(parts))
    refuses(folder, f"{folder}: {named} look like parts of a data set, not like classes")
    refuses(folder, "name the table that holds their labels")


def test_parts_beside_a_class_are_told_of(write_folder: Writer) -> None:
    folder = write_folder(("cat", "test_images", "train_images"))
    expected = "called like parts of a data set, but read as classes: test_images, train_images"
    assert load_images(folder).notes == (expected,)
    assert load_images(write_folder(("cat", "train"), below="other")).notes == ()
