"""`Comparison`: the trainings of `evaluate_gain`, from the choice of the baseline to the report."""

from __future__ import annotations

import logging
import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from ganaug.artifact.identity import behaviour_hash
from ganaug.artifact.reader import read_artifact
from ganaug.evaluation.arms import Arm
from ganaug.evaluation.arms.plan import Plan
from ganaug.evaluation.classifiers import Classifier
from ganaug.evaluation.classifiers.given import TorchClassifier
from ganaug.evaluation.classifiers.interface import Schedule
from ganaug.evaluation.gain.judge import Evidence
from ganaug.evaluation.gain.refit import TunedGenerator
from ganaug.evaluation.gain.report import GainReport
from ganaug.evaluation.gain.scores import balanced_accuracy, level_with_best
from ganaug.evaluation.gain.settings import Choice, Settings
from ganaug.evaluation.gain.units import TestPart
from ganaug.evaluation.splits import Split, inner_splits
from ganaug.evaluation.trainings import Job, run_all
from ganaug.evaluation.trainings.generators import NewGenerator, generator_folder, start_hash
from ganaug.evaluation.trainings.meter import NEW_GENERATOR, EvaluationProgress, Load, Meter
from ganaug.evaluation.trainings.pool import Site
from ganaug.images import ImageSet, check_size
from ganaug.wording import counted

__all__ = ["Comparison"]

log = logging.getLogger("ganaug")

USUAL_FIT_STEPS = 2500  # for the time left, where the preset does not say


@dataclass(frozen=True)
class Comparison:
    """Everything that is settled before the first classifier is trained.

    Attributes:
        plan: the arms.
        seen: test images that the generator was trained on.
        splits: by seed.
        made: by seed and folder, the images of the arms that have a folder.
        artifact: path of the generator that is judged, which nobody else writes to; None where
            there is none, or each seed trains a new one.
        fit_options: for new generators; None where none are trained.
        tuner: network that the policies of new generators are learnt with; None where none are.
        quick: a quick look.
        schedule: of a classifier of the usual length.
        classifier: that is trained.
        site: where all runs.
    """

    plan: Plan
    seen: int
    splits: dict[int, Split]
    made: dict[tuple[int, str], ImageSet]
    artifact: Path | None
    fit_options: dict[str, Any] | None
    tuner: TorchClassifier | None
    quick: bool
    schedule: Schedule
    classifier: Classifier
    site: Site

    @cached_property
    def artifact_hash(self) -> str | None:
        """Of the behaviour of the generator that is judged."""
        return None if self.artifact is None else behaviour_hash(self.artifact)

    def run(self, progress: EvaluationProgress | None, notes: tuple[str, ...]) -> GainReport:
        """Choose the baseline, train every arm with every seed, and report."""
        plan, seeds = self.plan, list(self.splits)
        inner = [] if plan.baseline else inner_splits(self.splits[seeds[0]])
        generators = self._generators() if plan.needs_generator else {}
        choices = [self._load(arm) for arm in plan.free for _ in inner]
        added = plan.on(plan.baseline or plan.free[-1])  # whatever the baseline, they cost as much
        compared = [self._load(arm) for _ in seeds for arm in (*plan.free, *added)]
        compared += [Load(NEW_GENERATOR, each.cost) for each in generators.values()]
        log.info("%s", _announced(choices, compared))
        meter = Meter([*([choices] if inner else []), compared], progress)

        baseline, choice = self._baseline(inner, meter)
        ours = plan.on(baseline)
        arms = (*plan.free, *ours)
        jobs = [
            self._job(seed, arm, split, baseline)
            for seed, split in self.splits.items()
            for arm in arms
        ]
        outcomes = run_all(jobs, generators, self.site, meter)
        meter.finish()
        longer = plan.to_beat(baseline)
        below = {arm.name: longer.get(arm.name, (baseline.name,))[0] for arm in ours}
        # one that never varies is the training of the baseline
        trained = [
            arm
            for arm in ours
            if any(
                outcomes[seed, arm.name] is not outcomes[seed, below[arm.name]] for seed in seeds
            )
        ]
        notes += _balancing(trained, baseline)
        if self.quick:
            steps = f", {counted(self.schedule.steps, 'step')}" * self.classifier.counts_steps
            notes += (f"a quick look{steps}: no verdict to rely on",)
        first = self.splits[seeds[0]]
        chosen = _chosen(ours)
        evidence = Evidence(
            outcomes,
            {seed: TestPart.of(split.test) for seed, split in self.splits.items()},
            {seed: split.train.counts for seed, split in self.splits.items()},
        )
        asked = GainReport(  # its numbers follow from the evidence
            dataset=first.train.data_name,
            seeds=(),
            classes=first.train.classes,
            counts=(),
            test_images=(),
            arms={},
            baseline=baseline.name,
            chosen=None if chosen is None else chosen.name,
            gain={},
            claim=self._claim(chosen),
            choice=replace(choice, longer=longer),
            settings=self._settings(first, ours),
            environment=_environment(list(generators.values())),
            notes=notes,
        )
        return asked.judged_on(evidence, seeds, [arm.name for arm in arms])

    def _settings(self, first: Split, ours: Sequence[Arm]) -> Settings:
        """Return what another part of this comparison must have, too; `first` is a seed's split."""
        return Settings(
            classifier=self.classifier.name,
            steps=self.schedule.steps,
            batch=self.schedule.batch,
            artifact=self.artifact_hash and self.artifact_hash[:16],
            refit=self.fit_options if self.plan.needs_generator else None,
            tuned=self.tuner is not None,
            quick=self.quick,
            folders=self._folders(),
            spoiled=[arm.name for arm in ours if arm.needs_generator] if self.seen else None,
            device=self.site.device.partition(":")[0],
            size=list(first.train.images.shape[1:]),
            train=None if first.whole is None else first.whole.fingerprint[:16],
            test=None if first.whole is None else first.test.ordered_fingerprint[:16],
        )

    def _baseline(self, inner: list[Split], meter: Meter) -> tuple[Arm, Choice]:
        """The free arm to beat, chosen without the test part."""
        plan = self.plan
        names = tuple(arm.name for arm in plan.free)
        if plan.baseline is not None:
            return plan.baseline, Choice("given", free_arms=names)
        if not inner:
            rule = "the last one named; no class has images to spare for a choice"
            return plan.free[-1], Choice(rule, free_arms=names)
        splits = dict(enumerate(inner, start=min(self.splits)))  # a seed of its own for each
        jobs = {
            (arm, seed): self._job(seed, arm, split)
            for seed, split in splits.items()
            for arm in plan.free
        }
        outcomes = run_all(jobs.values(), {}, self.site, meter, kept="choice")
        labels = np.concatenate([split.test.labels for split in inner])
        predicted = {at: outcomes[job.key].predicted for at, job in jobs.items()}
        right = [
            np.concatenate([predicted[arm, seed] for seed in splits]) == labels for arm in plan.free
        ]
        level = level_with_best(labels, right)
        runs, in_all = counted(len(inner), "run"), " in all" * (len(inner) > 1)
        rule = (
            f"the last arm within a standard error of the best of {runs}, on"
            f" {counted(len(labels), 'image')}{in_all} that were held out of the training part"
        )
        accuracies = [balanced_accuracy(labels, each) for each in right]
        choice = Choice(rule, dict(zip(names, accuracies, strict=True)), names)
        return plan.free[level[-1]], choice  # between equals, the later one, which does more

    def _job(self, seed: int, arm: Arm, split: Split, baseline: Arm | None = None) -> Job:
        return Job(
            seed=seed,
            arm=arm,
            train=split.train,
            test=split.test,
            schedule=replace(self.schedule, steps=self.schedule.steps * arm.longer),
            classifier=self.classifier,
            artifact=self.artifact if arm.needs_generator else None,
            artifact_hash=self.artifact_hash if arm.needs_generator else None,
            device=self.site.device,
            made=None if arm.folder is None else self.made[seed, arm.folder],
            baseline=baseline,
        )

    def _load(self, arm: Arm) -> Load:
        return self._job(min(self.splits), arm, self.splits[min(self.splits)]).load

    def _folders(self) -> dict[str, str] | None:
        """Return which images each folder held, by the first seed's, in 16 digits of a hash."""
        first = min(self.splits)
        named = {folder: self.made[first, folder] for folder in self.plan.folders}
        return {folder: found.fingerprint[:16] for folder, found in named.items()} or None

    def _generators(self) -> dict[int, NewGenerator | TunedGenerator]:
        if self.fit_options is None:
            return {}
        steps = int(self.fit_options.get("steps") or USUAL_FIT_STEPS)
        generators: dict[int, NewGenerator | TunedGenerator] = {}
        start = self.fit_options.get("start_from")
        begun = [] if start is None else [start_hash(start)]
        for seed, split in self.splits.items():
            content = [seed, split.train.fingerprint, self.fit_options, *begun]
            size = check_size(self.fit_options.get("size")) or split.train.size
            folder = generator_folder(
                self.site.folder, f"seed-{seed:04d}", content, split.train, size
            )
            new = NewGenerator(seed, split.train, folder, self.fit_options, steps)
            generators[seed] = TunedGenerator(new, self.tuner) if self.tuner else new
        return generators

    def _claim(self, chosen: Arm | None) -> str:
        """What the verdict on the chosen arm is about."""
        if chosen is None:
            return "for free arms"
        if chosen.folder is not None:
            return "for the folder's images"
        return "for this generator" if self.fit_options is None else "for the method"


def _announced(choices: Sequence[Load], compared: Sequence[Load]) -> str:
    """Return in a line what is trained; `choices` are classifiers that choose the baseline."""
    classifiers = [load for load in (*choices, *compared) if load.kind != NEW_GENERATOR]
    generators = len(choices) + len(compared) - len(classifiers)
    steps = [load.steps for load in classifiers]
    fewest = "" if min(steps) == max(steps) else f"{min(steps):,} to "
    each = fewest + counted(max(steps), "step")
    more = f" and {counted(generators, 'generator')}" if generators else ""
    chosen = f", {len(choices)} of them to choose the arm to beat" if choices else ""
    return f"training {counted(len(classifiers), 'classifier')} of {each}{more}{chosen}"


def _balancing(arms: Sequence[Arm], baseline: Arm) -> tuple[str, ...]:
    """Return a note where arms with added images balance the classes and the baseline does not."""
    own = [arm for arm in arms if arm.balanced and not (arm.free or baseline.balanced)]
    if not own:
        return ()
    whose = "generator" if any(arm.needs_generator for arm in own) else "folder"
    return (f"the {whose}'s arm also balances the classes; its baseline does not",)


def _chosen(arms: Sequence[Arm]) -> Arm | None:
    """Return the arm that the verdict is about: the first with the generator beside real images.

    Where no arm has a generator, it is the first with a folder's images beside real ones.
    """
    for added in (
        [arm for arm in arms if arm.learned],
        [arm for arm in arms if arm.folder is not None],
    ):
        beside = [arm for arm in added if arm.use not in ("synthetic", "folder-only")]
        if added:
            return (*beside, *added)[0]
    return None


def _environment(generators: Sequence[NewGenerator | TunedGenerator]) -> dict[str, Any]:
    """Return versions, and of new generators the seconds of the training and the policy."""
    names = ("ganaug", "torch", "torchvision", "numpy", "onnxruntime-gpu", "onnxruntime")
    versions = {"python": platform.python_version()}
    for name in names:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    if not generators:
        return {"versions": versions}
    return {
        "versions": versions,
        "generator_seconds": [each.seconds for each in generators],
        "policies": [_policy(each.artifact) for each in generators],
    }


def _policy(path: Path) -> dict[str, Any]:
    """Return what the arms of a new generator used, and what `tune` expected of it."""
    policy = read_artifact(path)[1].policy
    if policy is None:
        return {}
    evidence = policy.evidence or {}
    known = {key: evidence[key] for key in ("reason", "gain", "low") if key in evidence}
    return {"p": [list(point) for point in policy.p], "scale": policy.scale} | known
