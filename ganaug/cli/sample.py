"""`ganaug sample`: many generated images as files."""

from __future__ import annotations

import os
from typing import Any

import click

from ganaug.cli.bars import reading_progress, steady_progress
from ganaug.cli.console import Settings, resumable, say
from ganaug.cli.options import NAMES, ReadingOptions, chosen_columns, image_options
from ganaug.errors import ConfigError
from ganaug.wording import as_options, counted, whole_number

__all__ = ["command"]

LEAST_SIDE, LEAST_SHARE = 8, 0.02


class _Count(click.ParamType[int | str]):
    """A number, or a word that `SyntheticDataset` knows."""

    name = "count"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "N|balance|auto"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        if value in ("balance", "auto"):
            return str(value)
        if number := whole_number(str(value)):
            return number
        self.fail(f"{value!r} is no count; give a number from 1, balance or auto", param, ctx)


class _Part(click.ParamType[tuple[int, int]]):
    """`2/4`: the second of four processes."""

    name = "part"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "I/N"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        number, of = (whole_number(text) for text in str(value).partition("/")[::2])
        if number is None or of is None or not 1 <= number <= of:
            self.fail(f"{value!r} is no part; give I/N, such as 1/4 to 4/4", param, ctx)
        return number, of


@click.command(
    "sample",
    short_help="Write many generated images to a folder.",
    epilog="Example: ganaug sample photos.onnx --count balance --source photos/ --out more",
)
@click.argument("file")
@click.option(
    "--count",
    type=_Count(),
    required=True,
    help="In all; balance: up to the largest; auto: by the policy.",
)
@click.option("--classes", type=NAMES, help="Only these; a name with a comma in quotes.")
@click.option(
    "--source",
    metavar="SOURCE",
    help="What is varied, as for fit; FILE of the kind variation needs it.",
)
@image_options(without=("size", "download"))
@click.option(
    "--side",
    type=int,
    help="Longest side of an image in pixels.  [default: that of the image]",
)
@click.option(
    "--all",
    "all_images",
    is_flag=True,
    help="Vary what fit held out, too; no judging on it then.",
)
@click.option("--out", metavar="DIR", help="Write a folder of images with a folder a class.")
@click.option("--shards", metavar="DIR", help="Write tar files in WebDataset's layout instead.")
@click.option("--shard", "part", type=_Part(), default="1/1", help="Make the I-th part of N.")
@click.option(
    "--keep-best", type=float, metavar="SHARE", help="Keep this share, such as 0.8, and say why."
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.pass_obj
def command(
    console: Settings,
    file: str,
    count: int | str,
    classes: tuple[str, ...] | None,
    source: str | None,
    reading: ReadingOptions,
    side: int | None,
    all_images: bool,
    out: str | None,
    shards: str | None,
    part: tuple[int, int],
    keep_best: float | None,
    seed: int,
) -> None:
    """Write many generated images, with a manifest and a contact sheet.

    The same command goes on where it was interrupted. Image i is the same for any number of parts.
    """
    from ganaug import Generator
    from ganaug.images.places import folders_around
    from ganaug.outputs import Inputs, check_output_folder
    from ganaug.use.sheet import MOST_SIDE

    if (out is None) == (shards is None):
        given = "neither" if out is None else "both"
        raise ConfigError(f"--out, --shards: {given} given; allowed: exactly one; name a folder")
    lost = as_options(root=reading.root, side=side, all=all_images)
    lost += [*reading.words(), *as_options(keep_best=keep_best)]
    if source is None and lost:
        raise ConfigError(
            f"{lost[0]}: given without --source; allowed: beside the images that it is about; name"
            " them with --source, or leave it out"
        )
    if side is not None and not LEAST_SIDE <= side <= MOST_SIDE:
        allowed = f"{LEAST_SIDE} or more" if side < LEAST_SIDE else f"{LEAST_SIDE} to {MOST_SIDE:,}"
        raise ConfigError(f"--side: {side}; allowed: {allowed}; choose another")
    if keep_best is not None and not LEAST_SHARE <= keep_best <= 1 - LEAST_SHARE + 1e-9:
        raise ConfigError(
            f"--keep-best: {keep_best}; allowed: {LEAST_SHARE} to {1 - LEAST_SHARE}, the share that"
            " is kept; choose another, such as 0.8"
        )
    option, named = ("--shards", shards) if out is None else ("--out", out)
    generator = Generator(file)
    among = folders_around(source, generator.info.classes, named)
    check_output_folder(str(named), {}, Inputs((file, source), among), option=option)
    images = fingerprint = None
    if source is None and generator.info.kind == "variation":
        raise ConfigError(
            f"--source: not given; allowed: a folder of images, which {file} varies; name the one"
            " that it was fitted on"
        )
    from ganaug import sample  # here: torch takes seconds to load, and what is refused has none
    from ganaug.use.bulk import planned_counts
    from ganaug.use.fitted_on import compared
    from ganaug.use.one_by_one import OneByOne

    if source is not None:
        how: dict[str, Any] = {
            "root": reading.root,
            "exif": reading.exif,
            "skip_corrupt": reading.skip_corrupt,
            **chosen_columns(source, reading.columns, generator.info),
        }
        with reading_progress(console, "comparing images") as show:
            found = compared(source, generator.info, progress=show, **how)
        say(console, *found.images.notes)
        varied, fingerprint = found.images, found.fingerprint
        if not all_images and (left := found.count_held_out):
            varied = found.without_held_out()
            fingerprint += ", without those held out"
            say(
                console,
                f"{source}: {counted(len(varied.labels), 'image')} are varied, and {left} left out,"
                " which fit held out to judge on; --all varies these, too",
            )
        images = OneByOne(varied, generator.info, side)
        fingerprint += "" if side is None else f", side {side}"
        if found.held_out is None:
            say(
                console,
                f"{source}: not the images that {file} was fitted on (or read in another way); what"
                " it makes of others may be worse",
            )
    with (
        resumable(
            console,
            lambda: (
                f"the images that were written are kept in {named}"
                if os.path.exists(str(named))
                else "no image was written"
            ),
        ),
        steady_progress(console, "making images") as report,
    ):
        folder = sample(
            generator,
            str(named),
            counts=count,
            source=images,
            classes=classes,
            seed=seed,
            shards=shards is not None,
            part=part,
            keep_best=keep_best,
            fingerprint=fingerprint,
            progress=report,
        )
    counts = planned_counts(folder)
    of_each = ", ".join(f"{name} {number}" for name, number in counts.items() if number)
    what = f"{counted(sum(counts.values()), 'image')} ({of_each})"
    done = (folder / "manifest.jsonl").exists()
    say(
        console,
        f"wrote {folder}: {what}"
        if done
        else f"wrote part {part[0]}/{part[1]} of {folder}, in all {what}",
    )
