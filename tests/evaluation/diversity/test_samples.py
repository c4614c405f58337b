"""Real images beside generated ones: which are drawn, and in what order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.small_images import bars
from helpers.small_models import (
    expected_class,
    expected_variation,
    write_class_model,
    write_variation_model,
)

from ganaug import Generator
from ganaug.artifact.policy import Policy
from ganaug.evaluation.diversity import samples as samples_module
from ganaug.evaluation.diversity.samples import class_samples, draw_samples, overview_rows
from ganaug.randomness import stream

CLASSES = ("bar 0", "bar 1")


@pytest.mark.parametrize("channels", [1, 3])
def test_a_row_is_a_real_image_and_its_variations(channels: int, tmp_path: Path) -> None:
    images = bars((5, 2), channels=channels)
    policy = Policy(p=((2, 0.5),), scale=0.5)
    file = write_variation_model(tmp_path / "m.onnx", channels, classes=CLASSES, policy=policy)
    samples = class_samples(Generator(file), images)
    assert [each.name for each in samples] == ["bar 1", "bar 0"]
    latents = stream(0, "report/pictures", index=1).standard_normal((3, 6, 4), dtype=np.float32)
    assert len(samples[0].rows) == 3
    for row, at in enumerate((5, 6, 5)):  # two images for three rows
        source = np.repeat(images.images[at][None].transpose(0, 3, 1, 2) / np.float32(255), 6, 0)
        made = expected_variation(source, 0.5 * latents[row])
        made = np.rint(255 * made).transpose(0, 2, 3, 1)
        found = samples[0].rows[row]
        assert found.dtype == np.uint8
        assert np.array_equal(found[0], images.images[at])
        assert np.abs(found[1:] - made).max() <= 1  # rounding at the half


def test_a_class_generator_stands_under_real_images(tmp_path: Path) -> None:
    images = bars((3, 1), size=(8, 8))
    file = write_class_model(tmp_path / "m.onnx", classes=CLASSES)
    real, *rows = class_samples(Generator(file), images)[1].rows
    assert np.array_equal(real, images.images[[0, 1, 2, 0, 1, 2]])
    latents = stream(0, "report/pictures", index=0).standard_normal((3, 6, 4), dtype=np.float32)
    for found, own in zip(rows, latents, strict=True):
        made = 255 * expected_class(np.zeros(6, np.int64), own).transpose(0, 2, 3, 1)
        assert np.abs(found - made).max() <= 1


def test_many_classes_are_thinned_out_evenly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples_module, "MOST", 3)
    images = bars((8, 7, 6, 5, 4, 3, 2, 1, 1))
    names = images.classes
    file = write_variation_model(tmp_path / "m.onnx", classes=names, counts=images.counts.tolist())
    generator = Generator(file)
    samples = class_samples(generator, images)
    assert [each.name for each in samples] == ["bar 7", "bar 4", "bar 0"]
    shown = [row[0] for row in overview_rows(generator, images)]
    labels = [images.labels[(images.images == image).all((1, 2, 3))][0] for image in shown]
    assert labels == [0, 4, 7]


@pytest.mark.parametrize("kind", ["variation", "class"])
def test_the_overview_has_a_row_a_class(kind: str, tmp_path: Path) -> None:
    images = bars((3, 2))
    write = write_variation_model if kind == "variation" else write_class_model
    generator = Generator(write(tmp_path / "m.onnx", classes=CLASSES, size=(12, 12)))
    rows = overview_rows(generator, images)
    assert [row.shape[1:] for row in rows] == [(12, 12, 1)] * 2
    assert [len(row) for row in rows] == [9, 9] if kind == "variation" else [8, 8]
    assert np.array_equal(rows[0][0], images.images[0])
    assert np.array_equal(rows[1][0], images.images[3])


def test_a_generator_without_labels_is_shown_as_one_class(tmp_path: Path) -> None:
    config = {"conditional": False}
    file = write_variation_model(tmp_path / "m.onnx", classes=("all",), counts=(5,), config=config)
    samples = draw_samples(Generator(file), bars((3, 2)))
    assert [each.name for each in samples.classes] == ["all"]
    assert len(samples.overview) == 1
