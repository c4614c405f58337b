"""`ganaug sample`: a folder or shards of generated images, in one part or several."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.folders import content
from helpers.photos import CLASSES, COUNTS, write_photos
from helpers.small_models import write_class_model, write_variation_model
from PIL import Image, ImageOps

from ganaug import Generator
from ganaug.artifact.policy import Policy
from ganaug.cli import run
from ganaug.images import load_images
from ganaug.images.originals import originals, readable
from ganaug.use.one_by_one import OneByOne


def test_a_folder_of_images(
    artifact: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "more"
    command = ["sample", str(artifact), "--count", "7", "--source", str(photos), "--out", str(out)]
    assert run(command) == 0
    err = capsys.readouterr().err
    assert f"ganaug: wrote {out}: 7 images (crack 5, dent 2)\n" in err
    assert "was fitted on" not in err
    rows = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert len(rows) == 7
    assert all((out / row["file"]).is_file() for row in rows)
    for row in rows:
        assert row["source"].startswith(f"train/{row['class']}/")
        assert (photos / row["source"]).is_file()
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.png") if path.parent != out}
    assert run(["-q", *command]) == 0
    assert capsys.readouterr().err == ""
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert run([*command, "--seed", "1"]) == 2
    assert "holds other generated images" in capsys.readouterr().err


def test_what_fit_held_out_is_varied_only_where_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = write_photos(tmp_path / "photos", test=False)
    images = load_images(photos).hold_out()
    assert images.test is not None
    held_out = set(images.test.names or ())
    data = {"source": "photos", "groups": False, "held_out": images.held_out}
    data["held_out_fingerprint"] = images.test.fingerprint
    file = write_variation_model(
        tmp_path / "f.onnx",
        classes=CLASSES,
        counts=images.counts.tolist(),
        channels=3,
        data=data,
        fingerprint=images.fingerprint,
    )
    command = ["sample", str(file), "--count", "200", "--source", str(photos), "--out"]

    def varied(out: Path) -> set[str]:
        rows = (out / "manifest.jsonl").read_text().splitlines()
        return {json.loads(row)["source"] for row in rows}

    out = tmp_path / "more"
    assert run([*command, str(out)]) == 0
    told = f"{photos}: 18 images are varied, and 4 left out, which fit held out to judge on"
    assert told in capsys.readouterr().err
    assert varied(out) == set(images.names or ())
    assert run([*command, str(out), "--all"]) == 2
    assert "holds other generated images (source differs)" in capsys.readouterr().err
    assert run([*command, str(tmp_path / "all"), "--all"]) == 0
    assert "left out" not in capsys.readouterr().err
    assert varied(tmp_path / "all") == {*(images.names or ()), *held_out}


def test_shards_of_one_class_in_two_parts(artifact: Path, photos: Path, tmp_path: Path) -> None:
    name = sorted(path.name for path in (photos / "train").iterdir())[0]
    out = tmp_path / "shards"
    command = ["-q", "sample", str(artifact), "--count", "3", "--source", str(photos)]
    command += ["--shards", str(out), "--classes", name]
    assert run([*command, "--shard", "2/2"]) == 0
    assert not (out / "manifest.jsonl").exists()
    assert run([*command, "--shard", "1/2"]) == 0
    rows = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert [(row["file"], row["class"]) for row in rows] == [("shard-000000.tar", name)] * 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--count", "3"], "--out, --shards: neither given"),
        (["--count", "3", "--out", "a", "--shards", "b"], "--out, --shards: both given"),
        (["--count", "many", "--out", "a"], "'many' is no count; give a number from 1"),
        (["--count", "3", "--out", "a", "--shard", "3/2"], "'3/2' is no part; give I/N"),
        *(
            (
                ["--count", "3", "--out", "a", "--source", "b", "--keep-best", share],
                f"--keep-best: {share}; allowed: 0.02 to 0.98, the share that is kept",
            )
            for share in ("0.0", "0.99", "1.0", "nan")
        ),
        (
            ["--count", "3", "--out", "a"],
            "--source: not given; allowed: a folder of images, which ",
        ),
    ],
)
def test_wrong_use_is_told(
    artifact: Path, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    assert run(["sample", str(artifact), *options]) == 2
    assert words in capsys.readouterr().err


def test_images_that_are_not_named_are_asked_for_before_torch_is_loaded(artifact: Path) -> None:
    command = ["sample", str(artifact), "--count", "3", "--out", "a"]
    program = (
        f"import sys; from ganaug.cli import run; assert run({command!r}) == 2;"
        " sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--source: not given" in done.stderr


def test_a_folder_without_class_folders_is_told(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    command = ["sample", str(artifact), "--count", "3", "--out", str(tmp_path / "out")]
    assert run([*command, "--source", str(tmp_path / "empty")]) == 2
    assert f"{tmp_path / 'empty'}: no images; allowed: " in capsys.readouterr().err


def test_images_of_another_set_are_told_before_they_are_varied(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = write_photos(tmp_path / "others", test=False, first=9)
    command = ["sample", str(artifact), "--count", "2", "--out", str(tmp_path / "out")]
    assert run([*command, "--source", str(others)]) == 0
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith(f"ganaug: {others}: not the images that {artifact} was fitted on")


def test_another_source_does_not_go_on_in_the_folder(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = write_photos(tmp_path / "photos", test=False)
    turned = next((photos / "ok").glob("*.jpg"))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(turned).save(turned, exif=exif)
    out = tmp_path / "out"
    command = ["sample", str(artifact), "--count", "1500", "--source", str(photos)]
    command += ["--out", str(out), "--shard"]
    assert run([*command, "1/2"]) == 0
    before = content(out)

    def refused(*options: str) -> None:
        capsys.readouterr()
        assert run(["-q", *command, *options]) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert f"{out}: holds other generated images (source differs); repeat that" in err
        assert content(out) == before

    refused("2/2", "--no-exif")
    refused("1/2", "--no-exif")
    path = next((photos / "dent").iterdir())
    kept = path.read_bytes()
    ImageOps.invert(Image.open(path).convert("RGB")).save(path)
    refused("2/2")
    path.write_bytes(kept)
    assert run(["-q", *command, "2/2"]) == 0
    assert len((out / "manifest.jsonl").read_text().splitlines()) == 1500


def test_a_class_is_named_once_or_twice_but_not_never(
    artifact: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["sample", str(artifact), "--count", "10", "--source", str(photos)]
    command += ["--out", str(out), "--classes"]
    assert run(["-q", *command, ""]) == 2
    err = capsys.readouterr().err
    assert "classes: none named; allowed: one or more of crack, dent, ok; name some" in err
    assert not out.exists()
    assert run(["-q", *command, "ok,dent,ok"]) == 0
    made = {path.name: len(list(path.iterdir())) for path in out.iterdir() if path.is_dir()}
    assert made == {"ok": 5, "dent": 5}


def test_a_class_with_a_comma_in_its_name_stands_in_quotes(
    artifact: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["sample", str(artifact), "--count", "2", "--source", str(photos)]
    command += ["--out", str(tmp_path / "out"), "--classes"]
    assert run([*command, '"dent, old",ok']) == 2
    assert (
        "classes: 'dent, old' is unknown (did you mean 'dent'?); allowed: crack, dent, ok"
        in capsys.readouterr().err
    )
    assert run(["-q", *command, '"dent",ok']) == 0


def test_what_asks_for_no_images_is_told_as_it_was_named(
    artifact: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["sample", str(artifact), "--source", str(photos), "--out", str(tmp_path / "out")]
    assert run([*command, "--count", "balance", "--classes", "ok"]) == 2  # the largest class
    assert "error: 'balance' asks for no images; allowed: 1 or more" in capsys.readouterr().err
    out = str(tmp_path / "counts")
    file = write_class_model(
        tmp_path / "auto.onnx",
        classes=("counts", "discounts"),
        policy=Policy(((0, 1.0),), source="tune"),
    )
    command = ["sample", str(file), "--out", out, "--count"]
    for rest, words in (
        (["auto"], "'auto' with p = 1 for the class 'counts' asks for no finite number of images"),
        (
            ["2", "--classes", "counts,discount"],
            "'discount' is unknown (did you mean 'discounts'?); allowed: counts, discounts",
        ),
    ):
        assert run([*command, *rest]) == 2
        assert words in capsys.readouterr().err


def test_what_is_varied_is_what_fit_reads(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Turned as EXIF says, and without the folders of other programs and hidden ones."""
    photos = write_photos(tmp_path / "photos", test=False)
    upright = {path: Image.open(path).copy() for path in photos.rglob("*.jpg")}
    exif = Image.Exif()
    exif[0x0112] = 6
    for path, image in upright.items():
        image.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif, quality=100)
    for other in ("@eaDir", ".cache", "ok/@eaDir"):
        (photos / other).mkdir()
        shutil.copy(next(iter(upright)), photos / other / "a.jpg")
    (photos / "ok" / "._000.jpg").write_bytes(b"AppleDouble")
    out = tmp_path / "more"
    command = ["sample", str(artifact), "--count", "2", "--source", str(photos), "--out", str(out)]
    assert run(command) == 0
    assert "was fitted on" in capsys.readouterr().err
    found = OneByOne(readable(originals(photos)), Generator(artifact).info)
    assert (found.classes, len(found)) == (["crack", "dent", "ok"], len(upright))
    path = sorted(upright)[-1]
    shown, label = found[len(found) - 1]
    assert label == 2
    assert np.abs(np.asarray(shown, float) - np.asarray(upright[path])).mean() < 8
    assert run([*command[:-1], str(tmp_path / "lying"), "--no-exif"]) == 0
    path = min(upright)
    path.write_bytes(path.read_bytes()[:-100])
    assert run([*command[:-1], str(tmp_path / "damaged")]) == 2
    assert f"{path}: cannot be read (" in capsys.readouterr().err


def test_a_generator_of_grey_images_varies_colour_photographs_in_grey(
    photos: Path, tmp_path: Path
) -> None:
    """As `fit --mode grey` read them; and one of RGB images varies grey ones."""
    file = write_variation_model(tmp_path / "grey.onnx", classes=CLASSES, counts=COUNTS)
    out = tmp_path / "grey"
    command = ["sample", str(file), "--count", "3", "--source", str(photos), "--out", str(out)]
    assert run(["-q", *command]) == 0
    row = json.loads((out / "manifest.jsonl").read_text().splitlines()[0])
    with Image.open(out / row["file"]) as made:
        assert (made.mode, made.size) == ("L", (24, 24))
        shown = np.asarray(made, float)
    read = load_images(photos, mode="grey", size=24)
    offsets = [shown - image[..., 0] for image in read.images]  # the small model adds one number
    assert min(np.ptp(each[(shown > 0) & (shown < 255)]) for each in offsets) <= 1
    digits, counts = tuple(str(digit) for digit in range(10)), (1,) * 10
    file = write_variation_model(tmp_path / "rgb.onnx", classes=digits, counts=counts, channels=3)
    out = tmp_path / "rgb"
    command = ["sample", str(file), "--count", "1", "--source", "digits", "--out", str(out)]
    assert run(["-q", *command]) == 0
    with Image.open(next(out.glob("*/*.png"))) as made:
        assert made.mode == "RGB"


def test_images_that_cannot_be_read_are_left_out_where_it_is_said(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = write_photos(tmp_path / "photos", test=False)
    command = ["sample", str(artifact), "--count", "30", "--source", str(photos), "--out"]
    for path in sorted((photos / "crack").iterdir())[1:]:
        path.unlink()
    assert run(["-q", *command, str(tmp_path / "whole")]) == 0
    kept = (photos / "crack" / "000.jpg").read_bytes()
    (photos / "crack" / "001.jpg").write_bytes(kept[:-100])
    (photos / "crack" / "zero.jpg").write_bytes(b"")
    capsys.readouterr()
    assert run([*command, str(tmp_path / "stopped")]) == 2
    err = capsys.readouterr().err
    assert "zero.jpg: cannot be read (not recognised as an image)" in err
    assert "or go on without such images with --skip-corrupt" in err
    out = tmp_path / "skipped"
    assert run([*command, str(out), "--skip-corrupt"]) == 0
    err = capsys.readouterr().err
    assert "ganaug: skipped crack/001.jpg: " in err
    assert "ganaug: skipped crack/zero.jpg: not recognised as an image\n" in err
    made = {path.name: path.read_bytes() for path in out.rglob("0*.png")}
    assert made == {path.name: path.read_bytes() for path in (tmp_path / "whole").rglob("0*.png")}


def test_a_table_with_a_missing_file(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = write_photos(tmp_path / "photos", test=False)
    files = [path.relative_to(tmp_path) for path in sorted(photos.rglob("*.jpg"))]
    lines = [f"{file},{file.parent.name}" for file in [*files, Path("photos/ok/none.jpg")]]
    table = tmp_path / "t.csv"
    table.write_text("\n".join(["file,label", *lines]) + "\n")
    out = tmp_path / "out"
    command = ["sample", str(artifact), "--count", "3", "--source", str(table), "--out", str(out)]
    assert run(command) == 2
    assert "go on without them with --skip-corrupt" in capsys.readouterr().err
    assert run([*command, "--skip-corrupt"]) == 0
    assert "ganaug: skipped photos/ok/none.jpg: No such file" in capsys.readouterr().err


def test_large_photographs_are_made_smaller_where_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    for at, name in enumerate(("a", "b")):
        (photos / name).mkdir(parents=True)
        Image.new("RGB", (2000, 1000), (90 + at, 90, 90)).save(photos / name / "0.png")
    monkeypatch.setenv("GANAUG_MAX_MEGAPIXELS", "1")
    file = write_variation_model(tmp_path / "f.onnx", channels=3)
    command = ["sample", str(file), "--count", "2", "--source", str(photos), "--out", str(out)]
    assert run(command) == 2
    err = capsys.readouterr().err
    assert "1000 x 2000, 2.0 megapixels" in err
    assert "make images smaller with --side 1414, or set GANAUG_MAX_MEGAPIXELS=2" in err
    assert run([*command, "--side", "4"]) == 2
    assert "--side: 4; allowed: 8 or more" in capsys.readouterr().err
    assert run([*command, "--side", "65536"]) == 2
    assert "--side: 65536; allowed: 8 to 65,535" in capsys.readouterr().err
    assert run(["-q", *command, "--side", "1414"]) == 0
    for path in out.glob("*/*.png"):
        with Image.open(path) as made:
            assert made.size == (1414, 707)
    assert run([*command, "--side", "16"]) == 2
    assert "holds other generated images (source differs)" in capsys.readouterr().err
    file = write_class_model(tmp_path / "class.onnx", channels=3)
    replaced = str(tmp_path / "replaced")
    assert run(["-q", "sample", str(file), *command[2:-1], replaced]) == 0  # of any size


@pytest.mark.parametrize(
    "options",
    [
        *(["--side", "64"], ["--root", "x"], ["--no-exif"], ["--skip-corrupt"]),
        *(["--label-column", "y"], ["--keep-best", "0.8"]),
    ],
)
def test_what_is_about_a_source_needs_one(
    tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_class_model(tmp_path / "class.onnx")
    out = tmp_path / "more"
    assert run(["sample", str(file), "--count", "2", "--out", str(out), *options]) == 2
    assert f"error: {options[0]}: given without --source; " in capsys.readouterr().err
    assert not out.exists()
