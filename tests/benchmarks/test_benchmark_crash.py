"""`benchmarks.crash` kills real trainings, a handful here."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks._timing import in_a_process


def test_killed_trainings_go_on_and_end_with_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "crash.json"
    found = in_a_process("benchmarks.crash", ["--kills", 4, "--steps", 12, "--json", path])
    assert found == json.loads(path.read_text())
    assert found["kills"] == 4
    assert found["resumed"] == found["kills"]
    assert found["lost"] <= found["checkpoint_every"]
    assert found["bit_identical"] is True
