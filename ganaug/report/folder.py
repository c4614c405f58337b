"""The folder of an evaluation: the records as JSON, a picture, and the HTML report."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganaug.artifact.format import Metadata
from ganaug.evaluation.diversity.inspection import Inspection
from ganaug.evaluation.diversity.report import DiversityReport
from ganaug.evaluation.diversity.samples import Samples
from ganaug.evaluation.gain.report import GainReport
from ganaug.files import make_folder, write_json
from ganaug.images.grid import picture_grid, save_png
from ganaug.report.page import write_report
from ganaug.report.pictures import class_pictures

__all__ = ["write_evaluation", "write_records"]


def write_records(
    folder: str | os.PathLike[str], gain: GainReport | None, diversity: DiversityReport | None
) -> None:
    """Write gain.json and diversity.json, where they were measured.

    Args:
        folder: created where missing; files of an earlier evaluation are replaced.
        gain, diversity: what was measured.

    Raises:
        RunError: the folder cannot be written.
    """
    target = make_folder(folder)
    for name, record in (("gain", gain), ("diversity", diversity)):
        if record is not None:
            write_json(target / f"{name}.json", record.to_dict())


def write_evaluation(
    folder: str | os.PathLike[str],
    metadata: Metadata,
    samples: Samples,
    *,
    inspection: Inspection | None = None,
    gain: GainReport | None = None,
    diversity: DiversityReport | None = None,
    history: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """Write the records, grid.png and report.html; return the path of the report.

    Args:
        folder: created where missing; files of an earlier evaluation are replaced.
        metadata: the artifact's.
        samples: what the pictures show, see `draw_samples`.
        inspection: suspicious samples and the map, see `inspect_samples`; None leaves them out.
        gain: the comparison, or None where it was not measured.
        diversity: the record, or None where it was not measured.
        history: rows of the run's metrics.jsonl and diversity.jsonl, see `read_history`.

    Raises:
        RunError: the folder cannot be written.
    """
    target = make_folder(folder)
    write_records(target, gain, diversity)
    save_png(target / "grid.png", picture_grid(samples.overview))
    report = target / "report.html"
    write_report(
        report,
        metadata=metadata,
        gain=gain,
        diversity=diversity,
        grids=class_pictures(samples.classes),
        changes=samples.changes,
        strengths=samples.strengths,
        inspection=inspection,
        history=history,
    )
    return report
