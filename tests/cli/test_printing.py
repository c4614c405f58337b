"""Where what is printed goes nowhere, or cannot be written, the work is done all the same."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.photos import TINY

from ganaug.cli import run
from ganaug.cli.console import Settings, echo, plain_messages, say


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
        assert run(["check", str(photos), "--no-times", "--json", str(record)]) == 0
    assert json.loads(record.read_text())["images"]


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


def test_no_file_takes_the_place_of_a_closed_stream(photos: Path, tmp_path: Path) -> None:
    """`>&- 2>&-`: what a library prints would else go into the file that is open then."""
    out = tmp_path / "run"
    script = (
        "import os, sys; os.closerange(0, 3); sys.stdin = sys.stdout = sys.stderr = None;"
        "from ganaug.cli import main; main()"
    )
    command = ["fit", str(photos), "--out", str(out), "--steps", "1", *TINY]
    done = subprocess.run([sys.executable, "-c", script, *command], close_fds=True)
    assert done.returncode == 0
    assert (out / "checkpoint.json").is_file()
    held = "import os; [os.fstat(n) for n in (0, 1, 2)]; os._exit(7)"
    script = script.replace(
        "main()", f"import ganaug.cli as c; c.run = lambda _: exec({held!r}); main()"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 7


def test_names_that_the_terminal_cannot_show_are_escaped() -> None:
    content = io.BytesIO()
    terminal = io.TextIOWrapper(content, encoding="latin-1")
    echo("größe 漢字", file=terminal)
    assert content.getvalue() == "größe \\u6f22\\u5b57\n".encode("latin-1")


def test_a_line_break_in_a_path_breaks_no_message(capsys: pytest.CaptureFixture[str]) -> None:
    """With it a path could say a line of its own."""
    settings = Settings()
    with plain_messages(settings):
        say(settings, "wrote new\nganaug: all done")
        logging.getLogger("ganaug").info("wrote\nnew")
        logging.getLogger("ganaug").warning("wrote\nnew")
    assert capsys.readouterr().err == (
        "ganaug: wrote new\\nganaug: all done\nganaug: wrote\\nnew\nganaug: warning: wrote\\nnew\n"
    )
