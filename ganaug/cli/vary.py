"""`ganaug vary`: photographs beside their variations, in one picture."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from ganaug.cli.console import Settings, say
from ganaug.cli.options import force_option
from ganaug.errors import ConfigError, DataError
from ganaug.wording import counted

__all__ = ["command"]


@click.command(
    "vary",
    short_help="A picture of your photographs beside variations of them.",
    epilog="Example: ganaug vary photos.onnx photos/a.jpg --out sheet.png --scale 0.5",
)
@click.argument("file")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option("--out", required=True, metavar="PICTURE", help="The picture to write, a .png file.")
@click.option("--columns", type=int, default=8, show_default=True, help="Variations in a row.")
@click.option(
    "--scale",
    "scales",
    type=float,
    multiple=True,
    help="Factor on the latents: a row for each; may be repeated.  [default: the policy's]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the latents.")
@click.option(
    "--side", type=int, default=160, show_default=True, help="Longest side of an image in pixels."
)
@force_option
@click.pass_obj
def command(
    console: Settings,
    file: str,
    images: tuple[str, ...],
    out: str,
    columns: int,
    scales: tuple[float, ...],
    seed: int,
    side: int,
    force: bool,
) -> None:
    """Write a picture of own photographs and of variations that the generator in FILE makes.

    Each row begins with the photograph itself. A column has the same latents in all rows of one
    image, so several values of --scale show how far it goes.
    """
    from ganaug import Generator
    from ganaug.images.grid import picture_grid, save_png
    from ganaug.images.pictures import read_picture
    from ganaug.images.places import places_of_pictures
    from ganaug.outputs import Inputs, check_output_file
    from ganaug.report.kinds import SHEET
    from ganaug.use.sheet import variation_rows

    generator = Generator(file)
    given = (file, *images)
    check_output_file(out, SHEET, Inputs(given), option="--out", force=force)
    if Path(out).suffix.lower() != ".png":
        raise ConfigError(f"--out: {out!r}; allowed: the name of a .png file; choose another")
    for each in images:  # what is no image is told before where the sheet would lie
        _refuse_folder(Path(each))
        read_picture(each, generator.info.channels)
    among = places_of_pictures(images, generator.info.classes, out)
    check_output_file(out, SHEET, Inputs(given, among), option="--out", force=force)
    rows = variation_rows(generator, images, columns=columns, scales=scales, seed=seed, side=side)
    save_png(out, picture_grid(rows, names=_names(images, scales)))
    each = f"a photograph, at the left, and {counted(columns, 'variation')} of it"
    say(console, f"wrote {out}: {counted(len(rows), 'row')}, each {each}")


def _names(images: Sequence[str], scales: Sequence[float]) -> list[str]:
    """Return what is written beside the rows: which photograph, at which scale; none for one."""
    of_scale = [f"x {scale:g} " for scale in scales] if len(scales) > 1 else [""]
    paths = [Path(os.path.abspath(each)) for each in images]
    called = [path.stem for path in paths]
    if len(set(called)) < len(set(paths)):  # of two classes, say
        called = [f"{path.parent.name}/{path.stem}" for path in paths]
    names = [f"{start}{name}" for name in called for start in of_scale]
    return names if len(names) > 1 else []


def _refuse_folder(path: Path) -> None:
    if not os.path.isdir(path):
        return
    from ganaug.images.places import first_image

    found = first_image(path)
    such = f", such as {shlex.quote(str(found))}" if found else ""
    raise DataError(
        f"{path}: is a folder; allowed: image files{such}; name those to be seen (a whole folder is"
        " varied by: ganaug sample)"
    )
