"""The test part of a table, by a column that names it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganaug.errors import ConfigError, DataError
from ganaug.images import load_images
from ganaug.images.originals import originals, readable

Writer = Callable[..., Path]
ROWS = [(f"photos/{name}/{at}.png", name) for name in ("cat", "dog") for at in range(3)]


@pytest.fixture
def folder(write_folder: Writer) -> Path:
    """photos/cat and photos/dog with three images each."""
    return write_folder().parent


def table(folder: Path, parts: Sequence[Any], column: str = "split") -> Path:
    path = folder / "labels.csv"
    lines = [f"file,label,{column}"]
    lines += [f"{name},{label},{part}" for (name, label), part in zip(ROWS, parts, strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("column", "parts"),
    [
        ("split", ["train", "Test", "train", "train", "test set", "training"]),
        ("my parts", ["train", "PublicTest", "train", "train", "testing", "training"]),
        ("is_test", [0, 1, 0, 0, 1, 0]),
        ("is_test", ["False", "True", "False", "False", "True", "False"]),
        ("is_train", ["1.0", "0.0", "1.0", "1.0", "0.0", "1.0"]),
        ("is test", ["no", "Yes", "NO", "no", "yes", "no"]),
    ],
)
def test_rows_of_the_test_part_are_the_test_part(
    folder: Path, column: str, parts: Sequence[Any]
) -> None:
    path = table(folder, parts, column)
    images = load_images(path, split=column)
    assert images.names == tuple(ROWS[at][0] for at in (0, 2, 3, 5))
    assert images.test is not None
    assert images.test.names == (ROWS[1][0], ROWS[4][0])
    assert images.test.labels.tolist() == [0, 1]
    assert images.notes == ()
    found = originals(path, columns=images.columns)
    assert [item.test for item in found.items] == [False] * 4 + [True] * 2
    np.testing.assert_array_equal(readable(found).keys, images.keys)
    pandas = pytest.importorskip("pandas", reason="the extra dev is not installed")
    again = load_images(pandas.read_csv(path), root=folder, split=column)
    assert again.test is not None
    assert (again.fingerprint, again.test.fingerprint) == (
        images.fingerprint,
        images.test.fingerprint,
    )


@pytest.mark.parametrize(
    ("column", "parts", "told"),
    [
        ("is_test", ["0.0", "1.0"] * 3, "1"),
        ("is_train", ["yes", "no"] * 3, "no"),
        ("train_test", ["train", "test"] * 3, "test"),
        ("Train or test", ["train", "test"] * 3, "test"),
    ],
)
def test_a_column_that_is_not_read_is_told_of(
    folder: Path, column: str, parts: Sequence[str], told: str
) -> None:
    path = table(folder, parts, column)
    (note,) = load_images(path).notes
    assert note.startswith(
        f"all rows are read, also those that the column '{column}' calls {told};"
    )
    pandas = pytest.importorskip("pandas", reason="the extra dev is not installed")
    assert load_images(pandas.read_csv(path), root=folder).notes == (note,)


def test_columns_of_groups_and_parts_may_be_called_by_numbers(folder: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="the extra dev is not installed")
    parts = pandas.DataFrame([[*row, at // 2] for at, row in enumerate(ROWS)])
    found = load_images(parts, root=folder, image=0, label=1, group=2)
    assert found.group_names == ("0", "0", "1", "1", "2", "2")
    parts[3] = ["train", "train", "test"] * 2
    found = load_images(parts, root=folder, image=0, label=1, split=3)
    assert found.test is not None
    assert (len(found), len(found.test)) == (4, 2)
    with pytest.raises(DataError, match="no column '7'"):
        load_images(parts, root=folder, image=0, label=1, group=7)


def test_a_blank_after_a_comma_is_no_part_of_a_cell(folder: Path) -> None:
    lines = ['"file", "label", "split"']
    lines += [
        f'"{name}", "{label}", "{("train", "test")[name[-5] == "1"]}"' for name, label in ROWS
    ]
    path = folder / "labels.csv"
    path.write_text("\n".join(lines))
    images = load_images(path, split="split")
    assert images.classes == ("cat", "dog")
    assert images.test is not None
    assert (len(images), len(images.test)) == (4, 2)


def test_rows_for_validation_are_not_read(folder: Path) -> None:
    parts = ["train", "val", "test", "train", "dev", "test"]
    images = load_images(table(folder, parts), split="split")
    assert images.test is not None
    assert (len(images), len(images.test)) == (2, 2)
    assert images.notes == ("2 rows for validation are not read",)
    flags = load_images(table(folder, [0, 1, 0, 0, 0, 0], "is_valid"), split="is_valid")
    assert (len(flags), flags.test) == (5, None)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (["train", "7", *["test"] * 4], "line 3: '7' in the column 'split'; allowed: train, test"),
        (["train", "eval", *["test"] * 4], "line 3: 'eval' in the column 'split'; allowed: train"),
        (["train", "", *["test"] * 4], "line 3: no split in the column 'split'; allowed: one in"),
        (["test"] * 6, "no row is for training; allowed: 1 or more; correct --split-column"),
    ],
)
def test_what_is_ambiguous_is_refused(folder: Path, parts: Sequence[str], words: str) -> None:
    with pytest.raises(DataError, match=re.escape(words)):
        load_images(table(folder, parts), split="split")
    path = table(folder, ["yes", "maybe", *["no"] * 4], "is_test")
    words = "'maybe' in the column 'is_test'; allowed: yes or no, true or false, 1 or 0; correct it"
    with pytest.raises(DataError, match=re.escape(words)):
        load_images(path, split="is_test")
    with pytest.raises(DataError, match=re.escape("no column 'splits' (did you mean 'split'?)")):
        load_images(table(folder, parts), split="splits")


def test_a_group_in_both_parts_is_told(folder: Path) -> None:
    path = table(folder, ["train", "test"] * 3)
    lines = path.read_text().splitlines()
    groups = ["object", "a", "a", "b", "c", "d", "e"]
    path.write_text("\n".join(f"{line},{each}" for line, each in zip(lines, groups, strict=True)))
    (note,) = load_images(path, split="split", group="object").notes
    assert note.startswith("1 group with images in the training part and in the test part, such as")


def test_an_image_of_two_parts_is_refused(folder: Path) -> None:
    path = table(folder, ["train"] * 6)
    whole = path.read_text()
    path.write_text(f"{whole}photos/cat/0.png,cat,Training\n")
    assert len(load_images(path, split="split")) == 6
    path.write_text(f"{whole}photos/cat/0.png,cat,test\n")
    with pytest.raises(DataError, match=r"line 8: the split 'test' for .*, but 'train' in line 2"):
        load_images(path, split="split")


def test_a_column_of_parts_is_for_tables_alone(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"--split-column \(split=\) 'split': given for a source"):
        load_images(folder / "photos", split="split")


def test_the_root_that_is_named_may_hold_blanks(folder: Path, tmp_path: Path) -> None:
    photos = (folder / "photos").rename(tmp_path / "my photos")
    path = tmp_path / "elsewhere" / "labels.csv"
    path.parent.mkdir()
    lines = [f"{photos}/{name.removeprefix('photos/')},{label}" for name, label in ROWS]
    path.write_text("\n".join(["file,label", *lines]) + "\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load_images(path)
    *_, option, root = shlex.split(str(caught.value))
    assert (option, load_images(path, root=root).counts.tolist()) == ("--root", [3, 3])
