"""`ganaug evaluate`: what images of a generator or a folder are worth; do they collapse or copy?"""

from __future__ import annotations

import csv
import io
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganaug.cli.bars import reading_progress
from ganaug.cli.console import (
    Settings,
    echo,
    kept_trainings,
    open_report,
    resumable,
    say,
    suggest,
)
from ganaug.cli.judging import measure_diversity, measure_gain
from ganaug.cli.options import (
    NAMES,
    ReadingOptions,
    chosen_classifier,
    classifier_options,
    force_option,
    image_options,
)
from ganaug.errors import ConfigError, RunError
from ganaug.wording import as_options

if TYPE_CHECKING:
    from ganaug.artifact.format import Metadata
    from ganaug.artifact.runtime import Generator
    from ganaug.images import ImageSet
    from ganaug.outputs import Inputs
    from ganaug.report.advice import Named

__all__ = ["command"]

USUAL = (("baseline", "auto"), ("device", "auto"))
KEPT = "predictions"  # in the folder of the report: what the same command does not do again


@click.command(
    "evaluate",
    short_help="Does it help a classifier? Tables and a report.",
    epilog="Example: ganaug evaluate photos.onnx photos/ --seeds 6 --open",
)
@click.argument("file", required=False, metavar="[FILE]")
@click.argument("source", required=False, metavar="SOURCE")
@click.option("--judge", metavar="DIR", help="Images that any tool made, a folder for each class.")
@click.option("--seeds", type=int, help="Paired seeds.  [default: 6; with --quick 2]")
@click.option("--quick", is_flag=True, help="A look: short trainings, no verdict to rely on.")
@click.option("--refit", is_flag=True, help="Other 80% of the images, new generator, each seed.")
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
@click.option("--steps", type=int, help="Of each classifier.  [default: 3000; under 16 px 900]")
@click.option("--jobs", type=int, help="Processes; default: one a core, at most 4 on a GPU.")
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda")
@click.option(
    "--out",
    metavar="DIR",
    help="Folder for the report; default: beside FILE, with -evaluation or -quick-look.",
)
@click.option(
    "--run", "run_folder", metavar="RUN", help="Folder of `fit`, for the curves of the training."
)
@click.option("--json", "json_file", metavar="FILE", help="Write both records as JSON, too.")
@click.option("--open", "shown", is_flag=True, help="Open the report in the browser.")
@click.option(
    "--no-write", "keep", is_flag=True, help="Leave FILE as it is; else the records go into it."
)
@force_option
@image_options(
    size="that of a pretrained network, else of FILE, else at most 64 a side",
    fetched="data sets and weights",
)
@click.pass_obj
def command(
    console: Settings,
    file: str | None,
    source: str | None,
    judge: str | None,
    seeds: int | None,
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
    shown: bool,
    keep: bool,
    force: bool,
    reading: ReadingOptions,
) -> None:
    """Measure gain and diversity of the generator in FILE on the images of SOURCE.

    Gain: a classifier is trained with and without the generator, paired by seed, and judged on
    images that neither has seen. Diversity: per class, coverage, precision, spread,
    near-duplicates and copying, against a real-real reference. Tables go to stdout, the report to
    a folder, and what was found, in short, into FILE itself (not with --quick or --no-write).

    --judge DIR measures the images in DIR in the same way, whatever made them. FILE may then be
    left out: ganaug evaluate --judge DIR SOURCE. Tables and records are written, and no report.
    """
    from ganaug import Generator, Refit
    from ganaug.evaluation.arms.grammar import named_folders
    from ganaug.images.places import folders_around, image_folders
    from ganaug.outputs import Inputs
    from ganaug.report.history import find_run

    if source is None:  # click gives a single argument to the first one
        file, source = None, file
    if source is None or (file is None and judge is None):
        raise click.UsageError("Missing argument 'SOURCE'.")
    _refuse(file, tuned, {"--refit": refit, "--run": run_folder is not None, "--open": shown})
    generator = None if file is None else Generator(file)
    info = None if generator is None else generator.info
    folder = _folder(out, file, judge, quick)
    folders = folders_around(source, info.classes if info else (), folder, json_file)
    of_arms = named_folders(arms)
    folders += image_folders("--judge", judge) + image_folders("an arm", *of_arms)
    named = (file, source, judge, weights, run_folder, *of_arms)
    read = Inputs(named, folders, reading.listed(source, info))
    rewritten = None if keep or quick else file
    _check_outputs(folder, json_file, rewritten, read, quick=quick, force=force)
    trained = chosen_classifier(classifier, weights, reading.size, reading.download)
    run = None if info is None or file is None else find_run(run_folder, info, file)
    size = _size(reading.size, info, file, getattr(trained, "size", None))
    with reading_progress(console) as show:
        images = reading.load(source, size=size, info=info, classifier=trained, progress=show)
    say(console, *images.notes)
    how = {"exif": reading.exif, "skip_corrupt": reading.skip_corrupt}
    with resumable(console, lambda: _kept(folder, rewritten)):
        gain = measure_gain(
            console,
            generator,
            images,
            folder=judge,
            seeds=seeds,
            arms=arms,
            baseline=baseline,
            refit=Refit(tuned=tuned) if refit else None,
            classifier=trained,
            steps=steps,
            quick=quick,
            records=(generator is not None) + (judge is not None),
            jobs=jobs,
            out=folder / KEPT,
            device=device,
            **how,
        )
        diversity = judged = None
        if generator is not None:
            diversity = measure_diversity(console, gain, images, quick, artifact=generator)
        if judge is not None:
            if generator is not None:
                echo(f"\n{judge}:")
            record = "diversity.json" if generator is None else "judged.json"
            judged = measure_diversity(
                console, gain, images, quick, file=record, synthetic=judge, **how
            )
    if generator is None:
        diversity, judged = judged, None
    records = {"gain": gain, "diversity": diversity, "judged": judged}
    # Before pictures, which could fail.
    say(console, *_write_records(folder, json_file, records))
    if generator is None:
        written = ", ".join(f"{name}.json" for name, record in records.items() if record)
        say(console, f"{written}: {folder}; a report.html needs a FILE")
        return
    if not (keep or quick):
        from ganaug.evaluation.write_back import write_back

        # What one class alone cannot have is not missed.
        why = write_back(generator, gain if len(generator.info.classes) > 1 else None, diversity)
        say(console, f"wrote what was measured into {file}: same generator, new content hash")
        if why:
            echo(f"ganaug: warning: {file}: the gain is not written into it: {why}", err=True)
    again = _named(
        [str(file), source, *reading.words()],
        {"classifier": classifier, "weights": weights, "jobs": jobs, "device": device},
        {"arms": arms, "baseline": baseline, "judge": judge, "refit": refit, "tune": tuned}
        | {"run": run_folder, "out": out, "no_write": keep},
        {"steps": steps},
    )._replace(run=console.whole is not None)
    if console.whole is not None:
        again = again._replace(whole=console.whole.after_look)
    report = _write_report(folder, generator, images, run, records, again)
    _say_last(console, report, records, generator.info, again)
    if shown:
        open_report(console, report)


def _refuse(file: str | None, tuned: bool, given: dict[str, bool]) -> None:
    """Refuse options that are given without what they need: FILE, or --refit."""
    alone = [option for option, is_given in given.items() if is_given and file is None]
    if alone:
        raise ConfigError(
            f"{alone[0]}: given without FILE; allowed: with the generator that it is about; name"
            " FILE, or leave the option out"
        )
    if tuned and not given["--refit"]:
        raise ConfigError(
            "--tune: given without --refit; allowed: with it, since policies are learnt for new"
            " generators; add --refit, or tune FILE with: ganaug tune FILE SOURCE"
        )


def _named(read: list[str], *options: dict[str, Any]) -> Named:
    """Return what the commands of the advice take, as this one took it.

    Args:
        read: file, source, and how it is read.
        options: of `evaluate` and `tune`, of `evaluate` alone, and --steps.
    """
    from ganaug.report.advice import Named

    used, compared, steps = (
        {name: value for name, value in each.items() if (name, value) not in USUAL}
        for each in options
    )
    if compared["arms"] is not None:
        line = io.StringIO()
        csv.writer(line).writerow(compared["arms"])  # a name may have a comma
        compared["arms"] = line.getvalue().rstrip()
    more, last = (
        "".join(f" {shlex.quote(word)}" for word in as_options(**each))
        for each in (compared, steps)
    )
    return Named(shlex.join([*read, *as_options(**used)]), more, last)


def _say_last(
    console: Settings, report: Path, records: dict[str, Any], info: Metadata, named: Named
) -> None:
    """Say in short what was found, where the report is, and what comes next."""
    from ganaug.report.advice import in_short, next_step

    found = (records["gain"], records["diversity"], info)
    say(console, *in_short(*found), f"report: {report}")
    for line in next_step(*found, named):
        suggest(console, f"next: {line}")


def _folder(out: str | None, file: str | None, judge: str | None, quick: bool) -> Path:
    """Return the folder of the report: as named, or beside FILE, else beside DIR.

    A quick look has a folder of its own, so that no full report is lost to it.
    """
    if out is not None:
        return Path(out)
    ending = "quick-look" if quick else "evaluation"
    if file is not None:
        return Path(file).with_name(f"{Path(file).stem}-{ending}")
    made = Path(str(judge))
    made = made if made.name not in ("", "..") else Path(os.path.abspath(made))
    return made.parent / f"{made.name.removesuffix('.npz')}-{ending}"


def _kept(folder: Path, rewritten: str | None) -> str:
    """Return what an interrupted evaluation leaves, in words."""
    before = [rewritten] if rewritten else []
    before += ["the report"] if (folder / "report.html").exists() else []
    told = [f"unchanged: {' and '.join(before)}"] if before else []
    return "; ".join([*told, kept_trainings(folder / KEPT)])


def _check_outputs(
    folder: Path,
    json_file: str | None,
    rewritten: str | None,
    inputs: Inputs,
    *,
    quick: bool,
    force: bool,
) -> None:
    """Refuse what would be written over something else, or cannot be written; FILE is rewritten."""
    from ganaug.files import check_writable
    from ganaug.outputs import (
        check_output_file,
        check_output_folder,
        refuse_folder_as_file,
        refuse_foreign,
    )
    from ganaug.report.kinds import EVALUATION, RECORDS, holds_full_record, is_evaluation

    check_output_folder(folder, EVALUATION, inputs, option="--out", force=force)
    if not (force or is_evaluation(folder)):
        refuse_foreign(folder, [*EVALUATION, KEPT], forced="--force")
    if quick and not force and holds_full_record(folder):
        raise RunError(
            f"--out: {folder} holds the report of a full evaluation, which a quick look would"
            " replace; allowed: another folder; name one, or say --force"
        )
    if json_file is not None:
        written = {os.path.realpath(folder / name) for name in EVALUATION}
        if os.path.realpath(json_file) in written:
            raise RunError(
                f"--json: {json_file} is a file of the report; allowed: any other name; name one"
            )
        refuse_folder_as_file(json_file, folder / KEPT, option="--json")
        check_output_file(json_file, RECORDS, inputs, option="--json", force=force)
    if rewritten is not None:
        check_writable(rewritten)


def _size(
    size: tuple[int, int] | None,
    info: Metadata | None,
    file: str | None,
    seen: tuple[int, int] | None,
) -> tuple[int, int] | None:
    """Return the size that SOURCE is loaded at, where none is named.

    It is the size that a pretrained network has `seen`, or else that of the generator; images of a
    generator that makes them from noise have its size.

    Raises:
        ConfigError: another than that of a generator that makes images from noise.
    """
    if info is None:
        return size or seen
    if info.kind == "class" and size not in (None, info.size):
        made = info.size
        raise ConfigError(
            f"--size: {size[0]}x{size[1]}; allowed: {made[0]}x{made[1]}, the size of what {file}"
            " makes from noise; leave it out"
        )
    return size or (seen if info.kind == "variation" else None) or info.size


def _write_records(folder: Path, json_file: str | None, records: dict[str, Any]) -> list[str]:
    """Write the records, and all in one file; return in a line which comparison was replaced.

    What else there is of an earlier evaluation goes.
    """
    from ganaug.files import write_json
    from ganaug.report.folder import replaced_comparison, write_records

    replaced = replaced_comparison(folder, records["gain"])
    write_records(folder, **records)
    if json_file is not None:
        told = {name: each and each.to_dict() for name, each in records.items()}
        if told["judged"] is None:
            del told["judged"]
        write_json(json_file, told)
    return replaced


def _write_report(
    folder: Path,
    generator: Generator,
    images: ImageSet,
    run: Path | None,
    records: dict[str, Any],
    named: Named,
) -> Path:
    from ganaug.evaluation.diversity.inspection import inspect_samples
    from ganaug.evaluation.diversity.samples import draw_samples
    from ganaug.report.folder import write_evaluation
    from ganaug.report.history import read_history

    return write_evaluation(
        folder,
        generator.info,
        draw_samples(generator, images),
        inspection=inspect_samples(generator, images),
        history=[] if run is None else read_history(run),
        named=named,
        **records,
    )
