"""`ganaug evaluate --judge DIR`: the images of another tool, with and without a FILE of ours."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.photos import CLASSES, write_photos, write_pngs
from helpers.small_images import bars
from helpers.small_models import write_variation_model
from PIL import Image

from ganaug import load_images
from ganaug.cli import run
from ganaug.images import ImageSet

FAST = ["--jobs", "1", "--steps", "2", "--seeds", "1", "--quick"]


def named(images: ImageSet) -> ImageSet:
    return replace(images, classes=CLASSES)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return write_pngs(tmp_path / "made", named(bars((4, 6, 12), (24, 24), 3, seed=5)))


def test_a_folder_is_judged_without_a_file(
    photos: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = made.parent / "both.json"
    command = ["evaluate", "--judge", f"{made}/", str(photos), *FAST, "--baseline", "balanced"]
    assert run([*command, "--json", str(both)]) == 0
    out, err = capsys.readouterr()
    for words in (f"folder:{made}/", "no evidence", "for the folder's images", "coverage"):
        assert words in out
    folder = made.parent / "made-quick-look"
    assert f"gain.json, diversity.json: {folder}; a report.html needs a FILE" in err
    assert {path.name for path in folder.iterdir()} == {
        "gain.json",
        "diversity.json",
        "predictions",
    }
    records = json.loads(both.read_text())
    assert records["gain"]["chosen"] == f"folder:{made}/"
    assert records["gain"] == json.loads((folder / "gain.json").read_text())
    assert records["diversity"]["kind"] == "images"
    kept = {path: path.stat().st_mtime_ns for path in (folder / "predictions").rglob("*.npz")}
    assert len(kept) == 6
    assert run(command) == 0
    again = {path: path.stat().st_mtime_ns for path in (folder / "predictions").rglob("*.npz")}
    assert again == kept


def test_a_folder_is_judged_beside_a_file(
    artifact: Path, photos: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = made.parent / "photos.onnx"
    shutil.copy(artifact, file)
    command = ["evaluate", str(file), str(photos), "--judge", str(made), *FAST]
    assert run([*command, "--baseline", "balanced+affine"]) == 0
    out = capsys.readouterr().out
    assert "\nganaug+affine " in out
    assert f"\nfolder:{made}+affine " in out
    assert f"\n{made}:\nclass" in out
    folder = made.parent / "photos-quick-look"
    kinds = {
        name: json.loads((folder / f"{name}.json").read_text())["kind"]
        for name in ("diversity", "judged")
    }
    assert kinds == {"diversity": "variation", "judged": "images"}
    assert json.loads((folder / "gain.json").read_text())["chosen"] == "ganaug+affine"
    assert "folder:" in (folder / "report.html").read_text()
    command = ["evaluate", str(file), str(photos), *FAST, "--baseline", "balanced+affine"]
    assert run(command) == 0  # into the same folder, and about the file alone
    ours = {"gain.json", "diversity.json", "report.html", "grid.png", "predictions"}
    assert {path.name for path in folder.iterdir()} == ours
    assert "folder:" not in (folder / "report.html").read_text()
    command = ["evaluate", "--judge", str(made), str(photos), "--out", str(folder), *FAST]
    assert run([*command, "--baseline", "balanced+affine"]) == 0  # about other images
    left = {path.name for path in folder.iterdir()}
    assert left == {"gain.json", "diversity.json", "predictions"}


def test_beside_a_generator_of_one_class_only_the_folder_is_compared(
    photos: Path,
    made: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ganaug.cli.judging.width", lambda: 60)
    one = {"size": (24, 24), "channels": 3, "classes": ("all",), "counts": (22,)}
    file = write_variation_model(tmp_path / "one.onnx", config={"conditional": False}, **one)
    command = ["evaluate", str(file), str(photos), "--judge", str(made), *FAST[:-1]]
    assert run([*command, "--arms", "balanced,mixed"]) == 2
    words = "arm 'mixed': a generator of one class cannot help a classifier; allowed: free arms"
    assert words in capsys.readouterr().err
    assert run([*command, "--arms", "balanced"]) == 0
    out, err = capsys.readouterr()
    assert (
        "a generator of one class cannot help a classifier: only the images of --judge are" in err
    )
    assert f"folder:{made}" in out
    told = re.findall(r"all numbers are in (\w+)\.json", out)
    assert told == ["diversity", "judged"]
    assert "no gain is measured" not in err
    assert "wrote what was measured into" in err
    assert "the gain is not written" not in err
    assert run([*command[:3], "--quick"]) == 0
    assert "cannot help a classifier: no gain is measured" in capsys.readouterr().err


def test_copies_are_called_copying_and_do_not_help(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = replace(bars((50, 45, 12), seed=1), test=bars((12, 12, 12), seed=2))
    source = write_pngs(tmp_path / "source", images)
    copies = tmp_path / "copies"
    shutil.copytree(source / "train", copies)
    command = ["evaluate", "--judge", str(copies), str(source), "--seeds", "6", "--steps", "20"]
    assert run([*command, "--jobs", "1", "--baseline", "balanced", "--arms", "balanced"]) == 0
    out = capsys.readouterr().out
    folder = tmp_path / "copies-evaluation"
    gain = json.loads((folder / "gain.json").read_text())
    assert gain["gain"][f"folder:{copies}"]["verdict"] == "no evidence"
    assert "copies: 107 of 107 images are also training images" in out
    classes = json.loads((folder / "diversity.json").read_text())["classes"]
    assert [each["word"] for each in classes[:2]] == ["COPYING", "COPYING"]


def test_images_of_one_class_have_diversity_but_no_gain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, seed in (("real", 1), ("made", 2)):
        write_pngs(tmp_path / name, bars((20,), seed=seed))
    (tmp_path / "made" / "bar 0" / "none.png").write_bytes(b"")
    command = ["evaluate", "--judge", str(tmp_path / "made"), str(tmp_path / "real"), "--quick"]
    assert run([*command, "--skip-corrupt"]) == 0
    out, err = capsys.readouterr()
    assert err.count("made: skipped bar 0/none.png: not recognised as an image") == 1
    assert "images of one class need no classifier: no gain is measured" in err
    assert "bar 0" in out
    assert {path.name for path in (tmp_path / "made-quick-look").iterdir()} == {"diversity.json"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--judge", "made"], "Missing argument 'SOURCE'"),
        (["--judge", "made", "photos", "--refit"], "--refit: given without FILE; allowed"),
        (["--judge", "made", "photos", "--run", "x"], "--run: given without FILE; allowed"),
        (["--judge", "made", "photos", "--open"], "--open: given without FILE; allowed"),
        (["--judge", "c++", "photos"], "folder 'c++': cannot stand in the name of an arm"),
        (["--judge", "maid", "photos"], "maid: no such folder or file (did you mean 'made'?)"),
        (["--judge", "photos/test", "photos"], "22 of 22 images are also test images"),
        (["--judge", "made", "photos", "--out", "made/out"], "--out: made/out lies in the folder"),
        (["--judge", ".", "photos", "--out", "out"], "--out: out lies in the folder of --judge, ."),
    ],
)
def test_wrong_use_is_refused_in_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_photos(tmp_path / "photos", test=True)
    shutil.copytree(tmp_path / "photos" / "train", tmp_path / "made")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert run(["-q", "evaluate", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_other_images_are_read_as_the_options_say(
    photos: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for path in made.rglob("*.png"):
        Image.open(path).save(path, exif=exif)
    damaged = made / "ok" / "damaged.png"
    damaged.write_bytes(path.read_bytes()[:-100])
    command = ["evaluate", "--judge", str(made), str(photos), *FAST, "--arms", "balanced"]
    assert run(command) == 2
    assert f"{damaged}: cannot be read (" in capsys.readouterr().err
    found = []
    for options in ([], ["--no-exif"]):
        assert run([*command, "--skip-corrupt", *options]) == 0
        err = capsys.readouterr().err
        assert "no diversity is measured" not in err
        assert "made: skipped ok/damaged.png" in err
        # not of the one that is skipped
        assert ("made: not turned, though EXIF says so: 22 images" in err) == bool(options)
        found.append(json.loads((made.with_name("made-quick-look") / "diversity.json").read_text()))
    assert found[0] != found[1]


def test_the_sizes_of_other_tools_do_not_matter(photos: Path, tmp_path: Path) -> None:
    write_pngs(tmp_path / "large", named(bars((4, 6, 12), (40, 32), 1, seed=5)))
    command = ["-q", "evaluate", "--judge", str(tmp_path / "large"), str(photos), "--size", "16"]
    assert run([*command, *FAST, "--arms", "balanced"]) == 0
    assert load_images(tmp_path / "large").size == (40, 32)
