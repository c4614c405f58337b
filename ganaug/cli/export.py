"""`ganaug export`: put a trained generator into one ONNX file."""

from __future__ import annotations

import os
import shlex

import click

from ganaug.cli.console import Settings, suggest
from ganaug.cli.judging import can_be_tuned
from ganaug.cli.options import force_option

__all__ = ["command"]


@click.command(
    "export",
    short_help="Put the trained generator into one ONNX file.",
    epilog="Example: ganaug export runs/photos photos.onnx",
)
@click.argument("run")
@click.argument("file")
@force_option
@click.pass_obj
def command(console: Settings, run: str, file: str, force: bool) -> None:
    """Write the generator of the folder RUN to FILE, one ONNX file with its metadata.

    The file is compared with the trained network first, and not written where they differ. An
    earlier FILE of this RUN is replaced; what was measured of the same generator stays in it.
    """
    import numpy as np

    from ganaug import Generator, export
    from ganaug.evaluation.tuning.rarity import is_measurable

    export(run, file, force=force)
    name = shlex.quote(file)
    look = ""
    info = Generator(file).info
    if info.kind == "variation":
        look = f"; to look at it: ganaug vary {name} IMAGE... --out sheet.png"
    what = "" if file.lower().endswith(".onnx") else ", an ONNX file; other programs want .onnx"
    suggest(console, f"wrote {file}{what}{look}")
    measurable = can_be_tuned(info) and is_measurable(np.asarray(info.counts))
    then = "tune" if measurable else "evaluate"  # else its answer would be never, of whatever file
    source = str(info.data["source"])  # a path without its folders
    given = shlex.quote(source) if source == "digits" or os.path.exists(source) else "SOURCE"
    images = "" if given != "SOURCE" else f", with the images of fit ({source})"
    if info.data.get("columns"):
        images += ", with its --root if fit had one"
    suggest(console, f"next: ganaug {then} {name} {given}{images}")
