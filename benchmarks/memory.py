"""How much memory a training of many images takes: `python -m benchmarks.memory --json FILE`.

A folder of generated images is decoded into a cache and trained on, then trained on again from the
cache alone. Each is `ganaug fit --cache` in a process of its own, whose largest resident memory is
read. `--images` of N RGB images take about N * (size * size * 3) bytes twice: files and cache.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np

from benchmarks._environment import environment
from benchmarks._results import write_result

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
CLASSES = 20
BLOCK = 1000  # images that are drawn together


@click.command(help=__doc__)
@click.option("--images", type=click.IntRange(100), default=200_000, show_default=True)
@click.option("--size", type=click.IntRange(8), default=64, show_default=True)
@click.option("--steps", type=click.IntRange(1), default=50, show_default=True)
@click.option("--batch-size", type=click.IntRange(1), default=32, show_default=True)
@click.option("--preset", default="base", show_default=True)
@click.option("--without", is_flag=True, help="Train without a cache, too, for comparison.")
@click.option("--place", type=click.Path(path_type=Path), help="Where the images are made.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write it here, too.")
def main(
    images: int,
    size: int,
    steps: int,
    batch_size: int,
    preset: str,
    without: bool,
    place: Path | None,
    json_path: Path | None,
) -> None:
    """Make the images, train twice, print the JSON."""
    with TemporaryDirectory(dir=place) as folder:
        here, begin = Path(folder), time.perf_counter()
        _write_images(here / "images", images, size)
        made = time.perf_counter() - begin
        fit = ["fit", here / "images", "--size", size, "--steps", steps, "--preset", preset]
        fit += ["--batch-size", batch_size, "--device", "cpu"]
        cache = ["--cache", here / "cache"]
        runs = {"decoding": [*fit, *cache], "from the cache": [*fit, *cache]}
        if without:
            runs["without a cache"] = fit
        found = {
            name: _measured([*arguments, "--out", here / f"run {at}"])
            for at, (name, arguments) in enumerate(runs.items())
        }
    result: dict[str, Any] = {
        "images": images,
        "size": size,
        "peak_memory_mb": max(found[name]["peak_memory_mb"] for name in list(runs)[:2]),
        "runs": found,
        "steps": steps,
        "batch_size": batch_size,
        "preset": preset,
        "seconds_to_make_the_images": round(made, 1),
        "environment": environment(1, 1),
    }
    click.echo(json.dumps(result, indent=2))
    if json_path is not None:
        write_result(json_path, result)


def _write_images(folder: Path, count: int, size: int) -> None:
    """Write `count` RGB images, each another one, as PPM files: what is cheapest to write."""
    header = b"P6 %d %d 255\n" % (size, size)
    for at, image in enumerate(_images(count, size)):
        name = folder / f"class {at % CLASSES:02d}"
        if at < CLASSES:
            name.mkdir(parents=True)
        (name / f"{at:07d}.ppm").write_bytes(header + image.tobytes())


def _images(count: int, size: int) -> Iterator[np.ndarray[Any, np.dtype[np.uint8]]]:
    rng = np.random.default_rng(0)
    for start in range(0, count, BLOCK):
        yield from rng.integers(0, 256, (min(BLOCK, count - start), size, size, 3), np.uint8)


def _measured(arguments: list[object]) -> dict[str, float]:
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "ganaug", "-q", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"ganaug fit ended with exit code {process.returncode}")
    return {
        "peak_memory_mb": round(_bytes(used) / 1e6),
        "seconds": round(time.perf_counter() - begin, 1),
    }


def _bytes(used: resource.struct_rusage) -> int:
    return used.ru_maxrss if sys.platform == "darwin" else 1024 * used.ru_maxrss


if __name__ == "__main__":
    main()
