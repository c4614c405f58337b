"""Does the diversity record name planted failures, and only those?

    python -m benchmarks.planted --out runs/planted --json results/planted.json

A run draws images, plants one failure and compares; it is *named* where the right word stands at
every class. In an honest run real images that were held out stand for the generated ones; any word
but OK is a false alarm. docs/how-it-is-checked.md has the figures. The
features are those of `evaluate_diversity`, fitted once on images of the pool that no run draws.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks._aa import a_against_a
from benchmarks._environment import environment
from benchmarks._planted_cases import FAILURES, HONEST, LIMITS, Planted, named
from benchmarks._planted_data import POOLS, Pool
from benchmarks._planted_modes import hidden_modes
from benchmarks._results import write_result
from ganaug import evaluate_diversity
from ganaug.errors import GanaugError
from ganaug.evaluation.diversity.report import DiversityReport
from ganaug.evaluation.diversity.words import TOO_FEW_WORD
from ganaug.evaluation.gain.intervals import binomial_interval
from ganaug.files import make_folder, write_json
from ganaug.images import ImageSet
from ganaug.metrics.features import FeatureMap

__all__ = ["main", "summary"]

ROOT = Path(__file__).resolve().parent.parent
SETS = ("mnist", "neu", "glyphs")
RUNS = {"neu": 100}  # more where a run takes less than a second
USUAL_RUNS, QUICK_RUNS = 40, 2


@click.command()
@click.option("--quick", is_flag=True, help="A look: few runs, on digits; no figure to quote.")
@click.option("--runs", type=int, help="Runs of each case; default: 100 of neu, 40 of others.")
@click.option("--first-seed", default=4000, show_default=True, help="Seed of the first run.")
@click.option("--sets", help=f"Comma-separated; default: {', '.join(SETS)}.")
@click.option(
    "--of-class",
    type=click.IntRange(40),
    help="So many real images of a class, and as many made ones; features as evaluate_diversity"
    " takes them for so few. The other two parts are left out.",
)
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the data files.")
@click.option("--out", type=click.Path(path_type=Path), help="Keeps runs; the same call resumes.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the result here.")
def main(
    quick: bool,
    runs: int | None,
    first_seed: int,
    sets: str | None,
    of_class: int | None,
    data: Path | None,
    out: Path | None,
    json_path: Path | None,
) -> None:
    """Plant failures, print the table, write the JSON."""
    torch.set_num_threads(1)
    names = sets.split(",") if sets else (["digits"] if quick else list(SETS))
    counts = {name: runs or (QUICK_RUNS if quick else RUNS.get(name, USUAL_RUNS)) for name in names}
    folder = data or ROOT.parent / "shared" / "data"
    try:
        unknown = [name for name in names if name not in POOLS]
        if unknown:
            raise click.UsageError(f"--sets: {unknown[0]!r}; allowed: {', '.join(POOLS)}")
        kept = None if out is None else make_folder(out)
        log = _Log(None if kept is None else kept / "runs.jsonl")
        for name, count in counts.items():
            for row in _runs(name, folder, count, first_seed, log, quick=quick, few=of_class):
                log.add(row)
        mark = f"{'quick-' if quick else ''}{first_seed}"
        aa = modes = None
        if of_class is None:
            modes = _once(
                kept,
                f"modes-{mark}",
                lambda: hidden_modes(folder, quick=quick, first_seed=first_seed),
            )
        if of_class is None and (folder / "mnist.npz").is_file():
            aa = _once(kept, f"aa-{mark}", lambda: a_against_a(quick, folder))
        result = summary(log.of(counts, first_seed), aa, modes)
    except GanaugError as error:
        click.echo(f"benchmarks.planted: {error}", err=True)
        raise SystemExit(error.exit_code) from error
    click.echo(_table(result))
    if json_path is not None:
        result |= {
            "quick": quick,
            "of_class": of_class,
            "first_seed": first_seed,
            "environment": environment(1, 1),
        }
        write_result(json_path, result)


def summary(
    rows: list[dict[str, Any]], aa: dict[str, Any] | None, modes: dict[str, Any] | None
) -> dict[str, Any]:
    """Return the result of finished runs as JSON values.

    Args:
        rows: set, case, run, named and words of each.
        aa: what `a_against_a` gave.
        modes: what `hidden_modes` gave.
    """
    cases: dict[str, dict[str, Any]] = {}
    limits: dict[str, dict[str, Any]] = {}
    honest: dict[str, dict[str, Any]] = {}
    for row in rows:
        failure = row["case"] not in HONEST
        kept = honest if not failure else limits if row["case"] in LIMITS else cases
        key = "named" if failure else "false_alarms"
        place = kept.setdefault(f"{row['set']}: {row['case']}", {"runs": 0, key: 0})
        place["runs"] += 1
        place[key] += bool(row["named"]) if failure else bool(row["alarm"])
        for name in ("planted_classes", "right_classes"):
            place[name] = place.get(name, 0) + row[name]
        if not row["named"]:
            missed = place.setdefault("missed_as", {})
            for word in row["wrong"]:
                missed[word] = missed.get(word, 0) + 1
    for kept, key in ((cases, "named"), (limits, "named"), (honest, "false_alarms")):
        for place in kept.values():
            low, high = binomial_interval(place[key], place["runs"])
            place["interval"] = [round(low, 4), round(high, 4)]
    alarms = sum(place["false_alarms"] for place in honest.values())
    total = sum(place["runs"] for place in honest.values())
    fractions = [place["named"] / place["runs"] for place in cases.values()]
    return {
        "cases": cases,
        "limits": limits,
        "honest": honest,
        "detected": min(fractions) if fractions else None,
        "false_alarms": alarms / total if total else None,
        "aa": aa,
        "hidden_modes": modes,
    }


def _runs(
    name: str,
    data: Path,
    count: int,
    first_seed: int,
    log: _Log,
    *,
    quick: bool = False,
    few: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the result of each run of a set that is not in the log yet."""
    cases = {**HONEST, **FAILURES, **LIMITS}
    left = [
        (run, case)
        for run in range(count)
        for case in cases
        if (name, case, first_seed + run) not in log
    ]
    if not left:
        return
    pool: Pool = POOLS[name](data)
    if few is None:
        features = pool.features(50) if quick else pool.features()
    else:
        features, pool = None, replace(pool, training=few, generated=few)
    for done, (run, case) in enumerate(left):
        planted = cases[case](pool.draw(case, run, first_seed))
        report = compare(planted, features, first_seed + run)
        words = [each.word for each in report.classes]
        wrong = [w for w, right in zip(words, planted.words, strict=True) if w != right]
        yield {
            "set": name,
            "case": case,
            "seed": first_seed + run,
            "named": named(planted, report),
            "alarm": any(word not in ("OK", TOO_FEW_WORD) for word in wrong),
            "wrong": sorted(set(wrong)),
            "planted_classes": sum(word != "OK" for word in planted.words),
            "right_classes": sum(
                w == right != "OK" for w, right in zip(words, planted.words, strict=True)
            ),
        }
        if sys.stderr.isatty() or (done + 1) % 100 == 0:
            click.echo(f"{name}: {done + 1} of {len(left)} runs", err=True)


def _once(kept: Path | None, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what `make` gives, or gave to an earlier call with this folder."""
    path = None if kept is None else kept / f"{name}.json"
    if path is not None and path.is_file():
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found
    made = make()
    if path is not None:
        write_json(path, made)
    return made


def compare(planted: Planted, features: FeatureMap | None, seed: int) -> DiversityReport:
    """Return the record of a planted run, in these features or the default ones."""
    names = tuple(f"class {label}" for label in range(len(planted.training)))
    real = ImageSet(np.concatenate(planted.training), _labels(planted.training), names)
    made = (np.concatenate(planted.generated), _labels(planted.generated))
    return evaluate_diversity(real=real, synthetic=made, features=features, seed=seed)


def _labels(images: list[NDArray[np.uint8]]) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(images)), [len(each) for each in images])


class _Log:
    """Finished runs, a line each, in a file where one is wanted."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.rows: dict[tuple[str, str, int], dict[str, Any]] = {}
        if path is not None and path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    row = json.loads(line)
                except ValueError:  # the last line of a run that was killed
                    continue
                self.rows[row["set"], row["case"], row["seed"]] = row

    def __contains__(self, key: tuple[str, str, int]) -> bool:
        return key in self.rows

    def add(self, row: dict[str, Any]) -> None:
        self.rows[row["set"], row["case"], row["seed"]] = row
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(row) + "\n")

    def of(self, counts: dict[str, int], first_seed: int) -> list[dict[str, Any]]:
        """The runs that this call asked for: so many of each set."""
        return [
            row
            for row in self.rows.values()
            if 0 <= row["seed"] - first_seed < counts.get(row["set"], 0)
        ]


def _table(result: dict[str, Any]) -> str:
    lines = []
    for title, kept, key in (
        ("named", result["cases"], "named"),
        ("named", result["limits"], "named"),
        ("false alarms", result["honest"], "false_alarms"),
    ):
        for name, place in kept.items():
            low, high = (100 * bound for bound in place["interval"])
            share = f"{place[key]:4d} of {place['runs']:4d}, 95% interval {low:.0f} to {high:.0f}%"
            missed = ", ".join(f"{w} in {n}" for w, n in place.get("missed_as", {}).items())
            lines.append(f"{name:<32} {title:<13} {share}{'; wrong: ' if missed else ''}{missed}")
    for title, share in (
        ("detected, least of the cases", result["detected"]),
        ("false alarms, of all honest runs", result["false_alarms"]),
    ):
        lines.append(f"{title}: {'-' if share is None else f'{100 * share:.1f}%'}")
    aa = result["aa"]
    if aa is None:
        lines.append("A/A comparisons: not made: mnist.npz is missing, see --data, or --of-class")
    else:
        lines.append(
            f"A/A comparisons: {aa['rejections']} of {aa['comparisons']} told apart; a planted gain"
            f" of 2 points found in {100 * aa['power_2_points']:.0f}% of {aa['planted']}"
        )
    modes = result["hidden_modes"]
    if modes is not None:
        lines.append(f"hidden modes: {json.dumps(modes)}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
