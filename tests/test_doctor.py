"""`ganaug doctor` names what is wrong with an installation, and the command that mends it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest

import ganaug.doctor as doctor_module
from ganaug.artifact import sessions
from ganaug.cli import run
from ganaug.doctor import MATCHED_PAIR, examine
from ganaug.errors import DeviceError


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
    both = {"onnxruntime", "onnxruntime-gpu"} & found.facts.keys()
    assert [found.facts[name] != "not installed" for name in both] == [True]
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


@pytest.mark.parametrize(
    ("system", "machine", "package"),
    [
        ("Linux", "x86_64", "onnxruntime-gpu"),
        ("Linux", "aarch64", "onnxruntime"),
        ("Darwin", "arm64", "onnxruntime"),
    ],
)
def test_a_build_with_cuda_is_advised_where_there_is_one(
    system: str, machine: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GPU of which a plain onnxruntime knows nothing; then both distributions; then none."""
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert sessions.runtime_package() == package
    monkeypatch.setattr(doctor_module, "missing_gpu", lambda: "")
    monkeypatch.setattr(doctor_module, "both_installed", lambda: False)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    facts, problems = doctor_module._runtime()
    one = f"pip uninstall -y onnxruntime onnxruntime-gpu && pip install {package}"
    if package == "onnxruntime":
        assert facts["CUDA (onnxruntime)"].startswith("no: there is no build with it for this")
        assert problems == []
    else:
        assert [problem.mend for problem in problems] == [one]
    monkeypatch.setattr(doctor_module, "both_installed", lambda: True)
    assert [problem.mend for problem in doctor_module._runtime()[1]] == [one]
    monkeypatch.delattr(onnxruntime, "get_available_providers")
    assert doctor_module._runtime()[1][0].mend == f"pip install {package}"
    with pytest.raises(DeviceError, match="for CUDA install" if "gpu" in package else "torch"):
        sessions._start_cuda(_Plain, b"", 1)


class _Plain:
    """An onnxruntime without CUDA."""

    @staticmethod
    def get_available_providers() -> list[str]:
        return ["CPUExecutionProvider"]


def test_the_pair_that_mends_is_the_one_that_was_tested() -> None:
    tested = Path(__file__).parent.parent.joinpath("constraints.txt").read_text().split()
    named = [word.strip("'") for word in MATCHED_PAIR.split() if "==" in word]
    assert len(named) == 2
    assert set(named) <= set(tested)
