"""`tune`: how often to vary, learnt from the training images alone; never is an honest answer."""

from __future__ import annotations

import logging
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ganaug.artifact.format import Metadata
from ganaug.artifact.identity import behaviour_hash
from ganaug.artifact.policy import Policy
from ganaug.artifact.reader import read_artifact
from ganaug.artifact.rewrite import as_opened, rewrite_metadata
from ganaug.artifact.runtime import Generator
from ganaug.devices import choose_device, usual_settings
from ganaug.errors import ArtifactError, ConfigError, DataError, checked_count
from ganaug.evaluation.arms import Arm, parse_arm
from ganaug.evaluation.classifiers import Classifier, Pretrained
from ganaug.evaluation.classifiers.given import TorchClassifier, as_classifier
from ganaug.evaluation.classifiers.interface import Schedule
from ganaug.evaluation.classifiers.network import ClassifierFactory
from ganaug.evaluation.splits import as_trained, load_at
from ganaug.evaluation.trainings import Job, run_all
from ganaug.evaluation.trainings.generators import (
    FIT_STEP,
    NewGenerator,
    generator_folder,
    settings_of,
)
from ganaug.evaluation.trainings.meter import NEW_GENERATOR, EvaluationProgress, Load, Meter
from ganaug.evaluation.trainings.pool import Site
from ganaug.evaluation.trainings.workers import Processes, worker_count
from ganaug.evaluation.tuning.budget import (
    Budget,
    Costs,
    count_trainings,
    cut_short,
    estimate,
    plan_budget,
    ways_to_balance,
)
from ganaug.evaluation.tuning.candidates import AUGMENTED_ARMS, Candidate, candidates
from ganaug.evaluation.tuning.decision import decide, score
from ganaug.evaluation.tuning.rarity import REPETITIONS, Repetition, Simulation, simulate
from ganaug.evaluation.tuning.report import TuneReport, build_report
from ganaug.files import check_writable, work_folder
from ganaug.images import ImageSet, require_classes, resized
from ganaug.images.places import folders_around
from ganaug.locks import locked, updating
from ganaug.outputs import Inputs, check_output_folder
from ganaug.progress import told
from ganaug.randomness import checked_seed

__all__ = ["TuneReport", "tune"]

_log = logging.getLogger(__name__)


@usual_settings()
def tune(
    artifact: str | os.PathLike[str] | Generator,
    train: Any,
    *,
    seed: int = 0,
    steps: int | None = None,
    fit_steps: int | None = None,
    classifier: str | ClassifierFactory | TorchClassifier | None = None,
    jobs: int | None = None,
    out: str | os.PathLike[str] | None = None,
    device: str = "auto",
    threads: int = 1,
    progress: EvaluationProgress | bool | None = None,
) -> TuneReport:
    """Learn how often to vary which class sizes, and write that into the artifact.

    Three times, frequent classes are cut down to the sizes of the rare ones. A short generator is
    trained on what is left. Classifiers with and without it are judged on what was cut away, with
    class-balanced batches and with logit adjustment. Held-out and test images are not looked at.

    A policy is taken where the mean of both gains, a harm of more than a point to it is unlikely,
    and neither of the two nor the frequent classes lose a point. Otherwise p = 0 is written, and
    `GANAugment` then leaves every image as it is.

    Args:
        artifact: the exported file, which is rewritten at the end (its weights stay), or a
            `Generator` of it.
        train: the images that it was fitted on: an `ImageSet`, a data set of (image, label), or
            anything that `load_images` takes. They are loaded at the artifact's size; for a
            `Pretrained` and a variation generator, at the network's. An `ImageSet` may be larger
            than a variation generator, which is then trained on it scaled down.
        seed: of the draws, the short generators and the classifiers.
        steps: optimiser steps of each classifier; None = by the budget.
        fit_steps: of each short generator; None = by the budget, which is three times the cost of
            the full training of the generator.
        classifier: as in `evaluate_gain`.
        jobs: worker processes; None = one for each core, at most 4 on a GPU; 1 = all in this
            process.
        out: folder for results; the same call then goes on where it stopped.
        device: "auto", "cpu" or "cuda"; generators and classifiers are trained there.
        threads: of torch in each process.
        progress: called as `progress(done, total, seconds_left)`, in training steps; True writes
            lines to stderr.

    Returns:
        the report: `print` it, or take `policy` and `reason`; `to_dict` gives JSON values.

    Raises:
        ArtifactError: the file cannot be used, or was fitted on other images.
        DataError: the images cannot be used.
        ConfigError: an argument has a value that is not allowed.
        DeviceError: there is no such device.
        RunError: `out` or the artifact cannot be written, `out` lies in the folder of the images,
            or another process is at work in it.
        KeyboardInterrupt: interrupted; the artifact is as before, what had ended is kept in `out`.

    Examples:
        >>> print(tune("photos.onnx", "photos/"))  # doctest: +SKIP
    """
    generator = artifact if isinstance(artifact, Generator) else Generator(artifact)
    metadata = generator.info
    if steps is not None:
        steps = checked_count("steps", steps, "leave it out for the budget")
    if fit_steps is not None:
        fit_steps = checked_count("fit_steps", fit_steps, "leave it out for the budget")
    threads = checked_count("threads", threads, "leave it out for 1")
    seed = checked_seed(seed)
    if seed < 0:
        raise ConfigError(f"seed: {seed}; allowed: a whole number from 0; choose another")
    chosen = str(choose_device(device))
    workers = worker_count(jobs, chosen)  # refused before any work
    check_writable(generator.path)
    if out is not None:
        among = folders_around(train, metadata.classes, out)
        check_output_folder(out, {}, Inputs(images=among))
    with as_opened(generator) as opened:
        behaviour = behaviour_hash(opened)
    network = as_classifier(classifier)
    if out is not None:
        network.check_name()
    told(progress is True and not isinstance(train, ImageSet), "reading images")
    images = _training_part(train, metadata, network)
    if not isinstance(network, TorchClassifier):
        raise ConfigError(
            f"classifier {network.name[:60]}: tune trains networks; allowed: a name of torchvision,"
            " a factory (channels, classes, size) -> nn.Module, a Pretrained, or None; give one"
        )
    network.check(images.channels, len(images.classes), images.size)
    simulation = simulate(images, seed)
    with work_folder(out) as folder, locked(folder):
        if simulation.method == "none":
            report = build_report(metadata, simulation, None, seed, {}, images)
        else:
            with Processes(workers, threads, [network]) as processes:
                tuning = _Tuning(
                    generator=generator,
                    images=images,
                    simulation=simulation,
                    seed=seed,
                    steps=steps,
                    fit_steps=fit_steps,
                    classifier=network,
                    site=Site(folder, chosen, jobs, threads, processes),
                )
                report = tuning.run(told(progress, "comparing policies", " steps"))
        _write(generator.path, behaviour, report.policy)
    return report


@dataclass(frozen=True)
class _Tuning:
    """Everything that is settled before the first training."""

    generator: Generator
    images: ImageSet
    simulation: Simulation
    seed: int
    steps: int | None
    fit_steps: int | None
    classifier: TorchClassifier
    site: Site

    def run(self, progress: EvaluationProgress | None) -> TuneReport:
        info, simulation = self.generator.info, self.simulation
        augmented = [parse_arm(name) for name in AUGMENTED_ARMS]
        every = candidates(self.images.counts, info.kind)
        budget, costs = self._budget(augmented, len(every))
        tried = every[: budget.candidates]
        first = simulation.repetitions[0]
        full_fit, usual = int(settings_of(info)["steps"]), self._schedule(first, None)
        cut = cut_short(budget, full_fit, usual, len(first.train))
        if cut:
            _log.info("tune: judged %s; leave the steps out for the usual ones", cut)
        schedule = self._schedule(first, budget.classifier_steps)
        without, varied = count_trainings(info.kind, len(tried))
        jobs = [self._job(first, arm, schedule) for arm in augmented]
        ours = self._job(first, augmented[-1].on_top(info.kind), schedule).load
        later = [jobs[-1].load] * (without - len(jobs)) + [ours] * varied
        ratio = 1.0 if costs is None else costs.fit_step / costs.free_step / FIT_STEP
        later += [Load(NEW_GENERATOR, FIT_STEP * budget.fit_steps, ratio)] * REPETITIONS
        meter = Meter([[job.load for job in jobs], later], progress)

        outcomes = run_all(jobs, {}, self.site, meter)
        scores = {job.arm: score(simulation, 0, outcomes[job.key]) for job in jobs}
        # Between equals, the later one, which does more.
        best = max(reversed(augmented), key=lambda arm: scores[arm])
        logits = replace(best, balanced=False, loss="logits")
        free_arms = [best, logits][: ways_to_balance(info.kind)]
        free, varied_jobs = self._jobs(free_arms, tried, schedule)
        made = [self._generator(part, budget.fit_steps) for part in simulation.repetitions]
        generators = {each.seed: each for each in made}
        jobs = [job for job in (*free.values(), *varied_jobs.values()) if job.key not in outcomes]
        outcomes |= run_all(jobs, generators, self.site, meter)
        meter.finish()

        without_ours = {at: outcomes[job.key] for at, job in free.items()}
        with_ours = {at: outcomes[job.key] for at, job in varied_jobs.items()}
        decision = decide(simulation, tried, with_ours, without_ours, self.images.counts)
        numbers = range(REPETITIONS)
        settings = {
            "free_arms": {
                arm.name: sum(score(simulation, r, without_ours[arm.name, r]) for r in numbers)
                / REPETITIONS
                for arm in free_arms
            },
            "augmentations": {arm.name: scores[arm] for arm in augmented},
            "classifier": self.classifier.name,
            "not_tried": [each.name for each in every[len(tried) :]],
            "budget": budget.to_dict(),
            "cut_short": cut,
            "estimated_seconds_of_a_step": costs and asdict(costs),
        }
        return build_report(info, simulation, decision, self.seed, settings, self.images)

    def _budget(self, augmented: list[Arm], number: int) -> tuple[Budget, Costs | None]:
        """How long everything is, and the estimated costs where that was not given."""
        steps, fit_steps = self.steps, self.fit_steps
        if steps is not None and fit_steps is not None:
            return Budget(fit_steps, steps, number), None
        part = self.simulation.repetitions[0]
        config = settings_of(self.generator.info)
        free = [self._job(part, arm, self._schedule(part, 1)) for arm in augmented]
        small = resized(part.train, self.generator.info.size)
        _log.info("counting the work in some steps of a generator and of classifiers")
        costs = estimate(small, config, free, device=self.site.device, threads=self.site.threads)
        budget = plan_budget(
            costs,
            self.generator.info.kind,
            int(config["steps"]),
            self._schedule(part, None),
            len(part.train),
            number,
        )
        if steps is not None or fit_steps is not None:
            budget = replace(
                budget,
                classifier_steps=steps or budget.classifier_steps,
                fit_steps=fit_steps or budget.fit_steps,
                factor=None,
            )
        return budget, costs

    def _schedule(self, part: Repetition, steps: int | None) -> Schedule:
        images = part.train
        return self.classifier.schedule(len(images), images.size, steps=steps, quick=False)

    def _seed(self, part: Repetition) -> int:
        return REPETITIONS * self.seed + part.number

    def _jobs(
        self, free_arms: list[Arm], tried: tuple[Candidate, ...], schedule: Schedule
    ) -> tuple[dict[tuple[str, int], Job], dict[tuple[str, int, str], Job]]:
        """The jobs without the generator by (arm, repetition), and with it by candidate, too."""
        kind, parts = self.generator.info.kind, self.simulation.repetitions
        free = {
            (arm.name, part.number): self._job(part, arm, schedule)
            for part in parts
            for arm in free_arms
        }
        ours = {
            (arm.name, part.number, each.name): replace(
                self._job(part, arm.on_top(kind), schedule), policy=each.policy, label=each.name
            )
            for part in parts
            for arm in free_arms
            for each in tried
        }
        return free, ours

    def _job(self, part: Repetition, arm: Arm, schedule: Schedule) -> Job:
        return Job(
            seed=self._seed(part),
            arm=arm,
            train=part.train,
            test=part.judged,
            schedule=schedule,
            classifier=self.classifier,
            device=self.site.device,
        )

    def _generator(self, part: Repetition, fit_steps: int) -> NewGenerator:
        options = {**settings_of(self.generator.info), "steps": fit_steps}
        options["sample_every"] = fit_steps  # the grids of an ordinary run are of no use here
        options["device"] = self.site.device
        size = self.generator.info.size
        if part.train.size != size:
            options["size"] = list(size)
        seed, content = self._seed(part), [part.train.fingerprint, options]
        folder = generator_folder(self.site.folder, f"{seed:04d}", content, part.train, size)
        return NewGenerator(seed, part.train, folder, options, fit_steps)


def _training_part(train: Any, metadata: Metadata, classifier: Classifier) -> ImageSet:
    """Return the images that the artifact was fitted on, without any others.

    Raises:
        ArtifactError: these are others, or the generator has one class.
        DataError: fewer than two classes have images.
    """
    if len(metadata.classes) < 2 or not metadata.config.get("conditional", True):
        raise ArtifactError(
            f"classes: {len(metadata.classes)} in the generator; a policy helps a classifier tell"
            " classes apart and needs at least 2; fit with labels"
        )
    size = metadata.size
    if isinstance(classifier, Pretrained) and metadata.kind == "variation":
        size = classifier.size or size
    images = load_at(train, size, metadata.channels, metadata)
    whole = replace(as_trained(images, metadata), test=None)
    larger = whole.size[0] >= metadata.size[0] and whole.size[1] >= metadata.size[1]
    if whole.size != metadata.size and not (larger and metadata.kind == "variation"):
        raise DataError(
            f"{images.source}: images of {whole.size[0]}x{whole.size[1]}; allowed:"
            f" {metadata.size[0]}x{metadata.size[1]}, at which the generator was trained, or larger"
            " for the variation kind; load them at that size"
        )
    if whole.fingerprint != metadata.fingerprint:
        raise ArtifactError(
            f"{images.source}: these are not the images that the generator was fitted on (training"
            f" part {whole.fingerprint[:12]}, fitted on {metadata.fingerprint[:12]}); allowed: the"
            " images it was fitted on; give those, or fit again on these"
        )
    require_classes(whole)
    return whole


def _write(path: Path, behaviour: str, policy: Policy) -> None:
    """Write `policy` into the file; a gain that was measured with another one is taken out.

    Records that another command wrote in the meantime stay; another generator is not touched.
    """
    with updating(path):
        if behaviour_hash(path) != behaviour:
            raise ArtifactError(
                f"{path}: was replaced while its policy was learnt; allowed: the same generator and"
                " policy; put the old file back (what was measured is kept in the folder), or tune"
                " the new one"
            )
        before = read_artifact(path)[1].policy
        same = before is not None and (before.p, before.scale) == (policy.p, policy.scale)
        fields: dict[str, Any] = {"policy": policy} if same else {"policy": policy, "gain": None}
        rewrite_metadata(path, **fields)
