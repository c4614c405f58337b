"""`benchmarks.sampling`: one process and two write the same bytes, and are timed."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from benchmarks._results import result_text
from benchmarks.sampling import main


def test_two_processes_write_the_bytes_of_one(tmp_path: Path) -> None:
    path = tmp_path / "sampling.json"
    options = ["--images", "30", "--shards", "--json", str(path)]
    done = CliRunner().invoke(main, options, catch_exceptions=False)
    assert done.exit_code == 0
    found = json.loads(path.read_text())
    assert path.read_text() == result_text(found)
    assert found["images"] == 30
    assert found["identical_bytes"] is True
    assert found["images_per_s"].keys() == {"1", "2"}
    assert found["ratio"] > 0
