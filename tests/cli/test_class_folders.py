"""Ultralytics' classification folders, with train/ and val/: fitted on and filled up."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from helpers.photos import TINY
from torchvision.datasets import ImageFolder

from ganaug.cli import run
from ganaug.images import load_images


@pytest.fixture(scope="module")
def shop(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """train/ and val/, which is what Ultralytics asks for."""
    folder = tmp_path_factory.mktemp("ultralytics") / "shop"
    shutil.copytree(photos / "train", folder / "train")
    shutil.copytree(photos / "test", folder / "val")
    return folder


def test_the_part_val_is_left_alone_and_told_of(shop: Path) -> None:
    found = load_images(shop)
    assert found.test is None
    assert len(found) == sum(len(files) for _, _, files in os.walk(shop / "train"))
    told = "not used beside train/: val/; images to judge on are those in test/: rename it"
    assert told in found.notes


def test_fill_up_such_a_folder(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, file, more = tmp_path / "run", tmp_path / "shop.onnx", tmp_path / "more"
    assert run(["-q", "fit", str(shop), "--out", str(folder), "--steps", "2", *TINY]) == 0
    assert run(["-q", "export", str(folder), str(file)]) == 0
    command = ["sample", str(file), "--count", "balance", "--source", str(shop), "--all", "--out"]
    assert run(["-q", *command, str(shop / "train")]) == 2
    assert "lies in the folder of the images" in capsys.readouterr().err
    assert run(["-q", *command, str(more)]) == 0
    filled = tmp_path / "shop-filled"
    shutil.copytree(shop, filled)
    for made in more.glob("*/*.png"):
        shutil.copy(made, filled / "train" / made.parent.name / f"ganaug-{made.name}")
    before, after = (ImageFolder(str(root / "train")) for root in (shop, filled))
    assert before.classes == after.classes
    counts = [after.targets.count(label) for label in range(len(after.classes))]
    assert counts == [12, 12, 12]
    assert ImageFolder(str(filled / "val")).classes == after.classes
    size = before[0][0].size
    assert all(image.size == size for image, _ in after)
