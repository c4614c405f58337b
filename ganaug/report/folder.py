"""The folder of an evaluation: the records as JSON, a picture, and the HTML report."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganaug.artifact.runtime import Generator
from ganaug.errors import RunError
from ganaug.evaluation.diversity.suspects import look_at
from ganaug.files import make_folder, write_json
from ganaug.images import ImageSet
from ganaug.images.grid import save_png
from ganaug.report.page import write_report
from ganaug.report.pictures import class_pictures, overview

__all__ = ["find_run", "write_evaluation"]


def find_run(
    given: str | os.PathLike[str] | None, generator: Generator, file: str | os.PathLike[str]
) -> Path | None:
    """Return the folder of the run that a file came from, or None where it is not to be found.

    Args:
        given: the folder, where the user named it; otherwise the folders beside the file, and those
            in `runs` beside it, are searched for a run of the same images, seed and configuration.
        generator: the artifact.
        file: its path.

    Raises:
        RunError: `given` is no run.
    """
    if given is not None:
        if not Path(given, "metrics.jsonl").is_file():
            raise RunError(
                f"{given}: no run (metrics.jsonl is missing); allowed: the folder that fit wrote;"
                " leave the option out to have no curves"
            )
        return Path(given)
    beside = Path(file).absolute().parent
    for record in sorted((*beside.glob("*/metrics.jsonl"), *beside.glob("runs/*/metrics.jsonl"))):
        if _is_run_of(record.parent, generator):
            return record.parent
    return None


def _training(generator: Generator, images: ImageSet) -> ImageSet:
    """Return what the generator was trained on: without the fifth that was held out."""
    return images.hold_out() if generator.info.data.get("held_out") else images


def _is_run_of(folder: Path, generator: Generator) -> bool:
    info = generator.info
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        data = json.loads((folder / "data.json").read_text(encoding="utf-8"))
        return (config["config"], config["seed"], data["fingerprint"]) == (
            info.config,
            info.seed,
            info.fingerprint,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


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
        history: rows of the run's metrics.jsonl and diversity.jsonl, see `read_history`.

    Raises:
        RunError: the folder cannot be written.
    """
    target = make_folder(folder)
    for name, record in (("gain", gain), ("diversity", diversity)):
        if record is not None:
            write_json(target / f"{name}.json", record)
    save_png(target / "grid.png", overview(generator, images))
    report = target / "report.html"
    fits = generator.info.kind == "variation" or images.size == generator.info.size
    write_report(
        report,
        metadata=json.loads(generator.info.to_json()),
        gain=gain,
        diversity=diversity,
        grids=class_pictures(generator, images),
        look=look_at(generator, _training(generator, images)) if fits else None,
        history=history,
    )
    return report
