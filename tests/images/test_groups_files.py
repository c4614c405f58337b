"""groups.csv in any case, in the folder or in its parts; groups in both parts of any source."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import ImageFolder

from ganaug import check
from ganaug.errors import DataError
from ganaug.images import load_images
from ganaug.images.originals import originals

Writer = Callable[..., Path]


@pytest.fixture
def photos(write_folder: Writer) -> Path:
    """A folder with train/ and test/, of two classes with four images each."""
    write_folder(count=4, below="photos/train")
    return write_folder(count=4, below="photos/test").parent


def write_groups(path: Path, before: str = "", group: str = "") -> Path:
    """Write which two images each are of one object, of all in train/ or in test/."""
    lines = [
        f"{before}{name}/{at}.png,{group}{name}{at // 2}"
        for name in ("cat", "dog")
        for at in range(4)
    ]
    path.write_text("\n".join(("file,group", *lines)))
    return path


def refuses(source: Any, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        load_images(source)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["groups.csv", "Groups.csv", "GROUPS.CSV"])
def test_in_any_case(photos: Path, name: str) -> None:
    write_groups(photos / name, "train/")
    found = load_images(photos)
    assert found.groups is not None
    assert found.groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    same = load_images(ImageFolder(photos / "train"))
    assert same.groups is not None
    assert same.groups.tolist() == found.groups.tolist()
    assert f"test/ and {name} beside train/" in " ".join(load_images(photos / "train").notes)


@pytest.mark.parametrize("part", ["Training", "val", "Validation"])
def test_above_a_part_of_another_name(
    photos: Path, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = (photos / "train").rename(photos / part)
    write_groups(photos / "groups.csv", f"{folder.name}/")
    monkeypatch.chdir(folder)
    told = f"groups.csv beside {folder.name}/ is not read; put one into {folder.name}/, of paths"
    for place in (folder, Path()):
        found = load_images(ImageFolder(place))
        assert found.groups is not None
        assert found.groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
        assert found.names == load_images(ImageFolder(folder)).names
        assert [note for note in load_images(place).notes if note.startswith(told)]
    items = ImageFolder(Path(), lambda image: image)
    assert load_images(items).notes[0].startswith(f"groups.csv of the folder {folder.name} is not")


def test_quotes_may_follow_a_blank(photos: Path) -> None:
    path = write_groups(photos / "groups.csv", "train/")
    cells = [line.split(",") for line in path.read_text().splitlines()]
    path.write_text("\n".join(f'"{file}", "{group}"' for file, group in cells))
    groups = load_images(photos).groups
    assert groups is not None
    assert groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_above_the_current_folder(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_groups(photos / "groups.csv", "train/")
    monkeypatch.chdir(photos / "train")
    assert load_images(".").notes == (
        "test/ and groups.csv beside train/ are not read; name .. as the source to use all of it",
    )
    found = load_images(ImageFolder("."))
    assert found.groups is not None
    assert found.groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_in_the_parts(photos: Path) -> None:
    write_groups(photos / "train" / "Groups.csv")
    found = load_images(photos)
    alone = load_images(photos / "train")
    assert found.test is not None
    assert found.test.groups is None
    for images in (found, alone):
        assert images.groups is not None
        assert images.groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
        assert not [note for note in images.notes if "groups" in note]
    write_groups(photos / "test" / "groups.csv", group="other ")
    found = load_images(photos)
    assert found.test is not None
    assert found.test.groups is not None
    assert found.notes == ()
    write_groups(photos / "test" / "groups.csv")
    assert load_images(photos).notes == (
        "groups.csv: 4 groups with images in train/ and in test/, such as cat0; results on test/"
        " will look too good",
    )


def test_two_are_refused(photos: Path) -> None:
    write_groups(photos / "groups.csv", "train/")
    write_groups(photos / "train" / "groups.csv")
    refuses(photos, f"{photos}: has groups.csv and train/groups.csv; allowed: one groups.csv")
    os.replace(photos / "groups.csv", photos / "train" / "Groups.csv")
    refuses(photos, f"{photos}: has train/Groups.csv and train/groups.csv; allowed")
    refuses(photos / "train", f"{photos / 'train'}: has Groups.csv and groups.csv; allowed")


def test_wrong_ones_in_a_part_name_themselves(photos: Path) -> None:
    path = write_groups(photos / "train" / "groups.csv", "train/")  # as in the folder above
    refuses(photos, f"{path}: names none of the images; allowed: paths inside {photos / 'train'}")
    path.unlink()
    path = write_groups(photos / "test" / "groups.csv", "test/")
    refuses(photos, f"{path}: names none of the images; allowed: paths inside {photos / 'test'}")
    path.unlink()
    path = photos / "groups.csv"
    path.symlink_to("gone.csv")
    refuses(photos, f"{path}: cannot be read (")


def test_a_folder_of_that_name_is_none(photos: Path) -> None:
    (photos / "groups.csv").mkdir()
    assert load_images(photos).groups is None


NOTE = (
    "2 groups with images in the training part and in the test part, such as {}; results on the"
    " test part will look too good"
)


@pytest.mark.parametrize(
    ("train", "test", "first"),
    [
        (["p", "q", "r", "r"], ["q", "r", "s", "r"], "q"),
        ([3, 1, 1, 2], [2, 9, 9, 1], "1"),
        ([3, 1, 1, 2], ["2", "x", "x", "1"], "1"),
        ([b"p", b"q", b"r", b"r"], ["q", "r", "s", "r"], "q"),
        (["p", "p", "q", "q"], ["r", "r", "s", "s"], None),
    ],
)
def test_groups_of_arrays_on_both_sides(
    tmp_path: Path, train: list[Any], test: list[Any], first: str | None
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 12, 12), np.uint8)
    labels = np.array([0, 1, 0, 1])
    path = tmp_path / "photos.npz"
    np.savez(
        path, images=pixels[:4], labels=labels, groups=np.array(train),
        test_images=pixels[4:], test_labels=labels, test_groups=np.array(test),
    )  # fmt: skip
    wanted = () if first is None else (NOTE.format(first),)
    assert load_images(path).notes == wanted
    assert check(path, times=False).notes == wanted
    groups = [item.group for item in originals(path).items]
    assert bool(set(groups[:4]) & set(groups[4:])) == bool(wanted)
    assert groups[2] == groups[3] or len(set(train)) == 3


def test_groups_of_hugging_face_on_both_sides() -> None:
    def part(groups: list[str], first: int) -> Any:
        noise = np.random.default_rng(first).integers(0, 256, (4, 12, 12), np.uint8)
        values = {"image": list(map(Image.fromarray, noise)), "label": [0, 1, 0, 1], "who": groups}
        return datasets.Dataset.from_dict(values).cast_column("image", datasets.Image())

    both = datasets.DatasetDict(train=part(list("pqrr"), 1), test=part(list("qrss"), 2))
    assert load_images(both, group="who").notes == (NOTE.format("q"),)
    assert check(both, group="who", times=False).notes == (NOTE.format("q"),)
    assert load_images(both).notes == ()


def test_near_copies_of_one_group_in_both_parts_are_a_leak(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 200, (8, 6, 6, 3), np.uint8)
    pixels = noise.repeat(8, 1).repeat(8, 2)
    path = tmp_path / "photos.npz"
    groups, labels = np.arange(8), np.array([0, 1] * 4)
    np.savez(
        path, images=pixels, labels=labels, groups=groups,
        test_images=pixels + np.uint8(2), test_labels=labels, test_groups=groups,
    )  # fmt: skip
    assert "near leak" in [finding.kind for finding in check(path, times=False).findings]


@pytest.mark.parametrize("first", ["file;group", "File,Group", "file, group", "file\tgroup"])
def test_written_as_tables_are(photos: Path, first: str) -> None:
    path = write_groups(photos / "groups.csv", "train/")
    between = first.removeprefix("file").removesuffix("group") if first[0] == "f" else ","
    lines = path.read_text().splitlines()[1:]
    path.write_text("\n".join([first, *(line.replace(",", between) for line in lines)]))
    found = load_images(photos)
    assert found.groups is not None
    assert found.groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
def test_names_in_either_unicode_form(write_folder: Writer, on_disk: Any) -> None:
    """Some systems write the names of files in the one, editors those in a table in the other."""
    folder = write_folder(count=4)
    theirs = "NFD" if on_disk == "NFC" else "NFC"
    (folder / "cat").rename(folder / unicodedata.normalize(on_disk, "caf\u00e9"))
    expected = load_images(folder)
    rows = [(f"{name}/{at}.png", name, f"{name}{at // 2}") for name in ("caf\u00e9", "dog")
            for at in range(4)]  # fmt: skip
    table = folder.parent / "table.csv"
    lines = ["file,label,group", *(",".join(row) for row in rows)]
    table.write_text(unicodedata.normalize(theirs, "\n".join(lines)), encoding="utf-8")
    found = load_images(table, root=folder, group="group")
    assert found.pixel_keys.tolist() == expected.pixel_keys.tolist()
    groups = ["file,group", *(f"{file},{group}" for file, _, group in rows)]
    (folder / "groups.csv").write_text(unicodedata.normalize(theirs, "\n".join(groups)), "utf-8")
    again = load_images(folder)
    assert again.groups is not None
    assert found.groups is not None
    assert again.groups.tolist() == found.groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert not [note for note in again.notes if "without an image" in note]
