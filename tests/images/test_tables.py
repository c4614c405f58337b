"""load_images from tables: .csv and .tsv files and DataFrames; what is refused, what is told."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganaug.errors import ConfigError, DataError
from ganaug.images import load_images
from ganaug.images.columns import Columns, columns_in
from ganaug.images.originals import decoded, originals, readable
from ganaug.images.sources import remembered_columns

Writer = Callable[..., Path]


@pytest.fixture
def folder(write_folder: Writer) -> Path:
    """photos/cat and photos/dog with three images each."""
    return write_folder()


def table(folder: Path, rows: Sequence[Sequence[Any]], between: str = ",") -> Path:
    path = folder.parent / "labels.csv"
    lines = [between.join(map(str, row)) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def all_rows(before: str = "photos/") -> list[list[str]]:
    return [[f"{before}{name}/{at}.png", name] for name in ("dog", "cat") for at in range(3)]


@pytest.mark.parametrize("kind", ["object", "float32", "Float32", "Float64", "decimal", "text"])
def test_labels_that_are_floats_are_the_same_in_every_column(folder: Path, kind: str) -> None:
    pandas = pytest.importorskip("pandas", reason="the extra dev is not installed")
    labels = [1.0] * 3 + [0.0] * 3
    rows = [[name, label] for (name, _), label in zip(all_rows(), labels, strict=True)]
    found = load_images(table(folder, [["file", "label"], *rows]))
    assert (found.classes, found.labels.tolist()) == (("0", "1"), [1, 1, 1, 0, 0, 0])
    frame = pandas.DataFrame(rows, columns=["file", "label"])
    if kind == "decimal":
        frame["label"] = [Decimal(f"{label}") for label in labels]
    elif kind == "object":
        frame["label"] = pandas.Series([np.float32(label) for label in labels], dtype=object)
    else:
        frame["label"] = frame["label"].astype(str if kind == "text" else kind)
    again = load_images(frame, root=folder.parent)
    assert (again.classes, again.fingerprint) == (found.classes, found.fingerprint)


@pytest.mark.parametrize("gap", [np.float32("nan"), np.float16("nan"), Decimal("NaN")])
@pytest.mark.parametrize("column", ["label", "group"])
def test_gaps_of_any_type_are_refused(folder: Path, gap: Any, column: str) -> None:
    pandas = pytest.importorskip("pandas", reason="the extra dev is not installed")
    frame = pandas.DataFrame(all_rows(), columns=["file", "label"])
    frame["group"] = "one"
    frame[column] = pandas.Series([*frame[column][:5], gap], dtype=object)
    with pytest.raises(DataError, match=f"row 5: no {column} in the column '{column}'"):
        load_images(frame, root=folder.parent, group="group")


def test_cells_of_bytes_paths_and_dates_are_text(folder: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="the extra dev is not installed")
    frame = pandas.DataFrame(all_rows(), columns=["file", "label"])
    expected = load_images(frame, root=folder.parent)
    frame["label"] = pandas.Series([name.encode() for name in frame.label], dtype=object)
    frame["file"] = [Path(name) for name in frame.file]
    frame["day"] = pandas.to_datetime(["2024-01-02", "2024-01-03"] * 3)
    frame["is_test"] = [b"0", ["1"]] * 3  # a list says no part
    found = load_images(frame, root=folder.parent, group="day")
    assert (found.classes, found.fingerprint) == (("cat", "dog"), expected.fingerprint)
    assert found.groups is not None
    assert found.groups.tolist() == [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (["cat"], "['cat'] is of the type list"),
        ({"cat": 1}, "{'cat': 1} is of the type dict"),
        (1 + 2j, "(1+2j) is of the type complex"),
        (np.array([0, 1]), "array([0, 1]) is of the type ndarray"),
        (b"\xff\xd8\xff", "is of the type bytes; allowed: text (bytes as UTF-8), a number, a bool"),
    ],
)
@pytest.mark.parametrize(
    ("column", "role"), [("file", "image"), ("label", "label"), ("g", "group")]
)
def test_cells_that_are_no_text_are_refused(
    folder: Path, cell: Any, words: str, column: str, role: str
) -> None:
    pandas = pytest.importorskip("pandas", reason="the extra dev is not installed")
    frame = pandas.DataFrame(all_rows(), columns=["file", "label"])
    frame["g"] = "one"
    frame[column] = pandas.Series([*frame[column][:5], cell], dtype=object)
    with pytest.raises(DataError, match=rf"^DataFrame, row 5: the {role} .*{re.escape(words)}"):
        load_images(frame, root=folder.parent, group="g")


def test_the_files_of_a_table_are_those_of_the_folder(folder: Path) -> None:
    expected = load_images(folder)
    path = table(folder, [["file", "label"], *all_rows()])
    found = load_images(path)
    assert found.fingerprint == expected.fingerprint
    assert (found.classes, found.labels.tolist()) == (("cat", "dog"), [1, 1, 1, 0, 0, 0])
    assert found.names is not None
    assert found.names[0] == "photos/dog/0.png"
    assert (found.source, found.columns) == (str(path), Columns("file", "label"))
    assert load_images(str(path)).fingerprint == expected.fingerprint


@pytest.mark.parametrize("between", [";", "\t"])
def test_other_delimiters_names_and_roots(folder: Path, between: str) -> None:
    rows = [
        [name.replace("/", "\\"), label, f"p{at // 2}"]
        for at, (name, label) in enumerate(all_rows(""))
    ]
    path = table(folder, [["scan", "finding", "patient"], *rows], between)
    columns = {"image": "scan", "label": "finding", "group": "patient"}
    found = load_images(path, root=folder, **columns)
    assert found.groups is not None
    assert found.groups.tolist() == [0, 0, 1, 1, 2, 2]
    assert found.fingerprint == load_images(folder).fingerprint
    assert load_images(path.rename(path.with_suffix(".TSV")), root=folder, **columns).test is None


def test_a_folder_of_names_in_another_unicode_form_is_listed_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a table from one system and files from another: each row would list it again."""
    for at in range(3):
        (folder / "cat" / f"{at}.png").rename(folder / "cat" / f"e\u0301{at}.png")
    rows = [[f"photos/cat/\u00e9{at}.png", "cat"] for at in range(3)] + all_rows()[:3]
    listed, listdir = [], os.listdir
    monkeypatch.setattr(os, "listdir", lambda path=".": listed.append(path) or listdir(path))
    images = load_images(table(folder, [["file", "label"], *rows]))
    assert len(images) == 6
    assert len(listed) == len(set(listed))


def test_paths_may_be_absolute(folder: Path) -> None:
    rows = all_rows(f"{folder}/")
    path = table(folder, [["path", "class"], *rows])
    assert load_images(path).names is not None
    elsewhere = folder.parent / "tables"
    elsewhere.mkdir()
    moved = path.rename(elsewhere / "labels.csv")
    with pytest.raises(DataError, match=re.escape(f"lies outside '{elsewhere}'")) as caught:
        load_images(moved)
    assert f"--root {folder}" in str(caught.value)
    assert len(load_images(moved, root=folder)) == 6


def test_a_dataframe(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(all_rows(), columns=["file", "y"])
    frame["patient"] = [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
    found = load_images(frame, root=folder.parent, group="patient")
    assert found.fingerprint == load_images(folder).fingerprint
    assert found.groups is not None
    assert found.groups.tolist() == [0, 0, 1, 1, 2, 2]
    monkeypatch.chdir(folder.parent)
    assert len(load_images(frame.iloc[:4])) == 4
    frame["y"] = pandas.Categorical(frame["y"])
    assert load_images(frame).classes == ("cat", "dog")
    for gap in (None, float("nan"), pandas.NA):
        frame["y"] = ["dog", gap, *["cat"] * 4]
        with pytest.raises(DataError, match="DataFrame, row 1: no label in the column 'y'"):
            load_images(frame)
    frame["y"] = [1, 2, 10, 1, 2, 10]
    assert load_images(frame).classes == ("1", "2", "10")


def test_whole_numbers_are_sorted_by_value(folder: Path) -> None:
    labels = ["10", "2", "0", "2", "10", "0"]
    rows = [[row[0], label] for row, label in zip(all_rows(), labels, strict=True)]
    found = load_images(table(folder, [["file", "y"], *rows]))
    assert (found.classes, found.labels.tolist()) == (("0", "2", "10"), [2, 1, 0, 1, 2, 0])


def test_parts_and_gaps_in_a_table_are_told_of(folder: Path) -> None:
    rows = [
        [*row, part] for row, part in zip(all_rows(), ["train", "Test", "val"] * 2, strict=True)
    ]
    expected = (
        "all rows are read, also those that the column 'split' calls test and val; to keep these"
        " from the training: --split-column split (split= in Python)"
    )
    path = table(folder, [["file", "label", "split"], *rows])
    assert load_images(path).notes == (expected,)
    pandas = pytest.importorskip("pandas")
    assert load_images(pandas.read_csv(path), root=folder.parent).notes == (expected,)
    path = table(folder, [["file", "label"], *([name, "NaN"] for name, _ in all_rows())])
    assert load_images(path).notes == ("classes called like a gap in a table: 'NaN'",)


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("Usage", ["Training", "PublicTest", "PrivateTest"], "privatetest and publictest"),
        ("is_valid", [False, True, False], "true"),
        ("is_test", [0, 1, 0], "1"),
        ("is_training_image", [1, 1, 0], "0"),
        ("data split", ["train", "test set", "dev"], "dev and test set"),
    ],
)
def test_parts_go_by_many_names(folder: Path, name: str, values: list[Any], told: str) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(all_rows(), columns=["file", "label"])
    frame[name] = values * 2
    (note,) = load_images(frame, root=folder.parent).notes
    assert note.startswith(f"all rows are read, also those that the column '{name}' calls {told};")
    frame[name] = values[:1] * 6  # all are for training
    assert load_images(frame, root=folder.parent).notes == ()


def test_columns_may_be_called_by_numbers(folder: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(all_rows())  # as pandas.read_csv(..., header=None) calls them
    found = load_images(frame, root=folder.parent, image=0, label=1)
    assert found.classes == ("cat", "dog")
    with pytest.raises(DataError, match=re.escape("DataFrame: no column '7'; allowed: '0', '1'")):
        load_images(frame, root=folder.parent, image=7, label=1)
    frame[1] = Decimal("sNaN")
    with pytest.raises(DataError, match="DataFrame, row 0: no label in the column '1'"):
        load_images(frame, root=folder.parent, image=0, label=1)


def test_numbers_of_thousands_of_digits_are_names(folder: Path) -> None:
    names = {"cat": "9" * 5000, "dog": "7"}
    rows = [[name, names[label]] for name, label in all_rows()]
    assert load_images(table(folder, [["file", "label"], *rows])).classes == ("7", "9" * 5000)


def test_rows_that_say_the_same_twice_are_told_of(folder: Path) -> None:
    rows = [*all_rows(), ["./photos/dog/0.png", "dog"], ["photos/dog/1.png", "dog"]]
    found = load_images(table(folder, [["file", "label"], *rows]))
    assert len(found) == 6
    assert found.notes == ("2 rows name an image again, such as line 8",)
    rows = [*all_rows(), ["photos/dog/0.png", " dog "]]
    rows[3][1] = "Dog"
    found = load_images(table(folder, [["file", "label"], *rows]))
    assert found.classes == ("Dog", "cat", "dog")
    assert "classes whose names look alike: 'Dog' and 'dog'" in found.notes


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (["", "cat", "p"], "line 8: no image in the column 'file'; allowed: one in each row"),
        (["photos/cat/0.png", "", "p"], "line 8: no label in the column 'label'"),
        (["photos/cat/0.png"], "line 8: no label in the column 'label'"),
        (
            ["photos/cat/0.png", "cat", " striped", "p"],
            "line 8: 4 cells, but the first line names 3 columns; allowed: one for each; put text",
        ),
        (["photos/cat/0.png", "cat", ""], "line 8: no group in the column 'patient'"),
        (
            ["photos/cat/0.png", "dog", "p"],
            "line 8: the label 'dog' for 'photos/cat/0.png', but 'cat' in line 5; allowed: one",
        ),
        (
            ["photos/cat/0.png", "cat", "q"],
            "line 8: the group 'q' for 'photos/cat/0.png', but 'p' in line 5",
        ),
        (
            ["photos/cat/3.png", "cat", "p"],
            "line 8: no file 'photos/cat/3.png' in ",
        ),
        (["../photos/cat/0.png", "cat", "p"], "line 8: '../photos/cat/0.png' lies outside "),
    ],
)
def test_what_is_wrong_in_a_row_is_refused(folder: Path, row: list[str], words: str) -> None:
    rows = [[*each, "p"] for each in all_rows()]
    path = table(folder, [["file", "label", "patient"], *rows, row])
    with pytest.raises(DataError, match=re.escape(f"{path}, {words}")) as caught:
        load_images(path, group="patient")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("ignore_index", "places"), [(False, ("iloc[6]", "iloc[3]")), (True, ("6", "3"))]
)
def test_frames_that_were_put_together_contradict_each_other(
    folder: Path, ignore_index: bool, places: tuple[str, str]
) -> None:
    """Rows of two frames have the same names, unless these are given anew."""
    pandas = pytest.importorskip("pandas")
    one = pandas.DataFrame(all_rows(), columns=["file", "label"])
    again = one.iloc[3:4]
    frame = pandas.concat([one, again], ignore_index=ignore_index)
    noted = load_images(frame, root=folder.parent).notes
    assert noted == (f"1 rows name an image again, such as row {places[0]}",)
    other = again.assign(label="dog")
    frame = pandas.concat([one, other], ignore_index=ignore_index)
    words = f"row {places[0]}: the label 'dog' for 'photos/cat/0.png', but 'cat' in row {places[1]}"
    with pytest.raises(DataError, match=re.escape(words)):
        load_images(frame, root=folder.parent)


def test_a_folder_in_the_place_of_a_file_is_told(folder: Path) -> None:
    path = table(folder, [["file", "label"], ["photos", "cat"]])
    with pytest.raises(
        DataError, match=r"line 2: no file 'photos' in .* \(it is a folder\) \(1 of"
    ):
        load_images(path)


def test_missing_files_are_counted_or_skipped(folder: Path) -> None:
    rows = [*all_rows(), ["photos/dog/7.png", "dog"], ["photos/dog/8.png", "dog"]]
    path = table(folder, [["file", "label"], *rows])
    words = r"no file 'photos/dog/7.png' in .*\(did you mean .*\) \(2 of 8 are missing\); .*--root"
    with pytest.raises(DataError, match=words):
        load_images(path)
    found = load_images(path, skip_corrupt=True)
    assert len(found) == 6
    assert found.notes[0] == "skipped photos/dog/7.png: No such file or directory"


@pytest.mark.parametrize(
    ("header", "options", "words"),
    [
        ("a,b", {}, "no column is known to hold the images (there are: 'a', 'b'); allowed: any"),
        ("file,b", {}, "no column is known to hold the labels (there are: 'file', 'b')"),
        ("file,label,class", {}, "2 columns may hold the labels ('label', 'class')"),
        ("file,label", {"label": "labl"}, "no column 'labl' (did you mean 'label'?)"),
        ("file,label", {"group": "g"}, "no column 'g'; allowed: 'file', 'label'; correct --group"),
        ("file,label,label", {}, "2 columns are called 'label'; allowed: one; rename the others"),
        ("file,label,Label", {}, "2 columns may hold the labels ('label', 'Label')"),
        ("file|label", {}, "the first line, 'file|label', has '|' between the columns; allowed: a"),
        ("sep=;", {}, "the first line is 'sep=;'; allowed: the names of the columns; take"),
        ("file,label,label", {"label": "label"}, "2 columns are called 'label'; allowed: one"),
    ],
)
def test_columns_are_refused(
    folder: Path, header: str, options: dict[str, str], words: str
) -> None:
    path = table(folder, [header.split(","), ["photos/cat/0.png", "cat", "cat"]])
    with pytest.raises(DataError, match=re.escape(f"{path}: {words}")):
        load_images(path, **options)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no column is known to hold the images (there are: none)"),
        (b"file,label\n", "holds no rows; allowed: one for each image"),
        (b"file,label\n\xff,cat\n", "cannot be read ("),
        (b'file,label\n"' + b"x" * 200_000 + b'",cat\n', "cannot be read ("),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=re.escape(f"{path}: {words}")):
        load_images(path)
    with pytest.raises(DataError, match=r"labls.csv: no such file \(did you mean 'labels.csv'"):
        load_images(tmp_path / "labls.csv")


def test_a_folder_may_end_like_a_table(folder: Path) -> None:
    assert load_images(folder.rename(folder.with_suffix(".csv"))).classes == ("cat", "dog")


@pytest.mark.parametrize("found", [None, "file", ["file"], {"image": 3, "label": ["y"]}, {}])
def test_of_a_strange_file_only_names_are_taken(found: Any) -> None:
    nothing = {"image": None, "label": None, "group": None, "split": None}
    assert columns_in({"columns": found}) == columns_in({}) == nothing
    assert remembered_columns("photos", {"columns": {"label": "y"}}) == nothing
    assert remembered_columns("a.csv", {"columns": {"label": "y"}})["label"] == "y"


def test_download_is_not_for_tables(folder: Path) -> None:
    path = table(folder, [["file", "label"], *all_rows()])
    with pytest.raises(ConfigError, match="root, download: given for a source"):
        load_images(path, download=True)
    with pytest.raises(ConfigError, match="root, download: given for a source"):
        originals(path, download=True)


def test_one_by_one_and_as_they_lie(folder: Path) -> None:
    path = table(folder, [["file", "label"], *all_rows()])
    found = originals(path)
    read = readable(found)
    assert (read.classes, read.labels.tolist()) == (("cat", "dog"), [1, 1, 1, 0, 0, 0])
    image = decoded(read.items[0], 3)
    assert image.shape == (10, 12, 3)
    assert found.classes == ("cat", "dog")
    assert found.items[0].name == "photos/dog/0.png"
    np.testing.assert_array_equal([i.read()[2] for i in found.items], load_images(path).keys)
    again = readable(originals(folder))
    assert (again.classes, again.labels.tolist()) == (("cat", "dog"), [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(decoded(again.items[3], 3), image)


def test_what_cannot_be_read_is_refused_or_left_out(folder: Path) -> None:
    path = table(folder, [["file", "label"], *all_rows(), ["photos/cat/none.png", "cat"]])
    with pytest.raises(DataError, match=r"no file 'photos/cat/none.png' .*with --skip-corrupt"):
        originals(path, missing=False)
    dog = folder / "dog" / "1.png"
    dog.write_bytes(dog.read_bytes()[:-30])  # a whole header, and not all pixels
    with pytest.raises(DataError, match=r"cat/none.png: cannot be read \(No such file"):
        readable(originals(path))
    calls: list[tuple[int, int]] = []
    read = readable(originals(path), skip_corrupt=True, progress=lambda *done: calls.append(done))
    loaded = load_images(path, skip_corrupt=True)
    assert calls == [(7, 7)]
    assert [item.name for item in read.items] == list(loaded.names or ())
    np.testing.assert_array_equal(read.labels, loaded.labels)
    np.testing.assert_array_equal(read.keys, loaded.keys)
    assert sorted(note.partition(": ")[0] for note in read.notes) == [
        "skipped photos/cat/none.png",
        "skipped photos/dog/1.png",
    ]
    for each in folder.rglob("*.png"):
        each.write_bytes(b"")
    with pytest.raises(DataError, match="no training image can be read; add images that can"):
        readable(originals(path), skip_corrupt=True)


def test_a_subclass_of_a_dataframe_is_a_table(folder: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="the extra dev is not installed")

    class Own(pandas.DataFrame):  # type: ignore[misc, name-defined]
        pass

    frame = Own(all_rows(), columns=["file", "label"])
    assert load_images(frame, root=folder.parent).fingerprint == load_images(folder).fingerprint


def test_columns_without_a_table_are_refused(folder: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="the extra dev is not installed")
    frame = pandas.DataFrame(all_rows(), columns=["file", "label"])
    names = {"image": "file", "label": "label"}
    for source, chosen in (frame["file"], {}), (dict(frame), {}), (dict(frame), names):
        with pytest.raises(DataError, match="columns without a table; allowed: a DataFrame"):
            load_images(source, **chosen)
