"""What `tune` costs: `python -m benchmarks.tuning --json FILE`, on an idle machine.

`tune` estimates what its steps cost from the work in them. Here the same steps are timed, on one
core: with all that the processor can do, and with torch's libraries held to AVX2, each in a process
of its own. `times_the_training` is the cost of the plan over that of the generator's training, by
the timed steps; the plan aims at three.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import torch

from benchmarks._environment import environment
from benchmarks._glyphs import glyph_counts
from benchmarks._results import write_result
from benchmarks._timing import KINDS, WARM_UP, in_a_process, time_fit
from ganaug import export
from ganaug.artifact.policy import Policy
from ganaug.demo.glyphs import render_glyphs
from ganaug.demo.scenes import digits_lt
from ganaug.evaluation.arms import parse_arm
from ganaug.evaluation.classifiers.interface import Schedule
from ganaug.evaluation.classifiers.network import Network
from ganaug.evaluation.trainings import Job, run_job
from ganaug.evaluation.tuning.budget import Costs, estimate, plan_budget
from ganaug.evaluation.tuning.candidates import AUGMENTED_ARMS, candidates
from ganaug.images import ImageSet
from ganaug.training.config import make_config

__all__ = ["main"]

# Name, images, settings of the generator, classifier.
CASES: tuple[tuple[str, str, dict[str, Any], str | None], ...] = (
    ("8 px, tiny", "digits", {"preset": "tiny"}, None),
    ("8 px, base", "digits", {}, None),
    ("28 px, base", "28", {}, None),
    ("28 px, tiny", "28", {"preset": "tiny"}, None),
    ("28 px, small", "28", {"preset": "small"}, None),
    ("28 px, base, resnet18", "28", {}, "resnet18"),
    ("32 px RGB, base", "letters", {}, None),
    ("32 px RGB, base, class generator", "letters", {"kind": "class"}, None),
    ("64 px, base", "64", {}, None),
)


@click.command(help=__doc__)
@click.option("--steps", type=click.IntRange(8), default=40, show_default=True, help="Timed each.")
@click.option("--cases", type=click.IntRange(1), default=len(CASES), help="Only the first ones.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write it here, too.")
@click.option("--alone", is_flag=True, hidden=True)
def main(steps: int, cases: int, json_path: Path | None, alone: bool) -> None:
    """Measure, print the JSON."""
    if alone:
        torch.set_num_threads(1)
        click.echo(json.dumps({case[0]: _case(steps, *case[1:]) for case in CASES[:cases]}))
        return
    result: dict[str, Any] = {"steps": steps}
    options = ["--alone", "--steps", steps, "--cases", cases]
    for kind in KINDS:
        result[kind] = in_a_process("benchmarks.tuning", options, kind)
    result["environment"] = environment(1, 1)
    click.echo(json.dumps(result, indent=2))
    if json_path is not None:
        write_result(json_path, result)


def _case(steps: int, source: str, settings: dict[str, Any], classifier: str | None) -> Any:
    images = _images(source)
    config = make_config(size=images.size, **settings)
    free = [
        Job(0, parse_arm(name), images, images.take([0]), Schedule(1), Network(classifier))
        for name in AUGMENTED_ARMS
    ]
    estimated = estimate(images, config.to_dict(), free, device="cpu")
    timed, precision = _timed(steps, images, config.to_dict(), free)
    tried = len(candidates(images.counts, config.kind))
    usual = Network(classifier).schedule(len(images), images.size, steps=None, quick=False)
    budget = plan_budget(estimated, config.kind, config.steps, usual, len(images), tried)
    times = budget.seconds(timed, config.kind) / (config.steps * timed.fit_step)
    return {
        "precision": precision,
        "estimated_milliseconds": _milliseconds(estimated),
        "timed_milliseconds": _milliseconds(timed),
        "budget": budget.to_dict(),
        "times_the_training": round(times, 2),
    }


def _milliseconds(costs: Costs) -> dict[str, float]:
    return {name: round(1000 * seconds, 1) for name, seconds in asdict(costs).items()}


def _images(source: str) -> ImageSet:
    """Digits, letters, or letters in grey at another size: what a step costs is in their shape."""
    if source == "digits":
        return digits_lt()
    letters = render_glyphs("train", glyph_counts(), 1.0, 0, "glyphs")
    if source == "letters":
        return letters
    places = np.arange(int(source)) * 32 // int(source)
    return replace(letters, images=letters.images[:, places][:, :, places, :1])


def _timed(
    steps: int, images: ImageSet, config: dict[str, Any], free: list[Job]
) -> tuple[Costs, str]:
    with TemporaryDirectory() as folder:
        run = Path(folder, "run")
        fit_step, precision = time_fit(images, run, steps, config)
        file = Path(folder, "generator.onnx")
        export(run, file)
        ours = [
            replace(
                job,
                arm=job.arm.on_top(config["kind"]),
                artifact=file,
                artifact_hash="0",
                policy=Policy(((0, 0.5),), scale=0.7),
            )
            for job in free
        ]
        steps_of = _timer(steps)
        return Costs(fit_step, mean(map(steps_of, free)), mean(map(steps_of, ours))), precision


def _timer(steps: int) -> Callable[[Job], float]:
    def seconds(job: Job) -> float:
        stamps: list[float] = []
        longer = replace(job.schedule, steps=WARM_UP + steps)
        run_job(replace(job, schedule=longer), lambda: stamps.append(time.perf_counter()))
        return (stamps[-1] - stamps[WARM_UP - 1]) / steps

    return seconds


if __name__ == "__main__":
    main()
