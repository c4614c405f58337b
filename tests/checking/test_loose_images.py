"""Loose images, which have no classes of their own, beside a table that names them."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.small_images import clean
from PIL import Image

from ganaug import check, load_images
from ganaug.errors import DataError
from ganaug.images import require_classes
from ganaug.images.enough_classes import MOST_BYTES


def test_a_test_part_without_an_image_that_can_be_read_is_a_problem(tmp_path: Path) -> None:
    for at, image in enumerate(clean().images[:40]):
        place = tmp_path / ("test" if at < 4 else "train") / str(at % 2)
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{at}.png")
    for path in (tmp_path / "test").rglob("*.png"):
        path.write_bytes(path.read_bytes()[:-40])
    message = f"{tmp_path}: no test image can be read; add images that can"
    report = check(tmp_path, times=False)
    assert message in [each.text for each in report.problems]
    assert report.next == ()
    with pytest.raises(DataError) as refused:
        load_images(tmp_path, skip_corrupt=True)
    assert str(refused.value) == message


def test_loose_images_are_told_of_the_table_that_names_their_classes(tmp_path: Path) -> None:
    images, folder = clean(), tmp_path / "flat" / "my images"
    folder.mkdir(parents=True)
    for at, image in enumerate(images.images):
        Image.fromarray(image).save(folder / f"{at}.png")
    (found,) = check(folder, times=False).problems
    assert f"ganaug check TABLE.csv --root '{folder}'; or train with --kind class" in found.text
    rows = [f"{at}.png,{images.classes[label]}" for at, label in enumerate(images.labels)]
    table = tmp_path / "flat" / "labels.csv"
    table.write_text("\n".join(["file,label", *rows]))
    for source in (folder, folder.parent):  # one class, "all" or "my images"
        (found,) = check(source, times=False).problems
        assert f"or read the table: ganaug check {table} --root '{folder}';" in found.text
        with pytest.raises(DataError, match=r"or read the table: ganaug check .*\.csv --root"):
            require_classes(load_images(source))
    assert len(check(table, root=folder, times=False).classes) == 3
    with pytest.raises(DataError, match=r"no file '0\.png' in .* \(154 of 154") as told:
        check(table, times=False)
    assert str(told.value).endswith(f"name another with --root '{folder}'")
    table.rename(folder / "labels.tsv")
    (found,) = check(folder, times=False).problems
    assert f"or read the table: ganaug check '{folder}/labels.tsv';" in found.text
    with (folder / "labels.tsv").open("a") as large:  # what is huge is not read for a message
        large.write("\n" * (MOST_BYTES + 1))
    (found,) = check(folder, times=False).problems
    assert "ganaug check TABLE.csv" in found.text


def test_a_folder_above_the_classes_is_told_which_one_to_name(tmp_path: Path) -> None:
    above, images = tmp_path / "up", clean()
    for at, (image, label) in enumerate(zip(images.images[:30], images.labels, strict=False)):
        place = above / "download" / "my photos" / images.classes[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{at}.png")
    classes = above / "download" / "my photos"
    (found,) = check(above, times=False).problems
    way = f"where the classes are the folders in {classes}/, name that: ganaug check '{classes}'"
    assert way in found.text
    with pytest.raises(DataError) as refused:
        require_classes(load_images(above))
    assert str(refused.value).endswith(f"a data set needs at least 2; {way}")
    assert len(check(classes, times=False).classes) > 1
    Image.fromarray(images.images[0]).save(classes / "loose.png")  # of one class, then
    (found,) = check(above, times=False).problems
    assert "put each class in a folder of its own" in found.text
