"""`ganaug fit` where the training fails, `export` of what it leaves, and `--dry-run`."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import safetensors.torch
from helpers.photos import TINY, write_photos

from ganaug import Generator
from ganaug.cli import run
from ganaug.training import checkpoint

HOPELESS = ["--steps", "3", "--set", "r1=1e40", *TINY]


def test_a_training_that_fails_ends_with_one_line(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "run")
    assert run(["-q", "fit", str(photos), "--out", out, *HOPELESS]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1] for line in lines] == [" warning"] * 3 + [" error"]
    assert "rollback 3 of 3" in lines[2]
    assert "training stopped at step 1 after 3 rollbacks: the gradient of" in lines[3]
    assert run(["-q", "export", out, str(tmp_path / "file.onnx"), "--force"]) == 2
    assert "has no trained generator" in capsys.readouterr().err


def test_a_learning_rate_of_one_ends_with_a_usable_generator(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It once ended with exit code 0, a loss of 2e7 and a coverage of 0.006."""
    out, file = tmp_path / "run", tmp_path / "digits.onnx"
    options = ["--preset", "tiny", "--steps", "150", "--set", "learning_rate=1"]
    assert run(["-q", "fit", "digits", "--out", str(out), *options]) == 0
    assert "going back to step 0 with learning_rate=0.001" in capsys.readouterr().err
    last = json.loads((out / "diversity.jsonl").read_text().splitlines()[-1])
    assert last["coverage"] > 0.4
    assert run(["-q", "export", str(out), str(file)]) == 0
    (told,) = (text for text in Generator(file).info.warnings if "rollback" in text)
    assert told == "trained with 1 rollback, at last with learning_rate=0.001"


def test_stop_stops_at_once(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["-q", "fit", str(photos), "--out", str(tmp_path / "run"), *HOPELESS]
    assert run([*command, "--on-collapse", "stop"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "training stopped at step 1: the gradient of" in line


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (["--on-collapse", "ignore"], "on_collapse: 'ignore' is not allowed"),
        (["--set", "on_collapse=warn"], "use --on-collapse instead"),
    ],
)
def test_an_unknown_reaction_is_refused(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: list[str], words: str
) -> None:
    assert run(["fit", str(photos), "--out", str(tmp_path / "run"), *option]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_generator_of_zeros_is_exported_by_force_alone(
    fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(fitted, tmp_path / "run")
    record = checkpoint.read_record(copy)
    assert record is not None
    file = copy / record.last.file
    empty = {name: value * 0 for name, value in safetensors.torch.load(file.read_bytes()).items()}
    file.write_bytes(safetensors.torch.save(empty))
    pointer, digest = copy / "checkpoint.json", hashlib.sha256(file.read_bytes()).hexdigest()
    pointer.write_text(pointer.read_text().replace(record.last.sha256, digest))
    target = str(tmp_path / "file.onnx")
    assert run(["-q", "export", str(copy), target]) == 1
    error = capsys.readouterr().err
    assert "step 3 is not exported: its weights are all 0" in error
    assert "export it as it is with --force" in error
    assert run(["-q", "export", str(copy), target, "--force"]) == 0
    assert Generator(target).info.warnings[0].startswith("exported by force: its weights are all 0")


def test_a_dry_run_says_what_it_costs_and_writes_nothing(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["fit", str(photos), "--out", str(tmp_path / "run"), "--steps", "300", *TINY]
    assert run([*command, "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    found = dict(line.split(maxsplit=1) for line in lines)
    assert found["images"] == "22 to train on, 24x24"
    assert "preset" not in found["config"]
    assert found["config"].startswith("kind=variation, ")
    assert any("width=4, " in line for line in lines)
    assert found["parameters"].endswith(" discriminator")
    assert found["training"].startswith("300 steps, about ")
    assert run([*command, "--dry-run", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["images"], record["config"]["steps"]) == (22, 300)
    assert run([*command, "--json"]) == 2
    assert "--json: given without --dry-run" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_writes_no_cache(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "cache"
    command = ["fit", str(photos), "--out", str(tmp_path / "new"), *TINY, "--cache", str(cache)]
    assert run([*command, "--dry-run"]) == 0
    assert "--cache: not used, since a dry run writes nothing" in capsys.readouterr().err
    assert not cache.exists()


def test_a_dry_run_is_of_one_process(
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It once timed the whole batch in each of them, and printed as many results."""
    for name in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(name, "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    command = ["fit", str(photos), "--out", str(tmp_path / "run"), *TINY, "--dry-run", "--json"]
    assert run(command) == 2
    told = capsys.readouterr()
    assert "--dry-run: started as 2 processes; allowed: one" in told.err
    assert told.out == ""


def test_all_beside_a_test_part_says_that_it_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_photos(tmp_path / "photos", test=True)
    command = ["fit", str(tmp_path / "photos"), "--out", str(tmp_path / "run"), *TINY, "--dry-run"]
    assert run([*command, "--all"]) == 0
    assert "--all: not used, since SOURCE has a test part" in capsys.readouterr().err
    assert run(command) == 0
    assert "--all" not in capsys.readouterr().err
