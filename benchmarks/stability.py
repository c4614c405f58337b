"""Does the watch name trainings that fail, and does going back save them?

    python -m benchmarks.stability --out runs/stability --json results/stability.json

A run plants one failure in a short training. It is trained with `on_collapse="warn"`, and *named*
where an alarm was raised; it is *broken* where it stopped, or where the diversity record has a word
other than OK for most of the classes that it can tell. Then it is trained with
`on_collapse="rollback"`. It *ended* where that came to its end without an alarm. It *recovered*
where it ended as good as the same training with nothing planted: the record finds fault with at
most one class more, and does not call most classes COLLAPSED unless it does so there, too. Where
the images are what is planted, it recovered where it is not broken; where there is nothing to
learn, also where it stopped and said why. Healthy runs have the usual settings; any alarm is a
false one. docs/failures.md has the figures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import torch

from benchmarks._environment import environment
from benchmarks._results import write_result
from benchmarks._stability_cases import HEALTHY, PLANTED, Case
from benchmarks._stability_share import share_of_training
from ganaug import evaluate_diversity, export, fit
from ganaug.errors import DataError, GanaugError
from ganaug.evaluation.diversity.words import OK, TOO_FEW_WORD
from ganaug.files import make_folder
from ganaug.images import ImageSet
from ganaug.metrics.features import PixelPCA

__all__ = ["is_usable", "main", "summary"]

ROOT = Path(__file__).resolve().parent.parent
NAMES = (*PLANTED, *HEALTHY)
SLACK = 1  # classes more with a fault: other random numbers give as many
COLLAPSED = "COLLAPSED"
COUNTED = ("runs", "broken", "named", "alarms", "ended", "recovered")


@click.command(help=__doc__)
@click.option("--seeds", type=click.IntRange(1), default=10, show_default=True, help="Of a case.")
@click.option("--first-seed", default=0, show_default=True)
@click.option("--cases", help=f"Comma-separated; default: {', '.join(NAMES)}.")
@click.option("--steps", type=click.IntRange(1), help="Of each training; default: the case's.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the data files.")
@click.option("--out", type=click.Path(path_type=Path), help="Keeps runs; the same call resumes.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the result here.")
def main(
    seeds: int,
    first_seed: int,
    cases: str | None,
    steps: int | None,
    data: Path | None,
    out: Path | None,
    json_path: Path | None,
) -> None:
    """Plant failures, print and write the JSON."""
    torch.set_num_threads(1)
    names = cases.split(",") if cases else list(NAMES)
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise click.UsageError(f"--cases: {unknown[0]!r}; allowed: {', '.join(NAMES)}")
    folder = data or ROOT.parent / "shared" / "data"
    kept = None if out is None else make_folder(out) / "runs.jsonl"
    rows = [] if kept is None else _kept(kept)
    known = {(row["case"], row["seed"], row["steps"]) for row in rows}
    sound = _Sound(folder, steps)
    wanted = [(name, seed) for seed in range(first_seed, first_seed + seeds) for name in names]
    for name, seed in wanted:
        if (name, seed, steps) in known:
            continue
        row = {"case": name, "seed": seed, "steps": steps} | _run(name, seed, steps, folder, sound)
        rows.append(row)
        click.echo(json.dumps(row), err=True)
        if kept is not None:
            with kept.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(row) + "\n")
    chosen = [row for row in rows if (row["case"], row["seed"]) in wanted and row["steps"] == steps]
    result = summary(chosen) | {
        "seeds": [first_seed, first_seed + seeds - 1],
        "steps": steps,
        "environment": environment(1, 1),
    }
    click.echo(json.dumps(result, indent=2))
    if json_path is not None:
        write_result(json_path, result)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of finished runs.

    Args:
        rows: case, seed, alarms, broken, ended, recovered, rollbacks, words_sound where they were
            taken, and share of healthy ones.

    Returns:
        cases: of each planted failure the runs, how many were broken, how many of these were named,
        how many raised an alarm, how many ended and recovered with rollbacks, how often they went
        back, and of how many the record finds fault with most classes where nothing is planted,
        too; healthy: runs, and those with an alarm; share_of_training: the largest of a healthy
        run.
    """
    cases: dict[str, dict[str, int]] = {}
    healthy, shares = {"runs": 0, "alarms": 0}, [0.0]
    for row in rows:
        if row["case"] in HEALTHY:
            healthy["runs"] += 1
            healthy["alarms"] += bool(row["alarms"])
            shares.append(row["share"])
            continue
        place = cases.setdefault(
            row["case"],
            dict.fromkeys((*COUNTED, "rollbacks", "sound_broken"), 0),
        )
        place["runs"] += 1
        place["broken"] += row["broken"]
        place["named"] += row["broken"] and bool(row["alarms"])
        place["alarms"] += bool(row["alarms"])
        place["ended"] += row["ended"]
        place["recovered"] += row["recovered"]
        place["rollbacks"] += row["rollbacks"]
        place["sound_broken"] += _mostly_at_fault(row.get("words_sound", {}))
    return {"cases": cases, "healthy": healthy, "share_of_training": round(max(shares), 4)}


def _kept(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def is_usable(words: Mapping[str, int], sound: Mapping[str, int]) -> bool:
    """Whether a generator is as good as that of a `sound` training, by classes of each word."""
    collapsed, told = words.get(COLLAPSED, 0), _told(words)
    mostly = 2 * collapsed > told and collapsed > sound.get(COLLAPSED, 0)
    return not mostly and _faults(words) <= _faults(sound) + SLACK


def _told(words: Mapping[str, int]) -> int:
    return sum(words.values()) - words.get(TOO_FEW_WORD, 0)


def _faults(words: Mapping[str, int]) -> int:
    return _told(words) - words.get(OK, 0)


def _mostly_at_fault(words: Mapping[str, int]) -> bool:
    return 2 * words.get(OK, 0) < _told(words)


class _Sound:
    """What the record says of trainings with nothing planted, each of them done once."""

    def __init__(self, data: Path, steps: int | None) -> None:
        self.data, self.steps = data, steps
        self.known: dict[str, dict[str, int]] = {}

    def words(self, case: Case, seed: int) -> dict[str, int]:
        """Return the words of what `case` would be, and has `sound` settings for."""
        key = json.dumps([case.sound, seed])
        if key not in self.known:
            twin = Case(case.images, case.sound or {})
            with TemporaryDirectory() as folder:
                images = case.images(seed, self.data)
                found = _trained(twin, images, seed, self.steps, Path(folder), "warn")
            self.known[key] = found["words"]
        return self.known[key]


def _run(name: str, seed: int, steps: int | None, data: Path, sound: _Sound) -> dict[str, Any]:
    case = PLANTED.get(name) or HEALTHY[name]
    images = case.images(seed, data)
    with TemporaryDirectory() as folder:
        work = Path(folder)
        found = _trained(case, images, seed, steps, work, "warn")
        if name in HEALTHY:
            return found | {"share": share_of_training(work / "warn", images)}
        if not found["alarms"]:  # going back would change nothing
            return found | {"ended": True, "recovered": not found["broken"], "rollbacks": 0}
        back = _trained(case, images, seed, steps, work, "rollback")
        ended = not back["alarms"]
        after = {
            "ended": ended,
            "recovered": not back["broken"] if ended else case.empty,
            "rollbacks": back["rollbacks"],
            "alarms_after": back["alarms"],
            "words_after": back["words"],
        }
        if case.sound is not None:
            words = sound.words(case, seed)
            usable = ended and "refused" not in back and is_usable(back["words"], words)
            after |= {"words_sound": words, "recovered": usable}
        return found | after


def _trained(
    case: Case, images: ImageSet, seed: int, steps: int | None, work: Path, reaction: Any
) -> dict[str, Any]:
    """Train once; return the alarms of what it ends with, and whether the record calls it broken.

    With "warn" every alarm of the run counts.
    """
    run, options = work / reaction, dict(case.options)
    if steps is not None:
        options |= {"steps": steps}
    error = ""
    try:
        fit(images, run, seed=seed, device="cpu", all_images=True, on_collapse=reaction, **options)
    except GanaugError as failed:
        error = str(failed)
    rows = list(_rows(run / "metrics.jsonl"))
    alarms = [error] if error else []
    if reaction == "warn":
        alarms += [row["alarm"] for row in rows if "alarm" in row]
    found: dict[str, Any] = {
        "alarms": [line.partition("; ")[0] for line in alarms],
        "rollbacks": sum("rollback" in row for row in rows),
        "broken": bool(error),
        "words": {},
    }
    if not error:
        file = work / f"{reaction}.onnx"
        try:
            export(run, file, force=True)
        except GanaugError as failed:  # its numbers are not those of onnxruntime
            return found | {"broken": True, "refused": str(failed)}
        found["words"] = _words(file, images)
        found["broken"] = _mostly_at_fault(found["words"])
    return found


def _words(file: Path, images: ImageSet) -> dict[str, int]:
    """Return how many classes have each word of the record, in pixels."""
    try:
        report = evaluate_diversity(file, real=images, features=PixelPCA(images.images), quick=True)
    except DataError:  # images that are all alike cannot be compared
        return {}
    return {word: len(names) for word, names in report.words.items()}


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        yield from map(json.loads, path.read_text(encoding="utf-8").splitlines())


if __name__ == "__main__":
    main()
