"""`ganaug vary` writes a sheet of own photographs and their variations."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.small_models import write_class_model
from PIL import Image

from ganaug import Generator
from ganaug.cli import run
from ganaug.use.sheet import variation_rows


@pytest.fixture
def two(photos: Path, tmp_path: Path) -> list[str]:
    """A small photograph, and a large one of another shape and mode."""
    large = tmp_path / "photos" / "large.png"
    large.parent.mkdir()
    Image.open(min((photos / "train" / "ok").iterdir())).resize((400, 300)).convert("RGBA").save(
        large
    )
    return [str(min((photos / "train" / "dent").iterdir())), str(large)]


def test_a_sheet_holds_the_photographs_and_their_variations(
    artifact: Path, two: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sheet.png"
    command = ["vary", str(artifact), *two, "--out", str(out), "--columns", "3", "--side", "80"]
    assert run([*command, "--scale", "0", "--scale", "1"]) == 0
    assert f"wrote {out}: 4 rows" in capsys.readouterr().err
    rows = variation_rows(Generator(artifact), two, columns=3, scales=(0.0, 1.0), side=80)
    assert [row.shape for row in rows] == [(4, 60, 80, 3)] * 4
    small = np.asarray(Image.open(two[0]))
    for row in rows[:2]:  # in the middle of white
        assert (row[0, 18:42, 28:52] == small).all()
        assert (row[:, :18] == 255).all()
    for still, moved in (rows[:2], rows[2:]):
        # latents of zeros leave an image nearly as it is
        change = np.abs(still.astype(int) - still[:1]).mean()
        assert np.abs(moved[1:].astype(int) - moved[:1]).mean() > change
    sheet = np.asarray(Image.open(out))
    names = sheet.shape[1] - (4 * 82 + 2)  # at the left: which scale, and which photograph
    assert sheet.shape == (4 * 62 + 2, names + 4 * 82 + 2, 3)
    assert (sheet[2:62, names + 2 : names + 82] == rows[0][0]).all()
    texts = [sheet[2 + 62 * at : 62 + 62 * at, :names] for at in range(4)]
    assert all((text < 128).any() for text in texts)
    assert len({text.tobytes() for text in texts}) == 4
    assert run(["vary", str(artifact), two[0], "--out", str(tmp_path / "one.png")]) == 0
    with Image.open(tmp_path / "one.png") as one:
        assert one.width == 9 * (24 * 3 + 2) + 2  # a single row needs no name
    before = out.read_bytes()
    assert run([*command, "--scale", "0", "--scale", "1"]) == 0
    assert out.read_bytes() == before
    assert run([*command, "--scale", "0", "--scale", "1", "--seed", "1"]) == 0
    assert out.read_bytes() != before


def test_photographs_of_one_name_are_told_apart(
    artifact: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in ("crack", "dent"):
        (tmp_path / each).mkdir()
        shutil.copy(min((photos / "train" / each).iterdir()), tmp_path / each / "000.jpg")
    monkeypatch.chdir(tmp_path / "crack")
    told: list[str] = []
    monkeypatch.setattr(
        "ganaug.images.grid.picture_grid",
        lambda rows, names: told.extend(names) or Image.new("L", (8, 8)),
    )
    command = ["vary", str(artifact), "000.jpg", "../dent/000.jpg", "--out", f"{tmp_path}/a.png"]
    assert run([*command, "--force"]) == 0
    assert told == ["crack/000", "dent/000"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no.jpg", "--out", "a.png"], "no.jpg: no such image file"),
        (["{photo}", "--out", "a.jpg"], "'a.jpg'; allowed: the name of a .png file"),
        (
            ["folder", "--out", "a.png"],
            "folder: is a folder; allowed: image files, such as 'folder/a b.jpg';",
        ),
        (["{broken}", "--out", "a.png"], "cannot be read (not recognised as an image)"),
        (["{broken}", "--out", "photos/a.png"], "cannot be read (not recognised as an image)"),
        (["{photo}", "--out", "a.png", "--columns", "0"], "columns: 0; allowed: 1 or more"),
        (["{photo}", "--out", "a.png", "--columns", "101"], "columns: 101; allowed: 1 to 100"),
        (["{photo}", "--out", "a.png", "--side", "65536"], "side: 65536; allowed: 8 to 65,535"),
        (["{photo}", "--out", "a.png", "--scale", "-1"], "scale: -1; allowed: 0 to 1,000"),
        (["{photo}", "--out", "none/a.png"], "choose a folder that exists"),
        (["--out", "a.png"], "Missing argument 'IMAGE...'"),
    ],
)
def test_what_cannot_be_varied_is_refused(
    arguments: list[str],
    words: str,
    artifact: Path,
    two: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"no image")
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("folder", "a b.jpg").write_bytes(b"no image")
    given = [each.format(photo=two[0], broken="photos/broken.jpg") for each in arguments]
    assert run(["vary", str(artifact), *given]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1
    assert not Path("a.png").exists()


def test_a_class_generator_is_refused_by_name(
    two: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_class_model(tmp_path / "made.onnx")
    assert run(["vary", str(file), two[0], "--out", str(tmp_path / "a.png")]) == 2
    assert "made.onnx: makes images of a class from noise" in capsys.readouterr().err
