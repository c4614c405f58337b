"""Masks, boxes and key points that cannot move with their image are refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import PIL.Image
import pytest
import torch
from helpers.planted_maps import HEIGHT, MAPS, WIDTH, augment, boxes_of
from helpers.small_models import write_class_model, write_variation_model
from torchvision import tv_tensors

from ganaug import GANAugment, Generator, SyntheticDataset, once
from ganaug.errors import ConfigError, DataError

MARKS = {
    "masks": tv_tensors.Mask(torch.zeros(HEIGHT, WIDTH)),
    "bounding boxes": tv_tensors.BoundingBoxes(
        torch.zeros(1, 4), format="XYXY", canvas_size=(HEIGHT, WIDTH)
    ),
    "key points": tv_tensors.KeyPoints(torch.zeros(1, 2), canvas_size=(HEIGHT, WIDTH)),
}


@pytest.mark.parametrize("name", MARKS)
def test_a_file_of_schema_1_says_how_to_export_it_anew(name: str, tmp_path: Path) -> None:
    for p in (0.0, 1.0):
        vary = augment(tmp_path, schema="1.0", p=p)
        with pytest.raises(ConfigError) as caught:
            vary(torch.zeros(3, HEIGHT, WIDTH), {"label": 1, "mark": MARKS[name]})
        text = str(caught.value)
        assert text.startswith(f"{name} (tv_tensors.")
        assert "is of schema 1.0" in text
        assert text.endswith(f"export it anew with: ganaug export RUN {vary.generator.path}")
    image = torch.zeros(3, HEIGHT, WIDTH)
    assert not torch.equal(augment(tmp_path, schema="1.0", scale=1.0)(image), image)


@pytest.mark.parametrize("name", MARKS)
def test_a_class_generator_replaces_what_is_marked(name: str, tmp_path: Path) -> None:
    path = write_class_model(tmp_path / "class.onnx", channels=3)
    for p in (0.0, 1.0):
        with pytest.raises(ConfigError, match=rf"{name} .*class.onnx replaces the image"):
            GANAugment(path, p=p)(torch.zeros(3, HEIGHT, WIDTH), 1, MARKS[name])


@pytest.mark.parametrize("name", MARKS)
@pytest.mark.parametrize("form", ["tuple", "dictionary", "later"])
def test_a_synthetic_data_set_moves_no_marks(form: str, name: str, tmp_path: Path) -> None:
    file = write_variation_model(tmp_path / "v.onnx", channels=3)
    image, classes = torch.zeros(3, HEIGHT, WIDTH), len(Generator(file).info.classes)
    items: list[Any] = [(image, at % classes) for at in range(20)]
    for at in range(7, 8) if form == "later" else range(20):
        items[at] = (image, at % classes, {"marks": [MARKS[name]]})
        if form == "dictionary":
            items[at] = {"image": image, "label": at % classes, "target": MARKS[name]}
    with pytest.raises(ConfigError, match=f"item .*: has {name} .* vary both together by GANA"):
        list(SyntheticDataset(file, source=items, counts=300))


@pytest.mark.parametrize("name", MARKS)
def test_marks_of_another_size_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"{name} .*\[48, 64\] beside one of \[8, 9\]; allowed"):
        augment(tmp_path)(torch.zeros(3, 8, 9), 1, MARKS[name])


@pytest.mark.parametrize("name", MARKS)
def test_marks_beside_several_images_are_refused(name: str, tmp_path: Path) -> None:
    views = [tv_tensors.Image(torch.zeros(3, HEIGHT, WIDTH))] * 2
    with pytest.raises(DataError, match=f"2 images and {name} .*; allowed: one image"):
        augment(tmp_path)(views, MARKS[name])


@pytest.mark.parametrize("name", MARKS)
def test_marks_that_are_not_one_for_each_of_a_batch_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"{name} .* a batch of 2 images; allowed: \[2, ...\]"):
        augment(tmp_path)(torch.zeros(2, 3, HEIGHT, WIDTH), torch.tensor([0, 1]), MARKS[name])


def test_videos_are_refused_by_name(tmp_path: Path) -> None:
    video = tv_tensors.Video(torch.zeros(2, 3, HEIGHT, WIDTH))
    with pytest.raises(ConfigError, match="videos"):
        augment(tmp_path)(torch.zeros(3, HEIGHT, WIDTH), video)


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"labels": ["bolt", "nut"]},
        {"labels": torch.ones(2).long()},
        {"labels": torch.tensor([77.0, 3.0])},
        {"labels": torch.ones(2, 1).long()},
        {"labels": [[1], [0, 1]]},
    ],
)
def test_the_target_of_a_detector_needs_no_labels_that_count(
    labels: dict[str, Any], tmp_path: Path
) -> None:
    boxes = boxes_of("XYXY")
    image = tv_tensors.Image(torch.rand(3, HEIGHT, WIDTH))
    made, target = augment(tmp_path, MAPS["shift"])(image, {"boxes": boxes, **labels})
    assert not torch.equal(made, image)
    assert not torch.equal(target["boxes"], boxes)


def test_an_image_without_objects_has_empty_labels(tmp_path: Path) -> None:
    boxes = tv_tensors.wrap(torch.zeros(0, 4), like=boxes_of("XYXY"))
    image = tv_tensors.Image(torch.rand(3, HEIGHT, WIDTH))
    for labels in ([], torch.zeros(0), torch.zeros(0, 1).long()):
        made, target = augment(tmp_path, MAPS["shift"])(image, {"boxes": boxes, "labels": labels})
        assert not torch.equal(made, image)
        assert len(target["labels"]) == 0


def test_weights_of_classes_beside_boxes_are_of_the_image(tmp_path: Path) -> None:
    path = write_variation_model(tmp_path / "m.onnx", channels=3, planted=MAPS["shift"])
    image, boxes = tv_tensors.Image(torch.rand(3, HEIGHT, WIDTH)), boxes_of("XYXY")
    for p, changed in ({"a": 0.0, "b": 1.0}, True), ({"a": 1.0, "b": 0.0}, False):
        made = GANAugment(path, p=p)(image, torch.tensor([0.0, 1.0]), boxes)[0]
        assert torch.equal(made, image) is not changed


@pytest.mark.parametrize("shape", [tuple, list, lambda pair: dict(zip("ab", pair, strict=True))])
def test_a_pil_image_that_may_be_a_mask_is_told_once(
    shape: Any, grey: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shape of torchvision's sets for segmentation; there, too, every PIL image is an image."""
    monkeypatch.setattr(once, "_said", set())
    transform = GANAugment(grey, p=1.0)
    picture, mask = PIL.Image.new("RGB", (8, 8), "grey"), PIL.Image.new("L", (8, 8), 1)
    with caplog.at_level("WARNING", logger="ganaug"):
        transform(shape([picture, picture]))
        transform(shape([mask, mask]))
        transform(([picture, mask], [0, 1]))  # a batch
        assert not caplog.messages
        for _ in range(2):
            transform(shape([picture, mask]))
    (line,) = caplog.messages
    assert "mode 'L' behind one of mode 'RGB' is varied" in line
    assert "wrap a mask in tv_tensors.Mask" in line
    for mode in ("P", "1"):
        with pytest.raises(DataError, match=f"mode '{mode}' behind.*wrap a mask in tv_tensors"):
            transform(shape([picture, mask.convert(mode)]))
