"""`python -m benchmarks.table FILE ...`: gains that `benchmarks.gain --json` measured, in Markdown.

Every number is read from the files that `benchmarks.gain --json` wrote; none is computed here but
means over seeds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ganaug.errors import ConfigError, GanaugError

__all__ = ["gain_table"]

HEAD = (
    *("data set", "classes", "images of a class", "seeds", "free arm", "with ganaug"),
    *("gain in points (95% interval)", "error gone", "rarer half", "verdict"),
)


def gain_table(paths: Sequence[Path]) -> str:
    """Return a row for each result file: the generator on top of the free arm.

    Accuracies are balanced, in percent, those of the rarer half of the classes in brackets.

    Raises:
        ConfigError: a file holds no comparison with a generator.
    """
    rows = [HEAD, tuple("---" for _ in HEAD), *(_row(path) for path in paths)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(path: Path) -> tuple[str, ...]:
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        ours, free = result["chosen"], result["baseline"]
        gain, counts = result["gain"][ours], result["counts"]
        arms = [result["arms"][name] for name in (free, ours)]
        seeds = len(result["seeds"])
        return (
            _name(result),
            str(len(result["classes"])),
            f"{max(map(max, counts))} to {min(map(min, counts))}",
            str(seeds),
            *(
                f"{_percent(arm['balanced_accuracy'])} ({_percent(arm['rarer_half'])})"
                for arm in arms
            ),
            _interval(gain, seeds),
            _share(gain["error_reduction"]),
            _share(gain["rare_error_reduction"]),
            str(gain["verdict"]),
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise ConfigError(
            f"{path}: no comparison with a generator ({type(error).__name__}: {error}); allowed:"
            " files that benchmarks.gain --json wrote with a ganaug arm; leave it out"
        ) from error


def _name(result: dict[str, Any]) -> str:
    name = str(result["dataset"])
    if result.get("quick"):
        return f"{name} (quick)"
    judged = str(result.get("judged_on", ""))
    return name if judged.startswith("half") else f"{name} (validation images)"


def _percent(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{100 * sum(known) / len(known):.1f}" if known else "-"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f}%"


def _interval(gain: dict[str, Any], seeds: int) -> str:
    mean = f"{100 * gain['mean']:+.1f}"
    if seeds < 2:
        return f"{mean} (one seed)"
    return f"{mean} ({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f})"


@click.command(help="FILES: what benchmarks.gain --json wrote, one row each.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def main(files: tuple[Path, ...]) -> None:
    """Print the table."""
    try:
        click.echo(gain_table(files))
    except GanaugError as error:
        click.echo(f"benchmarks.table: {error}", err=True)
        raise SystemExit(error.exit_code) from error


if __name__ == "__main__":
    main()
