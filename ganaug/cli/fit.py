"""`ganaug fit`: train a generator."""

from __future__ import annotations

import json
import os
import shlex
import textwrap
from pathlib import Path
from typing import Any

import click

from ganaug.cli.bars import fit_progress, reading_progress, steady_progress
from ganaug.cli.console import INTERRUPTED, Settings, echo, say, suggest
from ganaug.cli.options import SETTING, ReadingOptions, given_settings, image_options, preset_option
from ganaug.errors import ConfigError
from ganaug.launch import place
from ganaug.progress import duration
from ganaug.wording import counted, fact_lines

__all__ = ["command"]

FEW = 3  # times fewer steps than the preset takes
WIDE = 88  # characters of the config in a line


@click.command(
    "fit",
    short_help="Train a generator on images; the same command resumes.",
    epilog="Example: ganaug fit photos/ --out runs/photos --preset small",
)
@click.argument("source")
@click.option(
    "--out", required=True, metavar="RUN", help="Folder of the run; the same command resumes it."
)
@preset_option("Size of the networks and length of the training; tiny to try things out.")
@click.option(
    "--kind",
    metavar="variation|class",
    help="variation: image to image (default). class: noise to image.",
)
@image_options(size="at most 64 a side", fetched="data sets")
@click.option(
    "--cache",
    metavar="DIR",
    help="Decode the images of a folder or table once, into DIR, and read them from there.",
)
@click.option("--mode", metavar="grey|rgb", help="Convert the images; default: as they are.")
@click.option(
    "--steps", type=int, help="Length of the training; default: the preset's, base 2500, tiny 1200."
)
@click.option("--batch-size", type=int, help="Images (or pairs) a step.")
@click.option(
    "--loss",
    metavar="NAME",
    help="relativistic, hinge, least_squares, non_saturating or minimax.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda")
@click.option(
    "--all",
    "all_images",
    is_flag=True,
    help="Where SOURCE has no test part, train on all images; else one fifth is held out.",
)
@click.option(
    "--on-collapse",
    default="rollback",
    show_default=True,
    metavar="warn|stop|rollback",
    help="Where the training fails: go on, stop, or go back and go on with other settings.",
)
@click.option(
    "--from",
    "start_from",
    metavar="RUN|FILE",
    help="Begin with the weights of another training instead of random ones.",
)
@click.option(
    "--tracker", metavar="tensorboard|mlflow", help="Follow the training there, too (an extra)."
)
@click.option(
    "--set",
    "settings",
    type=SETTING,
    multiple=True,
    help="Any other field of FitConfig, such as --set r1=0.5; may be repeated.",
)
@click.option(
    "--dry-run", is_flag=True, help="Say what the training would cost here, and write nothing."
)
@click.option("--json", "as_json", is_flag=True, help="With --dry-run: say it as JSON.")
@click.pass_obj
def command(
    console: Settings,
    source: str,
    out: str,
    preset: str,
    cache: str | None,
    mode: str | None,
    reading: ReadingOptions,
    seed: int,
    device: str,
    all_images: bool,
    on_collapse: str,
    start_from: str | None,
    tracker: str | None,
    dry_run: bool,
    as_json: bool,
    settings: tuple[tuple[str, Any], ...],
    **options: Any,
) -> None:
    """Train a generator on the images of SOURCE and write the run to a folder.

    SOURCE is a folder with one folder a class (with or without train/ and test/ around them), an
    .npz file, a table (.csv, .tsv), hf:PATH for a data set that Hugging Face's save_to_disk wrote,
    torchvision:NAME, or digits.
    """
    from ganaug import fit
    from ganaug.devices import choose_device
    from ganaug.images.sources import check_cache
    from ganaug.randomness import checked_seed
    from ganaug.training import make_config
    from ganaug.training.recovery import checked_reaction
    from ganaug.training.run_folder import check_run_folder, read_run
    from ganaug.training.soundness import broken
    from ganaug.training.trackers import checked_tracker
    from ganaug.training.warm_start import warm_start

    given = given_settings(settings, options)
    _check_dry_run(dry_run, as_json)
    # Refused before the images are read, which can take minutes.
    config = make_config(preset, **given)
    checked_seed(seed)
    choose_device(device)
    check_run_folder(out, source)
    if cache is not None:
        if Path(os.path.realpath(cache)).is_relative_to(os.path.realpath(out)):
            raise ConfigError(
                f"--cache: {cache} lies in {out}, which is for the run alone; allowed: any other"
                " folder; name another"
            )
        check_cache(cache, source)
    if start_from is not None:
        warm_start(start_from, out, config)
    if dry_run and cache is not None:
        say(console, "--cache: not used, since a dry run writes nothing; all images are in memory")
        cache = None
    reaction = checked_reaction(on_collapse)
    checked_tracker(tracker)
    following = (
        reading_progress(console) if cache is None else steady_progress(console, "reading images")
    )
    with following as show:
        images = reading.load(source, mode=mode, cache=cache, progress=show)
    if not all_images:
        images = images.hold_out()
    elif images.test is not None:
        say(console, "--all: not used, since SOURCE has a test part, which is never trained on")
    say(console, _described(images), *images.notes)
    training: dict[str, Any] = {"preset": preset, "seed": seed, "device": device}
    training |= {"all_images": all_images} | given
    if dry_run:
        say(console, "doing some real steps to time them; nothing is written")
        echo(_estimate(images, training, as_json))
        return
    try:
        with fit_progress(console) as progress:
            run = fit(
                images,
                out,
                on_collapse=reaction,
                start_from=start_from,
                tracker=tracker,
                progress=progress,
                **training,
            )
    except KeyboardInterrupt as interruption:
        if place().rank == 0:
            echo(
                f"ganaug: {str(interruption) or 'interrupted; the same command resumes'}:"
                f" ganaug {shlex.join(console.arguments)}",
                err=True,
            )
        raise click.exceptions.Exit(INTERRUPTED) from None
    usual = make_config(preset).steps
    if FEW * config.steps < usual:
        few = counted(config.steps, "step")
        say(
            console,
            f"{few}: the preset {preset} takes {usual:,}; a longer training makes better images",
        )
    wrong = broken(read_run(run))
    if wrong:
        suggest(console, f"trained, and broken, so that export refuses it: {wrong}")
        return
    name = Path(os.path.abspath(run)).name  # "." has none
    again = shlex.join(["ganaug", "export", str(run), f"{name}.onnx"])
    suggest(console, f"trained; next: {again}")


def _check_dry_run(dry_run: bool, as_json: bool) -> None:
    if as_json and not dry_run:
        raise ConfigError(
            "--json: given without --dry-run; allowed: with it, since a run has its own"
            " metrics.jsonl; leave it out"
        )
    if dry_run and place().size > 1:
        raise ConfigError(
            f"--dry-run: started as {place().size} processes; allowed: one, since it measures what"
            " one process takes; leave torchrun out"
        )


def _described(images: Any) -> str:
    """Return how many images are trained on and held out, of which classes and size."""
    held = f" ({len(images.test):,} held out for evaluate)" if images.held_out else ""
    classes = counted(len(images.classes), "class")
    pixels = f"{images.size[0]}x{images.size[1]} {'grey' if images.channels == 1 else 'RGB'}"
    return f"{counted(len(images), 'image')} to train on{held}, {classes}, {pixels}"


def _estimate(images: Any, training: dict[str, Any], as_json: bool) -> str:
    from ganaug.training.dry_run import estimate_fit

    found = estimate_fit(images, **training)
    if as_json:
        return json.dumps({**vars(found), "config": found.config.to_dict()}, indent=2)
    height, width = found.config.size or images.size
    settings = [f"{name}={value}" for name, value in found.config.to_dict().items()]
    one, *more = textwrap.wrap(", ".join(settings), WIDE, break_on_hyphens=False)
    memory = "" if found.memory_mb is None else f"{found.memory_mb:,.0f} MB"
    facts = {
        "images": f"{found.images:,} to train on, {height}x{width}",
        "config": "\n".join([one, *(" " * len("parameters  ") + line for line in more)]),
        "parameters": ", ".join(f"{n:,} {name}" for name, n in found.parameters.items()),
        "precision": found.precision,
        "a step": f"{1000 * found.step_seconds:.1f} ms",
        "training": f"{found.config.steps:,} steps, about {duration(found.seconds)}",
        "memory": memory or "not known",
    }
    return "\n".join(fact_lines(facts))
