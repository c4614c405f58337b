"""Names of files that are not UTF-8: a run on them exports, also one that was written before."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from helpers.photos import write_photos

from ganaug import Generator, export, fit


def test_runs_with_such_names_export(tmp_path: Path) -> None:
    strange = os.fsdecode(b"caf\xe9")
    try:
        photos = write_photos(tmp_path / strange, test=False)
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    (photos / f"{strange}.png").touch()
    run = fit(photos, tmp_path / "run", preset="tiny", steps=1, batch_size=4, width=4)
    made = export(run, tmp_path / "new.onnx")
    assert made.data["source"] == "caf\\udce9"
    assert "not used beside the class folders: 1 image, such as caf\\udce9.png" in made.warnings
    # As a run was written before: with the names as they were read.
    data = json.loads((run / "data.json").read_text())
    data |= {"source": strange, "notes": [f"skipped {strange}"]}
    del data["pixels"]
    (run / "data.json").write_text(json.dumps(data))
    export(run, tmp_path / "old.onnx")
    info = Generator(tmp_path / "old.onnx").info
    assert info.data["source"] == "caf\\udce9"
    assert "skipped caf\\udce9" in info.warnings
