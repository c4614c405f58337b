"""The two measurements of `ganaug evaluate`, each printed as it ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ganaug.cli.bars import evaluation_progress
from ganaug.cli.console import Settings, echo, say, width
from ganaug.errors import ConfigError, DataError

if TYPE_CHECKING:
    from ganaug.artifact.format import Metadata
    from ganaug.artifact.runtime import Generator
    from ganaug.evaluation.diversity.report import DiversityReport
    from ganaug.evaluation.gain.report import GainReport
    from ganaug.images import ImageSet

__all__ = ["can_be_tuned", "measure_diversity", "measure_gain"]

NO_HELP = "a generator of one class cannot help a classifier"


def can_be_tuned(info: Metadata) -> bool:
    """Whether `tune` has something to learn: there are classes, and the generator knows them."""
    return len(info.classes) > 1 and bool(info.config.get("conditional", True))


def measure_gain(
    console: Settings, generator: Generator | None, images: ImageSet, **options: Any
) -> GainReport | None:
    """Compare and print, or say why there is nothing to compare."""
    if generator is not None and len(generator.info.classes) < 2:
        if options["folder"] is None:
            say(console, f"{NO_HELP}: no gain is measured")
            return None
        _refuse_arms(options["arms"])
        say(console, f"{NO_HELP}: only the images of --judge are compared")
        generator, options["refit"] = None, None
    if generator is None and (images.counts > 0).sum() < 2:
        say(console, "images of one class need no classifier: no gain is measured")
        return None
    gain = _compare(console, generator, images, **options)
    echo(f"{gain.text(width())}\n")
    return gain


def _refuse_arms(names: Sequence[str] | None) -> None:
    """Refuse arms with a generator, which has one class alone."""
    from ganaug.evaluation.arms import parse_arm

    if needing := [name for name in names or () if parse_arm(name).needs_generator]:
        raise ConfigError(
            f"arm {needing[0]!r}: {NO_HELP}; allowed: free arms, and those with the images of a"
            " folder; leave it out"
        )


def _compare(
    console: Settings,
    generator: Generator | None,
    images: ImageSet,
    *,
    records: int,
    seeds: int | None,
    **options: Any,
) -> GainReport:
    """Compare; the time left is that until the last of so many `records` of diversity after it."""
    from ganaug import evaluate_gain
    from ganaug.devices import choose_device
    from ganaug.evaluation.diversity.evaluate import in_classifier_steps
    from ganaug.evaluation.gain.intervals import FEWEST_SEEDS, QUICK_SEEDS
    from ganaug.evaluation.trainings.workers import worker_count
    from ganaug.progress import with_later

    workers = worker_count(options["jobs"], str(choose_device(options["device"])))
    if seeds is None:
        seeds = QUICK_SEEDS if options["quick"] else FEWEST_SEEDS
    later = records * in_classifier_steps(images, workers, quick=options["quick"])
    with evaluation_progress(console, unit=" steps", ending="left in all") as progress:
        told = None if progress is None else with_later(progress, later)
        return evaluate_gain(generator, train=images, seeds=seeds, progress=told, **options)


def measure_diversity(
    console: Settings,
    gain: GainReport | None,
    images: ImageSet,
    quick: bool,
    *,
    file: str = "diversity.json",
    **made: Any,
) -> DiversityReport | None:
    """Measure and print, or say why it cannot be measured where there is a gain.

    The record goes into `file`.
    """
    from ganaug import evaluate_diversity

    try:
        with evaluation_progress(console, label="measuring diversity", unit=" parts") as progress:
            diversity = evaluate_diversity(real=images, quick=quick, progress=progress, **made)
    except DataError as error:  # hours of training may stand behind the gain
        if gain is None:
            raise
        say(console, f"no diversity is measured: {error}")
        return None
    echo(diversity.text(width(), file))
    return diversity
