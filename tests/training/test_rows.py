"""The logs of a run: rows up to a step, torn ends, and marks of what happened."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganaug.errors import RunError
from ganaug.records import MOST_BYTES, read_rows
from ganaug.training.rows import add_row, keep_rows


def log(folder: Path, *rows: dict[str, object]) -> Path:
    for row in rows:
        add_row(folder / "log.jsonl", row)
    return folder / "log.jsonl"


def test_rows_up_to_a_step_stay(tmp_path: Path) -> None:
    path = log(tmp_path, {"step": 1}, {"step": 2, "loss": 0.5}, {"step": 3})
    assert keep_rows(path, 2) == [{"step": 1}, {"step": 2, "loss": 0.5}] == read_rows(path)
    assert keep_rows(tmp_path / "none.jsonl", 2) == []
    assert not (tmp_path / "none.jsonl").exists()


@pytest.mark.parametrize(
    "end",
    [
        '{"st',
        "[]",
        '{"loss": 1}',
        '{"step": "2"}',
        '{"step": 2, "a": "b"}',
        '{"step": 2, "settings": {"r1": "high"}}',
    ],
)
def test_a_torn_end_is_left_out_and_any_other_damage_refused(end: str, tmp_path: Path) -> None:
    path = log(tmp_path, {"step": 1}, {"step": 1, "alarm": "collapsed"})
    before = path.read_text()
    path.write_text(before + end)
    assert len(keep_rows(path, 2)) == 2
    assert path.read_text() == before
    path.write_text(before + end + '\n{"step": 3}\n')
    with pytest.raises(RunError, match="line 3"):
        read_rows(path)


def test_marks_stay_where_they_are_and_new_ones_come_last(tmp_path: Path) -> None:
    first, second = {"step": 4, "rollback": 1}, {"step": 2, "rollback": 2}
    second |= {"alarm": "collapsed", "cause": "collapsed", "settings": {"r1": 1.0}}
    path = log(tmp_path, {"step": 2}, {"step": 4}, {"step": 6})
    assert keep_rows(path, 4, [first]) == [{"step": 2}, {"step": 4}, first]
    add_row(path, {"step": 6})
    assert keep_rows(path, 6, [first]) == [{"step": 2}, {"step": 4}, first, {"step": 6}]
    assert keep_rows(path, 2, [first, second]) == [{"step": 2}, first, second]
    assert read_rows(path) == [{"step": 2}, first, second]


def test_the_log_of_a_very_long_run_is_read(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n' + b" " * (MOST_BYTES + 1) + b'\n{"step": 2}\n')
    assert read_rows(path) == [{"step": 1}, {"step": 2}]
