"""Commands where numbers are written with commas, and with very long and hostile paths."""

from __future__ import annotations

import json
import locale
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.photos import TINY

from ganaug import Generator
from ganaug.cli import run


@pytest.fixture
def commas(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """German numbers for all of C, as a program with windows sets them."""
    if shutil.which("localedef") is None:
        pytest.skip("localedef, which makes a locale, is not installed")
    folder = tmp_path_factory.mktemp("locale")
    made = folder / "de_DE.UTF-8"
    subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", made], capture_output=True)
    if not made.is_dir():
        pytest.skip("the sources of locales are not installed")
    monkeypatch.setenv("LOCPATH", str(folder))
    before = locale.setlocale(locale.LC_ALL)
    locale.setlocale(locale.LC_ALL, made.name)
    assert locale.str(0.5) == "0,5"
    yield
    locale.setlocale(locale.LC_ALL, before)


@pytest.mark.usefixtures("commas")
def test_numbers_with_commas_change_nothing(
    photos: Path, fitted: Path, artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Images, weights, the file and its records are those of the usual locale."""
    again, file = tmp_path / "run", tmp_path / "photos.onnx"
    assert run(["-q", "fit", str(photos), "--out", str(again), "--steps", "3", *TINY]) == 0
    assert run(["-q", "export", str(again), str(file)]) == 0
    assert file.read_bytes() == artifact.read_bytes()
    record = str(tmp_path / "both.json")
    once = ["--seeds", "1", "--steps", "2", "--jobs", "1", "--arms", "balanced,ganaug"]
    command = ["-q", "evaluate", str(file), str(photos), *once, "--baseline", "balanced"]
    assert run([*command, "--json", record]) == 0
    assert 0 <= json.loads(Path(record).read_text())["gain"]["gain"]["ganaug"]["p"] <= 1
    info = Generator(file).info
    assert info.gain is not None
    capsys.readouterr()
    assert run(["card", str(file)]) == 0
    card = capsys.readouterr().out
    assert str(info.gain["seeds"]) in card
    assert "0," not in card.replace("0, ", "")


ODD = {
    "of 300 letters": "x" * 300,
    "deeper than a path may be": "d/" * 3000 + "x",
    "with a new line": "a\nb",
    "with commands for a terminal": "a\x1b[31mb",
    "like an option": "-x",
    "of bytes that are no text": os.fsdecode(b"\xff\xfe"),
    "with a null byte": "a\0b",
    "in other scripts": "größe 漢字",
    "with patterns": "%s {0} $HOME *",
    "a blank": " ",
    "empty": "",
    "the folder above": "..",
}

# {odd} is such a path; {photos}, {run} and {file} are images, a run and its file.
WRITTEN = {
    "check": ["check", "{photos}", "--no-times", "--json", "{odd}"],
    "fit": ["fit", "{photos}", "--steps", "1", *TINY, "--out", "{odd}"],
    "export": ["export", "{run}", "--", "{odd}"],
    "tune": ["tune", "{file}", "{photos}", "--out", "kept", "--json", "{odd}"],
    "evaluate": ["evaluate", "{file}", "{photos}", "--quick", "--seeds", "1", "--steps", "1",
                 "--jobs", "1", "--arms", "balanced", "--out", "{odd}"],
    "sample": ["sample", "{file}", "--count", "1", "--source", "{photos}", "--out", "{odd}"],
    "vary": ["vary", "{file}", "{photo}", "--out", "{odd}.png"],
    "card": ["card", "{file}", "--out", "{odd}"],
}  # fmt: skip
READ = {
    "info": ["info", "--", "{odd}"],
    "card": ["card", "--", "{odd}"],
    "vary": ["vary", "{file}", "--out", "a.png", "--", "{odd}"],
    "check": ["check", "--", "{odd}"],
    "fit": ["fit", "--out", "out", "--", "{odd}"],
    "export": ["export", "--", "{odd}", "out.onnx"],
    "tune": ["tune", "{file}", "--", "{odd}"],
    "evaluate": ["evaluate", "{file}", "--", "{odd}"],
    "sample": ["sample", "{file}", "--count", "1", "--out", "out", "--source", "{odd}"],
}


@pytest.fixture
def given(
    photos: Path, fitted: Path, artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Absolute paths, from a folder of its own with nothing in it."""
    file = shutil.copy(artifact, tmp_path / "photos.onnx")
    here = tmp_path / "here" / "inner"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    photo = min((photos / "train" / "ok").iterdir())
    paths = {"photos": photos, "run": fitted, "file": file, "photo": photo}
    return {name: str(path) for name, path in paths.items()}


def one_line(text: str) -> None:
    assert text.count("\n") == 1, text
    assert text.startswith("ganaug: error: ")
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "Traceback" not in text
    assert "shows the traceback" not in text  # said of a defect


@pytest.mark.parametrize("name", WRITTEN)
def test_an_output_at_an_odd_path_is_there_or_refused_in_one_line(
    name: str, given: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    for about, odd in ODD.items():
        command = [
            each.replace("{odd}", odd) if "{odd}" in each else each.format(**given)
            for each in WRITTEN[name]
        ]
        code = run(["-q", *command])
        err = capsys.readouterr().err
        assert code in (0, 2), (about, err)
        if code == 2:
            one_line(err)
        else:
            assert os.path.exists(command[-1] or "."), about  # no name is that of this folder
    assert set(os.listdir("../..")) == {"here", "photos.onnx"}


@pytest.mark.parametrize("name", READ)
def test_an_input_at_an_odd_path_is_refused_in_one_line(
    name: str, given: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    for about, odd in ODD.items():
        command = [odd if each == "{odd}" else each.format(**given) for each in READ[name]]
        assert run(["-q", *command]) == 2, about
        one_line(capsys.readouterr().err)
    assert os.listdir() == []
