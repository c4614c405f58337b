"""`ganaug evaluate`: what a generator is worth, and whether it collapsed or copies."""

from __future__ import annotations

from pathlib import Path

import click

from ganaug.cli.console import Settings, evaluation_progress, say
from ganaug.cli.options import NAMES, chosen_classifier, classifier_options, image_options
from ganaug.errors import ConfigError, DataError

__all__ = ["command"]


@click.command("evaluate")
@click.argument("file")
@click.argument("source")
@click.option("--seeds", type=int, default=6, show_default=True, help="Paired seeds.")
@click.option("--quick", is_flag=True, help="A look: short trainings, no verdict to rely on.")
@click.option("--refit", is_flag=True, help="A new draw and a new generator for each seed.")
@click.option("--tune", "tuned", is_flag=True, help="With --refit: tune each new generator first.")
@click.option("--arms", type=NAMES, help="Arms to compare, such as balanced+affine,ganaug+affine.")
@click.option(
    "--baseline",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="The free arm to beat; auto: the strongest one on a part of the training images.",
)
@classifier_options
@click.option("--steps", type=int, help="Steps of each classifier.")
@click.option("--jobs", type=int, help="Processes; default: one a core, at most 4 on a GPU.")
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda")
@click.option("--out", metavar="DIR", help="Folder for the report; default: FILE-evaluation.")
@click.option(
    "--run", "run_folder", metavar="RUN", help="Folder of `fit`, for the curves of the training."
)
@click.option("--json", "json_file", metavar="FILE", help="Write both records as JSON, too.")
@click.option(
    "--no-write", "keep", is_flag=True, help="Leave FILE as it is; else the records go into it."
)
@image_options
@click.pass_obj
def command(
    console: Settings,
    file: str,
    source: str,
    seeds: int,
    quick: bool,
    refit: bool,
    tuned: bool,
    arms: tuple[str, ...] | None,
    baseline: str,
    classifier: str | None,
    weights: str | None,
    steps: int | None,
    jobs: int | None,
    device: str,
    out: str | None,
    run_folder: str | None,
    json_file: str | None,
    keep: bool,
    size: tuple[int, int] | None,
    root: str | None,
    download: bool,
    skip_corrupt: bool,
) -> None:
    """Measure gain and diversity of the generator in FILE on the images of SOURCE.

    Gain: a classifier is trained with and without the generator, paired by seed, and judged on
    images that neither has seen. Diversity: per class, coverage, precision, spread,
    near-duplicates and copying, against a real-real reference. Tables go to stdout, the report to
    a folder, and what was found, in short, into FILE itself (not with --quick or --no-write).
    """
    from ganaug import Generator, Refit, evaluate_diversity, evaluate_gain, load_images
    from ganaug.evaluation.diversity.inspection import inspect_samples
    from ganaug.evaluation.diversity.samples import draw_samples
    from ganaug.evaluation.write_back import write_back
    from ganaug.files import write_json
    from ganaug.report.folder import write_evaluation, write_records
    from ganaug.report.history import find_run, read_history

    if tuned and not refit:
        raise ConfigError(
            "--tune: given without --refit; allowed: with it, since policies are learnt for new"
            " generators; add --refit, or tune FILE with: ganaug tune FILE SOURCE"
        )
    generator = Generator(file)
    made = generator.info.size
    if generator.info.kind == "class" and size not in (None, made):
        raise ConfigError(
            f"--size: {size[0]}x{size[1]}; allowed: {made[0]}x{made[1]}, the size of what {file}"
            " makes from noise; leave it out"
        )
    trained = chosen_classifier(classifier, weights, size, download)
    if generator.info.kind == "variation":
        size = size or getattr(trained, "size", None)
    run = find_run(run_folder, generator.info, file)
    images = load_images(
        source,
        size=size or made,
        mode="grey" if generator.info.channels == 1 else "rgb",
        root=root,
        download=download,
        skip_corrupt=skip_corrupt,
    )
    say(console, *images.notes)
    folder = Path(out or Path(file).with_name(f"{Path(file).stem}-evaluation"))
    gain = None
    if len(generator.info.classes) > 1:
        with evaluation_progress(console) as progress:
            gain = evaluate_gain(
                generator,
                train=images,
                seeds=seeds,
                arms=arms,
                baseline=baseline,
                refit=Refit(tuned=tuned) if refit else None,
                classifier=trained,
                steps=steps,
                quick=quick,
                jobs=jobs,
                out=folder / "predictions",
                device=device,
                progress=progress,
            )
        click.echo(f"{gain}\n")
    else:
        say(console, "a generator of one class cannot help a classifier: no gain is measured")
    diversity = None
    try:
        diversity = evaluate_diversity(generator, real=images, quick=quick)
        click.echo(diversity)
    except DataError as error:  # hours of training may stand behind the gain
        if gain is None:
            raise
        say(console, f"no diversity is measured: {error}")
    write_records(folder, gain, diversity)  # before pictures are made, which could fail
    report = write_evaluation(
        folder,
        generator.info,
        draw_samples(generator, images),
        inspection=inspect_samples(generator, images),
        gain=gain,
        diversity=diversity,
        history=[] if run is None else read_history(run),
    )
    if not (keep or quick):
        write_back(file, generator.content_hash, gain, diversity)
        say(console, f"wrote what was measured into {file}: same generator, new content hash")
    if json_file is not None:
        records = {"gain": gain, "diversity": diversity}
        write_json(json_file, {name: found and found.to_dict() for name, found in records.items()})
    say(console, f"report: {report}")
