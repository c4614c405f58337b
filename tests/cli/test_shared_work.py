"""`ganaug evaluate` and `tune` under torchrun: the processes share the trainings."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.ranks import ended, start

from ganaug.cli import run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="torchrun is for Linux")
FEW = ["--seeds", "2", "--steps", "2", "--jobs", "1", "--baseline", "balanced", "--refit"]
FEW += ["--arms", "balanced,ganaug"]


def kept(folder: Path) -> dict[str, Any]:
    """Return what each training predicted."""
    files = {path.name: np.load(path) for path in folder.rglob("seed-*.npz")}
    return {name: file["probabilities"] for name, file in files.items()}


def test_two_processes_come_to_the_numbers_of_one(
    photos: Path, artifact: Path, tmp_path: Path
) -> None:
    gains = {}
    for name in ("one", "two"):
        out = tmp_path / name
        out.mkdir()
        file = shutil.copy(artifact, out / "photos.onnx")
        command = ["-q", "evaluate", str(file), str(photos), *FEW]
        command += ["--out", str(out / "results"), "--json", str(out / "record.json")]
        if name == "one":
            assert run(command) == 0
        else:
            for code, told in ended(start(2, ["-m", "helpers.shared_command", *command])):
                assert (code, told.splitlines()[-1:]) == (0, ["worked"]), told
        gains[name] = json.loads((out / "record.json").read_text())["gain"]
    one, two = (kept(tmp_path / name / "results") for name in ("one", "two"))
    assert len(one) == 4
    assert one.keys() == two.keys()
    for name, values in one.items():
        np.testing.assert_array_equal(two[name], values, err_msg=name)
    assert gains["one"]["gain"] == gains["two"]["gain"]


def test_a_killed_process_is_told_and_the_same_command_goes_on(
    photos: Path, artifact: Path, tmp_path: Path
) -> None:
    file = shutil.copy(artifact, tmp_path / "photos.onnx")
    command = ["evaluate", str(file), str(photos), "--seeds", "1", "--arms", "balanced"]
    command += ["--baseline", "plain", "--quick", "--out", str(tmp_path / "results")]
    processes = start(2, ["-m", "ganaug", *command, "--steps", "1000000"])
    assert processes[0].stderr is not None
    next(line for line in processes[0].stderr if line.startswith("comparing classifiers "))
    processes[1].kill()
    (code, told), (killed, _) = ended(processes)
    assert (code, killed) == (1, -signal.SIGKILL)
    assert "process 1 ended" in told.splitlines()[-1]
    assert run(["-q", *command, "--steps", "2"]) == 0


def test_wrong_use_is_told_once(photos: Path, artifact: Path) -> None:
    command = ["-m", "ganaug", "tune", str(artifact), str(photos), "--steps", "0"]
    (code, told), (other, more) = ended(start(2, command))
    assert (code, other, more) == (2, 0, "")
    assert told.startswith("ganaug: error: steps: 0; allowed: 1 or more")
