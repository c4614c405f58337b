"""`benchmarks.training`: times a training as it is, and with torch's libraries held to AVX2."""

from __future__ import annotations

import json
import platform
from pathlib import Path

from click.testing import CliRunner

from benchmarks._results import result_text
from benchmarks.training import main


def test_both_kinds_are_timed_and_written(tmp_path: Path) -> None:
    path = tmp_path / "cost.json"
    options = ["--steps", "8", "--processes", "1", "--threads", "1", "--json", str(path)]
    done = CliRunner().invoke(main, options, catch_exceptions=False)
    assert done.exit_code == 0
    found = json.loads(path.read_text())
    assert path.read_text() == result_text(found)
    for kind in ("as it is", "held to AVX2"):
        assert found[kind]["milliseconds_of_a_step"] > 0
        assert found[kind]["minutes_of_a_training"] > 0
    if platform.machine() in ("x86_64", "AMD64"):
        assert found["held to AVX2"]["capability"] in ("AVX2", "DEFAULT")
    assert found["environment"]["threads"] == 1
