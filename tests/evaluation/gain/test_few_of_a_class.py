"""Classes of two to four test images beside well-tested ones, and what rounding must not decide."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from helpers.records import gain_record
from helpers.small_comparisons import linear
from helpers.small_images import bars

from ganaug import evaluate_gain
from ganaug.evaluation.gain.intervals import bootstrap_interval, paired_t
from ganaug.evaluation.gain.judge import Evidence, verdict
from ganaug.evaluation.gain.report import other_free_arms
from ganaug.evaluation.gain.scores import balanced_accuracy, exact_mean
from ganaug.evaluation.gain.units import TestPart
from ganaug.report.class_changes import class_changes

SEEDS = 6


def judged(differences: list[np.ndarray], test: TestPart) -> str:
    low, high, _ = paired_t([balanced_accuracy(test.labels, each) for each in differences])
    bootstrap = bootstrap_interval(differences, [test] * SEEDS, draws=300)
    return verdict(SEEDS, (low, high), bootstrap)


@pytest.mark.parametrize(
    ("sizes", "often"),
    [
        ((40, 2), (0.05, 0.5)),
        ((40, 20, 2), (0.05, 0.1, 0.5)),
        ((100, 50, 20, 3), (0.03, 0.05, 0.1, 0.4)),
    ],
)
def test_equal_arms_seldom_get_a_verdict(sizes: tuple[int, ...], often: tuple[float, ...]) -> None:
    """Images differ between the arms with the same chance either way; a third anew in each seed.

    With the variance of two images, which is 0 where both change alike, 7 to 14 of 100 had one.
    """
    rng, labels = np.random.default_rng(0), np.repeat(np.arange(len(sizes)), sizes)
    test, chance = TestPart(labels, None, "a"), np.repeat(often, sizes)

    def drawn() -> np.ndarray:
        return np.where(rng.random(len(labels)) < chance, rng.choice([-1, 1], len(labels)), 0)

    wrong = 0
    for _ in range(150):
        fixed = drawn()
        found = [np.where(rng.random(len(labels)) < 0.3, drawn(), fixed) for _ in range(SEEDS)]
        wrong += judged(found, test) in ("helps", "hurts")
    assert wrong <= 0.07 * 150


def test_two_images_alone_make_no_verdict() -> None:
    labels = np.repeat([0, 1], (40, 2))
    gained = np.where(labels == 1, 1, 0)  # both, in every seed
    test = TestPart(labels, None, "a")
    low, high = bootstrap_interval([gained] * SEEDS, [test] * SEEDS)
    assert low < 0 < 0.5 < high
    assert judged([gained] * SEEDS, test) == "no evidence"


def test_no_interval_lies_beyond_a_hundred_points() -> None:
    labels = np.repeat([0, 1], (60, 6))
    found = [np.where(labels == 1, each, 0) for each in (1, 0)]
    low, high = bootstrap_interval(found, [TestPart(labels, None, "a")] * 2)
    assert -1 <= low < high <= 1


def test_the_same_scores_in_another_order_are_no_stronger_arm() -> None:
    scores = (0.7, 0.8, 0.9, 0.6, 0.75, 0.85)
    assert len({exact_mean(order) for order in permutations(scores)}) == 1
    gain = gain_record("helps")
    arms = {name: replace(each) for name, each in gain.arms.items()}
    arms["balanced"] = replace(arms["balanced"], balanced_accuracy=scores)
    arms["plain"] = replace(arms["plain"], balanced_accuracy=scores[::-1])
    choice = replace(gain.choice, free_arms=("plain", "balanced"))
    assert other_free_arms(replace(gain, arms=arms, choice=choice)) == ""
    arms["plain"] = replace(arms["plain"], balanced_accuracy=(*scores[:5], 0.853))
    told = other_free_arms(replace(gain, arms=arms, choice=choice))
    assert told == "plain, without a generator, has 76.72, more than the 76.67 of balanced"
    arms["plain"] = replace(arms["plain"], balanced_accuracy=(*scores[:5], 0.85001))
    told = other_free_arms(replace(gain, arms=arms, choice=choice))
    assert told == "plain, without a generator, has a little more than the 76.67 of balanced"


@pytest.mark.parametrize(("before", "after"), [(7, 5), (8, 6), (10, 8)])
def test_two_images_lost_in_every_seed_are_two(before: int, after: int) -> None:
    gain = gain_record("hurts")
    lost, had = (tuple([each / 10] * 3 for _ in range(SEEDS)) for each in (after, before))
    arms = dict(gain.arms)
    arms["ganaug"] = replace(arms["ganaug"], recall=lost)
    arms["balanced"] = replace(arms["balanced"], recall=had)
    labels = np.repeat(np.arange(3), 10)
    tests = {seed: TestPart(labels, None, "a") for seed in range(SEEDS)}
    counts = {seed: np.array([5, 5, 5]) for seed in range(SEEDS)}
    changed = class_changes(replace(gain, arms=arms, evidence=Evidence({}, tests, counts)))
    assert [each.sure for each in changed] == [True] * 3


def test_a_note_that_there_will_be_no_verdict_goes_with_its_reason() -> None:
    images = replace(bars((24, 12, 6)), test=bars((2, 2, 2), seed=1))
    some = {"arms": ["plain", "balanced"], "steps": 2, "jobs": 1, "classifier": linear}
    report = evaluate_gain(None, train=images, seeds=1, baseline="plain", **some)
    (note,) = [note for note in report.notes if "no verdict, which needs" in note]
    evidence = report.evidence
    assert evidence is not None
    again = report.judged_on(evidence, (0,), ("plain", "balanced"))
    assert again.notes.count(note) == 1
    twice = Evidence(  # as after a merge of seeds with test parts of their own
        {
            (seed, name): evidence.outcomes[0, name]
            for seed in (0, 1)
            for name in ("plain", "balanced")
        },
        {0: evidence.tests[0], 1: replace(evidence.tests[0], fingerprint="b", content=None)},
        dict.fromkeys((0, 1), evidence.counts[0]),
    )
    assert note not in report.judged_on(twice, (0, 1), ("plain", "balanced")).notes
