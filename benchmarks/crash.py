"""What `kill -9` does to a training: `python -m benchmarks.crash --kills 200 --json FILE`.

Short trainings of scikit-learn's digits are killed at random moments and started again until they
end; then others begin. Every end is compared, byte by byte, with that of a training that nobody
killed. `lost` is the largest number of steps that a kill cost: those after the last checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
import traceback
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import torch

from benchmarks._environment import environment
from benchmarks._results import write_result
from ganaug import fit, load_images
from ganaug.images import ImageSet
from ganaug.randomness import stream
from ganaug.records import read_rows
from ganaug.training import checkpoint

__all__ = ["main"]

LENGTHS = {"checkpoint_every": 5, "sample_every": 20, "log_every": 1}
IMAGES = 200


@click.command(help=__doc__)
@click.option("--kills", type=click.IntRange(1), default=200, show_default=True)
@click.option("--steps", type=click.IntRange(1), default=60, show_default=True, help="Of each.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the moments.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write it here, too.")
def main(kills: int, steps: int, seed: int, json_path: Path | None) -> None:
    """Kill, compare, print the JSON."""
    torch.set_num_threads(1)
    digits, rng = load_images("digits"), stream(seed, "moments of kills")
    # Few and without a test part: a start then is short, and most kills come while it trains.
    images = replace(digits.take(np.arange(IMAGES)), test=None)
    count = {"kills": 0, "resumed": 0, "before_a_checkpoint": 0, "trainings": 0}
    lost, failed, different = 0, 0, 0
    with TemporaryDirectory() as folder:
        begin = time.perf_counter()
        if _ended(_start(images, Path(folder, "whole"), steps)) != 0:
            raise click.ClickException("a training that nobody killed failed")
        whole, seconds = _content(Path(folder, "whole")), time.perf_counter() - begin
        while count["kills"] < kills:
            run = Path(folder, f"run {count['trainings']}")
            killed = False
            while True:
                child = _start(images, run, steps)
                if count["kills"] == kills:
                    code = _ended(child)
                else:
                    code = _killed_after(child, float(rng.uniform(0, seconds)))
                if code != -signal.SIGKILL:
                    break
                count["resumed"] += killed
                count["kills"] += 1
                killed = True
                done = _steps_done(run)
                record = checkpoint.read_record(run) if run.exists() else None
                count["before_a_checkpoint"] += record is None
                lost = max(lost, done - (0 if record is None else record.last.step))
            count["resumed"] += killed and code == 0
            failed += code != 0
            different += code == 0 and _content(run) != whole
            count["trainings"] += 1
    result: dict[str, Any] = {
        **count,
        "lost": lost,
        "checkpoint_every": LENGTHS["checkpoint_every"],
        "bit_identical": not (failed or different),
        "steps": steps,
        "seconds_of_a_training": round(seconds, 2),
        "seed": seed,
        "environment": environment(1, 1),
    }
    click.echo(json.dumps(result, indent=2))
    if json_path is not None:
        write_result(json_path, result)


def _start(images: ImageSet, run: Path, steps: int) -> int:
    """Train in a child of this process, which has everything loaded; return its number."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            fit(images, run, preset="tiny", device="cpu", steps=steps, all_images=True, **LENGTHS)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return child


def _ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _killed_after(child: int, seconds: float) -> int:
    """Kill a child unless it ends before; return its exit code."""
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)  # one that has ended stays a child until it is waited for
    return _ended(child)


def _steps_done(run: Path) -> int:
    rows = read_rows(run / "metrics.jsonl") if (run / "metrics.jsonl").exists() else []
    return max((row["step"] for row in rows), default=0)


def _content(run: Path) -> dict[str, str]:
    """Return hashes of what has to be the same; of metrics.jsonl all but the times."""
    files = [path for path in run.rglob("*") if path.is_file() and path.name != ".lock"]
    found = {
        str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.name != "metrics.jsonl"
    }
    times = ("seconds", "images_per_second")
    rows = [
        {name: value for name, value in row.items() if name not in times}
        for row in read_rows(run / "metrics.jsonl")
    ]
    return found | {"metrics.jsonl": json.dumps(rows)}


if __name__ == "__main__":
    main()
