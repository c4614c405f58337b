"""Exporting over an earlier file: the same run's is replaced, what was measured is not lost."""

from __future__ import annotations

import importlib
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers.short_runs import SHORT
from helpers.small_images import bars

from ganaug.artifact.policy import Policy
from ganaug.artifact.reader import read_artifact
from ganaug.artifact.rewrite import rewrite_metadata
from ganaug.errors import RunError
from ganaug.training import export, fit

EXPORT = importlib.import_module("ganaug.training.export")  # a function has the same name

OPTIONS = SHORT | {"steps": 4, "checkpoint_every": 2, "log_every": 1, "sample_every": 4}
TUNED = Policy(p=((2, 0.35), (8, 0.0)), source="tune", evidence={"gain": {"low": 0.01}})


def stop_after_three(step: int, total: int, row: dict[str, Any]) -> None:
    if step == 3:
        raise RuntimeError("pulled the plug")


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped in the middle."""
    run = tmp_path_factory.mktemp("half") / "run"
    with pytest.raises(RuntimeError, match="plug"):
        fit(bars(), run, progress=stop_after_three, **OPTIONS)
    return run


@pytest.fixture(scope="module")
def run(half: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run, finished."""
    copy = shutil.copytree(half, tmp_path_factory.mktemp("whole") / "run")
    return fit(bars(), copy, **OPTIONS)


def test_a_file_of_the_same_run_is_replaced(half: Path, run: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.onnx"
    file.touch()  # as mktemp makes it
    assert export(half, file).steps == 2
    assert export(run, file).steps == 4
    before = file.read_bytes()
    export(run, file)
    assert file.read_bytes() == before


def test_what_tune_writes_during_an_export_stays(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.onnx"
    export(run, file)
    compare = EXPORT._compare

    def meanwhile(*words: Any) -> Any:
        rewrite_metadata(file, policy=TUNED)
        return compare(*words)

    monkeypatch.setattr(EXPORT, "_compare", meanwhile)
    assert export(run, file).policy == TUNED
    assert read_artifact(file)[1].policy == TUNED


def test_the_same_generator_keeps_what_was_measured(
    run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "a.onnx"
    export(run, file)
    exported = file.read_bytes()
    diversity = {"words": {"ok": ["OK"]}}
    rewrite_metadata(file, policy=TUNED, gain={"mean": 0.1}, diversity=diversity)
    with caplog.at_level(logging.INFO, "ganaug"):
        written = export(run, file)
    assert "the same generator; it keeps its gain, diversity, policy" in caplog.text
    assert written == read_artifact(file)[1]
    assert (written.policy, written.gain, written.diversity) == (TUNED, {"mean": 0.1}, diversity)
    export(run, file, force=True)
    assert file.read_bytes() == exported


def test_another_generator_does_not_take_the_place_of_a_measured_one(
    half: Path, run: Path, tmp_path: Path
) -> None:
    file = tmp_path / "a.onnx"
    export(half, file)
    rewrite_metadata(file, gain={"mean": 0.1})
    before = file.read_bytes()
    with pytest.raises(RunError, match=r"measured of another generator .*\(gain; after 2 steps\)"):
        export(run, file)
    assert file.read_bytes() == before
    assert export(run, file, force=True).gain is None


def test_the_generator_of_another_run_stays(run: Path, tmp_path: Path) -> None:
    other = fit(bars(), tmp_path / "other", seed=1, **OPTIONS)
    file = tmp_path / "a.onnx"
    export(other, file)
    before = file.read_bytes()
    with pytest.raises(RunError, match=r"a\.onnx: holds the generator of another run \(seed 1, "):
        export(run, file)
    assert file.read_bytes() == before
    export(run, file, force=True)
    assert read_artifact(file)[1].seed == 0


def test_a_link_stays_and_files_of_the_run_are_never_replaced(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "run")
    names = {path.name: path.read_bytes() for path in copy.iterdir() if path.is_file()}
    for name in ("checkpoint-000004.safetensors", "config.json"):
        for force in (True, False):
            with pytest.raises(RunError, match="one of the files that are read"):
                export(copy, copy / name, force=force)
    assert {name: (copy / name).read_bytes() for name in names} == names
    link = tmp_path / "link.onnx"
    link.symlink_to(copy / "a.onnx")
    export(copy, link)
    assert link.is_symlink()
    assert read_artifact(copy / "a.onnx")[1].steps == 4
