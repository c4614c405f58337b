"""`ganaug export`: put a trained generator into one ONNX file."""

from __future__ import annotations

import click

from ganaug.cli.console import Settings, say

__all__ = ["command"]


@click.command("export")
@click.argument("run")
@click.argument("file")
@click.option("--force", is_flag=True, help="Write even a generator that collapsed or diverged.")
@click.pass_obj
def command(console: Settings, run: str, file: str, force: bool) -> None:
    """Write the generator of the folder RUN to FILE, one ONNX file with its metadata.

    The file is compared with the trained network first, and not written where they differ.
    """
    from ganaug import export

    export(run, file, force=force)
    say(console, f"wrote {file}; next: ganaug evaluate {file} SOURCE")
