"""`python -m benchmarks.gain DATASET`: what a new draw and a new generator gain, seed by seed.

Pilots judge on training images that the draw left over. `--final` reads half A of the test part
and writes a line into docs/results/test-reads.md; half B is not read here.
"""

from __future__ import annotations

import datetime
import subprocess
import sys
from pathlib import Path

import click

from benchmarks._environment import environment
from benchmarks._protocols import NAMES, Protocol, half_a, open_protocol
from ganaug.errors import ConfigError, GanaugError
from ganaug.evaluation.gain import evaluate_gain
from ganaug.evaluation.parallel import worker_count
from ganaug.files import write_json, write_text

ROOT = Path(__file__).resolve().parent.parent
READS = ROOT / "docs" / "results" / "test-reads.md"
READS_HEAD = """# Readings of half A of the test parts

Each line is one run of `python -m benchmarks.gain ... --final`. A later claim needs fresh seeds.

| date | commit | data set | seeds | arms | reason |
| --- | --- | --- | --- | --- | --- |
"""


@click.command(help=f"DATASET: {', '.join(NAMES)}, a folder or an .npz file.")
@click.argument("dataset")
@click.option("--seeds", default=1, show_default=True, help="Number of draws.")
@click.option("--first-seed", default=0, show_default=True, help="Number of the first draw.")
@click.option("--arms", help="Comma-separated; default: the free arms, and ganaug on the best.")
@click.option("--baseline", default="auto", show_default=True, help="The free arm to beat.")
@click.option("--counts", help="Training images of each class, comma-separated, by label.")
@click.option("--quick", is_flag=True, help="Short generator and classifiers; no figure to quote.")
@click.option("--final", is_flag=True, help="Judge on half A of the test part, and log that.")
@click.option("--reason", help="Why half A is read; needed with --final.")
@click.option("--generator-preset", default="base", show_default=True, help="Preset of fit.")
@click.option("--steps", type=int, help="Steps of the classifier.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the data files.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Keeps results; the same call resumes."
)
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the result here.")
@click.option("--jobs", type=int, help="Processes; default: one for each core.")
@click.option("--threads", default=1, show_default=True, help="Threads of each process.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or auto.")
def main(
    dataset: str,
    seeds: int,
    first_seed: int,
    arms: str | None,
    baseline: str,
    counts: str | None,
    quick: bool,
    final: bool,
    reason: str | None,
    generator_preset: str,
    steps: int | None,
    data: Path | None,
    out: Path | None,
    json_path: Path | None,
    jobs: int | None,
    threads: int,
    device: str,
) -> None:
    """Run the protocol, print the table, write the JSON."""
    try:
        if final and (quick or not reason):
            raise ConfigError(
                "--final: reads the test part; allowed: without --quick and with --reason TEXT; add"
                " the reason"
            )
        protocol = open_protocol(dataset, data or ROOT.parent / "shared" / "data", _counts(counts))
        numbers = list(range(first_seed, first_seed + seeds))
        report = evaluate_gain(
            None,
            train=protocol.pool,
            test=half_a(protocol.pool.test) if final and protocol.pool.test is not None else None,
            seeds=numbers,
            arms=None if arms is None else arms.split(","),
            baseline=baseline,
            refit=True,
            draw=protocol.draw if final else protocol.pilot,
            fit_options={"preset": generator_preset},
            steps=steps,
            quick=quick,
            jobs=jobs,
            threads=threads,
            device=device,
            out=out,
            progress=_Progress(),
        )
        if final:
            _log_reading(protocol, numbers, list(report.arms), str(reason))
        click.echo(report)
        if json_path is not None:
            result = report.to_dict() | {
                "dataset": protocol.name,
                "judged_on": "half A of the test part" if final else "validation images",
                "quick": quick,
                "environment": environment(worker_count(jobs), threads),
                "commit": _commit(),
            }
            write_json(json_path, result)
    except KeyboardInterrupt as error:
        kept = f"the same command goes on from {out}" if out else "with --out it could go on"
        click.echo(f"benchmarks.gain: stopped; {kept}", err=True)
        raise SystemExit(130) from error
    except GanaugError as error:
        click.echo(f"benchmarks.gain: {error}", err=True)
        raise SystemExit(error.exit_code) from error


def _counts(text: str | None) -> list[int] | None:
    if text is None:
        return None
    parts = text.split(",")
    if not all(part.strip().isdecimal() for part in parts):
        raise ConfigError(
            f"--counts {text!r}; allowed: whole numbers with commas between, one for each class;"
            " for example 200,100,50"
        )
    return [int(part) for part in parts]


class _Progress:
    """The share done and the time left: one line that changes, or a line for each tenth."""

    def __init__(self) -> None:
        self.tenth = 0
        self.live = sys.stderr.isatty()

    def __call__(self, done: int, total: int, left: float | None) -> None:
        share = done / max(total, 1)
        if not self.live and int(10 * share) == self.tenth:
            return
        self.tenth = int(10 * share)
        remaining = "" if left is None else f", {left / 60:.1f} min left"
        line = f"{100 * share:5.1f}%{remaining}"
        last = "\n" if share >= 1 or not self.live else ""
        click.echo(f"\r{line:<30}{last}" if self.live else line + last, nl=False, err=True)


def _commit() -> str:
    """Return the commit of this checkout, with "+" where files differ from it."""
    try:
        head = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
        name = subprocess.run(head, capture_output=True, text=True, check=True).stdout.strip()
        status = ["git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no"]
        changed = subprocess.run(status, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "none"
    return name + ("+" if changed.strip() else "")


def _log_reading(protocol: Protocol, seeds: list[int], arms: list[str], reason: str) -> None:
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    cells = (
        day,
        _commit(),
        protocol.name,
        " ".join(map(str, seeds)),
        ", ".join(arms),
        reason.replace("|", "/").replace("\n", " "),
    )
    before = READS.read_text(encoding="utf-8") if READS.is_file() else READS_HEAD
    write_text(READS, f"{before}| {' | '.join(cells)} |\n")


if __name__ == "__main__":
    main()
