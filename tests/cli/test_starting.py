"""The word on a terminal while torch is loaded."""

from __future__ import annotations

import io

import pytest

from ganaug.cli import run

WORD = "starting ...\r            \r"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """Return what a command that is refused, or has nothing to say, writes on a terminal."""
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    assert run(arguments) in (0, 2)
    return stream.getvalue()


def test_it_vanishes_before_the_first_other_word(monkeypatch: pytest.MonkeyPatch) -> None:
    said = on_terminal(monkeypatch, "info", "missing.onnx")
    assert said.startswith(f"{WORD}ganaug: error: missing.onnx")
    assert said.count("starting") == 1


def test_it_vanishes_before_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    said = on_terminal(monkeypatch, "check", "digits", "--no-times")
    assert said.startswith(WORD)
    assert "reading images" in said
    assert said.count("starting") == 1


@pytest.mark.parametrize("arguments", [["fit", "--help"], ["check", "-h"], ["--version"]])
def test_help_and_version_have_none(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert on_terminal(monkeypatch, *arguments) == ""


def test_quiet_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert on_terminal(monkeypatch, "-q", "info", "missing.onnx").startswith("ganaug: error:")


def test_a_pipe_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["info", "missing.onnx"]) == 2
    assert capsys.readouterr().err.startswith("ganaug: error:")
