"""`ganaug card`: the model card of a file."""

from __future__ import annotations

import click

from ganaug.cli.console import Settings, echo, say, width
from ganaug.cli.options import force_option

__all__ = ["command"]


@click.command(
    "card",
    short_help="The model card of a file, as Markdown.",
    epilog="Example: ganaug card photos.onnx --out card.md",
)
@click.argument("file")
@click.option("--out", metavar="FILE", help="Write the card there instead of printing it.")
@force_option
@click.pass_obj
def command(console: Settings, file: str, out: str | None, force: bool) -> None:
    """Print the model card of the ONNX file FILE as Markdown.

    Intended use, training images of each class, policy, gain, diversity, memorisation and limits,
    from what the file says of itself; `ganaug evaluate` and `ganaug tune` write into it what they
    measure. A terminal shows it without the backslashes of Markdown.
    """
    from ganaug.artifact.reader import read_artifact
    from ganaug.files import write_text
    from ganaug.images.places import folders_of_classes
    from ganaug.outputs import Inputs, check_output_file
    from ganaug.report.card import model_card
    from ganaug.report.kinds import CARD
    from ganaug.report.markdown import plain

    _, metadata, content_hash = read_artifact(file)
    if out is not None:
        read = Inputs((file,), folders_of_classes(out, metadata.classes))
        check_output_file(out, CARD, read, option="--out", force=force)
    card = model_card(metadata, content_hash)
    if out is None:
        echo(card if width() is None else plain(card), nl=False)  # a pipe gets Markdown
    else:
        write_text(out, card)
        say(console, f"wrote {out}")
