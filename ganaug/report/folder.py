"""The folder of an evaluation: the records as JSON, a picture, and the HTML report."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganaug.artifact.runtime import Generator
from ganaug.files import make_folder, write_json
from ganaug.images import ImageSet
from ganaug.images.grid import save_png
from ganaug.report.page import write_report
from ganaug.report.pictures import class_pictures, overview

__all__ = ["write_evaluation"]


def write_evaluation(
    folder: str | os.PathLike[str],
    generator: Generator,
    images: ImageSet,
    *,
    gain: Mapping[str, Any] | None = None,
    diversity: Mapping[str, Any] | None = None,
    history: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """Write gain.json, diversity.json, grid.png and report.html; return the path of the report.

    Args:
        folder: created where missing; files of an earlier evaluation are replaced.
        generator: the artifact.
        images: the images that it varies in the pictures.
        gain: `GainReport.to_dict()`, or None where it was not measured.
        diversity: `DiversityReport.to_dict()`, or None.
        history: rows of the run's metrics.jsonl.

    Raises:
        RunError: the folder cannot be written.
    """
    target = make_folder(folder)
    for name, record in (("gain", gain), ("diversity", diversity)):
        if record is not None:
            write_json(target / f"{name}.json", record)
    save_png(target / "grid.png", overview(generator, images))
    report = target / "report.html"
    write_report(
        report,
        metadata=json.loads(generator.info.to_json()),
        gain=gain,
        diversity=diversity,
        grids=class_pictures(generator, images),
        history=history,
    )
    return report
