"""load_images from Hugging Face's data sets: in memory and saved on disk, with parts and groups."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganaug.errors import ConfigError, DataError
from ganaug.images import load_images
from ganaug.images.columns import Columns
from ganaug.images.originals import decoded, originals, readable

datasets = pytest.importorskip("datasets", reason="the extra huggingface is not installed")
CLASSES = ["cat", "dog"]


@pytest.fixture(autouse=True)
def _quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets.disable_progress_bars()
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def folder(write_folder: Callable[..., Path]) -> Path:
    write_folder(below="photos/train", mode="RGB")
    write_folder(below="photos/test", mode="RGB", count=2)
    return write_folder(below="photos/train", mode="RGB").parent


@pytest.fixture
def read(folder: Path) -> Any:
    """The folder as `datasets` reads it: a DatasetDict."""
    return datasets.load_dataset("imagefolder", data_dir=str(folder))


def noise(seed: int) -> Image.Image:
    levels = np.random.default_rng(seed).integers(0, 256, (10, 12, 3), np.uint8)
    return Image.fromarray(levels)


def small(labels: list[Any], label: Any = None, **columns: list[Any]) -> Any:
    """A Dataset of noise; `label` is the type of the labels, else that of two classes."""
    features = {"image": datasets.Image(), "label": label or datasets.ClassLabel(names=CLASSES)}
    features |= {name: datasets.Value("string") for name in columns}
    images = [noise(seed) for seed in range(len(labels))]
    values = {"image": images, "label": labels, **columns}
    return datasets.Dataset.from_dict(values, features=datasets.Features(features))


def test_an_image_folder_read_by_it_is_the_same_data(folder: Path, read: Any) -> None:
    expected, found = load_images(folder), load_images(read)
    assert found.classes == ("cat", "dog")
    assert found.fingerprint == expected.fingerprint
    assert found.test.fingerprint == expected.test.fingerprint
    np.testing.assert_array_equal(found.images, expected.images)
    assert found.names is not None
    assert (found.names[0], found.columns) == ("train[0]", Columns("image", "label"))


def test_and_so_is_what_it_saved(folder: Path, read: Any, tmp_path: Path) -> None:
    read.save_to_disk(tmp_path / "saved")
    found = load_images(f"hf:{tmp_path / 'saved'}")
    assert found.fingerprint == load_images(folder).fingerprint
    assert found.data_name == "saved"
    assert found.test is not None
    read["train"].save_to_disk(tmp_path / "part")
    assert load_images(f"hf:{tmp_path / 'part'}").test is None


def test_no_transform_or_format_is_applied(read: Any) -> None:
    def never(batch: Any) -> Any:
        raise AssertionError("the transform was called")

    plain = load_images(read["train"])
    for given in (read["train"].with_transform(never), read["train"].with_format("torch")):
        assert load_images(given).fingerprint == plain.fingerprint
    (note,) = load_images(read["train"].with_transform(never)).notes
    assert "the data set's transform is left out" in note


def test_columns_are_found_or_named() -> None:
    odd = small([0, 1, 1], where=["a", "b", "b"]).rename_columns({"image": "scan", "label": "kind"})
    found = load_images(odd, group="where")
    assert found.columns == Columns("scan", "kind", "where")
    assert found.groups is not None
    assert found.groups.tolist() == [0, 1, 1]
    two = odd.add_column("other", [0, 1, 0]).cast_column(
        "other", datasets.ClassLabel(names=["x", "y"])
    )
    with pytest.raises(DataError, match=r"2 columns may hold the labels \('kind', 'other'\)"):
        load_images(two)
    assert load_images(two, label="other").classes == ("x", "y")
    with pytest.raises(DataError, match=r"no column 'knd' \(did you mean 'kind'\?\)"):
        load_images(two, label="knd")
    with pytest.raises(DataError, match=r"'where' holds Value; allowed: images; cast it with"):
        load_images(two, image="where", label="kind")


def test_groups_are_text_numbers_or_refused() -> None:
    pairs = small([0, 1, 1]).add_column("pair", [3.0, 3.0, 4.0])
    found = load_images(pairs, group="pair")
    assert found.groups is not None
    assert found.groups.tolist() == [0, 0, 1]
    gaps = small([0, 1, 1]).add_column("pair", [3.0, float("nan"), float("nan")])
    with pytest.raises(DataError, match=r"\[1\]: no group in the column 'pair'"):
        load_images(gaps, group="pair")
    lists = small([0, 1]).add_column("pair", [["a"], ["b"]])
    with pytest.raises(DataError, match=r"\[0\]: the group \['a'\] is of the type list; allowed"):
        load_images(lists, group="pair")


def test_labels_may_be_texts_or_numbers() -> None:
    texts = small(["b", "a", "b"], datasets.Value("string"))
    found = load_images(texts)
    assert (found.classes, found.labels.tolist()) == (("a", "b"), [1, 0, 1])
    numbers = load_images(small([0, 1, 1], datasets.Value("int64")))
    assert (numbers.classes, numbers.labels.tolist()) == (("0", "1"), [0, 1, 1])


@pytest.mark.parametrize(
    ("labels", "kind", "words"),
    [
        ([0, -1], None, "label -1 in the column 'label'; allowed: a whole number from 0"),
        ([0, None], None, "label None in the column 'label'"),
        (["a", None], "string", "label None in the column 'label'; allowed: a class name"),
        (["a", " "], "string", "label ' ' in the column 'label'; allowed: a class name"),
        ([0.5, 1.0], "float32", "label 0.5 in the column 'label'; allowed: a whole number"),
    ],
)
def test_labels_that_are_missing_are_refused(labels: list[Any], kind: Any, words: str) -> None:
    given = small(labels, None if kind is None else datasets.Value(kind))
    with pytest.raises(DataError, match=re.escape(words)):
        load_images(given)


def test_parts_that_are_not_used_are_told_of() -> None:
    parts = datasets.DatasetDict(
        train=small([0, 1]), validation=small([0, 1]), test=small([-1, -1])
    )
    found = load_images(parts)
    assert found.test is None
    assert found.notes == (
        "not used beside train and test: 'validation'",
        "the part test has no labels and is not used",
    )
    with pytest.raises(DataError, match="has the parts 'a', 'b', but no 'train'"):
        load_images(datasets.DatasetDict(a=small([0, 1]), b=small([0, 1])))
    alone = load_images(datasets.DatasetDict(test=small([0, 0, 1, 1])))
    assert alone.notes == ("the part 'test' is trained on: there is no other",)
    other = small([0, 1], datasets.ClassLabel(names=["dog", "cat"]))
    with pytest.raises(DataError, match=r"has the classes \['dog', 'cat'\], the training part"):
        load_images(datasets.DatasetDict(train=small([0, 1]), test=other))
    texts = small(["ant", "bee"], datasets.Value("string"))
    numbers = small([0, 1], datasets.Value("int64"))
    with pytest.raises(DataError, match=r"has labels without names, the training part the classes"):
        load_images(datasets.DatasetDict(train=texts, test=numbers))
    more = small(["ant", "bees"], datasets.Value("string"))
    with pytest.raises(
        DataError, match=r"label 'bees' .* part \(did you mean 'bee'\?\); allowed: "
    ):
        load_images(datasets.DatasetDict(train=texts, test=more))
    with pytest.raises(DataError, match="without streaming=True"):
        load_images(small([0, 1]).to_iterable_dataset())
    with pytest.raises(DataError, match="'train' holds no rows"):
        load_images(small([0]).select([]))


def stored(*contents: dict[str, Any]) -> Any:
    """A Dataset of two classes whose images are stored as given: bytes or a path."""
    plain = datasets.Image(decode=False)
    labels = datasets.ClassLabel(names=CLASSES)
    return datasets.Dataset.from_dict(
        {"image": list(contents), "label": [at % 2 for at in range(len(contents))]},
        features=datasets.Features({"image": plain, "label": labels}),
    )


def png(image: Image.Image, **options: Any) -> dict[str, Any]:
    stream = io.BytesIO()
    image.save(stream, format="PNG", **options)
    return {"bytes": stream.getvalue(), "path": None}


def test_damage_is_refused_or_told_and_no_network_is_asked(tmp_path: Path) -> None:
    good = [png(noise(0)), png(noise(1))]
    for bad, words in (
        ({"bytes": b"no image", "path": None}, "not recognised as an image"),
        ({"bytes": None, "path": "https://example.org/a.png"}, "the image lies in the network"),
        ({"bytes": None, "path": str(tmp_path / "gone.png")}, "No such file"),
    ):
        given = stored(*good, bad)
        with pytest.raises(DataError, match=words):
            load_images(given)
        found = load_images(given, skip_corrupt=True)
        assert len(found) == 2
        assert found.notes[0].startswith("skipped train[2]: ")


def test_exif_turns_as_in_a_folder(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    given = stored(png(noise(0), exif=exif), png(noise(1), exif=exif))
    assert load_images(given).size == (12, 10)
    assert load_images(given, exif=False).size == (10, 12)
    assert decoded(originals(given).items[0], 1).shape == (12, 10, 1)


def test_one_by_one_and_as_they_lie(read: Any) -> None:
    found = originals(read)
    train = readable(found)
    assert (train.classes, train.labels.tolist()) == (("cat", "dog"), [0, 0, 0, 1, 1, 1])
    assert decoded(train.items[3], 3).shape == (10, 12, 3)
    assert [item.test for item in found.items] == [False] * 6 + [True] * 4
    loaded = load_images(read)
    assert [item.read()[2] for item in found.items][:6] == loaded.keys.tolist()


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ([], "no such folder; allowed: hf: and a folder that save_to_disk"),
        (["cat"], "no saved data set in this folder; allowed: hf: and a folder that save_to_disk"),
        (["state.json"], "cannot be read ("),
    ],
)
def test_a_folder_that_it_did_not_write(tmp_path: Path, made: list[str], words: str) -> None:
    for name in made:
        (tmp_path / "saved").mkdir()
        (tmp_path / "saved" / name).write_text("{")
    with pytest.raises(DataError, match=re.escape(words)) as caught:
        load_images(f"hf:{tmp_path / 'saved'}")
    assert "\n" not in str(caught.value)


def test_names_of_columns_need_columns(folder: Path) -> None:
    for source in (str(folder), folder, "digits"):
        with pytest.raises(ConfigError, match=r"--label-column \(label=\) 'y': given for a source"):
            load_images(source, label="y")
