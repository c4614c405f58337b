"""Pictures of real beside generated images, and the folder of an evaluation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.records import diversity_record, gain_record
from helpers.small_images import bars
from helpers.small_models import expected_variation, table, write_class_model, write_variation_model
from PIL import Image

from ganaug import Generator
from ganaug.artifact.format import Policy
from ganaug.images.grid import picture_grid
from ganaug.randomness import stream
from ganaug.report.folder import write_evaluation
from ganaug.report.pictures import class_pictures, overview, read_history

CLASSES = ("bar 0", "bar 1")


@pytest.mark.parametrize("channels", [1, 3])
def test_a_row_is_a_real_image_and_its_variations(channels: int, tmp_path: Path) -> None:
    images = bars((5, 2), channels=channels)
    policy = Policy(p=((2, 0.5),), scale=0.5)
    file = write_variation_model(tmp_path / "m.onnx", channels, classes=CLASSES, policy=policy)
    pictures = class_pictures(Generator(file), images, rows=3, columns=4)
    assert [p.caption for p in pictures] == ["bar 1, 2 images", "bar 0, 5 images"]
    latents = stream(0, "report/pictures", index=1).standard_normal((3, 3, 4), dtype=np.float32)
    rows = []
    for row, at in enumerate((5, 6, 5)):  # two images for three rows
        source = np.repeat(images.images[at][None].transpose(0, 3, 1, 2) / np.float32(255), 3, 0)
        made = expected_variation(source, 0.5 * latents[row])
        made = np.rint(255 * made).astype(np.uint8).transpose(0, 2, 3, 1)
        rows.append(np.concatenate([images.images[at][None], made]))
    difference = np.abs(
        np.asarray(pictures[0].image, np.int64) - np.asarray(picture_grid(rows), np.int64)
    )
    assert difference.max() <= 1  # rounding at the half


def test_a_class_generator_stands_under_real_images(tmp_path: Path) -> None:
    images = bars((3, 1), size=(8, 8))
    file = write_class_model(tmp_path / "m.onnx", classes=CLASSES)
    picture = class_pictures(Generator(file), images, rows=2, columns=4)[1].image
    assert picture.size == (3 * 66 + 2, 3 * 66 + 2)  # a row of three real, two of made images
    pixels = np.asarray(picture)
    assert (pixels[2:66, 2:66] == images.images[0, ..., 0].repeat(8, 0).repeat(8, 1)).all()
    made = pixels[68:132, 2:66][::8, ::8] / 255
    assert abs(np.corrcoef(made.ravel(), table(2, 1, (8, 8))[0].ravel())[0, 1]) > 0.9


def test_many_classes_are_thinned_out_evenly(tmp_path: Path) -> None:
    images = bars((8, 7, 6, 5, 4, 3, 2, 1, 1))
    names = images.classes
    file = write_variation_model(tmp_path / "m.onnx", classes=names, counts=images.counts.tolist())
    pictures = class_pictures(Generator(file), images, most=3)
    assert [p.caption for p in pictures] == ["bar 7, 1 image", "bar 4, 4 images", "bar 0, 8 images"]


def test_the_overview_has_a_row_a_class(tmp_path: Path) -> None:
    images = bars((3, 2))
    file = write_variation_model(tmp_path / "m.onnx", classes=CLASSES)
    side = 12 * 5 + 2
    assert overview(Generator(file), images, columns=6).size == (6 * side + 2, 2 * side + 2)
    file = write_class_model(tmp_path / "c.onnx", classes=CLASSES, size=(12, 12))
    assert overview(Generator(file), images, columns=6).size[1] == 2 * side + 2


def test_the_history_of_a_run(tmp_path: Path) -> None:
    assert read_history(tmp_path) == []
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n{"step": 2}\n')
    assert read_history(tmp_path) == [{"step": 1}, {"step": 2}]
    (tmp_path / "diversity.jsonl").write_text('{"step": 2, "coverage": 0.5}\n')
    assert read_history(tmp_path)[2:] == [{"step": 2, "coverage": 0.5}]
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n{"step": 2, "los')
    assert read_history(tmp_path) == [{"step": 1}, {"step": 2, "coverage": 0.5}]


def test_the_folder_of_an_evaluation(tmp_path: Path) -> None:
    file = write_variation_model(tmp_path / "m.onnx", classes=CLASSES)
    folder = tmp_path / "new" / "evaluation"
    gain, diversity = gain_record(), diversity_record()
    report = write_evaluation(folder, Generator(file), bars((3, 2)), gain=gain, diversity=diversity)
    assert report == folder / "report.html"
    assert json.loads((folder / "gain.json").read_text()) == gain
    assert json.loads((folder / "diversity.json").read_text()) == diversity
    with Image.open(folder / "grid.png") as picture:
        assert picture.format == "PNG"
    page = report.read_text(encoding="utf-8")
    assert page.count("<img ") == 2 + 4  # two classes, and the suspects
    assert "Map of the images" in page
    write_evaluation(tmp_path / "bare", Generator(file), bars((3, 2)))
    names = sorted(path.name for path in (tmp_path / "bare").iterdir())
    assert names == ["grid.png", "report.html"]
