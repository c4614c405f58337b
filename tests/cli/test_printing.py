"""Where what is printed goes nowhere, or cannot be written, the work is done all the same."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest

from ganaug.cli import run
from ganaug.cli.console import echo


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_that_has_gone_is_no_failure(
    stream: str, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `| head -1` and `2>&1 | head -1` do it."""
    reading, writing = os.pipe()
    os.close(reading)
    record = tmp_path / "check.json"
    with os.fdopen(writing, "w") as gone:
        monkeypatch.setattr(sys, stream, gone)
        assert run(["check", str(photos), "--no-times", "--json", str(record)]) == 1
    assert json.loads(record.read_text())["problems"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no such device here")
def test_a_full_disk_behind_stdout_is_told_and_the_files_are_written(
    photos: Path,
    artifact: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    record = tmp_path / "check.json"
    for command, code in (
        (["info", str(artifact)], 1),
        (["check", str(photos), "--no-times", "--json", str(record)], 1),
    ):
        with open("/dev/full", "w") as full:
            monkeypatch.setattr(sys, "stdout", full)
            assert run(["-q", *command]) == code
        assert "not all could be printed (No space left on device)" in capsys.readouterr().err
    assert record.exists()


def test_names_that_the_terminal_cannot_show_are_escaped() -> None:
    content = io.BytesIO()
    terminal = io.TextIOWrapper(content, encoding="latin-1")
    echo("größe 漢字", file=terminal)
    assert content.getvalue() == "größe \\u6f22\\u5b57\n".encode("latin-1")
