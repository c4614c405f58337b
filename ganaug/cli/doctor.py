"""`ganaug doctor`: what ganaug runs on here, and what is wrong with it."""

from __future__ import annotations

import json

import click

from ganaug.cli.console import Settings, echo, say

__all__ = ["command"]


@click.command(
    "doctor",
    short_help="Look at this machine and this installation.",
    epilog="Example: ganaug doctor --json > machine.json",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.pass_obj
def command(console: Settings, as_json: bool) -> None:
    """Look at versions, devices, onnxruntime, and free memory and disk of this machine.

    For each problem it names the command that mends it; the exit code is 1 where there is one.
    """
    say(console, "looking at this machine, some seconds")
    from ganaug.doctor import examine

    found = examine()
    echo(json.dumps(found.to_dict(), indent=2) if as_json else found)
    if found.problems:
        raise click.exceptions.Exit(1)
