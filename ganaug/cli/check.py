"""`ganaug check`: look at images before anything is trained on them."""

from __future__ import annotations

from typing import Any

import click

from ganaug.cli.bars import steady_progress
from ganaug.cli.console import Settings, echo, say
from ganaug.cli.elsewhere import command_with_others
from ganaug.cli.options import (
    SETTING,
    SIZE,
    ReadingOptions,
    force_option,
    given_settings,
    image_options,
    preset_option,
)

__all__ = ["command"]


ELSEWHERE = {
    "--steps": "--set steps=N of the generator; evaluate is estimated with its usual steps",
    "--quick": "none; evaluate --quick is among the times",
}


@click.command(
    "check",
    cls=command_with_others(ELSEWHERE),
    short_help="What is wrong with your images; how long the rest will take.",
    epilog="Example: ganaug check photos/ --json check.json",
)
@click.argument("source")
@click.option("--size", type=SIZE, help="As for fit: the size that is trained at.")
@click.option("--mode", metavar="grey|rgb", help="As for fit: convert the images.")
@image_options(fetched="data sets", without=("size", "skip_corrupt"))
@preset_option("Of the training whose duration is estimated.")
@click.option("--kind", metavar="variation|class", help="As for fit.")
@click.option(
    "--set", "settings", type=SETTING, multiple=True, help="As for fit: any field of FitConfig."
)
@click.option("--seeds", type=int, default=6, show_default=True, help="As for evaluate.")
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda")
@click.option("--no-times", is_flag=True, help="Train no steps to estimate durations.")
@click.option(
    "--outlook",
    is_flag=True,
    help="Ask whether a generator is likely to help: about a minute of a free core.",
)
@click.option("--json", "json_file", metavar="FILE", help="Write what was found as JSON, too.")
@force_option
@click.pass_obj
def command(
    console: Settings,
    source: str,
    size: tuple[int, int] | None,
    mode: str | None,
    reading: ReadingOptions,
    preset: str,
    kind: str | None,
    settings: tuple[tuple[str, Any], ...],
    seeds: int,
    device: str,
    no_times: bool,
    outlook: bool,
    json_file: str | None,
    force: bool,
) -> None:
    """Look at the images of SOURCE before anything is trained; nothing is changed.

    Damaged files, images that are there twice (inside a class, across classes, across parts), what
    looks like frames of one object, odd images, classes too small to judge; how long fit, tune and
    evaluate would take here; and the command to go on with. SOURCE is what fit takes. The exit code
    is 1 where there are problems.
    """
    from ganaug import check
    from ganaug.files import write_json
    from ganaug.images.places import folders_around
    from ganaug.outputs import Inputs, check_output_file
    from ganaug.report.kinds import CHECK

    if json_file is not None:
        around = folders_around(source, (), json_file)
        inputs = Inputs((source,), around, reading.listed(source))
        check_output_file(json_file, CHECK, inputs, option="--json", force=force)

    with steady_progress(console, "reading images") as progress:
        report = check(
            source,
            size=size,
            mode=mode,
            root=reading.root,
            download=reading.download,
            exif=reading.exif,
            **reading.columns,
            preset=preset,
            fit_options=given_settings(settings, {"kind": kind}),
            seeds=seeds,
            device=device,
            times=not no_times,
            outlook=outlook,
            progress=progress,
        )
    echo(report)
    if json_file is not None:
        write_json(json_file, report.to_dict())
        say(console, f"wrote {json_file}")
    if report.problems:
        raise click.exceptions.Exit(1)
