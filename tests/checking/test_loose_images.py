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
