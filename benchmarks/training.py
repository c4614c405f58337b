"""What training a generator costs: `python -m benchmarks.training --json FILE`, on an idle machine.

Steps of the preset base on photographed letters (36 classes, 32 px, RGB), in fresh processes: with
all that the processor can do, and with torch's libraries held to AVX2, which is what many machines
have. The two take turns. The minutes are those of all steps, without checkpoints and sample grids.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import click
import torch

from benchmarks._environment import environment
from benchmarks._glyphs import glyph_counts
from ganaug import fit
from ganaug.files import write_json
from ganaug.images.glyphs import render_glyphs
from ganaug.training.config import make_config

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
HELD = {  # read by oneDNN, by torch and by MKL when they are loaded
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}
WARM_UP, EVERY = 8, 8  # steps


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
    kinds: dict[str, dict[str, str]] = {"as it is": {}, "held to AVX2": HELD}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in kinds}
    for _ in range(processes):
        for name, variables in kinds.items():
            found[name].append(_in_a_process(steps, used, variables))
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
        write_json(json_path, result)


def _in_a_process(steps: int, threads: int, variables: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.training", "--alone"]
    command += ["--steps", str(steps), "--threads", str(threads)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in HELD} | variables,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _timed(steps: int) -> dict[str, Any]:
    """Seconds of a step of training, after some to warm up; the last, which saves, is left out."""
    images = render_glyphs("train", glyph_counts(), 1.0, 0, "glyphs")
    stamps: list[float] = []
    with TemporaryDirectory() as folder:
        total = WARM_UP + steps + EVERY
        run = fit(
            images,
            Path(folder, "run"),
            device="cpu",
            all_images=True,
            steps=total,
            log_every=EVERY,
            sample_every=total,
            checkpoint_every=total,
            progress=lambda step, of, row: stamps.append(time.perf_counter()),
        )
        precision = json.loads((run / "config.json").read_text(encoding="utf-8"))["precision"]
    seconds = (stamps[-2] - stamps[0]) / (EVERY * (len(stamps) - 2))
    return {
        "seconds_of_a_step": seconds,
        "precision": precision,
        "capability": torch.backends.cpu.get_cpu_capability(),
    }


if __name__ == "__main__":
    main()
