"""How fast are images sampled by one process and by two, and are they the same bytes?

    python -m benchmarks.sampling --images 10000 --json results/sampling.json

The generator is one of the preset base at 32 px RGB, trained for two steps: what it has learned
does not change its speed. Its source is a folder of 105 PNG files. `ganaug sample` runs in
processes of its own, one thread each, and the clock runs from their start to their end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import torch
from PIL import Image

from benchmarks._environment import environment
from benchmarks._results import write_result
from ganaug import export, fit
from ganaug.images import ImageSet

__all__ = ["main", "measure"]

ROOT = Path(__file__).resolve().parent.parent
CLASSES, EACH, SIDE = "abcdefg", 15, 32


@click.command(help=__doc__)
@click.option("--images", type=click.IntRange(1), default=10_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=1, show_default=True, help="The fastest.")
@click.option("--shards", is_flag=True, help="Tar files instead of a folder.")
@click.option("--keep-best", type=float, help="As in ganaug sample.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the result here.")
def main(
    images: int, rounds: int, shards: bool, keep_best: float | None, json_path: Path | None
) -> None:
    """Measure, print and write the JSON."""
    torch.set_num_threads(1)
    options = [] if keep_best is None else ["--keep-best", str(keep_best)]
    with TemporaryDirectory() as folder:
        result = measure(images, Path(folder), rounds, shards, options)
    click.echo(json.dumps(result, indent=2))
    if json_path is not None:
        write_result(json_path, result)


def measure(
    images: int, folder: Path, rounds: int, shards: bool, options: list[str]
) -> dict[str, Any]:
    """Return images a second of one process and of two, and whether their files are equal.

    Args:
        images: to generate.
        folder: where all is written.
        rounds: so many times each, in turns; the fastest counts.
        shards: tar files.
        options: more of `ganaug sample`.
    """
    file, source = _generator(folder)
    command = ["sample", file, "--count", images, "--source", source, *options]
    seconds: dict[str, list[float]] = {"1": [], "2": []}
    work: dict[str, list[float]] = {"1": [], "2": []}
    same = True
    for at in range(rounds):
        outs = []
        for processes in (1, 2):
            out = folder / f"{at}-{processes}"
            outs.append(out)
            each = [*command, "--shards" if shards else "--out", out]
            parts = [[*each, "--shard", f"{part + 1}/{processes}"] for part in range(processes)]
            clock, spent = _run(parts)
            seconds[str(processes)].append(clock)
            work[str(processes)].append(spent)
        same &= _content(outs[0]) == _content(outs[1])
    rates = {name: round(images / min(each), 1) for name, each in seconds.items()}
    return {
        "images": images,
        "images_per_s": rates,
        "ratio": round(rates["2"] / rates["1"], 2),
        "identical_bytes": same,
        "seconds": {name: [round(s, 1) for s in each] for name, each in seconds.items()},
        "cpu_seconds": {name: [round(s, 1) for s in each] for name, each in work.items()},
        "rounds": rounds,
        "shards": shards,
        "options": options,
        "environment": environment(2, 1),
    }


def _generator(folder: Path) -> tuple[Path, Path]:
    """Write a generator's file and a folder of images that it can vary."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (len(CLASSES) * EACH, 4, 4, 3), np.uint8)
    pixels = coarse.repeat(SIDE // 4, 1).repeat(SIDE // 4, 2)
    labels = np.repeat(np.arange(len(CLASSES)), EACH)
    images = ImageSet(pixels, labels, tuple(CLASSES))
    run = fit(images, folder / "run", preset="base", steps=2, device="cpu", all_images=True)
    export(run, folder / "generator.onnx")
    source = folder / "source"
    for at, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        (source / CLASSES[label]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(source / CLASSES[label] / f"{at:03d}.png")
    return folder / "generator.onnx", source


def _run(commands: list[list[Any]]) -> tuple[float, float]:
    """Run all at once; return the seconds by the clock, and those of the processors."""
    begin, before = time.perf_counter(), os.times()
    environ = os.environ | {"OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "ganaug", "-q", *map(str, each)], cwd=ROOT, env=environ
        )
        for each in commands
    ]
    failed = [each.wait() for each in running]
    if any(failed):
        raise SystemExit(f"ganaug sample ended with {failed}")
    after = os.times()
    spent = after.children_user + after.children_system
    spent -= before.children_user + before.children_system
    return time.perf_counter() - begin, spent


def _content(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


if __name__ == "__main__":
    main()
