"""`ganaug export`: put a trained generator into one ONNX file."""

from __future__ import annotations

import click

from ganaug.cli.console import Settings, suggest

__all__ = ["command"]


@click.command("export", epilog="Example: ganaug export runs/defects defects.onnx")
@click.argument("run")
@click.argument("file")
@click.pass_obj
def command(console: Settings, run: str, file: str) -> None:
    """Write the generator of the folder RUN to FILE, one ONNX file with its metadata.

    The file is compared with the trained network first, and not written where they differ.
    """
    from ganaug import export

    export(run, file)
    suggest(console, f"wrote {file}; next: ganaug evaluate {file} SOURCE")
