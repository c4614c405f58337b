"""What an evaluation costs: `python -m benchmarks.evaluation --json FILE`, on an idle machine.

Two figures, each of one run in a process of its own: the diversity of 10,000 real and as many
generated RGB images of 32 px in ten classes, with the largest resident memory; and the gain on
digits-lt with six seeds and five arms (four of them free, so that the baseline is chosen, too).
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from benchmarks._environment import environment
from benchmarks._results import write_result
from ganaug import evaluate_diversity, evaluate_gain, export, fit
from ganaug.demo.glyphs import render_glyphs
from ganaug.demo.scenes import digits_lt
from ganaug.evaluation.trainings.workers import worker_count
from ganaug.images import ImageSet

__all__ = ["main"]

CLASSES = 10
ARMS = ("plain", "balanced", "balanced+affine", "balanced+randaugment", "ganaug+affine")


@click.command(help=__doc__)
@click.option("--images", default=10_000, show_default=True, help="Real, and as many generated.")
@click.option("--seeds", default=6, show_default=True, help="Of the gain.")
@click.option("--steps", type=int, help="Of each classifier; default: what evaluate_gain takes.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write it here, too.")
def main(images: int, seeds: int, steps: int | None, json_path: Path | None) -> None:
    """Measure both, print the JSON."""
    result = {
        "diversity": _alone(_diversity, images),
        "gain": _alone(_gain, seeds, steps),
        "environment": environment(worker_count(None), 1),
    }
    click.echo(json.dumps(result, indent=2))
    if json_path is not None:
        write_result(json_path, result)


def _alone(work: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """Run `work` in a fresh process, so that its memory is its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(work, *arguments).result()


def _diversity(images: int) -> dict[str, Any]:
    each = [images // CLASSES] * CLASSES
    real, other = (render_glyphs("train", each, 1.0, seed, "glyphs") for seed in (0, 1))
    real = replace(real, groups=None)  # of 11 faces a class; here each image is one of its own
    start = time.perf_counter()
    report = evaluate_diversity(real=real, synthetic=(other.images, other.labels))
    seconds = time.perf_counter() - start
    measured = sum(record.status == "measured" for record in report.classes)
    unit = 1 if sys.platform == "darwin" else 1024  # of the system's figure
    resident = unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "images": len(real),
        "classes_measured": measured,
        "seconds": round(seconds, 1),
        "resident_gb": round(resident / 1e9, 2),
    }


def _gain(seeds: int, steps: int | None) -> dict[str, Any]:
    images: ImageSet = digits_lt()
    with TemporaryDirectory() as folder:
        run = fit(images, Path(folder, "run"), preset="tiny", device="cpu", steps=5)
        file = Path(folder, "digits.onnx")
        export(run, file)
        start = time.perf_counter()
        report = evaluate_gain(file, train=images, seeds=seeds, arms=ARMS, steps=steps)
        seconds = time.perf_counter() - start
    return {"seeds": seeds, "arms": list(report.arms), "seconds": round(seconds, 1)}


if __name__ == "__main__":
    main()
