"""`ganaug card`: the model card of a file."""

from __future__ import annotations

import click

from ganaug.cli.console import Settings, say

__all__ = ["command"]


@click.command("card", epilog="Example: ganaug card defects.onnx --out card.md")
@click.argument("file")
@click.option("--out", metavar="FILE", help="Write the card there instead of printing it.")
@click.pass_obj
def command(console: Settings, file: str, out: str | None) -> None:
    """Print the model card of the ONNX file FILE as Markdown.

    Intended use, training images of each class, policy, gain, diversity, memorisation and limits,
    from what the file says of itself; `ganaug evaluate` and `ganaug tune` write into it what they
    measure.
    """
    from ganaug.artifact.reader import read_artifact
    from ganaug.files import write_text
    from ganaug.report.card import model_card

    _, metadata, content_hash = read_artifact(file)
    card = model_card(metadata, content_hash)
    if out is None:
        click.echo(card, nl=False)
    else:
        write_text(out, card)
        say(console, f"wrote {out}")
