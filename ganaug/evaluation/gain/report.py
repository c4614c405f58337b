"""`GainReport`: what a comparison found, as numbers, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganaug.errors import ConfigError
from ganaug.evaluation.gain import intervals as statistics
from ganaug.evaluation.gain.intervals import TestPart
from ganaug.evaluation.gain.table import gain_table
from ganaug.evaluation.trainings.run import Outcome
from ganaug.metrics.calibration import calibration_error

__all__ = ["ArmResult", "Evidence", "Gain", "GainReport", "build_report"]

Scores = tuple[float, ...]
SomeScores = tuple[float | None, ...]


@dataclass(frozen=True)
class ArmResult:
    """One arm over all seeds; every tuple has one entry for each seed.

    Attributes:
        balanced_accuracy: mean recall of the classes that have test images, in 0..1.
        macro_f1: mean F1 of those classes.
        recall: by class; None for a class without test images.
        seconds: training time of the classifier.
        calibration_error: expected calibration error, in 0..1.
        rarer_half: mean recall of the floor(classes / 2) classes with the fewest training images.
        rare, middle, frequent: mean recall by thirds of the classes; None for a third without any.
        precision: by class, as `recall`; it depends on how frequent classes are in the test part.
        rare_precision, middle_precision, frequent_precision: its means by thirds.
    """

    balanced_accuracy: Scores
    macro_f1: Scores
    recall: tuple[SomeScores, ...]
    seconds: Scores
    calibration_error: Scores
    rarer_half: SomeScores
    rare: SomeScores
    middle: SomeScores
    frequent: SomeScores
    precision: tuple[SomeScores, ...]
    rare_precision: SomeScores
    middle_precision: SomeScores
    frequent_precision: SomeScores


@dataclass(frozen=True)
class Gain:
    """An arm against the baseline: paired differences in balanced accuracy.

    Attributes:
        mean: over seeds, in -1..1.
        low, high: the wider of the two 95% intervals.
        p: of the paired t test.
        verdict: "helps", "hurts", "no evidence" or "no change"; "helps" also needs a gain over each
            free arm that has more than the baseline, see `build_report`.
        error_reduction: 1 - sum of this arm's balanced errors / sum of the baseline's.
        rare_error_reduction: the same on the rarer half; None where the baseline has no error.
        t, bootstrap: the two intervals (low, high).
        seed_error, image_error: standard errors of the mean that seeds and shared test images make.
        seeds_to_settle: seeds with which a gain of this size would be told from none, with a chance
            of 80%; None where there is a verdict, or a stronger free arm took it away, with one
            seed, or where no number of them would.
    """

    mean: float
    low: float
    high: float
    p: float
    verdict: str
    error_reduction: float | None
    rare_error_reduction: float | None
    t: tuple[float, float]
    bootstrap: tuple[float, float]
    seed_error: float
    image_error: float
    seeds_to_settle: int | None


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the numbers were computed from; merging needs it, files of results leave it out.

    Attributes:
        outcomes: by (seed, arm).
        tests: by seed, what was judged on.
        counts: by seed, int64 [classes], training images.
    """

    outcomes: Mapping[tuple[int, str], Outcome]
    tests: Mapping[int, TestPart]
    counts: Mapping[int, NDArray[np.int64]]


@dataclass(frozen=True)
class GainReport:
    """What a comparison found. `print` shows a table, `to_dict` gives JSON values.

    Attributes:
        dataset: what was judged on.
        seeds: of the runs.
        classes: class names.
        counts: by seed: training images of each class.
        test_images: by seed.
        arms: by name.
        baseline: the free arm that the others are compared with.
        chosen: the arm with the generator, or None where there was none.
        gain: of each arm but the baseline.
        claim: "for this generator", "for the method", or "for free arms".
        choice: how the baseline was chosen: {"rule", "balanced_accuracy": {arm: score},
            "candidates": free arms that could be the baseline}.
        settings: classifier, steps, batch, ...
        environment: versions, and what the caller adds.
        notes: what a reader should know, one line each.
        evidence: what the numbers came from, or None after `from_dict`.
    """

    dataset: str
    seeds: tuple[int, ...]
    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    test_images: tuple[int, ...]
    arms: dict[str, ArmResult]
    baseline: str
    chosen: str | None
    gain: dict[str, Gain]
    claim: str
    choice: dict[str, Any]
    settings: dict[str, Any]
    environment: dict[str, Any]
    notes: tuple[str, ...] = ()
    evidence: Evidence | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values, without the predictions."""
        return _listed(asdict(replace(self, evidence=None)), skip="evidence")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GainReport:
        """Return the report that `to_dict` gave.

        Raises:
            ConfigError: a field is missing.
        """
        try:
            arms = {name: ArmResult(**_frozen(arm)) for name, arm in values["arms"].items()}
            gain = {name: Gain(**_frozen(each)) for name, each in values["gain"].items()}
            names = [name for name in cls.__dataclass_fields__ if name != "evidence"]
            plain = {name: values[name] for name in names if name not in ("arms", "gain")}
        except (KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"gain report: {error} is missing or unknown; allowed: what GainReport.to_dict"
                " gave; make the report again"
            ) from error
        for name in ("seeds", "classes", "counts", "test_images", "notes"):
            plain[name] = _tuples(plain[name])
        return cls(arms=arms, gain=gain, **plain)

    def merge(self, other: GainReport) -> GainReport:
        """Return the report over the seeds of both.

        Raises:
            ConfigError: the reports differ in arms, classes or settings, share a seed, or came
                from a file; then run `evaluate_gain` with all seeds and the same `out`.
        """
        for name in ("classes", "baseline", "claim", "settings"):
            if getattr(self, name) != getattr(other, name):
                raise ConfigError(
                    f"merge: {name} differs; allowed: reports of one comparison with other seeds;"
                    " evaluate both with the same settings"
                )
        shared = sorted(set(self.seeds) & set(other.seeds))
        if shared or set(self.arms) != set(other.arms):
            what = f"seed {shared[0]} is in both" if shared else "the arms differ"
            raise ConfigError(
                f"merge: {what}; allowed: the same arms with other seeds; evaluate again with"
                " other seeds"
            )
        mine, theirs = self.evidence, other.evidence
        if mine is None or theirs is None:
            raise ConfigError(
                "merge: a report from a file has no predictions; allowed: reports as evaluate_gain"
                " returned them; call evaluate_gain with all seeds and the same out= folder"
            )
        evidence = Evidence(
            {**mine.outcomes, **theirs.outcomes},
            {**mine.tests, **theirs.tests},
            {**mine.counts, **theirs.counts},
        )
        return build_report(
            evidence,
            seeds=(*self.seeds, *other.seeds),
            arms=tuple(self.arms),
            classes=self.classes,
            dataset=self.dataset,
            baseline=self.baseline,
            chosen=self.chosen,
            claim=self.claim,
            choice=self.choice,
            settings=self.settings,
            environment=self.environment,
            notes=tuple(dict.fromkeys((*self.notes, *other.notes))),
        )

    def __str__(self) -> str:
        return gain_table(self)


def build_report(
    evidence: Evidence,
    *,
    seeds: Sequence[int],
    arms: Sequence[str],
    classes: tuple[str, ...],
    baseline: str,
    **fields: Any,
) -> GainReport:
    """Return the report with every number computed from `evidence`.

    The baseline is chosen on a few held-out images, or given, and another of the free arms may turn
    out to be stronger on the test part. Then an arm helps only where it helps against that one,
    too, and a note names it. So the test part can take the word away, and never gives it.
    """
    tests = [evidence.tests[seed] for seed in seeds]
    counts = [evidence.counts[seed] for seed in seeds]
    outcomes = {name: [evidence.outcomes[seed, name] for seed in seeds] for name in arms}
    results = {
        name: _arm_result(each, tests, counts, len(classes)) for name, each in outcomes.items()
    }
    gain = {
        name: _gain(results[name], results[baseline], outcomes[name], outcomes[baseline], tests)
        for name in arms
        if name != baseline
    }
    candidates = fields["choice"].get("candidates", ())
    stronger = [name for name in candidates if name in gain and gain[name].mean > 0]
    for name, found in gain.items():
        if found.verdict == "helps" and name not in candidates:
            words = [
                _gain(results[name], results[other], outcomes[name], outcomes[other], tests).verdict
                for other in stronger
            ]
            if set(words) - {"helps"}:
                gain[name] = replace(found, verdict="no evidence")
    told = {_note(name) for name in candidates}
    notes = [note for note in fields.pop("notes", ()) if note not in told]
    return GainReport(
        seeds=tuple(seeds),
        classes=classes,
        counts=tuple(tuple(int(n) for n in each) for each in counts),
        test_images=tuple(len(test.labels) for test in tests),
        arms=results,
        baseline=baseline,
        gain=gain,
        evidence=evidence,
        notes=(*notes, *(_note(name) for name in stronger)),
        **fields,
    )


def _note(stronger: str) -> str:
    return (
        f"{stronger} has more than the baseline: helps needs a gain over it, too; compare with it"
        " as the baseline"
    )


def _arm_result(
    outcomes: Sequence[Outcome],
    tests: Sequence[TestPart],
    counts: Sequence[NDArray[np.int64]],
    num_classes: int,
) -> ArmResult:
    columns: dict[str, list[Any]] = {name: [] for name in ArmResult.__dataclass_fields__}
    for outcome, test, count in zip(outcomes, tests, counts, strict=True):
        recall = statistics.recall_by_class(test.labels, outcome.predicted, num_classes)
        precision = statistics.precision_by_class(test.labels, outcome.predicted, num_classes)
        thirds = dict(zip(("rare", "middle", "frequent"), statistics.thirds(count), strict=True))
        row = {
            "balanced_accuracy": float(np.nanmean(recall)),
            "macro_f1": statistics.macro_f1(test.labels, outcome.predicted, num_classes),
            "recall": _by_class(recall),
            "precision": _by_class(precision),
            "seconds": outcome.seconds,
            "calibration_error": calibration_error(outcome.probabilities, test.labels),
            "rarer_half": statistics.mean_or_none(recall[statistics.rarer_half(count)]),
        }
        for name, labels in thirds.items():
            row[name] = statistics.mean_or_none(recall[labels])
            row[f"{name}_precision"] = statistics.mean_or_none(precision[labels])
        for name, value in row.items():
            columns[name].append(value)
    return ArmResult(**{name: tuple(values) for name, values in columns.items()})


def _by_class(scores: NDArray[np.float64]) -> SomeScores:
    return tuple(None if np.isnan(score) else float(score) for score in scores)


def _gain(
    ours: ArmResult,
    theirs: ArmResult,
    our_outcomes: Sequence[Outcome],
    their_outcomes: Sequence[Outcome],
    tests: Sequence[TestPart],
) -> Gain:
    pairs = zip(ours.balanced_accuracy, theirs.balanced_accuracy, strict=True)
    differences = [mine - other for mine, other in pairs]
    outcomes = list(zip(our_outcomes, their_outcomes, strict=True))
    by_image = [
        (mine.predicted == test.labels).astype(np.int8) - (other.predicted == test.labels)
        for (mine, other), test in zip(outcomes, tests, strict=True)
    ]
    low, high, p = statistics.paired_t(differences)
    t, bootstrap = (low, high), statistics.bootstrap_interval(by_image, tests)
    wide, found = statistics.wider(t, bootstrap), statistics.variances(by_image, tests)
    word = statistics.verdict(
        len(tests),
        t,
        bootstrap,
        # To the bit: arms that merely agree on every test image may still differ.
        identical=all(
            np.array_equal(mine.probabilities, other.probabilities) for mine, other in outcomes
        ),
    )
    mean = float(np.mean(differences))
    halves = [
        (mine, other)
        for mine, other in zip(ours.rarer_half, theirs.rarer_half, strict=True)
        if mine is not None and other is not None
    ]
    return Gain(
        mean=mean,
        low=wide[0],
        high=wide[1],
        p=p,
        verdict=word,
        error_reduction=statistics.error_reduction(
            ours.balanced_accuracy, theirs.balanced_accuracy
        ),
        rare_error_reduction=statistics.error_reduction(
            [mine for mine, _ in halves], [other for _, other in halves]
        ),
        t=t,
        bootstrap=bootstrap,
        seed_error=found.seeds**0.5,
        image_error=found.images**0.5,
        seeds_to_settle=(
            statistics.seeds_to_settle(mean, found) if word == "no evidence" else None
        ),
    )


def _listed(value: Any, skip: str | None = None) -> Any:
    if isinstance(value, dict):
        return {key: _listed(each) for key, each in value.items() if key != skip}
    if isinstance(value, list | tuple):
        return [_listed(each) for each in value]
    return value


def _frozen(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _tuples(value) for key, value in values.items()}


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list | tuple) else value
