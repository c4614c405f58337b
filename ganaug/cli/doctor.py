"""`ganaug doctor`: what ganaug runs on here, and what is wrong with it."""

from __future__ import annotations

import json

import click

from ganaug.cli.console import echo

__all__ = ["command"]


@click.command("doctor", epilog="Example: ganaug doctor --json > machine.json")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def command(as_json: bool) -> None:
    """Look at versions, devices, onnxruntime, and free memory and disk of this machine.

    For each problem it names the command that mends it; the exit code is 1 where there is one.
    """
    from ganaug.doctor import examine

    found = examine()
    echo(json.dumps(found.to_dict(), indent=2) if as_json else found)
    if found.problems:
        raise click.exceptions.Exit(1)
