"""`benchmarks.marks`: letters are found where they are, and the command writes what it measured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from helpers.small_images import bars
from helpers.small_models import Planted, write_variation_model
from PIL import Image

from benchmarks._letters import letters, page
from benchmarks.marks import agreement, changes, dark, main, overlap


def test_a_letter_is_found_by_its_darkness_under_uneven_light() -> None:
    images, masks = letters(0)
    light = torch.linspace(0.4, 1.0, images.shape[3])
    found = dark((images * light).to(torch.uint8))
    assert overlap(found, masks).mean() > 0.97
    assert overlap(found, masks).min() > 0.9


def test_moved_letters_agree_with_moved_masks(tmp_path: Path) -> None:
    """A generator that only turns: masks follow, and there is neither light nor content."""
    turn = Planted(affine=((0.9, 0.3, 0.1), (-0.3, 0.9, 0.0)))
    path = write_variation_model(tmp_path / "turn.onnx", channels=3, planted=turn)
    found = agreement(path, 1)["as trained"]
    assert found["letters"] == 216
    assert found["mean"] > 0.93  # the pixels of the edges
    assert found["mean_of_masks_that_stay"] < 0.7
    inside = changes(path, 1)["inside"]
    assert inside["light"] > 5
    assert inside["share_of_content"] < 0.1  # a small model has none but what its clip cuts off


def test_a_page_has_four_letters_in_their_boxes() -> None:
    shown = page(0)
    assert shown.masks.shape == (4, 128, 128)
    for mask, (left, top, right, bottom) in zip(shown.masks, shown.boxes.int(), strict=True):
        assert mask.sum() == mask[top:bottom, left:right].sum() > 50
        assert shown.image[:, mask].float().mean() < shown.image.float().mean() - 30


def test_the_command_writes_figures_and_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On few letters, with a generator of small images: what it measures is tested above."""
    few = [part[::20] for part in letters(0)]
    monkeypatch.setattr("benchmarks.marks.letters", lambda draw: few)
    monkeypatch.setattr("benchmarks.marks.small_glyphs", lambda: bars((6, 5), (16, 16), 3))
    command = ["--steps", "2", "--draws", "1", "--json", str(tmp_path / "marks.json")]
    done = CliRunner().invoke(main, [*command, "--pictures", str(tmp_path)], catch_exceptions=False)
    assert done.exit_code == 0
    result = json.loads((tmp_path / "marks.json").read_text())
    assert set(result["agreement"]) == {"as trained", "content=False"}
    assert set(result["changes"]) == {"inside", "outside"}
    pixels = []
    for name in ("boxes.png", "masks.png"):
        with Image.open(tmp_path / name) as picture:
            pixels.append(np.asarray(picture))
    assert pixels[0].shape == pixels[1].shape
    assert not np.array_equal(*pixels)
