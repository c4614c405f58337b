"""`benchmarks.picture`: trains, and draws a row for each rare letter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from click.testing import CliRunner
from PIL import Image

from benchmarks._glyphs import small_glyphs
from benchmarks.picture import GAP, HEADER, LETTERS, SCALE, VARIATIONS, main

SIDE = 32 * SCALE


def test_a_row_is_a_real_image_and_its_variations(tmp_path: Path) -> None:
    path = tmp_path / "letters.png"
    done = CliRunner().invoke(main, ["--steps", "2", "--out", str(path)], catch_exceptions=False)
    assert done.exit_code == 0
    with Image.open(path) as picture:
        pixels = np.asarray(picture)
    assert pixels.shape[0] == HEADER + GAP + len(LETTERS) * (SIDE + GAP)
    assert pixels.shape[1] == GAP + (1 + VARIATIONS) * (SIDE + GAP)
    assert pixels[:HEADER].min() < 50  # the words above the columns
    images = small_glyphs()
    for row, letter in enumerate(LETTERS):
        label = images.classes.index(letter)
        assert images.counts[label] == 8
        top = HEADER + GAP + row * (SIDE + GAP)
        tiles = [
            pixels[top : top + SIDE : SCALE, left : left + SIDE : SCALE]
            for left in range(GAP, pixels.shape[1], SIDE + GAP)
        ]
        assert np.array_equal(tiles[0], images.images[images.labels == label][0])
        assert all(not np.array_equal(tile, tiles[0]) for tile in tiles[1:])


def test_a_folder_that_is_missing_is_named_before_the_training(tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = ["--run", str(run), "--out", str(tmp_path / "nowhere" / "a.png")]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 2
    assert "there is no folder" in done.stderr
    assert not run.exists()
