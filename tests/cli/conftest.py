"""One small folder of photographs, and one tiny artifact fitted on it, for all tests here."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.photos import TINY, write_photos

from ganaug.cli import run


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, too, everything here is quick."""
    monkeypatch.setattr("ganaug.cli.bars.QUICK", 3600.0)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photos(tmp_path_factory.mktemp("data") / "photos", test=True)


@pytest.fixture(scope="session")
def fitted(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a tiny generator."""
    folder = tmp_path_factory.mktemp("fitted") / "run"
    assert run(["-q", "fit", str(photos), "--out", str(folder), "--steps", "3", *TINY]) == 0
    return folder


@pytest.fixture(scope="session")
def artifact(fitted: Path) -> Path:
    file = fitted.parent / "photos.onnx"
    assert run(["-q", "export", str(fitted), str(file)]) == 0
    return file
