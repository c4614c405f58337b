"""`ganaug run`: check, fit, export, tune and evaluate, one after the other."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ganaug.cli import evaluate, export, fit, tune
from ganaug.cli.bars import steady_progress
from ganaug.cli.changed import told_files
from ganaug.cli.console import Settings, Whole, echo, open_report, resumable, say
from ganaug.cli.elsewhere import command_with_others
from ganaug.cli.judging import can_be_tuned
from ganaug.cli.ledger import CHECKED, QUICK_STEPS, STEPS, Ledger
from ganaug.cli.options import SETTING, ReadingOptions, given_settings, image_options, preset_option
from ganaug.errors import DataError, GanaugError
from ganaug.wording import as_options

if TYPE_CHECKING:
    from ganaug.checking import CheckReport

__all__ = ["command"]

LEDGER, LOCK = "steps.json", ".lock"
REPORT, QUICK_REPORT = "evaluation/report.html", "quick-look/report.html"
ITS_POLICY = "its policy is never to vary: with it your images stay as they are"
ELSEWHERE = {
    "--steps": "--set steps=N for the generator, --classifier-steps N for classifiers",
}


@click.command(
    "run",
    cls=command_with_others(ELSEWHERE),
    short_help="Everything in one go: check, fit, export, tune, evaluate.",
    epilog="Example: ganaug run photos/ --out defects   # again, to go on where it stopped",
)
@click.argument("source")
@click.option("--out", required=True, metavar="DIR", help="Folder of all results.")
@preset_option("Size of the networks and length of the training; tiny to try things out.")
@click.option("--kind", metavar="variation|class", help="As for fit.")
@image_options(size="at most 64 a side", fetched="data sets")
@click.option("--mode", metavar="grey|rgb", help="As for fit: convert the images.")
@click.option(
    "--set", "settings", type=SETTING, multiple=True, help="As for fit: any field of FitConfig."
)
@click.option("--seeds", type=int, default=6, show_default=True, help="Paired seeds.")
@click.option(
    "--classifier-steps",
    type=int,
    help="Of each classifier of tune, too: after few of them it says never.  [default: as usual]",
)
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda")
@click.option(
    "--quick",
    is_flag=True,
    help="A look: evaluate --quick after export. Later, without --quick, it goes on from there.",
)
@click.option(
    "--anyway", is_flag=True, help="Go on although check found problems, or tune says never."
)
@click.option("--open", "shown", is_flag=True, help="Open the report in the browser.")
@click.pass_context
def command(
    context: click.Context,
    source: str,
    out: str,
    seeds: int,
    classifier_steps: int | None,
    device: str,
    quick: bool,
    anyway: bool,
    shown: bool,
    reading: ReadingOptions,
    **given: Any,
) -> None:
    """Check the images of SOURCE, train, export, tune and evaluate a generator; all in one go.

    Each step is what the command of its name does. The same command goes on where it stopped, and
    what is done is not done again. DIR then holds check.json, the run, generator.onnx, and the
    report in evaluation/.
    """
    from ganaug.files import write_json
    from ganaug.images.places import folders_around
    from ganaug.locks import locked
    from ganaug.outputs import Inputs, check_output_folder, refuse_foreign
    from ganaug.report.kinds import CHECK

    console: Settings = context.obj
    console.whole = Whole(after_look=_after_look(console.arguments) if quick else "")
    loading = reading.options()
    training = {key: given[key] for key in ("preset", "kind", "mode", "settings")}
    named_seeds = context.get_parameter_source("seeds") is not ParameterSource.DEFAULT
    lengths = _lengths(quick, seeds if named_seeds or not quick else None, classifier_steps)
    asked = _asked(source, reading, given | lengths | {"device": device})
    folder = Path(out)
    _refuse(given, seeds, classifier_steps, device)
    read = Inputs((source,), folders_around(source, (), folder))
    check_output_folder(folder, {CHECKED: CHECK}, read, option="--out")
    if not (_is_a_name(source) or os.path.exists(source.removeprefix("hf:"))):
        reading.load(source)  # which says what is wrong, before there is a folder
    if not (folder / LEDGER).exists():
        refuse_foreign(folder, [CHECKED])
    file, run = folder / "generator.onnx", folder / "run"
    report = folder / (QUICK_REPORT if quick else REPORT)
    judged_on = shlex.join([str(file), source, *replace(reading, size=None).words()])
    common = {"source": source, "device": device, **loading}
    judging: dict[str, Any] = {"file": str(file), "steps": classifier_steps, "size": None}

    def checked() -> None:
        accepted = {"unreadable"} if reading.skip_corrupt else set()
        options = {key: common[key] for key in ("size", "root", "download", "exif", "device")}
        options |= {"preset": given["preset"], "mode": given["mode"], "seeds": seeds}
        options |= {"fit_options": _fields(given), "classifier_steps": classifier_steps}
        options |= reading.columns
        whole = not (anyway or quick)
        looked = _check(console, source, judged_on, quick=quick, ends_at_never=whole, **options)
        write_json(folder / CHECKED, looked.to_dict())
        problems = [each for each in looked.problems if each.kind not in accepted]
        if problems and not anyway:
            raise DataError(
                f"{looked.source}: {problems[0].text} (problems in all: {len(problems)}); mend"
                f" them, or go on with: {_again(console, '--anyway')}"
            )

    def fitted() -> None:
        context.invoke(fit.command, out=str(run), **common, **training)

    def exported() -> None:
        context.invoke(export.command, run=str(run), file=str(file))

    def tuned() -> None:
        if not _can_be_tuned(file):
            say(console, "a generator of one class has no policy to tune")
            return
        context.invoke(tune.command, out=str(folder / "tune"), **common | judging)

    def judged() -> None:
        context.invoke(
            evaluate.command,
            quick=quick,
            seeds=None if quick and not named_seeds else seeds,
            out=str(report.parent),
            run_folder=str(run) if run.exists() else None,
            **common | judging,
        )

    works: dict[str, tuple[Callable[[], None], tuple[Path, ...]]] = {
        "check": (checked, (folder / CHECKED,)),
        # a run may go once it is exported
        "fit": (fitted, (file if file.exists() else run / "checkpoint.json",)),
        "export": (exported, (file,)),
        "look": (judged, (report,)),
        "tune": (tuned, ()),  # which writes into the file
        "evaluate": (judged, (report,)),
    }
    steps = QUICK_STEPS if quick else STEPS
    with _made(folder), locked(folder), resumable(console, lambda: _kept(folder)):
        ledger = Ledger(folder / LEDGER, asked, _again(console), steps)
        for name in steps:
            if name == "evaluate" and not (anyway or report.exists()) and _never_varies(file):
                return _leave_out(
                    console, folder, judged_on, seeds=seeds, steps=classifier_steps, device=device
                )
            ledger.do(console, name, *works[name])
    _say_last(console, report, file, quick=quick)
    if shown:
        open_report(console, report)


def _lengths(quick: bool, seeds: int | None, classifier_steps: int | None) -> dict[str, Any]:
    """Return seeds and steps by their names in the ledger: a quick look has its own."""
    own = {"seeds": seeds, "classifier_steps": classifier_steps}
    return {f"look_{name}" if quick else name: value for name, value in own.items()}


def _asked(source: str, reading: ReadingOptions, given: dict[str, Any]) -> dict[str, Any]:
    """Return what the same run is asked for each time, as its ledger keeps it."""
    loading = reading.options()
    named = {key: value for key, value in loading.items() if not key.endswith("_column") or value}
    settings = [*map(list, given["settings"])]
    files = told_files(source, reading.listed(source))
    return given | named | {"source": source, "settings": settings, "files": files}


def _say_last(console: Settings, report: Path, file: Path, *, quick: bool) -> None:
    """Say where the report is, and after a quick look what goes on from there."""
    if not quick:
        say(console, f"all done: {report}; the file for your training: {file}")
        if _never_varies(file):
            say(console, ITS_POLICY)
        return
    whole = "" if console.whole is None else console.whole.after_look
    say(console, f"for a policy and a verdict, go on with: {whole}")


def _after_look(arguments: Sequence[str]) -> str:
    """Return the command of the whole that a quick look begins, with the usual lengths."""
    words, left = [], iter(arguments)
    for word in left:
        option = word.partition("=")[0]
        if option in ("--seeds", "--classifier-steps"):
            if option == word:
                next(left, None)
        elif word != "--quick":
            words.append(word)
    return f"ganaug {shlex.join(words)}"


def _again(console: Settings, *more: str) -> str:
    return f"ganaug {shlex.join([*console.arguments, *more])}"


def _leave_out(
    console: Settings, folder: Path, named: str, *, seeds: int, steps: int | None, device: str
) -> None:
    """Say that nothing is compared, where both sides are one training, and what would be."""
    used = None if device == "auto" else device
    options = as_options(arms=_own_p(folder), seeds=seeds, steps=steps, device=used)
    command = f"ganaug evaluate {named} {shlex.join(options)}"
    say(
        console,
        "step 5 of 5: evaluate: left out, since a policy of never can only be told no change",
        f"for a p of 0.5 all the same: {command}",
        f"for a report on the trainings without a generator: {_again(console, '--anyway')}",
        f"done; {ITS_POLICY}",
    )


def _own_p(folder: Path) -> str:
    """Return two arms, one with a p of 0.5: those of a quick look before, or the usual ones."""
    from ganaug.evaluation.arms import parse_arm
    from ganaug.evaluation.tuning.report import OWN_P
    from ganaug.records import load_json

    try:
        look = load_json(folder / QUICK_REPORT.replace("report.html", "gain.json"))
        below, use = str(look["baseline"]), parse_arm(str(look["chosen"])).use
        head, plus, steps = parse_arm(below).on_top("variation").name.partition("+")
    except (OSError, ValueError, KeyError, TypeError, GanaugError):  # there is none
        return OWN_P
    return f"{below},{head}@p=0.5{plus}{steps}" if use == "transform" else OWN_P


def _kept(folder: Path) -> str:
    """Return what an interrupted run leaves, in words."""
    if (folder / LEDGER).exists():
        return f"what ended before is in {folder}"
    if (folder / CHECKED).exists():
        return f"what check found is in {folder / CHECKED}"
    return "no step had ended, and nothing is kept"


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make the folder; unmake it where the block ends before there is a result in it."""
    from ganaug.files import make_folder

    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    make_folder(folder)
    try:
        yield
    finally:
        if missing and os.listdir(folder) == [LOCK]:
            (folder / LOCK).unlink()
            with suppress(OSError):  # another command began meanwhile
                for each in missing:
                    each.rmdir()


def _refuse(given: dict[str, Any], seeds: int, classifier_steps: int | None, device: str) -> None:
    """Refuse what the commands of the steps would refuse after something was made, or read."""
    from ganaug.devices import choose_device
    from ganaug.errors import checked_count
    from ganaug.evaluation.gain.intervals import MOST_SEEDS
    from ganaug.training import make_config

    make_config(given["preset"], **_fields(given))
    checked_count("--seeds", seeds, "6 give a verdict", MOST_SEEDS)
    if classifier_steps is not None:
        instead = "leave it out for the usual number"
        checked_count("--classifier-steps", classifier_steps, instead)
    choose_device(device)


def _is_a_name(source: str) -> bool:
    """Whether SOURCE names a data set of scikit-learn or torchvision, and no path."""
    from ganaug.images.source_kinds import kind_of

    return kind_of(source) in ("digits", "torchvision")


def _check(
    console: Settings, source: str, named: str, *, quick: bool, ends_at_never: bool, **options: Any
) -> CheckReport:
    from ganaug import check
    from ganaug.training import make_config

    with steady_progress(console, "reading images") as progress:
        report = check(source, progress=progress, **options)
    tuned = make_config(options["preset"], **options["fit_options"]).conditional
    ends = ends_at_never and tuned and report.never
    if ends and report.times is not None:
        report = replace(report, times=replace(report.times, evaluate=None))
    shown = report
    if quick and report.times is not None:
        shown = replace(report, times=replace(report.times, tune=None, evaluate=None))
    echo(replace(shown, next=(), named=named))  # what comes next is done here
    if ends:
        say(console, "tune will say never, and the comparison is left out: it needs more images")
    return report


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of the config that are named."""
    return given_settings(given["settings"], {"kind": given["kind"]})


def _never_varies(file: Path) -> bool:
    from ganaug import Generator

    policy = Generator(file).info.policy
    return policy is not None and policy.never


def _can_be_tuned(file: Path) -> bool:
    from ganaug import Generator

    return can_be_tuned(Generator(file).info)
