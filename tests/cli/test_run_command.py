"""`ganaug run` does everything once; the same command goes on where it stopped."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import stat
import sys
from pathlib import Path

import pytest
from helpers.photos import TINY

from ganaug import Generator
from ganaug.cli import run

SHORT = ["--set", "steps=2", "--set", "batch_size=4", "--seeds", "1", "--classifier-steps", "2"]
SHORT += [each for each in TINY if each not in ("--batch-size", "4")]


@pytest.fixture(scope="module")
def done(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder of a whole run, and its command."""
    out = tmp_path_factory.mktemp("whole") / "defects"
    command = ["run", str(photos), "--out", str(out), *SHORT]
    assert run(["-q", *command, "--anyway"]) == 0  # its policy is never
    return out, command


def test_a_policy_of_never_is_not_compared(
    done: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With itself: it would be told no change; what is asked for all the same is a command."""
    out, photos = shutil.copytree(done[0], tmp_path / "out"), done[1][1]
    ledger = json.loads((out / "steps.json").read_text())
    ledger["done"] = ["fit", "export", "tune"]
    (out / "steps.json").write_text(json.dumps(ledger))
    shutil.rmtree(out / "evaluation")
    command = ["run", photos, "--out", str(out), *SHORT]
    assert run(command) == 0
    captured = capsys.readouterr()
    assert "tune: would answer never: " in captured.out
    assert not re.search(r", evaluate \d", captured.out)
    err = captured.err
    assert "tune will say never, and the comparison is left out: it needs more images\n" in err
    assert "step 5 of 5: evaluate: left out, since a policy of never can only be told" in err
    assert f"ganaug evaluate {out / 'generator.onnx'} {photos} --arms plain+rand" in err
    assert ",ganaug-plain@p=0.5+randaugment+logits --seeds 1 --steps 2\n" in err
    assert f"ganaug {' '.join(command)} --anyway\n" in err
    assert err.endswith("its policy is never to vary: with it your images stay as they are\n")
    assert not (out / "evaluation").exists()
    assert "evaluate" not in json.loads((out / "steps.json").read_text())["done"]
    (out / "quick-look").mkdir()
    look = {"baseline": "balanced+affine", "chosen": "ganaug+affine"}
    (out / "quick-look" / "gain.json").write_text(json.dumps(look))
    assert run(command) == 0
    assert " --arms balanced+affine,ganaug@p=0.5+affine --seeds" in capsys.readouterr().err


def test_one_command_leaves_the_file_and_the_report(done: tuple[Path, list[str]]) -> None:
    out = done[0]
    assert json.loads((out / "check.json").read_text())["images"] == 22
    assert (out / "run" / "checkpoint.json").is_file()
    assert (out / "evaluation" / "report.html").is_file()
    info = Generator(out / "generator.onnx").info
    assert info.steps == 2
    assert info.policy is not None
    assert info.policy.source != "rule"  # tuned
    assert info.gain is not None
    assert json.loads((out / "steps.json").read_text())["done"] == [
        "check",
        "fit",
        "export",
        "tune",
        "evaluate",
    ]


def usual(command: list[str]) -> list[str]:
    """The command without seeds and steps of its own."""
    at = command.index("--seeds")
    return [*command[:at], *command[at + 4 :]]


def test_a_quick_look_comes_first_and_all_goes_on_from_there(
    done: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = shutil.copytree(done[0], tmp_path / "defects")
    command = [str(out) if each == str(done[0]) else each for each in done[1]]
    ledger = json.loads((out / "steps.json").read_text())
    (out / "steps.json").write_text(json.dumps(ledger | {"done": ["fit", "export"]}))
    shutil.rmtree(out / "evaluation")
    assert run([*command, "--quick"]) == 0
    captured = capsys.readouterr()
    assert "step 4 of 4: look\n" in captured.err
    report = out / "quick-look" / "report.html"
    assert captured.err.count(f"report: {report}\n") == 1
    assert f"go on with: ganaug {' '.join(usual(command))}\n" in captured.err
    times = next(line for line in captured.out.splitlines() if line.startswith("about, "))
    assert ": fit " in times
    assert "tune" not in times
    record = json.loads((report.parent / "gain.json").read_text())
    assert record["settings"]["quick"]
    assert record["seeds"] == [0]  # named
    page = html.unescape(report.read_text())
    assert "<code>ganaug run</code> without <code>--steps</code>" in page
    assert not (out / "evaluation").exists()
    now = ["check", "fit", "export", "look"]
    assert json.loads((out / "steps.json").read_text())["done"] == now
    before = report.stat().st_mtime_ns
    assert run([*command, "--quick"]) == 0
    assert capsys.readouterr().err.count("done before") == 4
    assert report.stat().st_mtime_ns == before
    assert run([*command, "--quick", "--seeds", "3"]) == 2
    assert "holds another run (look_seeds is 1 there, 3 here)" in capsys.readouterr().err
    assert json.loads((out / "steps.json").read_text())["asked"]["seeds"] == 1  # of the whole
    assert run([*command, "--anyway"]) == 0
    assert (
        "step 3 of 5: export: done before\nganaug: step 4 of 5: tune\n" in capsys.readouterr().err
    )
    assert json.loads((out / "steps.json").read_text())["done"] == [*now, "tune", "evaluate"]
    assert report.stat().st_mtime_ns == before


def test_what_is_done_is_not_done_again(
    done: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    out, command = done
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.name != ".lock"}
    assert run(command) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert [line for line in lines if "done before" in line] == lines[:5]
    assert "step 1 of 5: check: done before" in lines[0]
    assert f"all done: {out / 'evaluation' / 'report.html'}" in lines[5]
    assert "its policy is never to vary" in lines[6]
    after = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.name != ".lock"}
    assert after == before


def test_a_stopped_run_goes_on_with_the_step_that_is_missing(
    done: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = shutil.copytree(done[0], tmp_path / "defects")
    ledger = json.loads((out / "steps.json").read_text())
    ledger["done"] = ledger["done"][:4]
    (out / "steps.json").write_text(json.dumps(ledger))
    (out / "evaluation" / "report.html").unlink()
    command = [str(out) if each == str(done[0]) else each for each in done[1]]
    assert run([*command, "--anyway"]) == 0
    captured = capsys.readouterr()
    assert "step 4 of 5: tune: done before\nganaug: step 5 of 5: evaluate\n" in captured.err
    assert "next: " not in captured.err
    assert "balanced accuracy" in captured.out
    assert (out / "evaluation" / "report.html").is_file()


def test_a_result_that_was_removed_is_made_again(
    done: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also in a folder beside train/, which is no other data set for that."""
    photos = shutil.copytree(done[1][1], tmp_path / "photos")
    out = shutil.copytree(done[0], photos / "out")
    command = ["run", f"{photos}/", "--out", str(out), *SHORT, "--anyway"]
    (out / "generator.onnx").unlink()
    assert run(command) == 0
    err = capsys.readouterr().err
    assert "step 2 of 5: fit: done before\nganaug: step 3 of 5: export again, for " in err
    info = Generator(out / "generator.onnx").info
    assert info.gain is not None
    assert info.policy is not None
    assert info.policy.source != "rule"  # tuned again
    shutil.rmtree(out / "evaluation")
    shutil.rmtree(out / "run")
    assert run(command) == 0
    assert "step 4 of 5: tune: done before\nganaug: step 5" in capsys.readouterr().err
    assert (out / "evaluation" / "report.html").is_file()
    assert not (out / "run").exists()


def test_other_files_among_the_images_are_refused(
    done: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where all is done: it was done with other images."""
    out, photos = shutil.copytree(done[0], tmp_path / "out"), tmp_path / "photos"
    shutil.copytree(done[1][1], photos)
    ledger = json.loads((out / "steps.json").read_text())
    ledger["asked"]["source"] = str(photos)
    (out / "steps.json").write_text(json.dumps(ledger))
    command = ["run", str(photos), "--out", str(out), *SHORT]
    (photos / "train" / "ok" / ".DS_Store").write_bytes(b"of no matter")
    assert run(command) == 0
    first = min((photos / "train" / "ok").glob("*.jpg"))
    shutil.copy(first, first.with_name("another.jpg"))
    capsys.readouterr()
    assert run(command) == 2
    err = capsys.readouterr().err
    assert f"holds the run of other images ({photos} had 44 files of " in err
    assert " bytes, and has 45 files of " in err
    assert err.count("\n") == 1


def test_another_run_is_refused(
    done: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = done[1]
    assert run([*command, "--preset", "small"]) == 2
    assert "holds another run (preset is tiny there, small here)" in capsys.readouterr().err
    (tmp_path / "mine.txt").write_text("mine")
    assert run(["run", command[1], "--out", str(tmp_path), *SHORT]) == 2
    assert "holds other files (mine.txt)" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    (tmp_path / "mine.txt").rename(tmp_path / "check.json")
    assert run(["run", command[1], "--out", str(tmp_path), *SHORT]) == 2
    assert "is there already, and is not what ganaug check" in capsys.readouterr().err
    assert (tmp_path / "check.json").read_text() == "mine"
    inside = Path(command[1], "train", "out")
    assert run(["run", command[1], "--out", str(inside), *SHORT]) == 2
    assert "lies in the folder of the images" in capsys.readouterr().err
    assert not inside.exists()


def test_problems_of_the_images_stop_a_run_before_it_trains(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(photos, tmp_path / "photos")
    shutil.copy(min((copy / "train" / "ok").iterdir()), copy / "test" / "ok" / "again.jpg")
    out = tmp_path / "out"
    assert run(["-q", "run", str(copy), "--out", str(out), *SHORT]) == 2
    err = capsys.readouterr().err
    assert "test images that are training images, too (equal pixels): 1;" in err
    assert "--anyway" in err
    assert (out / "check.json").is_file()
    assert not (out / "run").exists()


@pytest.mark.parametrize(
    ("source", "options", "words"),
    [
        ("digits", ["--seeds", "0"], "--seeds: 0; allowed: 1 to 1,000"),
        ("digits", ["--classifier-steps", "0"], "--classifier-steps: 0; allowed: 1 or more"),
        ("digits", ["--device", "gpu"], "device: 'gpu' is not allowed"),
        ("digits", ["--mode", "blue"], "mode: 'blue'; allowed: "),
        ("digits", ["--size", "1"], "size: (1, 1); allowed: "),
        ("digits", ["--root", "x"], "root, download: given for a source that is not"),
        ("digits", ["--image-column", "a"], "given for a source without columns"),
        ("torchvision:MNISTT", [], "did you mean 'MNIST'?"),
        ("digits", ["--classifier", "torchvision:resnett18"], "No such option '--classifier'"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(
    source: str,
    options: list[str],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["-q", "run", source, "--out", str(tmp_path / "new" / "out"), *options]) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.out == ""
    assert not list(tmp_path.iterdir())
    (tmp_path / "there").mkdir()
    assert run(["-q", "run", source, "--out", str(tmp_path / "there"), *options]) == 2
    assert [each.name for each in tmp_path.iterdir()] == ["there"]


@pytest.mark.skipif(sys.platform != "linux", reason="another program opens files elsewhere")
@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_the_report_is_opened(
    done: tuple[Path, list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    os.mkfifo(tmp_path / "opened")
    program = tmp_path / "xdg-open"
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > "{tmp_path}/opened"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.environ["PATH"]]))
    assert run([*done[1], "--open"]) == 0
    assert "yourself" not in capsys.readouterr().err
    assert (tmp_path / "opened").read_text() == str(done[0] / "evaluation" / "report.html")
