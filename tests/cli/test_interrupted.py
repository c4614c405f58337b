"""Ctrl-C in any command: exit code 130, nothing half written, and the same command goes on."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.photos import TINY
from PIL import Image

from ganaug import Generator
from ganaug.cli import run
from ganaug.files import UNFINISHED

FEW = ["--set", "steps=2", "--set", "batch_size=4", "--seeds", "1", "--classifier-steps", "2"]
FEW += [each for each in TINY if each not in ("--batch-size", "4")]
ONCE = ["--seeds", "1", "--steps", "2", "--jobs", "1", "--baseline", "balanced"]

# {photos}, {run} and {file} are the images, a trained run, and a copy of what it exports.
COMMANDS = {
    "check": ["check", "{photos}", "--no-times", "--json", "check.json"],
    "fit": ["fit", "{photos}", "--out", "my run", "--steps", "3", *TINY],
    "export": ["export", "{run}", "new.onnx"],
    "tune": ["tune", "{file}", "{photos}", "--json", "policy.json"],
    "evaluate": ["evaluate", "{file}", "{photos}", *ONCE, "--arms", "balanced,ganaug"],
    "sample": ["sample", "{file}", "--count", "3", "--source", "{photos}", "--out", "more"],
    "vary": ["vary", "{file}", "{photo}", "--out", "sheet.png"],
    "card": ["card", "{file}", "--out", "card.md"],
    "run": ["run", "{photos}", "--out", "all", *FEW, "--anyway"],
}


def pressing_at(last: int) -> Callable[..., None]:
    """Return an `os.replace` that is interrupted when file number `last` is put in place."""
    done, replace = 0, os.replace

    def pressed(*arguments: Any, **options: Any) -> None:
        nonlocal done
        done += 1
        if done == last:
            signal.raise_signal(signal.SIGINT)
        replace(*arguments, **options)

    return pressed


@pytest.mark.usefixtures("ctrl_c_is_heard")
@pytest.mark.parametrize("name", COMMANDS)
def test_ctrl_c_leaves_what_the_same_command_goes_on_with(
    name: str,
    photos: Path,
    fitted: Path,
    artifact: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At file 1, 2, 4, 8, ... that is put in place, until the command comes to its end."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(artifact, "photos.onnx")
    given = {"photos": photos, "run": fitted, "file": "photos.onnx"}
    given["photo"] = min((photos / "train" / "ok").iterdir())
    command = [each.format(**given) for each in COMMANDS[name]]
    code, last = 130, 1
    while code == 130:
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", pressing_at(last))
            code = run(command)
        told = capsys.readouterr().err
        assert "Traceback" not in told
        assert_true_of_what_is_kept(told)
        assert not list(tmp_path.rglob(f"*{UNFINISHED}"))
        assert Generator("photos.onnx").info.classes == ("crack", "dent", "ok")
        if code == 130:
            assert "interrupted" in told or "the same command resumes" in told
        last *= 2
    assert code == 0
    assert last > 2, "it was never interrupted"
    ENDS[name](artifact, fitted)


@pytest.mark.usefixtures("ctrl_c_is_heard")
def test_ctrl_c_in_the_demo_leaves_a_training_that_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    replace = os.replace

    def pressed(source: Any, target: Any) -> None:
        if str(target).endswith(".safetensors"):  # the last step is done
            signal.raise_signal(signal.SIGINT)
        replace(source, target)

    out = tmp_path / "demo"
    monkeypatch.setattr(os, "replace", pressed)
    assert run(["demo", "--out", str(out), "--seeds", "1", "--steps", "2"]) == 130
    told = capsys.readouterr().err
    assert f"interrupted; what had ended is kept in {out}; the same command goes on: ganaug" in told
    assert "Traceback" not in told
    assert json.loads((out / "letters" / "run" / "checkpoint.json").read_text())["step"] == 2
    assert not list(tmp_path.rglob(f"*{UNFINISHED}"))
    assert not list(out.rglob("*.onnx"))


READING = ("check", "fit", "tune", "evaluate", "sample", "run")


@pytest.mark.usefixtures("ctrl_c_is_heard")
@pytest.mark.parametrize("name", READING)
def test_ctrl_c_while_images_are_read_leaves_nothing(
    name: str,
    photos: Path,
    artifact: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened, open_image = 0, Image.open

    def pressed(*arguments: Any, **options: Any) -> Image.Image:
        nonlocal opened
        opened += 1
        if opened == 5:
            signal.raise_signal(signal.SIGINT)
        return open_image(*arguments, **options)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Image, "open", pressed)
    shutil.copy(artifact, "photos.onnx")
    command = [each.format(photos=photos, file="photos.onnx") for each in COMMANDS[name]]
    assert run(command) == 130
    assert opened >= 5
    told = capsys.readouterr().err
    assert "interrupted" in told
    assert "Traceback" not in told
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["photos.onnx"]
    assert Path("photos.onnx").read_bytes() == artifact.read_bytes()


def assert_true_of_what_is_kept(told: str) -> None:
    """What a message says is there, is there; and the other way round."""
    assert "0 trainings" not in told
    if "the report" in told:
        assert list(Path().glob("*/report.html"))
    if "no step had ended" in told:
        assert not Path("all").exists()
    if "what ended before is in all" in told:
        assert Path("all", "steps.json").exists()
    found = re.search(r"(\d+) trainings? that had ended (?:is|are) kept in ([\w/-]+)", told)
    if found:
        assert len(list(Path(found[2]).glob("*/*.npz"))) > 0
    if "no training had ended" in told:
        assert not list(Path().glob("photos-evaluation/predictions/*/*.npz"))


def same_weights(artifact: Path, fitted: Path) -> None:
    """Compare with those of a run that nobody interrupted."""
    found, expected = (
        json.loads((run / "checkpoint.json").read_text()) for run in (Path("my run"), fitted)
    )
    assert (found["step"], found["sha256"]) == (3, expected["sha256"])


def same_file(artifact: Path, fitted: Path) -> None:
    assert Path("new.onnx").read_bytes() == artifact.read_bytes()


def tuned(artifact: Path, fitted: Path) -> None:
    policy = Generator("photos.onnx").info.policy
    assert policy is not None
    assert policy.source == "tune"
    assert json.loads(Path("policy.json").read_text())["policy"]["source"] == "tune"


def evaluated(artifact: Path, fitted: Path) -> None:
    assert Generator("photos.onnx").info.gain is not None
    assert Path("photos-evaluation", "report.html").is_file()
    assert len(list(Path("photos-evaluation", "predictions").rglob("*.npz"))) == 2


def sampled(artifact: Path, fitted: Path) -> None:
    rows = [json.loads(line) for line in Path("more", "manifest.jsonl").read_text().splitlines()]
    assert len(rows) == len({row["file"] for row in rows}) == 3
    assert all(Path("more", row["file"]).is_file() for row in rows)


def all_done(artifact: Path, fitted: Path) -> None:
    assert Path("all", "evaluation", "report.html").is_file()
    assert Generator("all/generator.onnx").info.gain is not None


ENDS: dict[str, Callable[[Path, Path], None]] = {
    "check": lambda *_: json.loads(Path("check.json").read_text())["images"],
    "fit": same_weights,
    "export": same_file,
    "tune": tuned,
    "evaluate": evaluated,
    "sample": sampled,
    "vary": lambda *_: Path("sheet.png").read_bytes()[:4].index(b"PNG"),
    "card": lambda *_: Path("card.md").read_text().index("crack"),
    "run": all_done,
}


def test_the_line_of_an_interrupted_training_can_be_pasted_into_a_shell(
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "my run"
    monkeypatch.setattr(os, "replace", pressing_at(5))
    command = ["fit", str(photos), "--out", str(out), "--steps", "40", *TINY]
    assert run([*command, "--set", "sample_every=2", "--set", "checkpoint_every=1000"]) == 130
    told = capsys.readouterr().err.splitlines()[-1]
    stopped = json.loads((out / "checkpoint.json").read_text())["step"]
    assert 0 < stopped < 40
    assert f"stopped after step {stopped} of 40; the same command resumes: ganaug fit" in told
    assert f"'{out}'" in told  # quoted, as a shell needs it


@pytest.mark.skipif(sys.platform == "win32", reason="there a process is ended without a signal")
def test_a_process_that_is_asked_to_end_does_as_after_ctrl_c(
    artifact: Path, tmp_path: Path
) -> None:
    program = (
        "import os, signal; from ganaug.cli import main;"
        " os.replace = lambda *names: signal.raise_signal(signal.SIGTERM); main()"
    )
    card = ["card", str(artifact), "--out", str(tmp_path / "card.md")]
    done = subprocess.run([sys.executable, "-c", program, *card], capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) == (130, "ganaug: interrupted")
    assert not list(tmp_path.iterdir())
