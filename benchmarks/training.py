"""What training a generator costs: `python -m benchmarks.training --json FILE`, on an idle machine.

Steps of each preset on photographed letters (36 classes, 32 px, RGB), as `ganaug fit` takes them
and as a plain loop does (`benchmarks/plain_loop.py`). The two take turns, each in fresh processes.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import click
import torch

from benchmarks._environment import environment
from benchmarks._glyphs import CLASSES
from benchmarks._results import write_result
from benchmarks._timing import WARM_UP, in_a_process, time_fit
from benchmarks.plain_loop import train_plain
from ganaug.demo.glyphs import render_glyphs
from ganaug.devices import choose_device
from ganaug.images import ImageSet
from ganaug.training.batches import Batches, Pixels
from ganaug.training.config import PRESETS, FitConfig, make_config
from ganaug.training.state import build_state
from ganaug.training.step import train_step
from ganaug.work import Work

__all__ = ["main"]

WAYS = ("ours", "plain")


@click.command(help=__doc__)
@click.option(
    "--preset",
    "presets",
    type=click.Choice(list(PRESETS)),
    multiple=True,
    default=("base", "small", "tiny"),
    show_default=True,
    help="May be given several times.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option(
    "--steps", type=click.IntRange(8), default=64, show_default=True, help="Timed in each process."
)
@click.option(
    "--processes", type=click.IntRange(1), default=3, show_default=True, help="Of each way."
)
@click.option("--threads", type=click.IntRange(1), help="Of torch; default: one for each core.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write it here, too.")
@click.option("--alone", type=click.Choice(WAYS), hidden=True)
def main(
    presets: tuple[str, ...],
    device: str,
    steps: int,
    processes: int,
    threads: int | None,
    json_path: Path | None,
    alone: str | None,
) -> None:
    """Measure both, print the JSON."""
    used, chosen = threads or torch.get_num_threads(), choose_device(device)
    if alone is not None:
        torch.set_num_threads(used)
        click.echo(json.dumps(_measured(alone, presets[0], chosen, steps)))
        return
    found = {preset: _compared(preset, chosen, steps, processes, used) for preset in presets}
    result: dict[str, Any] = {
        "steps": steps,
        "processes": processes,
        "devices": {chosen.type: found},
        "environment": environment(1, used),
    }
    click.echo(json.dumps(result, indent=2))
    if json_path is not None:
        write_result(json_path, result)


def _compared(
    preset: str, device: torch.device, steps: int, processes: int, threads: int
) -> dict[str, Any]:
    options = ["--preset", preset, "--device", device, "--steps", steps, "--threads", threads]
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for _ in range(processes):
        for way in WAYS:
            runs[way].append(in_a_process("benchmarks.training", [*options, "--alone", way]))
    ours, plain = (median(run["seconds_of_a_step"] for run in runs[way]) for way in WAYS)
    config, first = make_config(preset), runs["ours"][0]
    reached = first["flop_of_a_step"] / ours
    return {
        "images_per_s": round(config.batch_size / ours, 1),
        "plain_images_per_s": round(config.batch_size / plain, 1),
        "ratio": round(plain / ours, 2),
        "precision": first["precision"],
        "milliseconds_of_a_step": round(1000 * ours, 1),
        "minutes_of_a_training": round(config.steps * ours / 60, 1),
        "flop_per_image": round(first["flop_of_a_step"] / config.batch_size),
        "share_of_matmul_peak": round(
            reached / max(run["flop_per_s_of_matmul"] for run in runs["ours"]), 3
        ),
        "peak_memory_mb": round(max(run["peak_memory_mb"] for run in runs["ours"])),
        "plain_peak_memory_mb": round(max(run["peak_memory_mb"] for run in runs["plain"])),
    }


def _measured(way: str, preset: str, device: torch.device, steps: int) -> dict[str, Any]:
    config = make_config(preset)
    few = [8] * len(CLASSES)  # how many images there are does not change a step
    images = render_glyphs("train", few, 1.0, 0, "glyphs")
    images = images if config.conditional else images.merged()
    config = replace(config, size=images.size)
    if way == "plain":
        seconds = _time_plain(images, config, device, steps)
    else:
        with TemporaryDirectory() as folder:
            seconds, precision = time_fit(
                images, Path(folder, "run"), steps, config.to_dict(), device=device
            )
    measured: dict[str, Any] = {
        "seconds_of_a_step": seconds,
        "peak_memory_mb": _peak_memory(device),
    }
    if way == "ours":
        measured["precision"] = precision
        measured["flop_of_a_step"] = _flop_of_a_step(images, config)
        measured["flop_per_s_of_matmul"] = _matmul_peak(device, precision)
    return measured


def _time_plain(images: ImageSet, config: FitConfig, device: torch.device, steps: int) -> float:
    stamps: list[float] = []

    def note(step: int) -> None:
        if step in (WARM_UP, WARM_UP + steps):
            _synchronise(device)
            stamps.append(time.perf_counter())

    train_plain(images, replace(config, steps=WARM_UP + steps), 0, device, note)
    return (stamps[1] - stamps[0]) / steps


def _flop_of_a_step(images: ImageSet, config: FitConfig) -> float:
    """Return the mean of the steps from one penalty to the next, counted on the CPU."""
    state = build_state(config, images, 0, torch.device("cpu"))
    batches = Batches(images, config, 0)
    pixels = Pixels(images, torch.device("cpu"))
    with Work() as work:
        for step in range(config.penalty_every):
            train_step(state, batches.batch(step, pixels), config, step)
    return work.flops / config.penalty_every


def _matmul_peak(device: torch.device, precision: str, side: int = 1024) -> float:
    """Return the FLOP a second of a product of square matrices, the best of ten."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    one, other = (torch.ones(side, side, dtype=dtype, device=device) for _ in range(2))

    def once() -> float:
        begin = time.perf_counter()
        _ = one @ other
        _synchronise(device)
        return time.perf_counter() - begin

    return float(2 * side**3 / min(once() for _ in range(10)))


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _peak_memory(device: torch.device) -> float:
    """Return the most memory that was in use, in MB: of the GPU, or resident of the process."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device) / 1e6)
    unit = 1 if sys.platform == "darwin" else 1024  # of the system's figure
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    main()
