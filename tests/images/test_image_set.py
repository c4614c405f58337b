"""ImageSet: what it refuses, what it keeps, and its fingerprint."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganaug.errors import DataError
from ganaug.images import ImageSet, require_classes


def make(n: int = 6, *, seed: int = 0, **fields: Any) -> ImageSet:
    random = np.random.default_rng(seed)
    given = {
        "images": random.integers(0, 256, (n, 8, 9, 1), dtype=np.uint8),
        "labels": np.arange(n) % 2,
        "classes": ("a", "b"),
    }
    return ImageSet(**(given | fields))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"images": np.zeros((6, 8, 8, 1), np.float32)}, "images are float32 [6, 8, 8, 1]"),
        ({"images": np.zeros((6, 8, 8), np.uint8)}, "images are uint8 [6, 8, 8]; allowed: uint8"),
        ({"images": np.zeros((6, 8, 8, 4), np.uint8)}, "allowed: uint8 [N, H, W, 1] or"),
        ({"labels": np.zeros(5, np.int64)}, "6 images but labels of shape [5]"),
        ({"labels": np.zeros(6)}, "labels are float64; allowed: whole numbers from 0 to 1"),
        ({"labels": np.array([0, 1, 2, 0, 1, 0])}, "label 2 is out of range; allowed: 0 to 1"),
        ({"labels": np.array([0, 1, -1, 0, 1, 0])}, "label -1 is out of range; allowed: 0 to 1"),
        ({"groups": np.zeros(5, np.int64)}, "6 images but groups of shape [5]"),
        ({"keys": np.zeros(5, np.uint64)}, "6 images but 5 keys; give one for each image"),
        ({"names": ("one",)}, "6 images but 1 names; give one for each image"),
        ({"classes": ("a", "a")}, "'a' names two classes"),
        ({"classes": ("a", "")}, "class 1 has an empty name; allowed: any text; give it a name"),
        ({"test": make(2, classes=("a", "c"))}, "the test part has the classes ['a', 'c']"),
        (
            {"test": make(2, images=np.zeros((2, 8, 8, 1), np.uint8))},
            "the test images are [8, 8, 1] (H, W, C), the training images [8, 9, 1]",
        ),
    ],
)
def test_refuses_what_does_not_fit(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        make(**fields)
    assert "\n" not in str(caught.value)


def test_knows_its_size_channels_and_counts() -> None:
    images = make(5)
    assert images.size == (8, 9)
    assert images.channels == 1
    assert images.counts.tolist() == [3, 2]
    assert len(images) == 5
    assert images.labels.dtype == np.int64


def test_groups_are_numbered_from_zero() -> None:
    assert make(groups=np.array([70, 7, 7, 70, 9, 9])).groups.tolist() == [2, 0, 0, 2, 1, 1]


def test_equal_images_have_equal_keys() -> None:
    images = make()
    twice = replace(images, images=images.images[[0, 1, 0, 2, 3, 4]], keys=np.zeros(0, np.uint64))
    assert twice.keys[0] == twice.keys[2]
    assert len(set(twice.keys.tolist())) == 5


def test_take_takes_every_field_along() -> None:
    images = make(names=tuple("uvwxyz"), groups=np.array([0, 0, 1, 1, 2, 2]), test=make(2, seed=1))
    part = images.take([4, 1])
    np.testing.assert_array_equal(part.images, images.images[[4, 1]])
    assert part.labels.tolist() == [0, 1]
    assert part.names == ("y", "v")
    assert part.keys.tolist() == images.keys[[4, 1]].tolist()
    assert part.groups.tolist() == [1, 0]
    assert part.test is images.test


def test_take_accepts_a_mask_and_nothing() -> None:
    images = make()
    assert images.take(images.labels == 1).labels.tolist() == [1, 1, 1]
    assert len(images.take([])) == 0
    with pytest.raises(IndexError):
        images.take([6])


def test_fingerprint_ignores_order_and_sees_changes() -> None:
    images = make()
    assert images.take([3, 1, 5, 0, 2, 4]).fingerprint == images.fingerprint
    others = [
        images.take([0, 1, 2, 3, 4]),
        replace(images, labels=1 - images.labels),
        replace(images, classes=("a", "c")),
        make(seed=1),
    ]
    assert len({images.fingerprint, *(other.fingerprint for other in others)}) == 5


def test_merged_makes_one_class_of_both_parts() -> None:
    merged = make(test=make(2, seed=1)).merged("sign")
    assert merged.classes == merged.test.classes == ("sign",)
    assert merged.counts.tolist() == [6]
    assert merged.test.counts.tolist() == [2]


def test_require_classes_names_those_found() -> None:
    require_classes(make())
    lone = make(labels=np.zeros(6, np.int64), classes=("ok",), source="parts/")
    with pytest.raises(DataError) as caught:
        require_classes(lone)
    assert str(caught.value) == (
        "classes: 1 found in 'parts/' (only 'ok'); a data set needs at least 2; put each class in a"
        " folder of its own"
    )


def test_require_classes_counts_only_classes_with_images() -> None:
    with pytest.raises(DataError, match=r"classes: 1 found in 'arrays' \(only 'b'\)"):
        require_classes(make(labels=np.ones(6, np.int64)))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("gone/photos/", "photos"),
        ("/home/someone/photos", "photos"),
        ("digits", "digits"),
        ("torchvision:MNIST", "torchvision:MNIST"),
    ],
)
def test_data_are_called_what_the_user_named(source: str, name: str) -> None:
    assert make(source=source).data_name == name


def test_data_here_are_called_like_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path / "photos")
    assert make(source=".").data_name == make(source="../photos/").data_name == "photos"
