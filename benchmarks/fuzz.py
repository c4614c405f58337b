"""Try to break the readers: `python -m benchmarks.fuzz --json FILE`.

Each case is a sound file with a few changes, drawn from its number: of bits and bytes, of protobuf
messages, of JSON values, of arrays, images, tables and arguments. It is then used as a user would.
What may come of it is success or one line that says what is wrong. What may not is counted: a
crash, more than 20 seconds of work or 120 of waiting, a traceback, more than 2 GB, a file written
outside the output folder. The file of --json is written again every 2,000 cases, so that a long run
may be stopped.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np

from benchmarks._environment import environment
from benchmarks._fuzz_targets import FIRST, TARGETS, make_seeds
from benchmarks._fuzz_workers import Result, forked, tried
from benchmarks._results import result_text, write_result
from ganaug.errors import GanaugError
from ganaug.files import write_json

__all__ = ["fuzz", "main"]

ROOT = Path(__file__).resolve().parent.parent
QUICK, FULL = 1_000, 100_000
BLOCK = 2_000  # cases, after which it is told what was found so far
SHOWN = 40  # finds, with their details
ORDER = [name for name, target in TARGETS.items() for _ in range(target.share)]


@click.command(help=__doc__)
@click.option("--quick", is_flag=True, help=f"{QUICK:,} cases in the place of {FULL:,}.")
@click.option("--cases", type=click.IntRange(1), help="Another number of cases.")
@click.option("--first", type=click.IntRange(0), default=0, help="The number of the first case.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write it here, too.")
def main(quick: bool, cases: int | None, first: int, json_path: Path | None) -> None:
    """Try the cases, print the JSON."""
    count = cases or (QUICK if quick else FULL)

    def write(found: dict[str, Any]) -> None:
        if json_path is not None:
            write_result(json_path, found)

    click.echo(result_text(fuzz(range(first, first + count), write)), nl=False)


def fuzz(cases: range, told: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Try the cases and return the counts, of all and by target, and the finds.

    `told` is called with those of the cases so far, now and then and at the end.
    """
    counts: Counter[str] = Counter()
    by_target = {name: Counter[str]() for name in TARGETS}
    finds: list[dict[str, Any]] = []
    found: dict[str, Any] = {}
    with TemporaryDirectory(prefix="ganaug-fuzz-") as folder:
        seeds, work = Path(folder, "seeds"), Path(folder, "work")
        work.mkdir()
        # in a process of its own: threads of torch would not live on in the workers
        os.waitpid(forked(lambda: _prepare(seeds, Path(folder))), 0)
        where = json.loads(Path(folder, "environment.json").read_text(encoding="utf-8"))
        for result in tried(lambda case: attempt(case, seeds, work), cases):
            target = target_of(result.case)
            kinds = [result.outcome, *(["past"] if result.past else [])]
            kinds += ["stray"] if result.stray else []
            counts.update(kinds)
            by_target[target].update(["cases", *kinds])
            if result.outcome not in ("success", "refused") or result.stray:
                told_of = {"stray": result.stray, "detail": result.detail}
                plain = {key: _plain(text, folder) for key, text in told_of.items()}
                finds.append({"target": target, **result.__dict__, **plain})
            tried_so_far = result.case + 1 - cases.start
            if tried_so_far % BLOCK == 0 or tried_so_far == len(cases):
                found = _summary(tried_so_far, cases.start, counts, by_target, finds)
                found["environment"] = where
                told(found)
    return found


def _plain(text: str, folder: str) -> str:
    """Return a find without the paths of this machine."""
    for path, name in ((folder, "FOLDER"), (f"{ROOT}/", ""), (f"{sys.prefix}/", "")):
        text = text.replace(path, name)
    return text


def _prepare(seeds: Path, folder: Path) -> None:
    make_seeds(seeds)
    write_json(folder / "environment.json", environment(1, 1))


def _summary(
    cases: int,
    first: int,
    counts: Counter[str],
    by_target: dict[str, Counter[str]],
    finds: list[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "cases": cases,
        "crashes": counts["crash"],
        "hangs": counts["hang"],
        "tracebacks": counts["traceback"],
        "over_2_gb": counts["memory"],
        "stray_writes": counts["stray"],
        "past_first_check": counts["past"],
        "successes": counts["success"],
        "first_case": first,
        "by_target": {name: dict(sorted(found.items())) for name, found in by_target.items()},
        "finds": finds[:SHOWN],
    }


def target_of(case: int) -> str:
    """Return what a case attacks."""
    return ORDER[case % len(ORDER)]


def attempt(case: int, seeds: Path, work: Path) -> Result:
    """Make a case and use it. What is neither success nor a refusal is raised."""
    name = target_of(case)
    folder, home = work / f"case-{case}", work / "home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    os.environ |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "TMPDIR": str(work)}
    tempfile.tempdir = None  # which is asked for once
    (folder / "out").mkdir(parents=True)
    try:
        rng = np.random.default_rng([case, 2026])
        while not TARGETS[name].make(seeds, folder, rng):  # some changes change nothing
            shutil.rmtree(folder)
            (folder / "out").mkdir(parents=True)
        before = _files(work, seeds)
        outcome, past = "success", True
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                TARGETS[name].use(folder, folder / "out")
        except GanaugError as error:
            text = str(error)
            if "\n" in text.strip():
                raise
            outcome, past = "refused", not FIRST[name].search(text)
        os.chdir(work)
        stray = sorted(set(_files(work, seeds)) ^ set(before))
        return Result(case, outcome, past, stray[0] if stray else "")
    finally:
        os.chdir(work)
        shutil.rmtree(folder, ignore_errors=True)


def _files(*folders: Path) -> list[str]:
    """Every file in the folders but those in `out`, with its size and time."""
    found = []
    for root in folders:
        for here, below, names in os.walk(root):
            if "out" in below:
                below.remove("out")
            for name in names:
                path = os.path.join(here, name)
                state = os.lstat(path)
                found.append(f"{path} {state.st_size} {state.st_mtime_ns}")
    return found


if __name__ == "__main__":
    main()
