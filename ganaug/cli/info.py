"""`ganaug info`: what a file says about itself."""

from __future__ import annotations

import json

import click

from ganaug.cli.console import echo

__all__ = ["command"]


@click.command(
    "info",
    short_help="What a file says of itself.",
    epilog="Example: ganaug info photos.onnx --json",
)
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print the metadata as JSON.")
def command(file: str, as_json: bool) -> None:
    """Print the metadata of the ONNX file FILE: data, training, policy and evidence."""
    from ganaug.artifact.reader import read_artifact
    from ganaug.report.text import metadata_lines

    _, metadata, content_hash = read_artifact(file)
    if as_json:
        echo(json.dumps(json.loads(metadata.to_json()), indent=2))
    else:
        echo("\n".join(metadata_lines(metadata, content_hash)))
