"""`evaluate_gain`: does the generator help the classifier, against everything that is free?"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from ganaug.artifact.format import Metadata
from ganaug.artifact.rewrite import as_opened
from ganaug.artifact.runtime import Generator, opened
from ganaug.devices import choose_device, usual_settings
from ganaug.errors import ConfigError, checked_count
from ganaug.evaluation.arms import make_plan
from ganaug.evaluation.arms.grammar import named_folders
from ganaug.evaluation.arms.plan import check_names
from ganaug.evaluation.classifiers import Pretrained
from ganaug.evaluation.classifiers.given import Given, TorchClassifier, as_classifier
from ganaug.evaluation.classifiers.interface import check_arms
from ganaug.evaluation.gain.comparison import Comparison
from ganaug.evaluation.gain.intervals import MOST_SEEDS
from ganaug.evaluation.gain.notes import (
    copies_in_later_draws,
    few_images,
    few_passes,
    few_units,
    repeated_images,
    trained_on_test,
)
from ganaug.evaluation.gain.refit import Refit, at_size, fit_options_of
from ganaug.evaluation.gain.report import GainReport
from ganaug.evaluation.gain.seen import trained_on
from ganaug.evaluation.gain.units import TestPart
from ganaug.evaluation.other_tools import made_for
from ganaug.evaluation.splits import Split, splits_of
from ganaug.evaluation.trainings.generators import data_of, start_data
from ganaug.evaluation.trainings.meter import EvaluationProgress
from ganaug.evaluation.trainings.pool import Site
from ganaug.evaluation.trainings.workers import Processes, worker_count
from ganaug.files import work_folder
from ganaug.images import ImageSet
from ganaug.images.copies import also_in
from ganaug.images.places import folders_around, image_folders
from ganaug.outputs import Inputs, check_output_folder
from ganaug.progress import told
from ganaug.randomness import checked_seed
from ganaug.use.transform import GANAugment

__all__ = ["evaluate_gain"]

_log = logging.getLogger("ganaug")


@usual_settings()
def evaluate_gain(
    artifact: str | os.PathLike[str] | Generator | None,
    *,
    train: Any,
    test: Any = None,
    seeds: int | Sequence[int] = 6,
    arms: Sequence[str] | None = None,
    folder: str | os.PathLike[str] | None = None,
    baseline: str = "auto",
    refit: Refit | None = None,
    classifier: Given = None,
    steps: int | None = None,
    quick: bool = False,
    jobs: int | None = None,
    out: str | os.PathLike[str] | None = None,
    device: str = "auto",
    threads: int = 1,
    exif: bool = True,
    skip_corrupt: bool = False,
    progress: EvaluationProgress | bool | None = None,
) -> GainReport:
    """Compare ways to train a classifier, paired by seed, with and without the generator.

    An *arm* is one way to train the classifier; a *free* arm needs no generator. The arms of one
    seed share images, initialisation and random streams. The *baseline*, the free arm to beat, is
    chosen on a part of the training images. The test part is looked at once, at the end.

    Args:
        artifact: the exported file, or a `Generator`. None: no generator is compared, or with
            `refit` new ones alone, with the settings of its `fit_options`.
        train: training images: an `ImageSet`, a data set of (image, label), or anything that
            `load_images` takes. They are loaded at the artifact's size; for a `Pretrained` and a
            variation generator, at the network's. An `ImageSet` may have another size than a
            variation generator. Without a test part, the fifth that `fit` held out is judged on.
        test: images to judge on, of the same classes (by name).
        seeds: a number (0, 1, ...) or the seeds themselves, at most 1,000. Under 6 the verdict is
            "no evidence".
        arms: names such as "ganaug@p=0.5+randaugment" (docs/arms.md lists the words); None =
            plain, balanced, balanced+affine, balanced+randaugment, plain+randaugment+logits (not
            for estimators and loops of your own), plain+randaugment+lda (for frozen networks), and
            the baseline with the generator added.
        folder: images that another tool made, in a folder for each class: a further arm is the
            baseline with them added. None may be a test image.
        baseline: a free arm, or "auto": each free arm is trained on four fifths of the training
            images and judged on the rest; three times, where a class has fewer than five there.
        refit: draw images and train a new generator for each seed; None judges the given file.
        classifier: None (a small residual network), the name of a torchvision model, a factory
            (channels, classes, (height, width)) -> nn.Module, a scikit-learn classifier, a
            `TrainingLoop` of your own, or a pretrained network: a `Pretrained`, or its name, such
            as "probe:torchvision:resnet18". A scikit-learn classifier is trained on float32
            [N, pixels], each channel of mean 0 and deviation 1, five augmented copies of each
            image. To use features, make them the first step of a pipeline.
        steps: batches of 64 images that the classifier is trained on; None = 3000 (900 for images
            under 16 px; five copies of each image for a scikit-learn classifier; pretrained
            networks: see `Pretrained`). A loop of your own decides for itself.
        quick: 150 steps, 50 of a fine-tuned network, one copy of each image for a frozen one or a
            scikit-learn classifier; with `refit` also short generators, where its `fit_options` do
            not say otherwise.
        jobs: worker processes; None = one for each core, at most 4 on a GPU, and none for a handful
            of steps; 1 = all in this process.
        out: folder for predictions and generators; the same call then goes on where it stopped,
            and further seeds are added to what is there. A classifier or loop of your own is known
            by its name, a method also by the repr of its object. So take another folder after a
            change to its body.
        device: "auto" (a GPU where there is one), "cpu" or "cuda[:N]"; the classifiers (and
            refits) run there.
        threads: of torch in each process.
        exif, skip_corrupt: as for `load_images`, for the images of `folder` and of arms with one.
            For those of `train` and `test` call `load_images` yourself.
        progress: called as `progress(done, total, seconds_left)`, in training steps; True writes
            lines to stderr.

    Returns:
        the report: `print` it, or take `gain`, by arm, and `arms`; `to_dict` gives JSON values.

    Raises:
        ArtifactError: the file cannot be used, does not know a class, or was trained on the
            images that it would be judged on.
        DataError: the images cannot be used, or those of a folder are also test images.
        ConfigError: an argument has a value that is not allowed.
        DeviceError: there is no such device.
        RunError: `out` cannot be written, or lies in the folder of images.
        KeyboardInterrupt: interrupted; what had ended is kept in `out`.

    Examples:
        >>> print(evaluate_gain("photos.onnx", train="photos/"))  # doctest: +SKIP
        >>> print(evaluate_gain(None, train="photos/", folder="made/"))  # doctest: +SKIP
    """
    trained = as_classifier(classifier)
    network = trained if isinstance(trained, TorchClassifier) else None
    _check_refit(refit, network)
    numbers = _seeds(seeds)
    if steps is not None:
        steps = checked_count("steps", steps, "leave it out for the usual number")
    threads = checked_count("threads", threads, "leave it out for 1")
    generator = opened(artifact)
    metadata = None if generator is None else generator.info
    check_names(arms, baseline)
    if out is not None:
        _check_out(out, metadata, train, test, folder, arms)
    options = None
    if refit is not None:
        options = fit_options_of(refit, metadata, quick=quick, device=device)
        generator = None  # it gave its settings
    kind = _kind(metadata, options)
    frozen = isinstance(trained, Pretrained) and trained.frozen
    plan = make_plan(
        arms,
        baseline,
        kind,
        losses=network is not None,
        lda=frozen,
        folder=None if folder is None else os.fspath(folder),
    )

    told(progress is True and not isinstance(train, ImageSet), "reading images")
    size = trained.size if isinstance(trained, Pretrained) and kind != "class" else None
    splits, notes = _splits(train, test, numbers, metadata, refit, size)
    made, of_folders = made_for(
        plan.folders, splits, plan.alone, exif=exif, skip_corrupt=skip_corrupt
    )
    images, judged = splits[numbers[0]].train, splits[numbers[0]].test
    seen, of = _seen(splits, generator, options) if plan.needs_generator else (0, 0)

    if generator is not None:
        # All classes are known, before any work. With a p, whose policy is no matter here.
        GANAugment(generator, p=1.0).for_classes(images.classes)
    if refit is not None and options is not None:
        own = None if metadata is None or refit.fit_options is not None else metadata.size
        options = at_size(options, str(kind), images.size, own)
    if out is not None:
        trained.check_name()
    trained.check(images.channels, len(images.classes), images.size)
    check_arms(trained, (*plan.free, *plan.ours))
    schedule = trained.schedule(len(images), images.size, steps=steps, quick=quick)
    chosen = str(choose_device(device))
    workers = worker_count(jobs, chosen)  # refused before any work

    notes += of_folders + trained_on_test(seen, of) + few_images(judged) + repeated_images(judged)
    notes += few_units([TestPart.of(split.test) for split in splits.values()])
    if network is not None and not frozen and not quick:  # a quick look says so anyway
        notes += few_passes(images, schedule.steps, schedule.batch)
    known = train.notes if isinstance(train, ImageSet) else ()
    for note in (note for note in notes if note not in known):
        _log.info("%s", note)  # before hours of work, too
    with (
        work_folder(out) as results,
        nullcontext() if generator is None else as_opened(generator) as file,
        Processes(workers, threads, [trained]) as processes,
    ):
        comparison = Comparison(
            plan=plan,
            seen=seen,
            splits=splits,
            made=made,
            artifact=file,
            fit_options=options,
            tuner=network if refit is not None and refit.tuned else None,
            quick=quick,
            schedule=schedule,
            classifier=trained,
            site=Site(results, chosen, jobs, threads, processes),
        )
        return comparison.run(told(progress, "comparing classifiers", " steps"), notes)


def _check_refit(refit: object, network: TorchClassifier | None) -> None:
    """Refuse what is no `Refit`, and tuned generators without a `network` to tune them with."""
    if refit is not None and not isinstance(refit, Refit):
        raise ConfigError(
            f"refit: {refit!r}; allowed: ganaug.Refit(draw=, fit_options=, tuned=), or None; write"
            " refit=Refit() (since version 0.2.0)"
        )
    if refit is not None and refit.tuned and network is None:
        raise ConfigError(
            "tuned: policies are learnt for new generators, with torch classifiers; allowed: with"
            " a classifier of torch or none; leave tuned out"
        )


def _splits(
    train: Any,
    test: Any,
    seeds: Sequence[int],
    metadata: Metadata | None,
    refit: Refit | None,
    size: tuple[int, int] | None,
) -> tuple[dict[int, Split], tuple[str, ...]]:
    """Read the images, and return by seed who trains and who judges; and notes on that."""
    draw = None if refit is None else refit.draw
    splits, notes = splits_of(
        train, test, seeds, metadata, refit=refit is not None, draw=draw, size=size
    )
    # Without `draw` all are drawn from the same images.
    return splits, notes if draw is None else notes + copies_in_later_draws(splits)


def _seen(
    splits: Mapping[int, Split], generator: Generator | None, options: Mapping[str, Any] | None
) -> tuple[int, int]:
    """How many test images the generator has seen, and of how many.

    A new one is trained on what was drawn, and may start from another. Of several test parts it is
    the one of which most were seen.
    """
    start = (options or {}).get("start_from")
    data = None
    if generator is not None:
        data = data_of(generator.info)
    elif start is not None:
        data = start_data(start)
    parts = {}  # seeds that share their images are looked at once
    for split in splits.values():
        whole = split.train if split.whole is None else split.whole
        own = split.train if generator is None else whole
        parts[whole.fingerprint, own.fingerprint, split.test.fingerprint] = whole, own, split.test
    found = [(0, 0)]
    for whole, own, test in parts.values():
        seen = np.zeros(len(test), bool) if data is None else trained_on(whole, test, data)
        if generator is None:  # new ones are trained on what was drawn
            seen |= also_in(test, own)
        found.append((int(seen.sum()), len(test)))
    return max(found)


def _check_out(
    out: Any, info: Metadata | None, train: Any, test: Any, folder: Any, arms: Sequence[str] | None
) -> None:
    """Refuse an `out` that lies among images."""
    read = folders_around(train, () if info is None else info.classes, out)
    read += image_folders("the images", test) + image_folders("the other tool", folder)
    read += image_folders("an arm", *named_folders(arms))
    check_output_folder(out, {}, Inputs(images=read))


def _seeds(seeds: int | Sequence[int]) -> list[int]:
    """Return the seeds of a comparison.

    Raises:
        ConfigError: too many or none, an equal pair, or something else than whole numbers from 0.
    """
    given: Any = seeds
    try:
        many = len(given) > MOST_SEEDS
    except (TypeError, OverflowError):  # a number; a range of more than memory could hold
        return list(range(checked_count("seeds", given, "6 give a verdict", MOST_SEEDS)))
    numbers = [] if many else [checked_seed(seed) for seed in given]
    if not numbers or len(set(numbers)) < len(numbers) or min(numbers) < 0:
        raise ConfigError(
            f"seeds: {given!r:.60}; allowed: a number of 1 or more, or different whole numbers from"
            f" 0, at most {MOST_SEEDS:,} of them; 6 give a verdict"
        )
    return numbers


def _kind(metadata: Metadata | None, options: Mapping[str, Any] | None) -> str | None:
    """Return the kind of the generators that are compared, or None where there are none."""
    if options is not None:
        usual = "class" if options.get("preset") == "classic" else "variation"
        return str(options.get("kind") or usual)
    return None if metadata is None else metadata.kind
