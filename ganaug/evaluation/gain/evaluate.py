"""`evaluate_gain`: does the generator help the classifier, against everything that is free?"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np

from ganaug.artifact.format import Metadata
from ganaug.artifact.identity import behaviour_hash
from ganaug.artifact.runtime import Generator
from ganaug.devices import choose_device
from ganaug.errors import ConfigError
from ganaug.evaluation.arms.grammar import Arm, Plan, make_plan
from ganaug.evaluation.classifiers.estimator import (
    TrainFunction,
    UserLoop,
    default_views,
    is_estimator,
)
from ganaug.evaluation.classifiers.network import (
    Classifier,
    ClassifierFactory,
    Schedule,
    check_arms,
    check_classifier,
    check_name,
    classifier_name,
    default_steps,
)
from ganaug.evaluation.draws import Part, few_images, few_passes, inner_parts, parts_of
from ganaug.evaluation.gain import intervals as statistics
from ganaug.evaluation.gain.intervals import TestPart
from ganaug.evaluation.gain.report import Evidence, GainReport, build_report
from ganaug.evaluation.trainings.generators import Refit, settings_of
from ganaug.evaluation.trainings.pool import Meter, Progress, run_all, worker_count
from ganaug.evaluation.trainings.run import Job, Outcome
from ganaug.files import make_folder
from ganaug.images import ImageSet
from ganaug.use.transform import GANAugment

__all__ = ["GainReport", "evaluate_gain"]

QUICK_FIT = {"preset": "tiny", "steps": 300}
USUAL_FIT_STEPS = 2500  # for the time left, where the preset does not say


def evaluate_gain(
    artifact: str | os.PathLike[str] | Generator | None,
    *,
    train: Any,
    test: Any = None,
    seeds: int | Sequence[int] = 6,
    arms: Sequence[str] | None = None,
    baseline: str = "auto",
    refit: bool = False,
    tuned: bool = False,
    classifier: Classifier | None = None,
    train_fn: TrainFunction | None = None,
    steps: int | None = None,
    quick: bool = False,
    jobs: int | None = None,
    out: str | os.PathLike[str] | None = None,
    draw: Callable[[int], ImageSet] | None = None,
    fit_options: Mapping[str, Any] | None = None,
    device: str = "auto",
    threads: int = 1,
    progress: Progress | None = None,
) -> GainReport:
    """Compare ways to train a classifier, paired by seed, with and without the generator.

    The arms of one seed share images, initialisation, order, optimiser steps and schedule; only
    the augmentation differs. The strongest free arm is chosen on a part of the *training* images
    and is what the others are compared with. The test part is looked at once, at the end.

    Args:
        artifact: the exported file, or a `Generator`; None compares free arms alone, or, with
            `refit`, takes the generator's settings from `fit_options`.
        train: training images: an `ImageSet`, a data set of (image, label), or anything that
            `load_images` takes; loaded at the artifact's size. Without a test part, the fifth
            that `fit` held out is judged on.
        test: images to judge on, of the same classes (by name).
        seeds: a number (0, 1, ...) or the seeds themselves. Under 6 the verdict is "no evidence".
        arms: names as in `ganaug.evaluation.arms.parse_arm`; None = plain, balanced,
            balanced+affine, balanced+randaugment, plain+randaugment+logits (not for estimators
            and loops of your own), and the generator on top of the baseline.
        baseline: a free arm, or "auto": each free arm is trained on four fifths of the training
            images and judged on the rest; three times, where a class has fewer than five there.
        refit: draw images and train a new generator for each seed; only this supports a claim
            about the method, rather than about this generator.
        tuned: with `refit`: learn each new generator's policy on its draw, as `tune` does, before
            it is used; what the whole way gains, at about four times the cost.
        classifier: None (a small residual network), the name of a torchvision model, a factory
            (channels, classes, (height, width)) -> nn.Module, or a scikit-learn classifier. That
            is trained on float32 [N, pixels], each channel of mean 0 and deviation 1, five
            augmented views of each image; features are the first step of a pipeline.
        train_fn: your own training loop in its place, (train_dataset, seed) -> predict_fn. Items
            of the map-style data set are (uint8 [C, H, W], label), augmented anew at each access;
            arms that balance the classes show images of smaller ones more often; it has `targets`,
            `classes` and `set_epoch`. torch's state is set from the seed. predict_fn takes uint8
            [N, C, H, W], and returns labels [N] or probabilities [N, classes].
        steps: batches of 64 images that the classifier is trained on; None = 3000 (900 for images
            under 16 px; five views of each image for a scikit-learn classifier). A loop of your own
            decides for itself.
        quick: 150 steps, and a short generator where `refit`; what `fit_options` say goes first.
        jobs: worker processes; None = one for each core, at most 4 on a GPU; 1 = all in this
            process.
        out: folder for predictions and generators; the same call then goes on where it stopped,
            and further seeds are added to what is there. A classifier or loop of your own is known
            by its name: after a change to its body, take another folder.
        draw: for `refit`: seed -> the images to train on; a test part of it is judged on in that
            seed. None = 80% of each class, by whole groups where possible.
        fit_options: for `refit`: arguments of `ganaug.fit` (preset, fields of `FitConfig`)
            instead of the artifact's own.
        device: "auto" (a GPU where there is one), "cpu" or "cuda[:N]"; the classifiers (and
            refits) run there.
        threads: of torch in each process.
        progress: called as `progress(done, total, seconds_left)`, in training steps.

    Raises:
        ArtifactError: the file cannot be used, does not know a class, or was trained on the
            images that it would be judged on.
        DataError: the images cannot be used.
        ConfigError: an argument has a value that is not allowed.
        DeviceError: there is no such device.
        KeyboardInterrupt: interrupted; what had ended is kept in `out`.

    Example:
        >>> print(evaluate_gain("defects.onnx", train="photos/"))  # doctest: +SKIP
    """
    generator = _generator(artifact)
    metadata = None if generator is None else generator.info
    options = _refit_options(metadata, fit_options, quick, device) if refit else None
    networks = train_fn is None and not is_estimator(classifier)
    plan = make_plan(arms, baseline, _kind(metadata, options), refit, losses=networks)
    if draw is not None and not refit:
        raise ConfigError("draw: given without refit; allowed with refit=True only; add that")
    numbers = _seeds(seeds)
    parts, notes = parts_of(train, test, numbers, draw, refit, metadata)
    images = parts[numbers[0]].train
    if generator is not None and not refit:
        GANAugment(generator).for_classes(images.classes)  # all classes known, before any work
    if train_fn is not None:
        if classifier is not None:
            raise ConfigError(
                "train_fn: given beside classifier; allowed: one of them; train_fn makes its own"
            )
        classifier = UserLoop(train_fn)
    if out is not None:
        check_name(classifier)
    check_classifier(classifier, images.channels, len(images.classes), images.size)
    check_arms(classifier, (*plan.free, *plan.ours))
    if tuned and (not refit or isinstance(classifier, UserLoop) or is_estimator(classifier)):
        raise ConfigError(
            "tuned: policies are learnt for new generators, with torch classifiers; allowed: with"
            " refit=True, and a classifier of torch or none; add refit, or leave tuned out"
        )
    batches = _steps(classifier, images, quick) if steps is None else steps
    chosen = str(choose_device(device))
    with ExitStack() as stack:
        temporary = out is None and stack.enter_context(TemporaryDirectory(prefix="ganaug-"))
        comparison = _Comparison(
            plan=plan,
            parts=parts,
            generator=None if refit else generator,
            artifact_hash=None if refit or generator is None else behaviour_hash(generator.path),
            refit=options,
            tuned=tuned,
            quick=quick,
            schedule=Schedule(batches),
            classifier=classifier,
            device=chosen,
            workers=worker_count(jobs, chosen),
            threads=threads,
            folder=Path(temporary) if temporary else make_folder(out or "."),
        )
        notes += few_images(parts[numbers[0]].test)
        if networks and not quick:  # a quick look says so anyway
            notes += few_passes(images, batches, Schedule.batch)
        return comparison.run(progress, notes)


@dataclass(frozen=True)
class _Comparison:
    """Everything that is settled before the first classifier is trained."""

    plan: Plan
    parts: dict[int, Part]
    generator: Generator | None
    artifact_hash: str | None
    refit: dict[str, Any] | None
    tuned: bool
    quick: bool
    schedule: Schedule
    classifier: Classifier | None
    device: str
    workers: int
    threads: int
    folder: Path

    def run(self, progress: Progress | None, notes: tuple[str, ...]) -> GainReport:
        """Choose the baseline, train every arm with every seed, and report."""
        plan, seeds = self.plan, list(self.parts)
        inner = [] if plan.baseline else inner_parts(self.parts[seeds[0]])
        refits = self._refits() if plan.needs_generator else {}
        steps = plan.size * len(seeds) + len(plan.free) * len(inner)
        fit_steps = sum(refit.cost for refit in refits.values())
        meter = Meter(self.schedule.steps * steps + fit_steps, progress)

        baseline, choice = self._baseline(inner, meter)
        choice["candidates"] = [arm.name for arm in plan.free]
        ours = plan.on(baseline)
        if not baseline.balanced and any(arm.balanced for arm in ours):
            notes += ("the generator's arm also balances the classes; its baseline does not",)
        if self.quick:
            notes += (f"a quick look, {self.schedule.steps} steps: no verdict to rely on",)
        arms = (*plan.free, *ours)
        jobs = [self._job(seed, arm, part) for seed, part in self.parts.items() for arm in arms]
        outcomes = self._run(jobs, refits, "outcomes", meter)
        meter.finish()
        images = self.parts[seeds[0]].train
        return build_report(
            Evidence(
                outcomes,
                {seed: TestPart.of(part.test) for seed, part in self.parts.items()},
                {seed: part.train.counts for seed, part in self.parts.items()},
            ),
            seeds=seeds,
            arms=[arm.name for arm in arms],
            classes=images.classes,
            dataset=images.data_name,
            baseline=baseline.name,
            chosen=_chosen(ours),
            claim=self._claim(),
            choice=choice,
            settings={
                "classifier": classifier_name(self.classifier),
                "steps": self.schedule.steps,
                "batch": self.schedule.batch,
                "artifact": self.artifact_hash and self.artifact_hash[:16],
                "refit": self.refit if refits else None,
                "tuned": self.tuned,
                "quick": self.quick,
                "device": self.device.partition(":")[0],
            },
            environment=_versions()
            | ({"generator_seconds": [each.seconds for each in refits.values()]} if refits else {})
            | (
                {"policies": [_policy(each.artifact) for each in refits.values()]} if refits else {}
            ),
            notes=notes,
        )

    def _baseline(self, inner: list[Part], meter: Meter) -> tuple[Arm, dict[str, Any]]:
        """The free arm to beat, chosen without the test part."""
        plan = self.plan
        if plan.baseline is not None:
            return plan.baseline, {"rule": "given", "balanced_accuracy": {}}
        if not inner:
            rule = "the last one named; no class has images to spare for a choice"
            return plan.free[-1], {"rule": rule, "balanced_accuracy": {}}
        splits = dict(enumerate(inner, start=min(self.parts)))  # a seed of its own for each
        jobs = [self._job(seed, arm, part) for seed, part in splits.items() for arm in plan.free]
        outcomes = self._run(jobs, {}, "choice", meter)
        labels = np.concatenate([part.test.labels for part in inner])
        right = [
            np.concatenate(
                [
                    outcomes[seed, arm.name].predicted == part.test.labels
                    for seed, part in splits.items()
                ]
            )
            for arm in plan.free
        ]
        level = statistics.level_with_best(labels, right)
        often = "one run" if len(inner) == 1 else f"{len(inner)} runs"
        rule = (
            f"the last arm within a standard error of the best of {often} each on"
            f" {len(labels)} images held out of the training part"
        )
        scores = {
            arm.name: statistics.balanced_accuracy(labels, each)
            for arm, each in zip(plan.free, right, strict=True)
        }
        # Between equals, the later one, which does more.
        return plan.free[level[-1]], {"rule": rule, "balanced_accuracy": scores}

    def _job(self, seed: int, arm: Arm, part: Part) -> Job:
        generator = None if arm.free else self.generator
        return Job(
            seed=seed,
            arm=arm,
            train=part.train,
            test=part.test,
            schedule=replace(self.schedule, steps=self.schedule.steps * arm.longer),
            classifier=self.classifier,
            artifact=generator.path if generator else None,
            artifact_hash=self.artifact_hash if generator else None,
            device=self.device,
        )

    def _refits(self) -> dict[int, Refit]:
        if self.refit is None:
            return {}
        steps = int(self.refit.get("steps") or USUAL_FIT_STEPS)
        refits = {}
        for seed, part in self.parts.items():
            content = json.dumps([seed, part.train.fingerprint, self.refit], sort_keys=True)
            name = f"seed-{seed:04d}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
            folder = make_folder(self.folder / "generators" / name)
            refits[seed] = Refit(
                seed,
                part.train,
                folder,
                self.refit,
                steps,
                tuned=self.tuned,
                classifier=cast(str | ClassifierFactory | None, self.classifier),
            )
        return refits

    def _run(
        self, jobs: list[Job], refits: dict[int, Refit], name: str, meter: Meter
    ) -> dict[tuple[int, str], Outcome]:
        return run_all(
            jobs,
            refits,
            workers=self.workers,
            folder=self.folder / name,
            meter=meter,
            threads=self.threads,
        )

    def _claim(self) -> str:
        if not self.plan.needs_generator:
            return "for free arms"
        return "for this generator" if self.refit is None else "for the method"


def _generator(artifact: str | os.PathLike[str] | Generator | None) -> Generator | None:
    if artifact is None or isinstance(artifact, Generator):
        return artifact
    return Generator(artifact)


def _seeds(seeds: int | Sequence[int]) -> list[int]:
    numbers = list(range(seeds)) if isinstance(seeds, int) else [int(seed) for seed in seeds]
    if not numbers or len(set(numbers)) < len(numbers) or min(numbers) < 0:
        raise ConfigError(
            f"seeds: {seeds}; allowed: a number of 1 or more, or different whole numbers from 0;"
            " 6 give a verdict"
        )
    return numbers


def _chosen(arms: Sequence[Arm]) -> str | None:
    """Return the arm that the verdict is about: the first with the generator beside real images."""
    learned = [arm for arm in arms if arm.learned]
    beside = [arm for arm in learned if arm.ganaug != "synthetic"]
    return next((arm.name for arm in (*beside, *learned)), None)


def _policy(path: Path) -> dict[str, Any]:
    """Return what the arms of a new generator used, and what `tune` expected of it."""
    policy = Generator(path).info.policy
    if policy is None:
        return {}
    evidence = policy.evidence or {}
    known = {key: evidence[key] for key in ("reason", "gain", "low") if key in evidence}
    return {"p": [list(point) for point in policy.p], "scale": policy.scale} | known


def _steps(classifier: Classifier | None, images: ImageSet, quick: bool) -> int:
    """Return the batches of 64 that a classifier is trained on where none were asked for."""
    if is_estimator(classifier):
        return default_views(len(images), Schedule.batch, quick)
    return default_steps(images.size, quick)


def _refit_options(
    metadata: Metadata | None,
    given: Mapping[str, Any] | None,
    quick: bool,
    device: str,
) -> dict[str, Any]:
    """What `ganaug.training.fit` is called with: what was given, else the artifact's own config.

    The size is that of the images. A quick look is short where nothing else was given.
    """
    options = dict(given or {})
    if metadata is not None and given is None:
        options = {"kind": metadata.kind} if quick else settings_of(metadata) | {"size": None}
    if quick:
        options = QUICK_FIT | options
    return options | {"device": device}


def _kind(metadata: Metadata | None, refit: Mapping[str, Any] | None) -> str | None:
    """Return the kind of the generators that are compared, or None where there are none."""
    if refit is not None:
        usual = "class" if refit.get("preset") == "classic" else "variation"
        return str(refit.get("kind") or usual)
    return None if metadata is None else metadata.kind


def _versions() -> dict[str, Any]:
    names = ("ganaug", "torch", "torchvision", "numpy", "onnxruntime-gpu", "onnxruntime")
    found = {"python": platform.python_version()}
    for name in names:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return {"versions": found}
