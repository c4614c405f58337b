"""Images that another tool made: read as the real ones are, and none of them a test image."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.photos import write_pngs
from helpers.small_images import bars
from PIL import Image

from ganaug import load_images
from ganaug.errors import DataError
from ganaug.evaluation.other_tools import load_made, made_for
from ganaug.evaluation.splits import Split
from ganaug.images import ImageSet


def split_of(images: ImageSet) -> dict[int, Split]:
    assert images.test is not None
    return {0: Split(replace(images, test=None), images.test)}


def test_they_are_read_at_the_size_and_in_the_classes_of_the_real_ones(
    images: ImageSet, tmp_path: Path
) -> None:
    other = bars((3, 2, 4), (20, 20), 3, seed=5)
    write_pngs(tmp_path, replace(other, classes=("bar 2", "bar 0", "bar 1")))
    made = load_made(tmp_path, images)
    assert made.images.shape == (9, 12, 12, 1)
    assert made.classes == images.classes
    assert made.counts.tolist() == [2, 4, 3]


def test_classes_may_be_missing_and_files_may_be_an_npz(images: ImageSet, tmp_path: Path) -> None:
    rare = bars((0, 0, 5), seed=5)
    write_pngs(tmp_path / "made", rare)
    np.savez(
        tmp_path / "made.npz", images=rare.images, labels=rare.labels, classes=list(rare.classes)
    )
    for name in ("made", "made.npz"):
        made, notes = made_for([str(tmp_path / name)], split_of(images))
        assert made[0, str(tmp_path / name)].counts.tolist() == [0, 0, 5]
        assert not [note for note in notes if "also training" in note]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("barr 0", "class 'barr 0' is not among the training classes .did you mean 'bar 0'"),
        (".", "images without classes; allowed: a folder for each class.*bar 0, bar 1, bar 2"),
        ("gone/bar 0", "no such folder or file"),
    ],
)
def test_other_folders_are_refused(
    images: ImageSet, tmp_path: Path, name: str, message: str
) -> None:
    place = tmp_path / "made" / name
    place.mkdir(parents=True, exist_ok=True)
    Image.fromarray(images.images[0, ..., 0]).save(place / "0.png")
    folder = tmp_path / ("other" if "gone" in name else "made")
    with pytest.raises(DataError, match=message) as caught:
        load_made(folder, images)
    assert "\n" not in str(caught.value)


def test_test_images_are_refused_also_where_they_were_written_anew(
    images: ImageSet, tmp_path: Path
) -> None:
    source = write_pngs(tmp_path / "source", images)
    loaded = load_images(source)
    made = write_pngs(tmp_path / "made", bars((4, 4, 4), seed=5))
    assert made_for([str(made)], split_of(loaded))[1] == ()
    shutil.copy(source / "test" / "bar 1" / "010.png", made / "bar 2" / "x.png")
    leak = "1 of 13 images are also test images, such as bar 2/x.png; allowed"
    with pytest.raises(DataError, match=leak):
        made_for([str(made)], split_of(loaded))
    with Image.open(source / "test" / "bar 1" / "010.png") as image:
        image.save(made / "bar 2" / "x.bmp")
    (made / "bar 2" / "x.png").unlink()
    with pytest.raises(DataError, match=leak.replace("x.png", "x.bmp")):
        made_for([str(made)], split_of(loaded))


def test_training_images_are_told_of(images: ImageSet, tmp_path: Path) -> None:
    made = write_pngs(
        tmp_path / "made", replace(images.take([0, 1, 30]), test=images.take([2, 31]))
    )
    (note, copies) = made_for([str(made)], split_of(images))[1]
    assert note == "made: its test part is not used"
    assert copies == "made: 3 of 3 images are also training images"


def test_without_a_test_part_of_its_own_a_note_says_what_the_tool_must_not_see(
    tmp_path: Path,
) -> None:
    made = write_pngs(tmp_path / "made", bars((4, 4), seed=5))
    notes = made_for([str(made)], split_of(bars((20, 20)).hold_out()))[1]
    assert [note for note in notes if "must not have seen that fifth" in note]


def test_images_alone_need_two_classes(images: ImageSet, tmp_path: Path) -> None:
    folder = str(write_pngs(tmp_path / "made", bars((0, 4, 4), seed=5)))
    assert made_for([folder], split_of(images), alone=[folder])[1] == ("made: no images of bar 0",)
    shutil.rmtree(tmp_path / "made" / "bar 1")
    assert made_for([folder], split_of(images))[1] == ()
    with pytest.raises(DataError, match=r"1 class with images; alone, .* take the arm folder:"):
        made_for([folder], split_of(images), alone=[folder])


def test_each_split_has_them_in_its_own_order_of_classes(images: ImageSet, tmp_path: Path) -> None:
    folder = str(write_pngs(tmp_path / "made", bars((5, 4, 3), seed=5)))
    (first,) = split_of(images).values()
    turned = replace(first.train, classes=images.classes[::-1], labels=2 - first.train.labels)
    made = made_for([folder], {0: first, 1: Split(turned, first.test)})[0]
    assert [made[seed, folder].counts.tolist() for seed in (0, 1)] == [[5, 4, 3], [3, 4, 5]]
