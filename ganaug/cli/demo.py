"""`ganaug demo`: everything once, on data that needs no download."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ganaug.cli.console import Settings, echo, evaluation_progress, fit_progress, say

if TYPE_CHECKING:
    from ganaug.demo import Scene

__all__ = ["command"]


@click.command("demo", epilog="Example: ganaug demo --out demo --seeds 6")
@click.option("--out", default="ganaug-demo", show_default=True, metavar="DIR", help="Folder.")
@click.option("--seeds", type=int, default=6, show_default=True, help="Paired seeds.")
@click.option("--steps", type=int, help="Steps of each generator.  [default: 800 and 1000]")
@click.option(
    "--classifier-steps", type=int, help="Steps of each classifier.  [default: 500 and 1000]"
)
@click.pass_obj
def command(
    console: Settings, out: str, seeds: int, steps: int | None, classifier_steps: int | None
) -> None:
    """Train, export, use and evaluate two generators on the CPU, in a few minutes.

    Digits: scikit-learn's, five of each odd one, where ordinary augmentation is enough already.
    Glyphs: photographed letters, made on the spot, where it is not. One generator each, so the
    verdicts are about these two files. Each folder then holds the ONNX file, a picture of real
    images beside their variations, the records of gain and diversity, and report.html. The numbers
    are what was measured; the classifiers are short, which makes the gain on the glyphs larger than
    it is for long training.
    """
    from ganaug.demo import SCENES
    from ganaug.files import make_folder
    from ganaug.outputs import check_output_folder
    from ganaug.report.kinds import EVALUATION
    from ganaug.training.earlier import ARTIFACT
    from ganaug.training.run_folder import check_run_folder

    for scene in SCENES:
        check_output_folder(Path(out, scene.name), EVALUATION | {f"{scene.name}.onnx": ARTIFACT})
        check_run_folder(Path(out, scene.name, "run"), None)
    for scene in SCENES:
        folder = make_folder(Path(out, scene.name))
        _show(console, scene, folder, seeds, steps, classifier_steps)


def _show(
    console: Settings,
    scene: Scene,
    folder: Path,
    seeds: int,
    steps: int | None,
    classifier_steps: int | None,
) -> None:
    import torch

    from ganaug import Generator, evaluate_diversity, evaluate_gain, export, fit
    from ganaug.demo import read_pipelines
    from ganaug.evaluation.diversity.inspection import inspect_samples
    from ganaug.evaluation.diversity.samples import draw_samples
    from ganaug.evaluation.write_back import write_back
    from ganaug.report.folder import write_evaluation
    from ganaug.report.history import read_history

    images = scene.images()
    say(console, f"{scene.name}: {scene.about} ({len(images)} training images)")
    options = {**scene.fit, "device": "cpu"} | ({} if steps is None else {"steps": steps})
    threads = torch.get_num_threads()
    if min(images.size) < 16:  # a second thread costs more than it gives on small images
        torch.set_num_threads(1)
    with fit_progress(console) as training:
        run = fit(images, folder / "run", progress=training, **options)
    torch.set_num_threads(threads)
    file = folder / f"{scene.name}.onnx"
    export(run, file)
    say(console, f"wrote {file}", *read_pipelines(file, images))
    with evaluation_progress(console) as evaluating:
        gain = evaluate_gain(
            file,
            train=images,
            seeds=seeds,
            arms=scene.arms,
            baseline=scene.baseline,
            steps=scene.classifier_steps if classifier_steps is None else classifier_steps,
            out=folder / "predictions",
            progress=evaluating,
        )
    diversity = evaluate_diversity(file, real=images)
    generator = Generator(file)
    report = write_evaluation(
        folder,
        generator.info,
        draw_samples(generator, images),
        inspection=inspect_samples(generator, images),
        gain=gain,
        diversity=diversity,
        history=read_history(run),
    )
    write_back(generator, gain, diversity)
    echo(gain)
    say(console, f"report: {report}", f"model card: ganaug card {shlex.quote(str(file))}")
