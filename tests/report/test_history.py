"""What a run wrote while it trained."""

from __future__ import annotations

from pathlib import Path

from ganaug.report.history import read_history


def test_the_history_of_a_run(tmp_path: Path) -> None:
    assert read_history(tmp_path) == []
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n{"step": 2}\n')
    assert read_history(tmp_path) == [{"step": 1}, {"step": 2}]
    (tmp_path / "diversity.jsonl").write_text('{"step": 2, "coverage": 0.5}\n')
    assert read_history(tmp_path)[2:] == [{"step": 2, "coverage": 0.5}]
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n{"step": 2, "los')
    assert read_history(tmp_path) == [{"step": 1}, {"step": 2, "coverage": 0.5}]
