"""Pictures of images side by side."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganaug.errors import ConfigError, DataError, RunError
from ganaug.images.grid import picture_grid, save_png

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (3, 8, 10, 1), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (2, 8, 10, 3), dtype=np.uint8)


def test_every_pixel_is_where_it_belongs() -> None:
    picture = np.asarray(picture_grid([GREY, GREY[:1]], scale=3, gap=2))
    assert picture.shape == (2 * (24 + 2) + 2, 3 * (30 + 2) + 2)
    white = np.ones(picture.shape, bool)
    for y, x, image in ((0, 0, 0), (0, 1, 1), (0, 2, 2), (1, 0, 0)):
        top, left = 2 + y * 26, 2 + x * 32
        tile = picture[top : top + 24, left : left + 30]
        np.testing.assert_array_equal(tile[1::3, 1::3], GREY[image, ..., 0])
        np.testing.assert_array_equal(tile, np.kron(GREY[image, ..., 0], np.ones((3, 3))))
        white[top : top + 24, left : left + 30] = False
    assert (picture[white] == 255).all()


def test_grey_beside_colour_is_rgb() -> None:
    picture = picture_grid([GREY, COLOUR], scale=1, gap=0)
    assert picture.mode == "RGB"
    assert picture.size == (30, 16)
    np.testing.assert_array_equal(np.asarray(picture)[8:, 10:20], COLOUR[1])
    np.testing.assert_array_equal(np.asarray(picture)[:8, :10], GREY[0].repeat(3, axis=2))


def test_names_stand_beside_their_rows() -> None:
    rows = [GREY[:1], GREY[:1], GREY[:1]]
    plain = np.asarray(picture_grid(rows))
    named = np.asarray(picture_grid(rows, names=["crack", "a" * 500, "b"]))
    across = named.shape[1] - plain.shape[1]
    assert 160 < across < 180  # the long name is cut
    np.testing.assert_array_equal(named[:, across:], plain)
    down = (len(plain) - 2) // 3
    inks = [(255 - named[at * down : (at + 1) * down, :across]).sum() for at in range(3)]
    assert inks[1] > inks[0] > inks[2] > 0
    short = np.asarray(picture_grid(rows, names=["x", "y", "z"]))
    assert short.shape[1] - plain.shape[1] < 24


def test_a_name_that_cannot_be_drawn_is_the_number_of_its_row() -> None:
    """Pillow's own font has a box with a cross for every letter beyond ASCII."""

    def drawn(*names: str) -> bytes:
        return picture_grid([GREY] * len(names), names=names).tobytes()

    assert drawn("ok", "\u6f22") == drawn("ok", "row 2")
    assert drawn("caf\xe9", "\u0105") == drawn("cafe", "a")
    assert drawn("a\nb") == drawn("row 1")


@pytest.mark.parametrize(
    ("side", "tile"), [(8, 64), (28, 56), (32, 64), (48, 48), (64, 64), (200, 200)]
)
def test_small_images_are_enlarged_to_about_64_pixels(side: int, tile: int) -> None:
    picture = picture_grid([np.zeros((1, side, side // 2, 1), np.uint8)], gap=0)
    assert picture.size == (tile // 2, tile)


@pytest.mark.parametrize(
    ("rows", "options", "error", "message"),
    [
        ([], {}, DataError, "picture grid: 0 images of sizes []; allowed: images of one size"),
        ([GREY[:0]], {}, DataError, "picture grid: 0 images of sizes [(8, 10)]"),
        ([GREY, COLOUR[:, 1:]], {}, DataError, "5 images of sizes [(7, 10), (8, 10)]"),
        (
            [GREY / 255],
            {},
            DataError,
            "a row is float64 [3, 8, 10, 1]; allowed: uint8",
        ),
        ([GREY[0]], {}, DataError, "a row is uint8 [8, 10, 1]; allowed"),
        ([GREY], {"scale": 0}, ConfigError, "scale 0, gap 2; allowed: scale from 1, gap from 0"),
        ([GREY], {"gap": -1}, ConfigError, "gap -1; allowed: scale from 1, gap from 0"),
    ],
)
def test_refuses(rows: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        picture_grid(rows, **options)


def test_a_png_holds_the_picture_and_replaces_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "grid.png"
    for rows in ([GREY], [COLOUR]):
        picture = picture_grid(rows)
        save_png(path, picture)
        with Image.open(path) as stored:
            np.testing.assert_array_equal(stored, picture)
    assert [entry.name for entry in tmp_path.iterdir()] == ["grid.png"]


def test_a_png_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be written"):
        save_png(tmp_path / "nowhere" / "grid.png", picture_grid([GREY]))
