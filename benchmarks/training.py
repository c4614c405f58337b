"""What training a generator costs: `python -m benchmarks.training --json FILE`, on an idle machine.

Steps of the preset base on photographed letters (36 classes, 32 px, RGB), in fresh processes: with
all that the processor can do, and with torch's libraries held to AVX2, which is what many machines
have. The two take turns. The minutes are those of all steps, without checkpoints and sample grids.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import click
import torch

from benchmarks._environment import environment
from benchmarks._glyphs import CLASSES
from benchmarks._results import write_result
from benchmarks._timing import KINDS, in_a_process, time_fit
from ganaug.demo.glyphs import render_glyphs
from ganaug.training.config import make_config

__all__ = ["main"]


@click.command(help=__doc__)
@click.option(
    "--steps", type=click.IntRange(8), default=64, show_default=True, help="Timed in each process."
)
@click.option(
    "--processes", type=click.IntRange(1), default=3, show_default=True, help="Of each kind."
)
@click.option("--threads", type=click.IntRange(1), help="Of torch; default: one for each core.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write it here, too.")
@click.option("--alone", is_flag=True, hidden=True)
def main(
    steps: int, processes: int, threads: int | None, json_path: Path | None, alone: bool
) -> None:
    """Measure both, print the JSON."""
    used = threads or torch.get_num_threads()
    if alone:
        torch.set_num_threads(used)
        click.echo(json.dumps(_timed(steps)))
        return
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in KINDS}
    options = ["--steps", steps, "--threads", used]
    for _ in range(processes):
        for name, runs in found.items():
            runs.append(in_a_process("benchmarks.training", options, name))
    full = make_config("base").steps
    result: dict[str, Any] = {"steps": steps, "processes": processes, "of_a_training": full}
    for name, runs in found.items():
        seconds = median(run["seconds_of_a_step"] for run in runs)
        result[name] = {
            "capability": runs[0]["capability"],
            "precision": sorted({run["precision"] for run in runs}),
            "milliseconds_of_a_step": round(1000 * seconds, 1),
            "minutes_of_a_training": round(full * seconds / 60, 1),
        }
    result["environment"] = environment(1, used)
    click.echo(json.dumps(result, indent=2))
    if json_path is not None:
        write_result(json_path, result)


def _timed(steps: int) -> dict[str, Any]:
    few = [8] * len(CLASSES)  # how many images there are does not change a step
    images = render_glyphs("train", few, 1.0, 0, "glyphs")
    with TemporaryDirectory() as folder:
        seconds, precision = time_fit(images, Path(folder, "run"), steps)
    return {
        "seconds_of_a_step": seconds,
        "precision": precision,
        "capability": torch.backends.cpu.get_cpu_capability(),
    }


if __name__ == "__main__":
    main()
