"""`python -m benchmarks.lift`: does the lift of a set say whether a generator gains on it?

For draws whose gain is in results/, the lift is measured on their training images. From a border
on a gain is said to be likely; below it nothing is said, since some sets gain without a lift. For
each set the border is chosen on all others alone, so that the error rate is of sets that the border
has not seen. The border of all sets is that of `ganaug check --outlook`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks._environment import environment
from benchmarks._protocol_table import ROWS
from benchmarks._protocols import open_protocol
from benchmarks._results import write_result
from ganaug.checking.lift import measure_lift
from ganaug.errors import GanaugError

MOST_WRONG = 0.15  # of the draws whose gain is called likely
ROOT = Path(__file__).resolve().parent.parent
# Files of results/ whose gain is that of the chosen arm over the baseline, and how many of their
# draws are taken.
FILES = {
    "gain-gtsrb-lt.json": 3,
    "gain-glyphs-lt.json": 3,
    "gain-mnist-lt.json": 3,
    "gain-mnist-lt-r-logits.json": 2,
    "gain-mnist-step-logits.json": 2,
    "gain-neu-lt.json": 2,
    "gain-neu-lt-logits.json": 2,
    "gain-neu-lt-64-logits.json": 2,
    "gain-x-sdd.json": 2,
    "gain-elpv-unshared.json": 3,
    "gain-cifar10-lt-resnet32.json": 2,
    "gain-digits-lt.json": 3,
    "gain-asl-lt-48.json": 3,
    "gain-seedlings-lt-48-logits.json": 3,
    "gain-trash-lt-48.json": 3,
    "gain-flowers-lt-48.json": 3,
}


@click.command()
@click.option("--file", "files", multiple=True, help="Of results/, instead of the usual ones.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the data files.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the result here.")
def main(files: tuple[str, ...], data: Path | None, json_path: Path | None) -> None:
    """Measure each draw, compare with its gain, print the table, write the JSON."""
    try:
        rows = []
        for name in files or FILES:
            for row in _rows(name, data or ROOT.parent / "shared" / "data"):
                rows.append(row)
                click.echo("{dataset:<14} {seed:>3}  {lift:>+6.1f}  {gain:>+5.1f}".format(**row))
    except GanaugError as error:
        click.echo(f"benchmarks.lift: {error}", err=True)
        raise SystemExit(error.exit_code) from error
    found = {"draws": rows} | judged(rows)
    click.echo(json.dumps({key: value for key, value in found.items() if key != "draws"}, indent=1))
    if json_path is not None:
        write_result(json_path, found | {"environment": environment(1, 1)})


def _rows(name: str, data: Path) -> list[dict[str, Any]]:
    result = json.loads((ROOT / "results" / name).read_text())
    arms, chosen, baseline = result["arms"], result["chosen"], result["baseline"]
    protocol = open_protocol(result["dataset"], data, size=result.get("size"))
    pilot = result["judged_on"] == "validation images"
    rows = []
    for at, seed in enumerate(result["seeds"][: FILES.get(name, len(result["seeds"]))]):
        drawn = protocol.pilot(seed) if pilot else protocol.draw(seed)
        lift = measure_lift(drawn, seed=seed)
        with_it, without = (arms[arm]["balanced_accuracy"][at] for arm in (chosen, baseline))
        gain = round(100 * (with_it - without), 2)
        rows.append(
            {"dataset": result["dataset"], "file": name, "seed": seed, "gain": gain}
            | {"lift": lift.points}
        )
    return rows


def judged(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how often a gain is called likely, and how often in vain.

    Each draw is judged by a border that was chosen without the images of its set, under whatever
    name.
    """
    names = list(dict.fromkeys(row["dataset"] for row in rows))
    others = {
        name: [row for row in rows if _images(row["dataset"]) != _images(name)] for name in names
    }
    borders = {name: border(rest) for name, rest in others.items()}
    likely = [row for row in rows if row["lift"] >= borders[row["dataset"]]]
    wrong = sum(row["gain"] <= 0 for row in likely)
    return {
        "draws_judged": len(rows),
        "likely": len(likely),
        "wrong": wrong,
        "border": border(rows),
        "borders": borders,
    }


def _images(dataset: str) -> str:
    """Return the file that the images of a data set are in; several sets are drawn from one."""
    return ROWS[dataset].file if dataset in ROWS else dataset


def border(rows: list[dict[str, Any]]) -> float:
    """Return the least lift from which on `MOST_WRONG` of the draws do not gain, or fewer.

    It lies in the middle between two lifts. Each set counts once, however many draws it has.
    """
    lifts = np.unique([row["lift"] for row in rows])
    for each in (lifts[:-1] + lifts[1:]) / 2:
        losses: dict[str, list[bool]] = {}
        for row in rows:
            if row["lift"] >= each:
                losses.setdefault(row["dataset"], []).append(row["gain"] <= 0)
        if np.mean([np.mean(found) for found in losses.values()]) <= MOST_WRONG:
            return round(float(each), 2)
    return float(lifts[-1])


if __name__ == "__main__":
    main()
