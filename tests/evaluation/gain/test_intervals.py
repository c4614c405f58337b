"""The two intervals, and the verdict on worlds with known components of variance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers.small_images import bars
from numpy.typing import NDArray
from scipy import stats

from ganaug.evaluation.gain.intervals import (
    Variances,
    beyond_classes,
    binomial_interval,
    bootstrap_interval,
    paired_t,
    seeds_to_settle,
    variances,
)
from ganaug.evaluation.gain.judge import verdict
from ganaug.evaluation.gain.notes import few_units, repeated_images
from ganaug.evaluation.gain.scores import balanced_accuracy
from ganaug.evaluation.gain.units import TestPart, pooled
from ganaug.images import ImageSet


def part(labels: np.ndarray, groups: np.ndarray | None = None, name: str = "a") -> TestPart:
    return TestPart(labels, groups, name)


def test_the_t_interval_is_the_one_of_scipy() -> None:
    ours = np.array([0.91, 0.93, 0.90, 0.95, 0.92])
    theirs = np.array([0.90, 0.90, 0.91, 0.91, 0.90])
    low, high, p = paired_t(ours - theirs)
    reference = stats.ttest_rel(ours, theirs)
    interval = reference.confidence_interval(0.95)
    assert (low, high) == pytest.approx((interval.low, interval.high))
    assert p == pytest.approx(reference.pvalue)


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ([0.3], (-1.0, 1.0, 1.0)),
        ([0.0] * 6, (0.0, 0.0, 1.0)),
        ([0.25] * 6, (0.25, 0.25, 1 / 32)),
        ([-0.2, -0.2], (-0.2, -0.2, 0.5)),
        ([1.0, -1.0], (-1.0, 1.0, 1.0)),
    ],
)
def test_the_t_interval_without_variance_or_with_one_seed(
    differences: list[float], expected: tuple[float, float, float]
) -> None:
    assert paired_t(differences) == pytest.approx(expected)


def test_the_bootstrap_over_images_has_the_standard_error_of_the_gain() -> None:
    """One seed, images alone: the variance is that of a mean in each class."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [40, 80, 160])
    difference = rng.choice([-1, 0, 1], len(labels), p=[0.1, 0.6, 0.3])
    low, high = bootstrap_interval([difference], [part(labels)], draws=4000)
    variance = sum(np.var(difference[labels == c]) / (labels == c).sum() for c in range(3)) / 9
    mean = np.mean([difference[labels == c].mean() for c in range(3)])
    assert (low + high) / 2 == pytest.approx(mean, abs=0.01)
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(variance), rel=0.06)


def test_the_bootstrap_resamples_seeds_and_whole_groups() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 60)
    groups = np.arange(120) // 10
    by_group = rng.choice([-1, 1], 12)[groups]
    same = [by_group] * 4
    alone = bootstrap_interval(same, [part(labels)] * 4)
    grouped = bootstrap_interval(same, [part(labels, groups)] * 4)
    assert grouped[1] - grouped[0] > 2 * (alone[1] - alone[0])
    apart = bootstrap_interval([np.full(120, d) for d in (0, 0, 1, 1)], [part(labels)] * 4)
    assert apart[0] <= 0.1
    assert apart[1] >= 0.9


def test_the_bootstrap_draws_the_images_of_each_test_part_once() -> None:
    """Seeds on one test part share its luck; seeds on parts of their own average theirs out."""
    rng = np.random.default_rng(0)
    labels = np.zeros(50, np.int64)
    difference = rng.choice([-1, 1], 50)
    shared = bootstrap_interval([difference] * 8, [part(labels)] * 8)
    own = bootstrap_interval([difference] * 8, [part(labels, name=str(i)) for i in range(8)])
    assert own[1] - own[0] < 0.6 * (shared[1] - shared[0])


def test_copies_of_test_images_are_no_further_evidence() -> None:
    images = bars((30, 30), groups=True)
    alone, four = replace(images, groups=None), np.tile(np.arange(60), 4)
    rng = np.random.default_rng(0)
    differences = rng.integers(-1, 2, (6, 60))
    for once in (images, alone):
        copied = once.take(four)
        if once.groups is not None:  # frames of other objects that happen to be equal
            copied = replace(copied, groups=np.arange(240) // 2)
        parts = [[TestPart.of(part)] * 6 for part in (once, copied)]
        few, many = variances(differences, parts[0]), variances(differences[:, four], parts[1])
        assert many.images == pytest.approx(few.images)
        assert many.image_freedom == few.image_freedom
    assert TestPart.of(alone).groups is None
    assert repeated_images(alone) == ()
    assert repeated_images(alone.take(four)) == (
        "180 of 240 test images repeat another one; the intervals count equal images as one",
    )
    assert repeated_images(alone.take([0, 1, 1, 2]))[0].startswith("1 of 4 test images repeats ")


def test_the_bootstrap_is_a_function_of_its_arguments() -> None:
    labels = np.repeat([0, 1], 30)
    difference = np.random.default_rng(0).choice([-1, 0, 1], 60)
    tests = [part(labels)] * 2
    first = bootstrap_interval([difference] * 2, tests)
    assert bootstrap_interval([difference] * 2, tests) == first
    assert bootstrap_interval([difference] * 2, tests, seed=1) != first
    assert bootstrap_interval([difference * 0] * 2, tests) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("seeds", "t", "bootstrap", "identical", "word"),
    [
        (6, (0.01, 0.03), (0.005, 0.03), False, "helps"),
        (6, (-0.03, -0.01), (-0.03, -0.005), False, "hurts"),
        (6, (0.01, 0.03), (-0.005, 0.03), False, "no evidence"),
        (6, (-0.01, 0.03), (0.005, 0.03), False, "no evidence"),
        (6, (0.0, 0.03), (0.005, 0.03), False, "no evidence"),
        (5, (0.01, 0.03), (0.005, 0.03), False, "no evidence"),
        (1, (0.0, 0.0), (0.0, 0.0), True, "no change"),
        (6, (0.0, 0.0), (0.0, 0.0), True, "no change"),
    ],
)
def test_the_verdict(
    seeds: int,
    t: tuple[float, float],
    bootstrap: tuple[float, float],
    identical: bool,
    word: str,
) -> None:
    assert verdict(seeds, t, bootstrap, identical=identical) == word
    without_helps = "no evidence" if word == "helps" else word
    beaten = verdict(seeds, t, bootstrap, identical=identical, beats_stronger=False)
    spoiled = verdict(seeds, t, bootstrap, identical=identical, spoiled=True)
    assert beaten == spoiled == without_helps
    few = verdict(seeds, t, bootstrap, identical=identical, few_units=True)
    assert few == ("no change" if identical else "no evidence")


@pytest.mark.parametrize(
    ("classes", "groups", "own", "beyond"),
    [(2, 2, False, 2), (3, 2, False, 3), (2, 3, False, 4), (5, 2, False, 5), (2, 2, True, None)],
)
def test_groups_beyond_one_for_each_class(
    classes: int, groups: int, own: bool, beyond: int | None
) -> None:
    unit = np.repeat(np.arange(classes * groups), 20)
    tests = [part(unit // groups, unit, str(own * seed)) for seed in range(6)]
    assert beyond_classes(tests) == beyond


def test_very_few_groups_are_noted() -> None:
    images = replace(bars((20, 20)), groups=np.arange(40) // 10)
    test = TestPart.of(images)
    assert few_units([test] * 6) == (
        "4 test groups for 2 classes: no verdict, which needs 5 more than classes (those with a"
        " group in common count as one), since chance would too often look like a gain; test more"
        " objects",
    )
    assert few_units([TestPart.of(replace(images, groups=None))] * 6) == ()
    half = np.arange(40) % 20 < 10
    first, second = (TestPart.of(images.take(rows)) for rows in (half, ~half))
    assert few_units([first, second]) == ()  # no image in both
    assert "4 test groups" in few_units([first, test])[0]
    alone = replace(images.take(np.arange(0, 40, 10)), groups=None)
    assert "4 test images for 2 classes" in few_units([TestPart.of(alone)])[0]


def test_the_reason_for_the_fewest_units() -> None:
    """Without any gain: what 500 comparisons of each size gave is said at `beyond_classes`."""

    def false_words(groups: int) -> float:
        rng, found = np.random.default_rng(0), 0
        unit = np.repeat(np.arange(2 * groups), 20)
        tests = [part(unit // groups, unit)] * 6
        for _ in range(100):
            effects = rng.normal(0, 0.15, 2 * groups)[unit]
            ours = rng.random((6, len(unit))) < 0.75 + effects / 2 + rng.normal(0, 0.03, (6, 1))
            theirs = rng.random((6, len(unit))) < 0.75 - effects / 2
            differences = list(ours.astype(np.int8) - theirs)
            low, high, _ = paired_t([balanced_accuracy(unit // groups, d) for d in differences])
            bootstrap = bootstrap_interval(differences, tests, draws=200)
            found += verdict(6, (low, high), bootstrap) != "no evidence"
        return found / 100

    assert false_words(2) >= 0.08
    assert false_words(5) <= 0.07


def world(
    rng: np.random.Generator,
    *,
    seeds: int = 10,
    per_class: int = 40,
    of_seed: float = 0.01,
    of_image: float = 0.0,
    of_cell: float = 0.3,
    group: int = 1,
    own: bool = False,
    gain: float = 0.0,
) -> tuple[list[np.ndarray], list[TestPart]]:
    """Differences with known components: effects of seeds, of units, and of single cells."""
    labels = np.repeat(np.arange(8), per_class)
    unit = np.arange(len(labels)) // group
    units = rng.normal(0, of_image, unit.max() + 1)
    differences, tests = [], []
    for seed in range(seeds):
        if own:
            units = rng.normal(0, of_image, unit.max() + 1)
        cells = rng.normal(0, of_cell, unit.max() + 1)
        differences.append((gain + rng.normal(0, of_seed)) + (units + cells)[unit])
        tests.append(part(labels, unit if group > 1 else None, str(seed * own)))
    return differences, tests


@pytest.mark.parametrize("group", [1, 5])
def test_the_variances_are_the_components_that_are_there(group: int) -> None:
    """Over many worlds their means are the true ones, and the cells are counted once."""
    rng = np.random.default_rng(0)
    found = [variances(*world(rng, of_image=0.1, group=group)) for _ in range(200)]
    units = 320 / group
    seeds = (0.01**2 + 0.3**2 / units) / 10
    assert np.mean([each.seeds for each in found]) == pytest.approx(seeds, rel=0.1)
    assert np.mean([each.images for each in found]) == pytest.approx(0.1**2 / units, rel=0.1)
    truth = np.var([np.mean(world(rng, of_image=0.1, group=group)[0]) for _ in range(1000)])
    both = np.mean([each.seeds + each.images for each in found])
    assert both == pytest.approx(truth, rel=0.12)


@pytest.mark.parametrize(
    ("units", "group", "freedom"),
    [
        ([40] * 8, 1, 312),
        ([2, 2], 20, 2),
        ([3] * 6, 20, 12),
        ([1] * 12, 15, 11),  # compared with each other: one stratum
        ([1] * 5 + [20] * 5, 1, 4 + 95),
        ([1] + [20] * 9, 1, 1 + 171),  # compared with nothing
    ],
    ids=str,
)
def test_the_freedom_of_the_images_is_units_less_classes(
    units: list[int], group: int, freedom: int
) -> None:
    labels = np.repeat(np.arange(len(units)), np.multiply(units, group))
    rng = np.random.default_rng(0)
    unit = np.arange(len(labels)) // group
    effects = np.where(rng.random(unit.max() + 1) < 0.5, 1, -1)[unit]
    shared = [part(labels, unit)] * 2
    assert variances([effects] * 2, shared).image_freedom == freedom


def overlapping(rng: np.random.Generator, how: str) -> list[NDArray[np.int64]]:
    """Rows of 200 images for each of six seeds."""
    fixed = np.sort(rng.permutation(200)[:40])
    if how == "shuffled":
        return [rng.permutation(fixed) for _ in range(6)]
    return [np.sort(rng.permutation(200)[:100]) for _ in range(6)]


@pytest.mark.parametrize("how", ["shuffled", "half of all"])
def test_images_that_several_test_parts_share_are_no_further_evidence(how: str) -> None:
    """Equal arms, on images of which some are easier for one of them: not more than one in 20."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (200, 4, 4, 1)).astype(np.uint8)
    pool = ImageSet(pixels, np.arange(200) % 2, ("a", "b"))
    wrong = 0
    for _ in range(200):
        drawn = overlapping(rng, how)
        tests = [TestPart.of(pool.take(rows)) for rows in drawn]
        easier = rng.choice([-1, 0, 1], 200, p=[0.15, 0.7, 0.15])
        luck = [rng.choice([-1, 0, 1], len(rows)) for rows in drawn]
        differences = [
            np.where(rng.random(len(rows)) < 0.15, noise, easier[rows])
            for rows, noise in zip(drawn, luck, strict=True)
        ]
        pairs = zip(tests, differences, strict=True)
        low, high, _ = paired_t([balanced_accuracy(test.labels, one) for test, one in pairs])
        bootstrap = bootstrap_interval(differences, tests, draws=200)
        wrong += verdict(6, (low, high), bootstrap) != "no evidence"
    assert wrong <= 19  # 5% of 200, and three deviations


def test_units_are_known_in_every_test_part() -> None:
    pool = replace(bars((6, 6)), groups=np.arange(12) // 2)
    first, second = TestPart.of(pool.take([0, 1, 6])), TestPart.of(pool.take([1, 8, 9]))
    found = pooled([first, second, first])
    assert (found.count, found.shared) == (3, True)  # the image 1 is in both
    assert found.by_part[first.fingerprint].tolist() == [0, 1]
    assert found.by_part[second.fingerprint].tolist() == [0, 2]
    apart = pooled([first, TestPart.of(pool.take([4, 8]))])
    assert (apart.count, apart.shared) == (4, False)
    again = TestPart.of(pool.take([6, 0, 1]))  # the same images in another order
    assert pooled([first, again]).count == 2


def test_groups_that_lie_in_all_classes_lose_one_degree_of_freedom() -> None:
    groups, labels = np.repeat(np.arange(6), 4), np.tile([0, 1], 12)
    effects = np.where(groups % 2, 1, -1)
    assert variances([effects] * 2, [part(labels, groups)] * 2).image_freedom == 5


def test_test_parts_of_their_own_have_no_variance_apart() -> None:
    rng = np.random.default_rng(0)
    found = variances(*world(rng, of_image=0.3, own=True))
    assert found.images == 0
    assert found.seeds > 0


@pytest.mark.parametrize(
    "components",
    [
        {"of_image": 0.0},
        {"of_image": 0.1},
        {"of_image": 0.1, "seeds": 6},
        {"of_image": 0.1, "of_cell": 0.2, "group": 5},
        {"of_image": 0.2, "own": True},
    ],
    ids=str,
)
def test_equal_arms_are_told_apart_in_one_of_twenty(components: dict[str, Any]) -> None:
    """For new seeds and new images: neither more often, nor so seldom that no gain is found."""
    rng = np.random.default_rng(0)
    words, alone = [], 0
    for _ in range(200):
        differences, tests = world(rng, **components)
        low, high, _ = paired_t([float(each.mean()) for each in differences])
        bootstrap = bootstrap_interval(differences, tests, draws=200)
        words.append(verdict(len(tests), (low, high), bootstrap))
        alone += bootstrap[0] > 0 or bootstrap[1] < 0
    wrong = 200 - words.count("no evidence")
    assert wrong <= 19  # 5% of 200, and three deviations
    assert 2 <= alone <= 21


@pytest.mark.parametrize(
    ("units", "group"),
    [
        ([1] * 12, 15),  # one group of each class, as of patients
        ([1] * 5 + [20] * 5, 1),
        ([1] * 8 + [2] * 5 + [10] * 30, 1),  # a long tail
        ([1] + [20] * 9, 1),
    ],
    ids=str,
)
def test_classes_of_a_single_unit_do_not_make_the_verdict_bold(
    units: list[int], group: int
) -> None:
    """Units that are right or wrong with every seed, as images that are plainly hard are."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(units)), np.multiply(units, group))
    unit = np.arange(len(labels)) // group
    test = part(labels, unit if group > 1 else None)
    words = []
    for _ in range(200):
        fixed = rng.choice([-1, 0, 1], unit.max() + 1, p=[0.15, 0.7, 0.15])[unit]
        differences = [
            np.where((fixed != 0) & (rng.random(len(labels)) < 0.7), fixed, 0)
            + (fixed == 0) * rng.choice([-1, 0, 1], len(labels), p=[0.05, 0.9, 0.05])
            for _ in range(6)
        ]
        gains = [
            float(np.mean([one[labels == k].mean() for k in range(len(units))]))
            for one in differences
        ]
        low, high, _ = paired_t(gains)
        bootstrap = bootstrap_interval(differences, [test] * 6, draws=300)
        words.append(verdict(6, (low, high), bootstrap))
    assert 200 - words.count("no evidence") <= 19  # 5% of 200, and three deviations


def test_the_variance_of_classes_of_a_single_image_is_that_of_their_mean() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(30)
    found = [variances([rng.choice([-1, 0, 1], 30)], [part(labels)]).images for _ in range(300)]
    assert np.mean(found) == pytest.approx(2 / 3 / 30, rel=0.05)
    one = variances([np.array([1, 0, 0, 0, 0])], [part(np.array([0, 1, 1, 1, 1]))])
    assert one.images == pytest.approx(0.5**2)  # the class of one image weighs half


def test_a_gain_is_found() -> None:
    """Two points, in the noise of seeds and images that small test parts have."""
    rng = np.random.default_rng(0)
    words = []
    for _ in range(60):
        differences, tests = world(rng, gain=0.02, of_image=0.05, of_cell=0.25)
        low, high, _ = paired_t([float(each.mean()) for each in differences])
        words.append(verdict(10, (low, high), bootstrap_interval(differences, tests, draws=300)))
    assert words.count("helps") >= 40
    assert "hurts" not in words


def test_how_many_seeds_would_settle_a_gain() -> None:
    """With that many, four in five repetitions find it; with fewer than 6 seeds nothing is."""
    found = Variances(seeds=0.02**2 / 10, images=0.0, seed_freedom=9, image_freedom=100)
    needed = seeds_to_settle(0.01, found)
    assert needed is not None
    rng = np.random.default_rng(0)
    values = rng.normal(0.01, 0.02, (2000, needed))
    assert np.mean([paired_t(row)[0] > 0 for row in values]) == pytest.approx(0.8, abs=0.04)
    assert seeds_to_settle(0.5, found) == 6
    assert seeds_to_settle(-0.01, found) == needed
    assert seeds_to_settle(0.0, found) is None
    assert seeds_to_settle(0.01, Variances(0.02**2 / 10, 0.01**2, 9, 100)) is None
    assert seeds_to_settle(0.01, Variances(0.0, 0.0, 0, 0)) is None


def test_the_interval_of_a_fraction() -> None:
    low, high = binomial_interval(50, 1000)
    assert (low, high) == pytest.approx((0.038, 0.065), abs=0.001)
    assert binomial_interval(0, 0) == (0, 1)
