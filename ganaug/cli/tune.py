"""`ganaug tune`: how often to vary which class sizes; never is an honest answer."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from ganaug.cli.bars import evaluation_progress, reading_progress
from ganaug.cli.console import Settings, echo, kept_trainings, resumable, say, suggest
from ganaug.cli.options import (
    ReadingOptions,
    chosen_classifier,
    classifier_options,
    force_option,
    image_options,
)
from ganaug.wording import as_options

__all__ = ["command"]


@click.command(
    "tune",
    short_help="Learn how often to vary; never is an answer.",
    epilog="Example: ganaug tune photos.onnx photos/",
)
@click.argument("file")
@click.argument("source")
@click.option("--seed", type=int, default=0, show_default=True, help="Of draws and trainings.")
@click.option("--steps", type=int, help="Steps of each classifier; default: by the budget.")
@click.option(
    "--fit-steps", type=int, help="Steps of each short generator; default: by the budget."
)
@classifier_options
@click.option("--jobs", type=int, help="Processes; default: one a core, at most 4 on a GPU.")
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda")
@click.option(
    "--out",
    metavar="DIR",
    help="Folder of the results, for the same command to go on; default: FILE-tune.",
)
@click.option("--json", "json_file", metavar="FILE", help="Write the policy as JSON, too.")
@force_option
@image_options(size="that of a pretrained network, else of FILE", fetched="data sets and weights")
@click.pass_obj
def command(
    console: Settings,
    file: str,
    source: str,
    seed: int,
    steps: int | None,
    fit_steps: int | None,
    classifier: str | None,
    weights: str | None,
    jobs: int | None,
    device: str,
    out: str | None,
    json_file: str | None,
    force: bool,
    reading: ReadingOptions,
) -> None:
    """Learn how often the generator in FILE should vary images of SOURCE; write that into FILE.

    SOURCE is what it was fitted on. Frequent classes are made rare, a short generator is trained
    on what is left, and classifiers with and without it are judged on what was cut away, three
    times; held-out and test images are not looked at. Where no gain is expected, or a harm cannot
    be ruled out, the policy is never to vary. It is about three times the work of `fit`, shared
    by one process a core.
    """
    from ganaug import Generator, tune
    from ganaug.evaluation.tuning.report import OWN_P
    from ganaug.files import check_writable, write_json
    from ganaug.images.places import folders_around
    from ganaug.outputs import (
        Inputs,
        check_output_file,
        check_output_folder,
        refuse_folder_as_file,
    )
    from ganaug.report.kinds import POLICY

    generator = Generator(file)
    folder = Path(out or Path(file).with_name(f"{Path(file).stem}-tune"))
    among = folders_around(source, generator.info.classes, folder, json_file)
    inputs = Inputs((file, source, weights), among, reading.listed(source, generator.info))
    check_writable(file)
    check_output_folder(folder, {}, inputs, option="--out")
    if json_file is not None:
        refuse_folder_as_file(json_file, folder, option="--json")
        check_output_file(json_file, POLICY, inputs, option="--json", force=force)
    trained = chosen_classifier(classifier, weights, reading.size, reading.download)
    info, size = generator.info, reading.size
    if info.kind == "variation":
        size = size or getattr(trained, "size", None)
    with reading_progress(console) as show:
        images = reading.load(
            source, size=size or info.size, info=info, classifier=trained, progress=show
        )
    say(console, *images.notes)
    with (
        resumable(console, lambda: f"{file} is as before; {kept_trainings(folder)}"),
        evaluation_progress(console, label="comparing policies", unit=" steps") as progress,
    ):
        report = tune(
            generator,
            images,
            seed=seed,
            steps=steps,
            fit_steps=fit_steps,
            classifier=trained,
            jobs=jobs,
            out=folder,
            device=device,
            progress=progress,
        )
    used = None if device == "auto" else device
    options = as_options(classifier=classifier, weights=weights, jobs=jobs, device=used)
    named = shlex.join([file, source, *reading.words(), *options])
    echo(str(report).replace(" FILE SOURCE", f" {named}"))
    if json_file is not None:
        write_json(json_file, report.to_dict())
    following = f"next: ganaug evaluate {named}"
    if report.policy.never:  # with it there is nothing to compare
        following = f"to judge a p of 0.5 all the same, {following} --arms {OWN_P}"
    suggest(console, f"wrote the policy into {file}; {following}")
