"""`ganaug doctor` names what is wrong with an installation, and the command that mends it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ganaug.cli import run
from ganaug.doctor import MATCHED_PAIR, examine


def doctor(*paths: Path, visible: str = "") -> tuple[int, dict]:
    """Run `ganaug doctor --json` in a process that finds modules in `paths` first."""
    found = os.pathsep.join([*map(str, paths), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "ganaug", "doctor", "--json"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": found, "CUDA_VISIBLE_DEVICES": visible},
    )
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout)


def test_doctor_tells_facts_and_finds_nothing_wrong_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    code = run(["doctor"])
    out = capsys.readouterr().out
    found = examine()
    assert code == (1 if found.problems else 0)
    for name in ("python", "torch", "torchvision", "instructions", "bfloat16", "providers"):
        assert found.facts[name] in out
    assert found.facts["CUDA (onnxruntime)"] == "no: CUDA_VISIBLE_DEVICES hides every GPU"
    assert found.facts["torch and torchvision"] == "fit each other"
    installed = [problem.text for problem in found.problems if "GB" not in problem.text]
    assert installed == []


def test_a_torchvision_for_another_torch_and_both_builds_of_onnxruntime_are_named(
    tmp_path: Path,
) -> None:
    """Both at once, in one process: it loads torch, which takes seconds."""
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(
        "raise RuntimeError('operator torchvision::nms does not exist')"
    )
    for name in ("onnxruntime", "onnxruntime_gpu"):
        folder = tmp_path / f"{name}-1.23.0.dist-info"
        folder.mkdir()
        named = name.replace("_", "-")
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {named}\nVersion: 1.23.0\n")
    code, found = doctor(tmp_path)
    assert code == 1
    problem = found["problems"][0]
    assert "do not fit each other (operator torchvision::nms does not exist)" in problem["text"]
    assert problem["mend"].startswith("pip install 'torch==")
    both = [each for each in found["problems"] if "both installed" in each["text"]]
    assert [each["mend"] for each in both] == [
        "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu"
    ]


def test_broken_installations_do_not_break_the_doctor(tmp_path: Path) -> None:
    for name in ("torch", "onnxruntime"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('libc10.so is missing')")
    code, found = doctor(tmp_path)
    assert code == 1
    texts = " ".join(problem["text"] for problem in found["problems"])
    assert "torch cannot be loaded (libc10.so is missing)" in texts
    assert "onnxruntime cannot be loaded (libc10.so is missing)" in texts


def test_the_pair_that_mends_is_the_one_that_was_tested() -> None:
    tested = Path(__file__).parent.parent.joinpath("constraints.txt").read_text().split()
    named = [word.strip("'") for word in MATCHED_PAIR.split() if "==" in word]
    assert len(named) == 2
    assert set(named) <= set(tested)
