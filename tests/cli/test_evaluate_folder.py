"""The folder of `ganaug evaluate`: whose it is, what it is about, and what Ctrl-C leaves in it."""

from __future__ import annotations

import html
import json
import os
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers.photos import write_photos

from ganaug import cli
from ganaug.cli import run
from ganaug.evaluation.gain import judge

ARMS = ["--arms", "balanced,ganaug", "--baseline", "balanced", "--seeds", "1", "--jobs", "1"]


@pytest.fixture
def file(artifact: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(artifact, tmp_path / "photos.onnx"))


def test_a_quick_look_replaces_no_full_report(
    file: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["evaluate", str(file), str(photos), "--out", str(out), "--steps", "1", *ARMS]
    assert run([*command, "--quick"]) == 0
    assert run([*command, "--quick"]) == 0  # its own is replaced
    assert run([*command, "--no-write"]) == 0
    full = (out / "gain.json").read_bytes()
    capsys.readouterr()
    assert run([*command, "--quick"]) == 2
    assert "holds the report of a full evaluation, which a quick" in capsys.readouterr().err
    assert (out / "gain.json").read_bytes() == full
    assert run([*command, "--quick", "--force"]) == 0
    assert json.loads((out / "gain.json").read_text())["settings"]["quick"] is True


def test_a_report_of_another_comparison_is_not_replaced_without_a_word(
    file: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", str(file), str(photos), "--quick", "--steps", "1", "--seeds", "1"]
    command += ["--jobs", "1", "--baseline", "balanced", "--arms"]
    folder = tmp_path / "photos-quick-look"
    words = (
        f"ganaug: {folder}: replaced the report of another comparison, of plain, balanced, ganaug"
        " on photos with 1 seed, baseline balanced; its trainings are kept, so the same command"
        " makes it again\n"
    )
    assert run([*command, "plain,balanced,ganaug"]) == 0
    assert run([*command, "plain,balanced,ganaug"]) == 0  # the same one
    assert "replaced" not in capsys.readouterr().err
    assert run([*command, "balanced,ganaug"]) == 0
    err = capsys.readouterr().err
    assert words in err
    last = err.splitlines()[-1]
    assert last.startswith("ganaug: next: The generator was trained for 3 steps alone;")
    assert json.loads((folder / "gain.json").read_text())["arms"].keys() == {"balanced", "ganaug"}


def test_the_next_commands_have_the_options_of_this_one(
    file: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "FEWEST_UNITS", 0)  # few test images are enough here
    given = [str(file), str(photos), "--steps", "1", "--no-write", "--device", "cpu", *ARMS]
    out = ["--out", str(tmp_path / "my out")]
    evaluate = cli.command.commands["evaluate"]
    for options, folder in ((out, tmp_path / "my out"), ([], tmp_path / "photos-quick-look")):
        assert run(["-q", "evaluate", *given, *options, "--quick"]) == 0
        page = html.unescape((folder / "report.html").read_text())
        asked = evaluate.make_context("evaluate", [*given, *options]).params
        before = "For a verdict, without <code>--quick</code>: <code>"
        told = page.partition(before)[2].partition("</code></li>")[0]
        assert told.startswith("ganaug evaluate ")
        found = evaluate.make_context("evaluate", shlex.split(told)[2:]).params
        assert found == asked | {"seeds": 6}


def test_a_folder_of_other_files_is_refused(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine"
    (out / "predictions").mkdir(parents=True)
    command = ["evaluate", str(file), "no source", "--out", str(out)]
    assert run(command) == 2
    assert "no source: no such folder" in capsys.readouterr().err  # what Ctrl-C left
    (out / "thesis.tex").write_text("mine")
    assert run(command) == 2
    assert "holds other files (thesis.tex); choose an empty or new" in capsys.readouterr().err
    assert run([*command, "--force"]) == 2
    assert "no source: no such folder" in capsys.readouterr().err


def test_a_report_on_other_images_says_so_first_and_in_its_title(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = write_photos(tmp_path / "others", test=True, first=9)
    assert run(["evaluate", str(file), str(others), "--quick", "--steps", "1", *ARMS]) == 0
    err = capsys.readouterr().err
    told = err.index("the training images are not the ones the generator was fitted on")
    assert told < err.index("comparing classifiers")
    page = (tmp_path / "photos-quick-look" / "report.html").read_text()
    assert "<title>ganaug report: others</title>" in page
    assert "trained on 22 images of photos at 24x24 px" in page


def test_ctrl_c_says_what_is_kept_and_how_to_go_on(
    file: Path,
    photos: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replaced: list[object] = []
    replace = os.replace

    def pressed(*arguments: Any) -> None:
        replaced.append(arguments)
        if len(replaced) == 2:  # the outcome of the second training
            raise KeyboardInterrupt
        replace(*arguments)

    monkeypatch.setattr(os, "replace", pressed)
    assert run(["evaluate", str(file), str(photos), "--steps", "1", *ARMS]) == 130
    told = capsys.readouterr().err
    assert "ganaug: training 2 classifiers of 1 step\n" in told
    kept = file.with_name("photos-evaluation") / "predictions"
    assert f"unchanged: {file}; 1 training that had ended is kept in {kept}, other" in told
    assert "the same command goes on: ganaug evaluate " in told
