"""Image sets from .npz files: shapes, labels, and what is refused."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganaug import check
from ganaug.errors import DataError
from ganaug.images import load_images, require_classes

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (6, 10, 12), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (6, 10, 12, 3), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def save(folder: Path, **arrays: Any) -> Path:
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (GREY, GREY[..., None]),
        (GREY[..., None], GREY[..., None]),
        (GREY[:, None], GREY[..., None]),
        (COLOUR, COLOUR),
        (COLOUR.transpose(0, 3, 1, 2), COLOUR),
        (GREY[..., None].repeat(3, axis=3), GREY[..., None]),
    ],
)
def test_all_layouts_of_the_axes(tmp_path: Path, stored: Any, expected: Any) -> None:
    images = load_images(save(tmp_path, images=stored, labels=LABELS))
    np.testing.assert_array_equal(images.images, expected)
    assert images.classes == ("0", "1", "2")
    assert images.labels.tolist() == LABELS.tolist()
    assert images.test is None
    assert images.groups is None


def test_the_content_key_is_that_of_the_pixels(tmp_path: Path) -> None:
    first = load_images(save(tmp_path, images=COLOUR, labels=LABELS))
    moved = load_images(save(tmp_path, images=COLOUR.transpose(0, 3, 1, 2), labels=LABELS))
    small = load_images(save(tmp_path, images=COLOUR, labels=LABELS), size=8)
    assert first.fingerprint == moved.fingerprint == small.fingerprint
    assert len(set(first.keys.tolist())) == 6


def test_all_optional_arrays(tmp_path: Path) -> None:
    images = load_images(
        save(
            tmp_path,
            images=GREY,
            labels=LABELS.astype(np.uint8),
            groups=np.array(["x", "x", "y", "y", "z", "z"]),
            test_images=GREY[:2],
            test_labels=np.array([2, 1]),
            test_groups=np.array([5, 5]),
            classes=np.array(["a", "b", "c"]),
            natural_counts=np.array([9, 9, 9]),
        )
    )
    assert images.classes == images.test.classes == ("a", "b", "c")
    assert images.groups.tolist() == [0, 0, 1, 1, 2, 2]
    assert images.test.groups.tolist() == [0, 0]
    assert images.test.labels.tolist() == [2, 1]
    assert images.notes == ("classes without a test image: a",)


def test_files_of_medmnist(tmp_path: Path) -> None:
    """Their arrays have train_ and val_ before their names, and labels are columns."""
    column = LABELS.astype(np.uint8)[:, None]
    parts = {
        "val_images": GREY[:2],
        "val_labels": column[:2],
        "test_images": GREY[:3],
        "test_labels": column[:3],
    }
    images = load_images(save(tmp_path, train_images=GREY, train_labels=column, **parts))
    np.testing.assert_array_equal(images.images[..., 0], GREY)
    assert images.labels.tolist() == LABELS.tolist()
    assert images.test.labels.tolist() == [0, 1, 2]
    assert images.notes == ("not used beside train_images and test_images: val_images, val_labels",)
    same = save(tmp_path, images=GREY, labels=LABELS, test_images=GREY[:3], test_labels=LABELS[:3])
    assert load_images(same).fingerprint == images.fingerprint


def test_training_groups_and_missing_labels_of_medmnist_names(tmp_path: Path) -> None:
    images = load_images(save(tmp_path, train_images=GREY, train_groups=LABELS // 2))
    assert images.groups.tolist() == [0, 0, 1, 0, 0, 1]
    assert images.notes == ("no array 'train_labels': all images are one class",)


def test_the_size_is_that_of_most_images(tmp_path: Path) -> None:
    small = np.zeros((2, 20, 20), np.uint8)
    parts = {"images": np.zeros((40, 40, 40), np.uint8), "labels": np.zeros(40, int)}
    path = save(tmp_path, **parts, test_images=small, test_labels=[0, 0])
    images = load_images(path)
    assert images.size == (40, 40)
    assert images.notes == (
        "training size 40x40 (height x width) enlarges 2 of 42 images, such as test_images (20x20)",
    )


def test_numbers_without_images_are_told_of_in_a_short_note(tmp_path: Path) -> None:
    """They stay: the labels that a generator is used with are those it was trained on."""
    images = load_images(save(tmp_path, images=GREY, labels=LABELS + 1))
    assert images.classes == ("0", "1", "2", "3")
    assert images.labels.tolist() == (LABELS + 1).tolist()
    assert images.notes == ("classes without a training image: 0",)
    many = np.broadcast_to(np.arange(30, dtype=np.uint8)[:, None, None], (30, 8, 8))
    images = load_images(save(tmp_path, images=many, labels=2 * np.arange(30)))
    assert images.notes == (
        "classes without a training image: 1, 3, 5, 7, 9, 11, 13, 15, 17, 19 and 19 more",
    )


def test_truth_values_are_the_labels_0_and_1(tmp_path: Path) -> None:
    path = tmp_path / "two.npz"
    np.savez(path, images=GREY, labels=np.array([True, False] * 3))
    found = load_images(path)
    assert (found.classes, found.labels.tolist()) == (("0", "1"), [1, 0] * 3)


def test_without_labels_all_images_are_one_class(tmp_path: Path) -> None:
    images = load_images(save(tmp_path, images=GREY, test_images=GREY[:2]))
    assert images.classes == images.test.classes == ("all",)
    assert images.counts.tolist() == [6]
    assert images.notes == ("no array 'labels': all images are one class",)


def test_size_and_mode_are_those_of_pillow(tmp_path: Path) -> None:
    path = save(tmp_path, images=COLOUR, labels=LABELS)
    images = load_images(path, size=(8, 16), mode="grey")
    expected = Image.fromarray(COLOUR[3]).convert("L").resize((16, 8), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(images.images[3, ..., 0], expected)
    grey = save(tmp_path, images=GREY, labels=LABELS)
    np.testing.assert_array_equal(
        load_images(grey, mode="rgb").images, GREY[..., None].repeat(3, axis=3)
    )


def test_equal_channels_need_the_test_part_too(tmp_path: Path) -> None:
    flat = GREY[..., None].repeat(3, axis=3)
    parts = {"images": flat, "labels": LABELS, "test_labels": LABELS}
    assert load_images(save(tmp_path, **parts, test_images=flat)).test.channels == 1
    assert load_images(save(tmp_path, **parts, test_images=COLOUR)).channels == 3


def test_large_images_are_scaled_to_64(tmp_path: Path) -> None:
    assert load_images(save(tmp_path, images=np.zeros((2, 128, 96), np.uint8))).size == (64, 48)


HOLES = np.where(np.arange(6)[:, None, None] < 4, GREY / 255, np.nan)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"image": GREY}, "no array 'images' (found: image) (did you mean 'image'?)"),
        ({"x": GREY, "y": LABELS}, "no array 'images' (found: x, y); allowed: 'images' and"),
        ({}, "no array 'images' (found: none)"),
        ({"images": GREY, "label": LABELS}, "no array 'labels' (found: images, label) (did you"),
        (
            {"images": GREY, "labels": LABELS, "test_image": GREY, "test_label": LABELS},
            "no array 'test_images' (found: images, labels, test_image, test_label) (did you mean",
        ),
        ({"images": GREY, "labels": LABELS, "test_images": GREY}, "add the labels"),
        ({"images": GREY, "labels": LABELS, "test_labels": LABELS}, "without 'test_images'"),
        ({"images": GREY, "classes": ["a"]}, "'classes' without 'labels'"),
        (
            {"images": GREY, "labels": LABELS, "classes": np.array([b"a", b"b", b"\xe9"])},
            "classes hold bytes that are not UTF-8",
        ),
        ({"images": GREY / 255, "labels": LABELS}, "images are float64; allowed: uint8 in 0..255"),
        ({"images": HOLES, "labels": LABELS}, "images are float64 and 2 of 6 hold NaN; allowed:"),
        ({"images": GREY.astype(np.uint16)}, "images are uint16; allowed: uint8 in 0..255"),
        ({"images": GREY > 9}, "images are bool; allowed: uint8"),
        ({"images": GREY[0]}, "images have the shape [10, 12]; allowed: N,H,W or N,H,W,C"),
        ({"images": np.zeros((2, 9, 9, 4), np.uint8)}, "have the shape [2, 9, 9, 4]; allowed:"),
        ({"images": GREY[:0], "labels": LABELS[:0]}, "have the shape [0, 10, 12]"),
        ({"images": GREY, "labels": LABELS[:5]}, "labels have the shape [5] for 6 images"),
        ({"images": GREY, "labels": LABELS / 1}, "labels are float64; allowed: whole numbers"),
        ({"images": GREY, "labels": LABELS * np.nan}, "labels hold 6 NaN; allowed: whole numbers"),
        ({"images": GREY, "labels": ["a"] * 6}, "labels are <U1; allowed: whole numbers from 0"),
        ({"images": GREY, "labels": LABELS - 1}, "labels: label -1 is out of range; allowed: 0 to"),
        (
            {"images": GREY, "labels": LABELS, "classes": ["a", "b"]},
            "labels: label 2 is out of range; allowed: 0 to 1 (2 classes)",
        ),
        (
            {"images": GREY, "labels": LABELS * 500},
            "label 1000, but only 3 different labels; allowed: classes numbered from 0, with few",
        ),
        (
            {"images": GREY.repeat(200, 0), "labels": 100 * (LABELS.repeat(200) + 1)},
            "label 300, but only 3 different labels; allowed: classes numbered from 0",
        ),
        ({"images": GREY, "labels": np.zeros((6, 2), int)}, "labels have the shape [6, 2] for 6"),
        (
            {"images": GREY, "train_labels": LABELS},
            "'images' and 'train_labels'; allowed: images, labels, groups, all with train_ before",
        ),
        (
            {"train_images": GREY, "train_labels": LABELS, "groups": LABELS},
            "'train_images' and 'groups'; allowed: images, labels, groups, all with train_ before",
        ),
        ({"images": GREY, "labels": LABELS, "train_images": GREY}, "'images' and 'train_images'"),
        ({"train_images": GREY, "train_label": LABELS}, "no array 'train_labels' (found: train_"),
        ({"train_images": GREY, "test_labels": LABELS}, "'test_labels' without 'train_labels'"),
        ({"images": GREY, "labels": LABELS, "classes": ["a", "", "b"]}, "class 1 has an empty"),
        (
            {"images": GREY, "labels": LABELS, "test_images": GREY, "test_labels": LABELS + 1},
            "test_labels: label 3 is out of range; allowed: 0 to 2 (3 classes)",
        ),
        ({"images": GREY, "labels": LABELS, "classes": [["a"]]}, "classes are <U1 [1, 1]; allowed"),
        ({"images": GREY, "labels": LABELS, "classes": ["a", "b", "a"]}, "'a' names two classes"),
        ({"images": GREY, "labels": LABELS, "groups": [1]}, "groups have the shape [1] for 6"),
        ({"images": GREY, "labels": LABELS, "groups": LABELS / 1}, "groups are float64; allowed:"),
        (
            {"images": np.zeros((2, 5, 9), np.uint8)},
            "5x9 pixels (height x width) would make the training size 5x9",
        ),
        (
            {
                "images": GREY,
                "labels": LABELS,
                "test_images": COLOUR,
                "test_labels": LABELS,
            },
            "images: a grey image, but",
        ),
    ],
)
def test_refuses(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    path = save(tmp_path, **arrays)
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        load_images(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


class Planted:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.trace,))


def test_refuses_python_objects_and_never_runs_them(tmp_path: Path) -> None:
    trace = tmp_path / "was here"
    path = tmp_path / "data.npz"
    np.savez(path, images=GREY, labels=np.array([Planted(trace)] * 6, dtype=object))
    with pytest.raises(DataError, match=r"labels: cannot be read .*no Python objects"):
        load_images(path)
    assert not trace.exists()


def test_refuses_a_shape_that_no_memory_holds(tmp_path: Path) -> None:
    head = {"descr": "|u1", "fortran_order": False, "shape": (2**40, 64, 64)}
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w") as archive, archive.open("images.npy", "w") as stream:
        np.lib.format.write_array_header_1_0(stream, head)
    with pytest.raises(DataError, match=r"images: cannot be read \(it is cut off\)"):
        load_images(path)


def test_refuses_what_is_no_npz_file(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    for content in (b"", b"not a zip", b"PK\x03\x04 but no more"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"data\.npz: not an \.npz file; allowed: what numpy"):
            load_images(path)
    with path.open("wb") as stream:
        np.save(stream, GREY)
    with pytest.raises(DataError, match=r"data\.npz: not an \.npz file"):
        load_images(path)


def test_a_damaged_file_never_ends_in_a_traceback(tmp_path: Path) -> None:
    path = save(tmp_path, images=GREY[:, :8, :8], labels=LABELS)
    content = path.read_bytes()
    for at in [*range(200), *range(200, len(content), 7)]:
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :])
        try:
            images = load_images(path)
        except DataError as error:
            message = str(error)
        else:
            message = str(path) if len(images) == 6 else ""
        assert message.startswith(str(path))
        assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "shape", "test", "classes", "groups"),
    [
        ("elpv", (2096, 32, 32, 1), 528, 4, None),
        ("x-sdd", (1089, 64, 64, 1), 262, 7, None),
        ("gtsrb", (12329, 32, 32, 3), 3990, 43, 411),
    ],
)
def test_real_files(
    shared_data: Path, name: str, shape: tuple[int, ...], test: int, classes: int, groups: int
) -> None:
    images = load_images(shared_data / f"{name}.npz")
    assert images.images.shape == shape
    assert len(images.test) == test
    assert len(images.classes) == classes
    assert images.notes == ()
    assert images.groups is None if groups is None else images.groups.max() + 1 == groups


def test_arrays_under_other_names_are_told_of(tmp_path: Path) -> None:
    path = save(tmp_path, images=GREY, labels=LABELS, images_test=GREY, labels_test=LABELS)
    assert load_images(path).notes == ("not used beside images: images_test, labels_test",)
    path = save(tmp_path, images=GREY, targets=LABELS)
    assert load_images(path).notes == (
        "not used beside images: targets",
        "no array 'labels': all images are one class",
    )


def test_two_arrays_of_one_name_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path, images=GREY, labels=LABELS)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels", archive.read("labels.npy"))
    with pytest.raises(DataError, match="two arrays are called 'labels'; allowed: one; save it"):
        load_images(path)


def test_groups_beyond_64_bits_stay_apart(tmp_path: Path) -> None:
    groups = np.array([1, 2, 2**63, 2**63 + 1, 2**63 + 2, 2], np.uint64)
    found = load_images(save(tmp_path, images=GREY, labels=LABELS, groups=groups)).groups
    assert found is not None
    assert found.tolist() == [0, 1, 2, 3, 4, 1]


def test_truth_values_are_no_labels_of_three_classes(tmp_path: Path) -> None:
    classes = np.array(["a", "b", "c"])
    path = save(tmp_path, images=GREY, labels=LABELS > 0, classes=classes)
    with pytest.raises(DataError, match="labels: labels are truth values, of 3 classes"):
        load_images(path)
    assert (
        load_images(save(tmp_path, images=GREY, labels=LABELS > 0, classes=classes[:2])).counts[0]
        == 2
    )


def test_labels_under_another_name_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "photos.npz"
    images = np.arange(20, dtype=np.uint8).repeat(64).reshape(20, 8, 8)
    np.savez(path, images=images, y=np.arange(20) % 2)
    words = "needs at least 2; name the array of labels 'labels' ('train_labels' beside"
    assert any(words in each.text for each in check(path, times=False).problems)
    with pytest.raises(DataError, match=re.escape(words)):
        require_classes(load_images(path))
