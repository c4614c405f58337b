"""`benchmarks.tuning`: estimated and timed costs of the steps of `tune`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from helpers.here import call_here

from benchmarks import tuning
from benchmarks._results import result_text
from benchmarks.tuning import CASES, main


def test_both_kinds_are_timed_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process: those of its own are tested in test_benchmark_timing.py."""
    monkeypatch.setattr(tuning, "in_a_process", call_here(main))
    path = tmp_path / "cost.json"
    options = ["--steps", "8", "--cases", "1", "--json", str(path)]
    done = CliRunner().invoke(main, options, catch_exceptions=False)
    assert done.exit_code == 0
    found = json.loads(path.read_text())
    assert path.read_text() == result_text(found)
    name = CASES[0][0]
    both = [found[kind][name] for kind in ("as it is", "held to AVX2")]
    assert both[0]["estimated_milliseconds"] == both[1]["estimated_milliseconds"]
    assert both[0]["budget"] == both[1]["budget"]
    for case in both:
        assert case["precision"] == "fp32"  # at 8 pixels
        assert min(case["timed_milliseconds"].values()) > 0
        assert case["budget"]["factor"] == 3
        assert case["times_the_training"] > 0
    assert found["environment"]["threads"] == 1
