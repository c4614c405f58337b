"""`ganaug demo`: everything once, on data that needs no download."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ganaug.cli.bars import evaluation_progress
from ganaug.cli.console import Settings, echo, resumable, say
from ganaug.errors import checked_count

if TYPE_CHECKING:
    from ganaug.demo import Scene
    from ganaug.evaluation.gain import GainReport

__all__ = ["command"]

SETTLED = 0.05  # share of a phase from which on it is asked how long it still takes


@click.command(
    "demo",
    short_help="See all of it on images made on the spot.",
    epilog="Example: ganaug demo --out demo --seeds 6",
)
@click.option("--out", default="ganaug-demo", show_default=True, metavar="DIR", help="Folder.")
@click.option("--seeds", type=int, default=6, show_default=True, help="Paired seeds.")
@click.option(
    "--steps", type=int, help="Of each generator.  [default: letters 900, digits 400]"
)  # written out: the scenes need torch and matplotlib
@click.option(
    "--classifier-steps", type=int, help="Of each classifier.  [default: letters 700, digits 300]"
)
@click.pass_obj
def command(
    console: Settings, out: str, seeds: int, steps: int | None, classifier_steps: int | None
) -> None:
    """Train, export, use and evaluate two generators on the CPU, in about four minutes.

    Letters: photographed ones, made on the spot, where a generator has something to learn.
    Digits: scikit-learn's, five of each odd one, where ordinary augmentation is enough already. One
    generator each, so the verdicts are about these two files. Each folder then holds the ONNX file,
    a picture of real images beside their variations, the records of gain and diversity, and
    report.html. The numbers are what was measured. All trainings are short, and another length
    gives another gain.
    """
    from ganaug.demo import SCENES
    from ganaug.evaluation.gain.intervals import MOST_SEEDS
    from ganaug.files import make_folder
    from ganaug.outputs import check_output_folder, refuse_foreign
    from ganaug.report.kinds import EVALUATION
    from ganaug.training.earlier import ARTIFACT
    from ganaug.training.run_folder import check_run_folder

    checked_count("--seeds", seeds, "6 give a verdict", MOST_SEEDS)
    for option, number in (("--steps", steps), ("--classifier-steps", classifier_steps)):
        if number is not None:
            checked_count(option, number, "leave it out for the usual number")
    check_output_folder(out, {}, option="--out")
    refuse_foreign(out, [scene.name for scene in SCENES])
    for scene in SCENES:
        check_output_folder(Path(out, scene.name), EVALUATION | {f"{scene.name}.onnx": ARTIFACT})
        check_run_folder(Path(out, scene.name, "run"), None)
    scenes = [scene.with_lengths(steps, classifier_steps) for scene in SCENES]
    left = TimeLeft([seconds for scene in scenes for seconds in scene.phases(seeds)])
    found = []
    with resumable(console, lambda: f"what had ended is kept in {out}"):
        for scene in scenes:
            folder = make_folder(Path(out, scene.name))
            found.append(_show(console, scene, folder, seeds, left))
    for scene, gain in zip(scenes, found, strict=True):
        folder = Path(out, scene.name)
        say(console, f"{scene.name}: {_in_short(gain)}; {folder / 'report.html'}")


class TimeLeft:
    """The time left of the whole demo, while one phase after the other is done.

    A phase says itself how far it is, and perhaps how long it still takes. Those to come are taken
    to be as much slower or faster than `usual` as what is done was.

    Args:
        usual: seconds of each phase on some machine.
        clock: returns seconds.
    """

    def __init__(self, usual: Sequence[float], clock: Callable[[], float] = time.monotonic) -> None:
        self.usual, self.clock = list(usual), clock
        self.at, self.started = -1, clock()

    def begin(self) -> None:
        """Begin the next phase."""
        self.at += 1

    def left(self, share: float, own: float | None = None) -> float | None:
        """Return the seconds left.

        Args:
            share: of this phase that is done, in 0..1.
            own: seconds that this phase still takes, where it knows; what it says of itself from
                its first steps, while processes start, is left out.
        """
        now = self.usual[self.at]
        done = sum(self.usual[: self.at]) + share * now
        if done <= 0:
            return None
        rate = (self.clock() - self.started) / done
        here = (1 - share) * now * rate if own is None or share < SETTLED else own
        return here + rate * sum(self.usual[self.at + 1 :])


@contextmanager
def _phase(console: Settings, label: str, left: TimeLeft) -> Iterator[Callable[..., None]]:
    """Yield the callback (done, total, what this phase says of its time) that shows a phase."""
    left.begin()
    with evaluation_progress(console, label=label) as show:

        def progress(done: int, total: int, told: Any = None) -> None:
            if show is not None:
                own = told if isinstance(told, float) else None  # training tells of its losses
                show(done, total, left.left(done / total, own))

        yield progress


def _show(console: Settings, scene: Scene, folder: Path, seeds: int, left: TimeLeft) -> GainReport:
    import torch

    from ganaug import Generator, evaluate_diversity, evaluate_gain, export, fit
    from ganaug.demo import read_pipelines
    from ganaug.demo.scenes import narrow_resnet
    from ganaug.evaluation.diversity.inspection import inspect_samples
    from ganaug.evaluation.diversity.samples import draw_samples
    from ganaug.evaluation.write_back import write_back
    from ganaug.images.grid import picture_grid, save_png
    from ganaug.report.folder import write_evaluation
    from ganaug.report.history import read_history

    images = scene.images()
    say(console, f"{scene.name}: {scene.about} ({len(images)} training images)")
    threads = torch.get_num_threads()
    if min(images.size) < 16:  # a second thread costs more than it gives on small images
        torch.set_num_threads(1)
    with _phase(console, f"{scene.name}, training the generator", left) as training:
        run = fit(images, folder / "run", device="cpu", progress=training, **scene.fit)
    torch.set_num_threads(threads)
    file = folder / f"{scene.name}.onnx"
    export(run, file)
    generator = Generator(file)
    samples = draw_samples(generator, images)
    picture = folder / "grid.png"
    save_png(picture, picture_grid(samples.overview))  # to look at while classifiers train
    say(
        console,
        f"wrote {file}",
        f"picture: {picture}; in each row a real image, then its variations",
        *read_pipelines(file, images),
    )
    with _phase(console, f"{scene.name}, comparing classifiers", left) as evaluating:
        gain = evaluate_gain(
            generator,
            train=images,
            seeds=seeds,
            arms=scene.arms,
            baseline=scene.baseline,
            classifier=narrow_resnet,
            steps=scene.classifier_steps,
            out=folder / "predictions",
            progress=evaluating,
        )
    with _phase(console, f"{scene.name}, measuring diversity", left) as measuring:
        diversity = evaluate_diversity(generator, real=images, progress=measuring)
    report = write_evaluation(
        folder,
        generator.info,
        samples,
        inspection=inspect_samples(generator, images),
        gain=gain,
        diversity=diversity,
        history=read_history(run),
    )
    write_back(generator, gain, diversity)
    echo(gain)
    say(console, f"report: {report}", f"model card: ganaug card {shlex.quote(str(file))}")
    return gain


def _in_short(gain: GainReport) -> str:
    """Return the verdict with the gain and its interval."""
    found = gain.gain[str(gain.chosen)]
    gained = f"{100 * found.mean:+.1f} points"
    if len(gain.seeds) > 1:
        gained += f" ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
    return f"{found.verdict}, {gained} of balanced accuracy"
