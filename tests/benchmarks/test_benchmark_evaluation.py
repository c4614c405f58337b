"""`benchmarks.evaluation`: all of it runs, on few images and seeds."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import evaluation
from benchmarks._results import result_text
from benchmarks.evaluation import ARMS, main


def test_work_has_a_process_of_its_own() -> None:
    assert evaluation._alone(os.getpid) != os.getpid()


def test_both_figures_are_measured_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "_alone", lambda work, *arguments: work(*arguments))
    path = tmp_path / "cost.json"
    options = ["--images", "400", "--seeds", "1", "--steps", "2", "--json", str(path)]
    done = CliRunner().invoke(main, options, catch_exceptions=False)
    assert done.exit_code == 0
    found = json.loads(path.read_text())
    assert path.read_text() == result_text(found)
    assert found["diversity"]["images"] == 400
    assert found["diversity"]["classes_measured"] == 10
    assert found["diversity"]["resident_gb"] > 0.1
    assert found["gain"]["seeds"] == 1
    assert found["gain"]["arms"] == list(ARMS)
    assert {"versions", "machine"} <= found["environment"].keys()
