"""How long `ganaug demo` takes, what it finds, and how right the time is that it says is left.

    python -m benchmarks.demo --json results/demo.json

The demo runs in a process of its own, and the clock is read at each of its lines. Run it on an idle
machine.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from benchmarks._environment import environment
from benchmarks._results import result_text, write_result
from ganaug.demo import SCENES

__all__ = ["main", "time_left"]

LEFT = re.compile(
    r"(?P<phase>.+) \d+/\d+(?:, .*)?, (?:(?P<h>\d+) h )?(?P<m>\d+)(?::(?P<s>\d+)| min) left"
)
SETTLED = 30.0  # seconds, after which the time left is judged
SHORT = 15.0  # seconds; a share of less than these says little


@click.command(help=__doc__)
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the result here.")
@click.argument("arguments", nargs=-1, metavar="[-- OPTIONS OF THE DEMO]")
def main(json_path: Path | None, arguments: tuple[str, ...]) -> None:
    """Run it, read it, write."""
    with TemporaryDirectory() as folder:
        lines, seconds, processor = _run([*arguments, "--out", folder])
        gain = {scene.name: _gain(Path(folder, scene.name, "gain.json")) for scene in SCENES}
    result = {
        "command": " ".join(["ganaug demo", *arguments]),
        "seconds": round(seconds, 1),
        "processor_seconds": round(processor, 1),
        "load_before": round(os.getloadavg()[0], 2),
        **time_left(lines, seconds),
        "gain": gain,
        "environment": environment(2, 1),
    }
    if json_path is not None:
        write_result(json_path, result)
    click.echo(result_text(result), nl=False)


def _run(arguments: Sequence[str]) -> tuple[list[tuple[float, str]], float, float]:
    """Return the lines on stderr, each with its second; the seconds; those of the processor."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, "-m", "ganaug", "demo", *arguments]
    lines = []
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as running:
        for line in running.stderr or ():
            lines.append((time.monotonic() - started, line.rstrip()))
    seconds = time.monotonic() - started
    if running.returncode:
        raise SystemExit(f"benchmarks.demo: {lines[-1][1] if lines else running.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return lines, seconds, spent


def time_left(lines: Sequence[tuple[float, str]], seconds: float) -> dict[str, Any]:
    """Return the seconds of each phase, and the time left beside what was really left.

    Args:
        lines: what was said, with the second.
        seconds: of the whole.
    """
    ends: dict[str, float] = {}
    said = []
    for at, line in lines:
        found = LEFT.match(line)
        if found is None:
            continue
        ends[found["phase"]] = at
        parts = [int(found[name] or 0) for name in "hms"]
        told = 60 * (60 * parts[0] + parts[1]) + parts[2]
        really = seconds - at
        if at >= SETTLED and really >= SHORT:
            said.append([round(at, 1), told, round(really, 1)])
    starts = [0.0, *ends.values()]
    return {
        "phases": {name: round(end - starts[i], 1) for i, (name, end) in enumerate(ends.items())},
        "left": {"at": "second, said, really", "rows": said},
        "largest_error": max((abs(told / really - 1) for _, told, really in said), default=None),
    }


def _gain(path: Path) -> Mapping[str, Any]:
    record = json.loads(path.read_text(encoding="utf-8"))
    found = record["gain"][record["chosen"]]
    shown = {name: found[name] for name in ("verdict", "mean", "low", "high")}
    return {"seeds": len(record["seeds"]), **shown}


if __name__ == "__main__":
    main()
