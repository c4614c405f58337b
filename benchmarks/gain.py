"""`python -m benchmarks.gain DATASET`: what a new draw and a new generator gain, seed by seed.

Pilots judge on training images that the draw left over. `--final` reads half A of the test part
and writes a line into results/test-reads.md; `--release` reads half B, once for a release.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from benchmarks._autoencoder import with_latent_interpolation
from benchmarks._environment import environment
from benchmarks._glyphs import GlyphProtocol
from benchmarks._lite0 import BY_NAME
from benchmarks._parts import BY_SEED, join_arms, merge_parts, write_part
from benchmarks._protocols import NAMES, Protocol, half_a, half_b, open_protocol
from benchmarks._resnet32 import resnet32
from benchmarks._results import write_result
from benchmarks._search import FREE_ARMS, on_best
from ganaug.devices import choose_device
from ganaug.errors import ConfigError, GanaugError
from ganaug.evaluation.arms import parse_arm
from ganaug.evaluation.gain import GainReport, Refit, evaluate_gain
from ganaug.evaluation.trainings.workers import worker_count
from ganaug.images import ImageSet

ROOT = Path(__file__).resolve().parent.parent
READS_PATH = "results/test-reads.md"
READS = ROOT / READS_PATH
READS_HEAD = """# Readings of the test parts

Each line is one run of `python -m benchmarks.gain ... --final` (half A) or `--release` (half B). A
later claim needs fresh seeds.

| date | commit | data set | seeds | arms | reason |
| --- | --- | --- | --- | --- | --- |
"""


AUTOENCODER = "autoencoder"
CLASSIFIERS: dict[str, Any] = {"resnet32": resnet32} | BY_NAME

HELP = f"""DATASET: {", ".join(NAMES)}, a folder or an .npz file.

glyphs-lt takes options: glyphs-lt:strength=0.5 (of the nuisances), glyphs-lt:frequent=4 (classes of
200 images, the others have 8).

--arms takes names with commas between, and these words: free (one free augmentation each), best
(what goes on top of --baseline: mixing, losses, SMOTE, ...), final (the --baseline, the same with
--longer times the steps, an untrained warp, and ganaug). A name such as autoencoder+affine adds
images interpolated between codes of an autoencoder.

New generators have the size of the images, at most 64 px a side; --fit size=32 trains them at that.
"""


@click.command(help=HELP)
@click.argument("dataset", nargs=-1)
@click.option("--seeds", default=1, show_default=True, help="Number of draws.")
@click.option("--first-seed", default=0, show_default=True, help="Number of the first draw.")
@click.option("--arms", help="Default: the usual free arms, and ganaug on the best.")
@click.option("--baseline", default="auto", show_default=True, help="The free arm to beat.")
@click.option("--longer", default=10, show_default=True, help="Of the arm with more steps.")
@click.option("--counts", help="Training images of each class, comma-separated, by label.")
@click.option("--size", type=int, help="Side of the images in pixels; default: the protocol's.")
@click.option("--quick", is_flag=True, help="Short generator and classifiers; no figure to quote.")
@click.option("--final", is_flag=True, help="Judge on half A of the test part, and log that.")
@click.option("--release", is_flag=True, help="Judge on half B; once, for a release; logged.")
@click.option("--reason", help="Why the test part is read; needed with --final and --release.")
@click.option("--generator-preset", default="base", show_default=True, help="Preset of fit.")
@click.option("--fit", "fit_fields", multiple=True, help="KEY=VALUE for fit; any number of times.")
@click.option("--tune", "tuned", is_flag=True, help="Learn the policy of each new generator.")
@click.option(
    "--classifier", help="resnet32, lite0, probe:lite0, or as in evaluate; default: small."
)
@click.option("--steps", type=int, help="Steps of the classifier.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the data files.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Keeps results; the same call resumes."
)
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the result here.")
@click.option("--part", type=click.Path(path_type=Path), help="Write an .npz file for --merge.")
@click.option("--merge", is_flag=True, help="Instead of DATASET: files of --part, other seeds.")
@click.option("--jobs", type=int, help="Processes; default: one for each core.")
@click.option("--threads", default=1, show_default=True, help="Threads of each process.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or auto.")
def main(
    dataset: tuple[str, ...],
    merge: bool,
    json_path: Path | None,
    part: Path | None,
    **options: Any,
) -> None:
    """Run the protocol, or merge parts; print the table, write the JSON."""
    try:
        if merge:
            report, extra = merge_parts([Path(name) for name in _some(dataset, "--merge")])
        else:
            if len(dataset) != 1:
                raise ConfigError(
                    f"DATASET: {len(dataset)} given; allowed: one of {', '.join(NAMES)}, a folder"
                    " or an .npz file; give one (--merge takes several files)"
                )
            report, extra = _run(_Request(dataset[0], **options))
        click.echo(report)
        if part is not None:
            write_part(part, report, extra)
        if json_path is not None:
            write_result(json_path, report.to_dict() | extra)
    except KeyboardInterrupt as error:
        out = options["out"]
        kept = f"the same command goes on from {out}" if out else "with --out it could go on"
        click.echo(f"benchmarks.gain: stopped; {kept}", err=True)
        raise SystemExit(130) from error
    except GanaugError as error:
        click.echo(f"benchmarks.gain: {error}", err=True)
        raise SystemExit(error.exit_code) from error


def _some(files: Sequence[str], option: str) -> Sequence[str]:
    if not files:
        raise ConfigError(f"{option}: no files; allowed: one or more that --part wrote; name them")
    return files


@dataclass(frozen=True)
class _Request:
    """The options of a run, as given."""

    dataset: str
    seeds: int
    first_seed: int
    arms: str | None
    baseline: str
    longer: int
    counts: str | None
    size: int | None
    quick: bool
    final: bool
    release: bool
    reason: str | None
    generator_preset: str
    fit_fields: tuple[str, ...]
    tuned: bool
    classifier: str | None
    steps: int | None
    data: Path | None
    out: Path | None
    jobs: int | None
    threads: int
    device: str

    @property
    def reads_test(self) -> bool:
        return self.final or self.release


def _run(asked: _Request) -> tuple[GainReport, dict[str, Any]]:
    """Run the protocol; return the report, and what stands beside it in the JSON."""
    if asked.reads_test and (asked.quick or not asked.reason or asked.final == asked.release):
        raise ConfigError(
            "--final, --release: read the test part; allowed: one of them, without --quick and with"
            " --reason TEXT; add the reason"
        )
    if asked.quick and (asked.fit_fields or asked.generator_preset != "base"):
        raise ConfigError(
            "--fit, --generator-preset: given with --quick, which has a generator of its own;"
            " allowed: one of them; leave one out"
        )
    data = asked.data or ROOT.parent / "shared" / "data"
    protocol = open_protocol(asked.dataset, data, _counts(asked.counts), asked.size)
    numbers = list(range(asked.first_seed, asked.first_seed + asked.seeds))
    names = _arms(asked, protocol.flips)
    judged_on = "validation images"
    if asked.reads_test:  # written down first: a run that is stopped has read it, too
        half = "A" if asked.final else "B"
        judged_on = f"half {half} of the test part"
        reason = asked.reason if asked.size is None else f"at {asked.size} px: {asked.reason}"
        _log_reading(protocol.name, half, numbers, names or ["the usual arms"], str(reason))
    report = _compare(asked, protocol, numbers, names)
    device = str(choose_device(asked.device))
    known = environment(worker_count(asked.jobs, device), asked.threads)
    return report, {
        "dataset": protocol.name,
        "judged_on": judged_on,
        "quick": asked.quick,
        "environment": {k: v for k, v in report.environment.items() if k not in BY_SEED} | known,
        "tuned": asked.tuned,
        "commits": [_commit()],
        "size": asked.size,
    } | {name: report.environment.get(name) for name in BY_SEED}


def _compare(
    asked: _Request,
    protocol: Protocol | GlyphProtocol,
    numbers: list[int],
    names: list[str] | None,
) -> GainReport:
    draw = protocol.draw if asked.reads_test else protocol.pilot
    half = half_a if asked.final else half_b
    test = half(protocol.test) if asked.reads_test and protocol.test is not None else None

    fit_options = {"preset": asked.generator_preset} | _fit_fields(asked.fit_fields)
    if asked.quick:
        fit_options = {}

    def compare(arms: list[str] | None, baseline: str, interpolated: bool) -> GainReport:
        def drawn(seed: int) -> ImageSet:
            images = draw(seed)
            if not interpolated:
                return images
            return replace(with_latent_interpolation(images, seed), test=images.test)

        return evaluate_gain(
            None,
            train=protocol.draw(numbers[0]),
            test=test,
            seeds=numbers,
            arms=arms,
            baseline=baseline,
            refit=Refit(draw=drawn, fit_options=fit_options, tuned=asked.tuned),
            classifier=CLASSIFIERS.get(str(asked.classifier), asked.classifier),
            steps=asked.steps,
            quick=asked.quick,
            jobs=asked.jobs,
            threads=asked.threads,
            device=asked.device,
            out=asked.out,
            progress=_Progress(),
        )

    coded = [name for name in names or [] if name.split("+")[0] == AUTOENCODER]
    usual = None if names is None else [name for name in names if name not in coded]
    report = compare(usual, asked.baseline, interpolated=False)
    if coded:
        # Their images differ, so they are a comparison of their own, of the same seeds.
        under = {name.replace(AUTOENCODER, "balanced", 1): name for name in coded}
        report = join_arms(report, compare(list(under), next(iter(under)), True), under)
    return report


def _arms(asked: _Request, flips: Sequence[str]) -> list[str] | None:
    """Return the names of the arms, with the words of --arms spelled out."""
    if asked.arms is None:
        return None
    names: list[str] = []
    for word in asked.arms.split(","):
        if word == "free":
            names += (*FREE_ARMS, *(f"balanced+{flip}" for flip in flips))
        elif word in ("best", "final"):
            if asked.baseline == "auto":
                raise ConfigError(
                    f"--arms {word}: goes with --baseline ARM, the free arm that a pilot chose;"
                    " for example --baseline balanced+randaugment"
                )
            names += on_best(asked.baseline, flips) if word == "best" else _final(asked)
        else:
            names.append(word)
    return list(dict.fromkeys(names))


def _final(asked: _Request) -> list[str]:
    """The four arms of a final comparison."""
    free = asked.baseline
    ours = parse_arm(free).on_top("variation").name
    return [ours, free, f"{free}+longer-{asked.longer}", ours.replace("ganaug", "warp", 1)]


def _fit_fields(fields: Sequence[str]) -> dict[str, Any]:
    """Return KEY=VALUE pairs; a value is JSON where it can be read so, else text."""
    found = {}
    for field in fields:
        key, equals, text = field.partition("=")
        if not (key and equals):
            raise ConfigError(
                f"--fit {field!r}; allowed: KEY=VALUE, a setting of fit; for example --fit"
                " steps=1500"
            )
        try:
            found[key] = json.loads(text)
        except ValueError:
            found[key] = text
    return found


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
        status += ["--", f":(exclude){READS_PATH}"]  # which every reading changes
        changed = subprocess.run(status, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "none"
    return name + ("+" if changed.strip() else "")


def _log_reading(dataset: str, half: str, seeds: list[int], arms: list[str], reason: str) -> None:
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    told = reason.replace("|", "/").replace("\n", " ")
    cells = (
        day,
        _commit(),
        dataset,
        " ".join(map(str, seeds)),
        ", ".join(arms),
        told if half == "A" else f"half B: {told}",
    )
    line = f"| {' | '.join(cells)} |\n"
    with READS.open("a+", encoding="utf-8") as log:  # at its end, whoever else writes meanwhile
        log.seek(0)
        before = log.read()
        if not before.endswith(line):  # as where a run goes on
            log.write(line if before else READS_HEAD + line)


if __name__ == "__main__":
    main()
