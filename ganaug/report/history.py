"""The run that a file came from: where it lies, and what it wrote while it trained."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ganaug.artifact.format import Metadata
from ganaug.errors import RunError, named_path
from ganaug.records import load_json, read_rows

__all__ = ["find_run", "read_history"]

LOGS = ("metrics.jsonl", "diversity.jsonl")


def find_run(
    given: str | os.PathLike[str] | None, info: Metadata, file: str | os.PathLike[str]
) -> Path | None:
    """Return the folder of the run that a file came from, or None where it is not to be found.

    Args:
        given: the folder, where the user named it; otherwise the folders beside the file, and those
            in `runs` beside it, are searched for a run of the same images, seed and configuration.
        info: the metadata of the file.
        file: its path.

    Raises:
        RunError: `given` is no run or that of another file, or its logs cannot be read.
    """
    if given is not None:
        if not os.path.isfile(named_path(given) / "metrics.jsonl"):
            raise RunError(
                f"{given}: no run (metrics.jsonl is missing); allowed: the folder that fit wrote;"
                " leave the option out to have no curves"
            )
        read_history(given)  # now, and not when hours of work are done
        if not _is_run_of(Path(given), info):
            raise RunError(
                f"{given}: its images, seed or settings are not those that {os.fspath(file)} was"
                " trained with; allowed: the run that the file came from; name that, or leave the"
                " option out"
            )
        return Path(given)
    beside = Path(file).absolute().parent
    for record in sorted((*beside.glob("*/metrics.jsonl"), *beside.glob("runs/*/metrics.jsonl"))):
        if _is_run_of(record.parent, info):
            return record.parent
    return None


def read_history(run: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Return the rows of a run's metrics.jsonl and diversity.jsonl, none where there is neither.

    Raises:
        RunError: a line is none that `fit` writes; the last one may be cut off.
    """
    return [row for name in LOGS for row in read_rows(Path(run) / name)]


def _is_run_of(folder: Path, info: Metadata) -> bool:
    try:
        config, data = load_json(folder / "config.json"), load_json(folder / "data.json")
        read_history(folder)
        settings = info.config | config["config"]  # an older run does not say all of them
        return (settings, config["seed"], data["fingerprint"], data.get("started_from")) == (
            info.config,
            info.seed,
            info.fingerprint,
            info.data.get("started_from"),
        )
    except (RunError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
