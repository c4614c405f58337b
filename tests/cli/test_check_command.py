"""`ganaug check` prints what it found, and writes it as JSON."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ganaug import check
from ganaug.cli import run


def test_check_prints_and_writes_what_it_found(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(photos, tmp_path / "photos")
    leaked = min((copy / "train" / "dent").iterdir())
    shutil.copy(leaked, copy / "test" / "dent" / "again.jpg")
    out = tmp_path / "found.json"
    command = ["check", str(copy), "--no-times", "--size", "16x12", "--mode", "grey"]
    assert run([*command, "--json", str(out)]) == 1  # there is a leak
    printed, err = capsys.readouterr()
    assert "problem: test images that are training images, too (equal pixels): 1;" in printed
    assert f"train/dent/{leaked.name} = test/dent/again.jpg" in printed
    assert "training size: 16x12" in printed
    assert "reading images 45/45" in err
    assert f"wrote {out}" in err
    record = json.loads(out.read_text())
    report = check(copy, size=(16, 12), mode="grey", times=False)
    assert record == json.loads(json.dumps(report.to_dict()))
    assert "leak" in {finding["kind"] for finding in record["findings"]}


def test_check_names_the_command_to_go_on_with(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["-q", "check", str(photos), "--no-times", "--size", "16"]) == 0
    out, err = capsys.readouterr()
    assert f"next: ganaug fit {photos} --out runs/photos --size 16\n" in out
    assert err == ""


def test_the_commands_to_go_on_with_use_the_device_that_was_asked_for(photos: Path) -> None:
    report = check(photos, size=16, device="cpu", times=False)
    assert report.next == (f"ganaug fit {photos} --out runs/photos --device cpu --size 16",)
    assert report.named == f"photos.onnx {photos} --device cpu"
    usual = check(photos, times=False)
    assert "--device" not in f"{usual.next} {usual.named}"


def test_check_refuses_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(tmp_path / "none")]) == 2
    assert run(["check", "digits", "--preset", "bse", "--no-times"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert "no such folder or file" in first
    assert "did you mean 'base'?" in second


def test_the_nearest_path_is_named_as_a_whole(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", str(photos.with_name("phtos") / "train")]) == 2
    assert f"(did you mean '{photos / 'train'}'?)" in capsys.readouterr().err
    assert run(["check", str(photos / "trian")]) == 2
    assert f"(did you mean '{photos / 'train'}'?)" in capsys.readouterr().err


def test_check_takes_the_settings_of_fit(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["-q", "check", str(photos), "--no-times", "--seeds", "2", "--kind", "class"]
    assert run([*command, "--set", "r1=0.5"]) == 0
    assert "--out runs/photos --kind class --set r1=0.5\n" in capsys.readouterr().out
    assert run([*command, "--set", "r11=0.5"]) == 2
    assert "did you mean 'r1'?" in capsys.readouterr().err
