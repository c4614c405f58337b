"""The folder of an evaluation: the records as JSON, a picture, and the HTML report."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganaug.artifact.format import Metadata
from ganaug.errors import ConfigError, RunError
from ganaug.evaluation.diversity.inspection import Inspection
from ganaug.evaluation.diversity.report import DiversityReport
from ganaug.evaluation.diversity.samples import Samples
from ganaug.evaluation.gain.report import GainReport
from ganaug.files import make_folder, write_json
from ganaug.images.grid import picture_grid, save_png
from ganaug.report.advice import NAMED, Named
from ganaug.report.kinds import EVALUATION
from ganaug.report.page import write_report
from ganaug.wording import counted, first_names

__all__ = ["replaced_comparison", "write_evaluation", "write_records"]

MOST_NAMED = 6  # arms


def replaced_comparison(folder: str | os.PathLike[str], gain: GainReport | None) -> list[str]:
    """Return in a line which comparison in `folder` the records of `gain` will replace.

    Nothing where there is none, or the same one: of the same arms, baseline, seeds and steps, about
    the same generators.
    """
    path = Path(folder) / "gain.json"
    if not (path.is_file() and EVALUATION["gain.json"].is_ours(path)):
        return []

    def told(report: GainReport) -> tuple[object, ...]:
        how, about = report.settings, (report.claim, report.dataset)
        trained = (report.baseline, report.seeds, how.classifier, how.steps, how.quick)
        return set(report.arms), about, trained, how.artifact, how.refit, how.tuned

    try:
        there = GainReport.from_dict(json.loads(path.read_text(encoding="utf-8")))
        same = gain is not None and told(gain) == told(there)
        arms, seeds = first_names(tuple(there.arms), MOST_NAMED), counted(len(there.seeds), "seed")
    except (ConfigError, TypeError):  # of another version, or changed by hand
        return [f"{folder}: replaced the report of an earlier evaluation"]
    if same:
        return []
    return [
        f"{folder}: replaced the report of another comparison, of {arms} on {there.dataset} with"
        f" {seeds}, baseline {there.baseline}; its trainings are kept, so the same command makes"
        " it again"
    ]


def write_records(
    folder: str | os.PathLike[str],
    gain: GainReport | None,
    diversity: DiversityReport | None,
    judged: DiversityReport | None = None,
) -> None:
    """Write gain.json, diversity.json and judged.json, where they were measured.

    Args:
        folder: created where missing. Records of an earlier evaluation are replaced; its other
            files go, pictures too, once the new records are there.
        gain, diversity: what was measured.
        judged: of other images, beside a generator's.

    Raises:
        RunError: the folder cannot be written.
    """
    target = make_folder(folder)
    records = {"gain.json": gain, "diversity.json": diversity, "judged.json": judged}
    measured = {name: record for name, record in records.items() if record is not None}
    earlier = [  # told before the records are there, by which a picture of the user's would be ours
        target / name
        for name, kind in EVALUATION.items()
        if name not in measured and (target / name).is_file() and kind.is_ours(target / name)
    ]
    for name, record in measured.items():
        write_json(target / name, record.to_dict())
    for path in earlier:
        _remove(path)


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:
        raise RunError(
            f"{path}: of an earlier evaluation, cannot be removed ({error.strerror}); allowed: a"
            " file that this command may remove; remove it"
        ) from error


def write_evaluation(
    folder: str | os.PathLike[str],
    metadata: Metadata,
    samples: Samples,
    *,
    inspection: Inspection | None = None,
    gain: GainReport | None = None,
    diversity: DiversityReport | None = None,
    judged: DiversityReport | None = None,
    history: Sequence[Mapping[str, Any]] = (),
    named: Named = NAMED,
) -> Path:
    """Write the records, grid.png and report.html; return the path of the report.

    Args:
        folder: as for `write_records`.
        metadata: the artifact's.
        samples: what the pictures show, see `draw_samples`.
        inspection: suspicious samples and the map, see `inspect_samples`; None leaves them out.
        gain: the comparison, or None where it was not measured.
        diversity: the record, or None where it was not measured.
        judged: that of other images, which the report does not show.
        history: rows of the run's metrics.jsonl and diversity.jsonl, see `read_history`.
        named: what the commands of the advice take.

    Raises:
        RunError: the folder cannot be written.
    """
    target = make_folder(folder)
    write_records(target, gain, diversity, judged)
    save_png(target / "grid.png", picture_grid(samples.overview))
    report = target / "report.html"
    write_report(
        report,
        metadata=metadata,
        samples=samples,
        gain=gain,
        diversity=diversity,
        inspection=inspection,
        history=history,
        named=named,
    )
    return report
