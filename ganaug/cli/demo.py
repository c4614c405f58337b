"""`ganaug demo`: everything once, on data that needs no download."""

from __future__ import annotations

from pathlib import Path

import click

from ganaug.cli.console import Settings, evaluation_progress, fit_progress, say

__all__ = ["command"]


@click.command("demo")
@click.option("--out", default="ganaug-demo", show_default=True, metavar="DIR", help="Folder.")
@click.option("--seeds", type=int, default=6, show_default=True, help="Paired seeds.")
@click.option("--steps", type=int, default=800, show_default=True, help="Steps of the generator.")
@click.option(
    "--classifier-steps", type=int, default=500, show_default=True, help="Steps of each classifier."
)
@click.pass_obj
def command(console: Settings, out: str, seeds: int, steps: int, classifier_steps: int) -> None:
    """Train, export, use and evaluate a generator of digits, on the CPU, in a few minutes.

    scikit-learn's digits are made imbalanced: of the odd ones five images each are left. The
    folder then holds the ONNX file, a picture of real images beside their variations, the records
    of gain and diversity, and report.html. The numbers are what was measured.
    """
    import torch

    from ganaug import Generator, evaluate_diversity, evaluate_gain, export, fit
    from ganaug.files import make_folder
    from ganaug.report.demo import ARMS, BASELINE, digits_lt, read_pipelines
    from ganaug.report.folder import write_evaluation
    from ganaug.report.pictures import read_history

    # A second thread costs more than it gives on 8x8 images; the evaluation uses processes.
    torch.set_num_threads(1)
    folder = make_folder(out)
    images = digits_lt()
    say(console, f"digits-lt: {len(images)} training images; five of each odd digit")
    with fit_progress(console) as training:
        run = fit(
            images,
            Path(folder, "run"),
            preset="tiny",
            device="cpu",
            steps=steps,
            class_match=1.0,  # without it, variations of rare digits become other digits
            progress=training,
        )
    file = folder / "digits.onnx"
    export(run, file)
    say(console, f"wrote {file}", *read_pipelines(file, images))
    with evaluation_progress(console) as evaluating:
        gain = evaluate_gain(
            file,
            train=images,
            seeds=seeds,
            arms=ARMS,
            baseline=BASELINE,
            steps=classifier_steps,
            out=folder / "predictions",
            progress=evaluating,
        )
    diversity = evaluate_diversity(file, real=images)
    report = write_evaluation(
        folder,
        Generator(file),
        images,
        gain=gain.to_dict(),
        diversity=diversity.to_dict(),
        history=read_history(run),
    )
    click.echo(gain)
    say(console, f"report: {report}")
