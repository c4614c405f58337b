"""The logs of a run: rows up to a step, torn ends, and marks of what happened."""

from __future__ import annotations

from pathlib import Path

from ganaug.training.rows import add_row, keep_rows, read_rows


def log(folder: Path, *rows: dict[str, object]) -> Path:
    for row in rows:
        add_row(folder / "log.jsonl", row)
    return folder / "log.jsonl"


def test_rows_up_to_a_step_stay(tmp_path: Path) -> None:
    path = log(tmp_path, {"step": 1}, {"step": 2, "loss": 0.5}, {"step": 3})
    assert keep_rows(path, 2) == [{"step": 1}, {"step": 2, "loss": 0.5}] == read_rows(path)
    assert keep_rows(tmp_path / "none.jsonl", 2) == []
    assert not (tmp_path / "none.jsonl").exists()


def test_what_is_torn_or_no_row_ends_the_log(tmp_path: Path) -> None:
    for end in ('{"st', "[]", '{"loss": 1}', '{"step": "2"}'):
        path = log(tmp_path, {"step": 1})
        path.write_text(path.read_text() + end + '\n{"step": 3}\n')
        assert read_rows(path) == [{"step": 1}]
        path.unlink()


def test_marks_stay_where_they_are_and_new_ones_come_last(tmp_path: Path) -> None:
    first, second = {"step": 4, "rollback": 1}, {"step": 2, "rollback": 2}
    path = log(tmp_path, {"step": 2}, {"step": 4}, {"step": 6})
    assert keep_rows(path, 4, [first]) == [{"step": 2}, {"step": 4}, first]
    add_row(path, {"step": 6})
    assert keep_rows(path, 6, [first]) == [{"step": 2}, {"step": 4}, first, {"step": 6}]
    assert keep_rows(path, 2, [first, second]) == [{"step": 2}, first, second]
    assert read_rows(path) == [{"step": 2}, first, second]
