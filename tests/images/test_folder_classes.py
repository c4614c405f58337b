"""Names of class folders, and folders and images that two classes share."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import ImageFolder

from ganaug import check
from ganaug.errors import DataError
from ganaug.images import load_images

Writer = Callable[..., Path]


def refuses(folder: Path, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        load_images(folder)


def test_a_class_has_one_name_in_both_forms_of_unicode(write_folder: Writer) -> None:
    """macOS writes an accent as a letter of its own, and archives from there keep that."""
    write_folder(("cafe\u0301", "dog"), below="photos/train")
    folder = write_folder(("caf\u00e9", "dog"), below="photos/test").parent
    found = load_images(folder)
    assert found.classes == ("caf\u00e9", "dog")
    assert found.test is not None
    assert found.test.counts.tolist() == [3, 3]
    write_folder(("caf\u00e9",), below="photos/train")
    refuses(
        folder, f"{folder / 'train'}: two class folders are called 'caf\u00e9', which is spelled"
    )


def test_a_name_that_python_takes_for_another_encoding_says_what_helps(tmp_path: Path) -> None:
    """As where LC_ALL is C and Python's UTF-8 mode is off."""
    (tmp_path / "gr\u00f6\u00dfe").mkdir()
    script = "import sys; from ganaug.images import load_images; load_images(sys.argv[1])"
    surroundings = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], env=surroundings, capture_output=True
    )
    assert b"set PYTHONUTF8=1, with which Python reads it as 'gr" in done.stderr


def test_classes_that_look_alike_are_told_of(write_folder: Writer) -> None:
    names = ("cat", "Cat", "dog", "dog ", "owl\u200b", "owl", "1", "01", "\uff11")
    assert load_images(write_folder(names)).notes == (
        "classes whose names look alike: '01' and '1' and '\uff11', 'Cat' and 'cat', 'dog' and"
        " 'dog ', 'owl' and 'owl\\u200b'",
    )


def test_check_tells_of_classes_that_look_alike_in_arrays(tmp_path: Path) -> None:
    path = tmp_path / "photos.npz"
    images = np.arange(64, dtype=np.uint8).repeat(64).reshape(64, 8, 8)
    np.savez(path, images=images, labels=np.arange(64) % 2, classes=["cat", "Cat"])
    told = ("classes whose names look alike: 'cat' and 'Cat'",)
    assert load_images(path).notes == told
    assert check(path, times=False).notes == told


def test_a_link_puts_no_folder_into_two_classes(write_folder: Writer) -> None:
    folder = write_folder(("cat", "dog"))
    for target in ("../dog", ".."):
        link = folder / "cat" / "more"
        link.symlink_to(target, target_is_directory=True)
        refuses(
            folder, f"{link}: is read for the classes 'cat' and 'dog', by a link; allowed: each"
        )
        assert "without images" not in str(check(folder, times=False))
        link.unlink()
    assert load_images(folder).counts.tolist() == [3, 3]


def test_an_image_of_two_classes_is_told_of(write_folder: Writer) -> None:
    folder = write_folder(("cat", "dog"))
    (folder / "cat" / "9.png").symlink_to("../dog/1.png")
    assert load_images(folder).notes == (
        "the same pixels in two classes: 1 image, such as cat/9.png and dog/1.png; remove one",
    )


def test_a_link_that_leads_nowhere_is_refused(write_folder: Writer) -> None:
    """What it led to may be a class, or a part of one."""
    write_folder(("cat", "dog"), below="photos/train")
    folder = write_folder(("cat",), below="photos/test").parent
    train = folder / "train"
    for link in (train / "owl", train / "cat" / "more", folder / "test" / "dog"):
        link.symlink_to("nowhere")
        refuses(folder, f"{link}: a link that leads nowhere; allowed: links to what is there")
        if link.parent != folder / "test":
            refuses(train, f"{link}: a link that leads nowhere")
            with pytest.raises(DataError, match=f"{link}: a link that leads nowhere"):
                load_images(ImageFolder(train))
        link.unlink()
    (train / "owl").symlink_to("owl")
    refuses(train, f"{train / 'owl'}: a link that leads nowhere")
    assert [str(train / "owl") in each.text for each in check(folder, times=False).problems] == [
        True
    ]
    (train / "owl").unlink()
    (folder / "notes").symlink_to("nowhere")  # beside the parts nothing is read
    assert len(load_images(folder)) == 6
    shutil.rmtree(folder / "test")
    (folder / "test").symlink_to("nowhere")
    refuses(folder, f"{folder / 'test'}: a link that leads nowhere")


def test_hidden_images_are_told_of(write_folder: Writer, write_image: Writer) -> None:
    folder = write_folder(("cat", "dog"))
    for at, name in enumerate((".h/3", "cat/.t/4", "cat/.5", "cat/.t/deep/6")):
        write_image(f"photos/{name}.png", seed=at)
    (folder / ".h" / "notes.txt").write_text("no image")
    found = load_images(folder)
    assert found.classes == ("cat", "dog")
    assert len(found) == 6
    (note,) = found.notes
    assert note.startswith("not read: 4 hidden images (beside the classes 1, cat 3), such as .h")
    same = load_images(ImageFolder(folder))
    assert same.classes == (".h", "cat", "dog")
    assert same.notes == (
        "4 hidden images, such as .h/3.png, which ImageFolder reads, and a folder by its name does"
        " not; remove them",
    )
