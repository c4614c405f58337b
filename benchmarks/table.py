"""`python -m benchmarks.table FILE ...`: the README's table of results, in Markdown.

`python -m benchmarks.table results/gain-{gtsrb-lt,asl-lt-48,mnist-lt,glyphs-lt,digits-lt}.json`,
in the folder of the README, prints it. Every number is read from the files that `benchmarks.gain
--json` wrote; none is computed here but means over seeds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ganaug.errors import ConfigError, GanaugError

__all__ = ["gain_table"]

HEAD = "data", "without a generator", "with GANAugment", "verdict, gain in points"
NAMES = {
    "gtsrb-lt": "43 traffic signs (GTSRB)",
    "asl-lt": "10 hand signs, photographs",
    "seedlings-lt": "8 seedlings, photographs",
    "trash-lt": "6 kinds of waste, photographs",
    "flowers-lt": "5 flowers, photographs",
    "mnist-lt": "handwritten digits (MNIST)",
    "glyphs-lt": "36 photographed letters",
    "digits-lt": "8x8 digits (scikit-learn)",
}


def gain_table(paths: Sequence[Path]) -> str:
    """Return a row for each result file: the training without a generator, and the same with it.

    Accuracies are balanced, in percent, those of the rarer half of the classes in brackets; the
    gain has its 95% interval. A row links its file by the path that was given.

    Raises:
        ConfigError: a file holds no comparison with a generator.
    """
    rows = [HEAD, tuple("---" for _ in HEAD), *(_row(path) for path in paths)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(path: Path) -> tuple[str, ...]:
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        ours, free = result["chosen"], result["baseline"]
        gain, seeds = result["gain"][ours], len(result["seeds"])
        return (
            f"[{NAMES.get(result['dataset'], result['dataset'])}]({path.as_posix()})"
            + _caution(result),
            _accuracy(result["arms"][free]),
            _accuracy(result["arms"][ours]),
            f"{gain['verdict']}, {_interval(gain, seeds)}",
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise ConfigError(
            f"{path}: no comparison with a generator ({type(error).__name__}: {error}); allowed:"
            " files that benchmarks.gain --json wrote with a ganaug arm; leave it out"
        ) from error


def _caution(result: dict[str, Any]) -> str:
    """Return what forbids to quote the figures, where something does."""
    if result.get("quick"):
        return " (quick)"
    return "" if str(result.get("judged_on", "")).startswith("half") else " (validation images)"


def _accuracy(arm: dict[str, Any]) -> str:
    return f"{_percent(arm['balanced_accuracy'])} ({_percent(arm['rarer_half'])})"


def _percent(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{100 * sum(known) / len(known):.1f}" if known else "-"


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
