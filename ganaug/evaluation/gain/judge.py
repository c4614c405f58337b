"""What the outcomes of a comparison say, and `verdict`, the rule that turns it into a word."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganaug.evaluation.classifiers.interface import Outcome
from ganaug.evaluation.gain import scores
from ganaug.evaluation.gain.intervals import (
    FEWEST_SEEDS,
    FEWEST_UNITS,
    Interval,
    beyond_classes,
    bootstrap_interval,
    hull,
    paired_t,
    seeds_to_settle,
    variances,
)
from ganaug.evaluation.gain.units import TestPart
from ganaug.evaluation.trainings.job import Key
from ganaug.metrics.calibration import calibration_error

__all__ = ["P_SAYS", "ArmResult", "Evidence", "Gain", "Judgement", "judge", "overtaken", "verdict"]

P_SAYS = (
    "p: of the paired t test, how often luck of the seeds alone would give such a gain; the"
    " interval, which decides, has the luck of the test images, too"
)


def verdict(
    seeds: int,
    t: Interval,
    bootstrap: Interval,
    *,
    identical: bool = False,
    beats_stronger: bool = True,
    spoiled: bool = False,
    few_units: bool = False,
) -> str:
    """Return "helps", "hurts", "no evidence" or "no change".

    "no change" where the arms are one training; "helps" where both intervals lie above 0, also
    against every free arm that turned out to be stronger than the baseline, and the generator saw
    no test image; "hurts" where both lie below; else "no evidence", and always under 6 seeds or
    with `few_units`.

    Args:
        seeds: number of pairs.
        t, bootstrap: the two 95% intervals of the gain over the baseline.
        identical: the two arms are one training with each seed.
        beats_stronger: the arm helps against each stronger free arm, too.
        spoiled: the arm's generator was trained on test images.
        few_units: there are too few groups or images to judge on, see `beyond_classes`.
    """
    if identical:
        return "no change"
    if seeds >= FEWEST_SEEDS and not few_units:
        if t[0] > 0 and bootstrap[0] > 0 and beats_stronger and not spoiled:
            return "helps"
        if t[1] < 0 and bootstrap[1] < 0:
            return "hurts"
    return "no evidence"


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
        low, high: the interval that just holds the two 95% intervals; the word follows from it.
        p: of the paired t test.
        verdict: "helps", "hurts", "no evidence" or "no change"; see the function `verdict`.
        error_reduction: 1 - sum of this arm's balanced errors / sum of the baseline's.
        rare_error_reduction: the same on the rarer half; None where the baseline has no error.
        t, bootstrap: the two intervals (low, high).
        seed_error, image_error: standard errors of the mean that seeds and shared test images make.
        seeds_to_settle: seeds with which a gain of this size would be told from none, with a chance
            of 80%; None where there is a verdict, or a stronger free arm took it away, with one
            seed, where no number of them would, or where the generator saw test images.
        rare_mean: the gain on the rarer half, the mean over its classes; None where no class of it
            has test images, and in files of before.
        rare_low, rare_high: the interval that just holds its two 95% intervals.
        few_units: there were too few groups or images to judge on, see `beyond_classes`.
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
    rare_mean: float | None = None
    rare_low: float | None = None
    rare_high: float | None = None
    few_units: bool = False


def overtaken(seeds: int, gain: Gain) -> bool:
    """Whether there is "no evidence" though both intervals lie above 0: see `verdict`."""
    word = verdict(seeds, gain.t, gain.bootstrap, few_units=gain.few_units)
    return gain.verdict == "no evidence" and word == "helps"


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the numbers were computed from; merging needs it, files of results leave it out.

    Attributes:
        outcomes: by (seed, name of the arm); arms that are one training share one object.
        tests: by seed, what was judged on.
        counts: by seed, int64 [classes], training images.
    """

    outcomes: Mapping[Key, Outcome]
    tests: Mapping[int, TestPart]
    counts: Mapping[int, NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class Judgement:
    """What the outcomes say.

    Attributes:
        arms: by name.
        gain: of each arm but the baseline.
        stronger: by baseline: the free arms that have more than it on the test part, if any has.
    """

    arms: dict[str, ArmResult]
    gain: dict[str, Gain]
    stronger: dict[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Judged:
    """One training of an arm, judged.

    Attributes:
        outcome: what it predicts.
        test: of what.
        counts: int64 [classes], images that it was trained on.
    """

    outcome: Outcome
    test: TestPart
    counts: NDArray[np.int64]

    def minus(self, other: Judged) -> NDArray[np.int8]:
        """int8 [N]: by test image 1 where this one alone is right, -1 where the other alone is."""
        labels = self.test.labels
        right = (self.outcome.predicted == labels).astype(np.int8)
        return right - (other.outcome.predicted == labels)


def judge(
    evidence: Evidence,
    *,
    seeds: Sequence[int],
    arms: Sequence[str],
    baseline: str,
    free_arms: Sequence[str],
    num_classes: int,
    longer: Mapping[str, Sequence[str]] | None = None,
    spoiled: Collection[str] = (),
) -> Judgement:
    """Compute every number from `evidence`.

    The baseline is chosen on a few held-out images, or given, and another of the `free_arms` that
    could be it may turn out to be stronger on the test part. Then an arm helps only where it helps
    against that one, too. So the test part can take the word away, and never gives it. An arm in
    `longer` has a baseline of its own, the first of the free arms that stand there. The generator
    of an arm in `spoiled` was trained on test images.
    """
    judged = {
        name: [
            Judged(evidence.outcomes[seed, name], evidence.tests[seed], evidence.counts[seed])
            for seed in seeds
        ]
        for name in arms
    }
    results = {name: arm_result(trainings, num_classes) for name, trainings in judged.items()}

    def against(name: str, other: str) -> Gain:
        pairs = list(zip(judged[name], judged[other], strict=True))
        return paired_gain(results[name], results[other], pairs)

    rivals = {name: (baseline, *free_arms) for name in arms if name != baseline}
    rivals |= {name: tuple(names) for name, names in (longer or {}).items()}
    gain = {name: against(name, own) for name, (own, *_) in rivals.items()}
    level = {name: scores.exact_mean(each.balanced_accuracy) for name, each in results.items()}
    stronger = {
        own: tuple(other for other in others if level[other] > level[own])
        for own, *others in rivals.values()
    }
    for name, found in gain.items():
        if found.verdict == "helps" and name not in free_arms:
            others = stronger[rivals[name][0]]
            beaten = all(against(name, other).verdict == "helps" for other in others)
            word = verdict(
                len(seeds),
                found.t,
                found.bootstrap,
                beats_stronger=beaten,
                spoiled=name in spoiled,
            )
            gain[name] = replace(found, verdict=word)
        elif name in spoiled:  # more seeds cannot mend that
            gain[name] = replace(found, seeds_to_settle=None)
    return Judgement(results, gain, {own: names for own, names in stronger.items() if names})


def arm_result(trainings: Sequence[Judged], num_classes: int) -> ArmResult:
    """Return the scores of one arm, whose `trainings` are a seed each."""
    rows: list[dict[str, Any]] = []
    for each in trainings:
        outcome, labels, predicted = each.outcome, each.test.labels, each.outcome.predicted
        recall = scores.recall_by_class(labels, predicted, num_classes)
        precision = scores.precision_by_class(labels, predicted, num_classes)
        thirds = zip(("rare", "middle", "frequent"), scores.thirds(each.counts), strict=True)
        row: dict[str, Any] = {
            "balanced_accuracy": float(np.nanmean(recall)),
            "macro_f1": scores.macro_f1(labels, predicted, num_classes),
            "recall": _by_class(recall),
            "precision": _by_class(precision),
            "seconds": outcome.seconds,
            "calibration_error": calibration_error(outcome.probabilities, labels),
            "rarer_half": scores.mean_or_none(recall[scores.rarer_half(each.counts)]),
        }
        for name, classes in thirds:
            row[name] = scores.mean_or_none(recall[classes])
            row[f"{name}_precision"] = scores.mean_or_none(precision[classes])
        rows.append(row)
    return ArmResult(**{name: tuple(row[name] for row in rows) for name in rows[0]})


def _by_class(values: NDArray[np.float64]) -> SomeScores:
    return tuple(None if np.isnan(value) else float(value) for value in values)


def paired_gain(ours: ArmResult, theirs: ArmResult, pairs: Sequence[tuple[Judged, Judged]]) -> Gain:
    """Return the gain of one arm over another, without a look at any third one.

    Args:
        ours, theirs: scores of the two.
        pairs: their trainings, for each seed.
    """
    both_scores = zip(ours.balanced_accuracy, theirs.balanced_accuracy, strict=True)
    differences = [mine - other for mine, other in both_scores]
    by_image = [mine.minus(other) for mine, other in pairs]
    tests = [mine.test for mine, _ in pairs]
    low, high, p = paired_t(differences)
    t, bootstrap = (low, high), bootstrap_interval(by_image, tests)
    both, found = hull(t, bootstrap), variances(by_image, tests)
    units = beyond_classes(tests)
    few_units = units is not None and units < FEWEST_UNITS
    word = verdict(
        len(tests),
        t,
        bootstrap,
        few_units=few_units,
        # Two trainings that agree on every test image are no evidence that nothing changes.
        identical=all(mine.outcome is other.outcome for mine, other in pairs),
    )
    mean = float(np.mean(differences))
    halves = [
        (mine, other)
        for mine, other in zip(ours.rarer_half, theirs.rarer_half, strict=True)
        if mine is not None and other is not None
    ]
    rare = [mine - other for mine, other in halves]
    beyond = hull(paired_t(rare)[:2], rare_bootstrap(pairs)) if rare else None
    return Gain(
        mean=mean,
        low=both[0],
        high=both[1],
        p=p,
        verdict=word,
        error_reduction=scores.error_reduction(ours.balanced_accuracy, theirs.balanced_accuracy),
        rare_error_reduction=scores.error_reduction(
            [mine for mine, _ in halves], [other for _, other in halves]
        ),
        t=t,
        bootstrap=bootstrap,
        seed_error=found.seeds**0.5,
        image_error=found.images**0.5,
        seeds_to_settle=(
            seeds_to_settle(mean, found) if word == "no evidence" and not few_units else None
        ),
        rare_mean=float(np.mean(rare)) if rare else None,
        rare_low=beyond[0] if beyond else None,
        rare_high=beyond[1] if beyond else None,
        few_units=few_units,
    )


def rare_bootstrap(pairs: Sequence[tuple[Judged, Judged]]) -> Interval:
    """Return the bootstrap interval of the gain on the rarer half, from its test images alone.

    Seeds without such images are left out.
    """
    differences, parts = [], []
    for mine, other in pairs:
        test, labels = mine.test, scores.rarer_half(mine.counts)
        rare = np.isin(test.labels, labels)
        if rare.any():
            differences.append(mine.minus(other)[rare])
            parts.append(test.take(rare, str(sorted(labels.tolist()))))
    return bootstrap_interval(differences, parts)
