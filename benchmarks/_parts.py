"""Parts of one comparison: a report with its predictions in a file, and several of them merged."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from ganaug.errors import ConfigError
from ganaug.evaluation.classifiers.interface import Outcome
from ganaug.evaluation.gain import GainReport
from ganaug.evaluation.gain.judge import Evidence
from ganaug.evaluation.gain.units import TestPart
from ganaug.files import atomic_path

__all__ = ["BY_SEED", "join_arms", "merge_parts", "read_part", "write_part"]

BY_SEED = ("generator_seconds", "policies")  # what a part says of each of its generators


def write_part(path: Path, report: GainReport, extra: dict[str, Any]) -> None:
    """Write a report with its predictions, and what the benchmark adds to it, as .npz."""
    evidence = report.evidence
    if evidence is None:
        raise ValueError("a report from a file has no predictions")
    arrays: dict[str, Any] = {"report": json.dumps(report.to_dict()), "extra": json.dumps(extra)}
    for seed in report.seeds:
        test = evidence.tests[seed]
        arrays[f"{seed}/labels"] = test.labels
        arrays[f"{seed}/counts"] = evidence.counts[seed]
        arrays[f"{seed}/fingerprint"] = test.fingerprint
        for name in ("groups", "content"):
            if (values := getattr(test, name)) is not None:
                arrays[f"{seed}/{name}"] = values
        for place, arm in enumerate(report.arms):
            outcome = evidence.outcomes[seed, arm]
            arrays[f"{seed}/{place}/probabilities"] = outcome.probabilities
            arrays[f"{seed}/{place}/predicted"] = outcome.predicted
            arrays[f"{seed}/{place}/seconds"] = outcome.seconds
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read_part(path: Path) -> tuple[GainReport, dict[str, Any]]:
    """Return what `write_part` wrote.

    Raises:
        ConfigError: the file is none of `write_part`'s.
    """
    try:
        with np.load(path, allow_pickle=False) as held:
            values = json.loads(str(held["report"]))
            extra = json.loads(str(held["extra"]))
            seeds, arms = values["seeds"], list(values["arms"])
            trained: dict[tuple[bytes, float], Outcome] = {}
            outcomes = {}
            for seed in seeds:
                for place, arm in enumerate(arms):
                    probabilities = held[f"{seed}/{place}/probabilities"]
                    seconds = float(held[f"{seed}/{place}/seconds"])
                    # No two trainings take as long to the bit: arms that share one share it again.
                    one = (probabilities.tobytes(), seconds)
                    outcome = Outcome(probabilities, seconds, held.get(f"{seed}/{place}/predicted"))
                    outcomes[seed, arm] = trained.setdefault(one, outcome)
            evidence = Evidence(
                outcomes,
                {
                    seed: TestPart(
                        held[f"{seed}/labels"],
                        held.get(f"{seed}/groups"),
                        str(held[f"{seed}/fingerprint"]),
                        held.get(f"{seed}/content"),
                    )
                    for seed in seeds
                },
                {seed: held[f"{seed}/counts"] for seed in seeds},
            )
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ConfigError(
            f"{path}: no part of a comparison ({error}); allowed: files that --part wrote; check"
            " the path"
        ) from error
    report = GainReport.from_dict(values)
    return report.judged_on(evidence, seeds, arms), extra


def merge_parts(paths: Sequence[Path]) -> tuple[GainReport, dict[str, Any]]:
    """Return the report over the seeds of all parts, and what was added to the first.

    Raises:
        ConfigError: a file is no part, or the parts do not belong together.
    """
    read = [read_part(path) for path in paths]
    for name in ("dataset", "size", "judged_on", "quick", "tuned"):
        found = sorted({str(extra.get(name)) for _, extra in read})
        if len(found) > 1:
            raise ConfigError(
                f"--merge: {name} is {' and '.join(found)}; allowed: parts of one comparison; merge"
                " those that agree"
            )
    first = dict(read[0][1])
    for name in (*BY_SEED, "commits"):
        listed = [value for _, extra in read for value in extra.get(name) or []]
        if name in first:
            first[name] = list(dict.fromkeys(listed)) if name == "commits" else listed
    return reduce(GainReport.merge, [report for report, _ in read]), first


def join_arms(report: GainReport, other: GainReport, names: dict[str, str]) -> GainReport:
    """Return `report` with arms of `other`, of the same seeds and test images, under new names.

    Args:
        names: of the arms in `other` -> in the result.

    Raises:
        ConfigError: the reports were judged on different images.
    """
    mine, theirs = report.evidence, other.evidence
    if mine is None or theirs is None:
        raise ValueError("a report from a file has no predictions")
    same = report.seeds == other.seeds and all(
        mine.tests[seed].fingerprint == theirs.tests[seed].fingerprint for seed in report.seeds
    )
    if not same:
        raise ConfigError(
            "arms of two comparisons: judged on different images; allowed: the same seeds and test"
            " images; draw both alike"
        )
    outcomes = dict(mine.outcomes)
    for seed in report.seeds:
        for old, new in names.items():
            outcomes[seed, new] = theirs.outcomes[seed, old]
    arms = (*report.arms, *names.values())
    return report.judged_on(Evidence(outcomes, mine.tests, mine.counts), report.seeds, arms)
