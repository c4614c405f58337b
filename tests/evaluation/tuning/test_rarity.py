"""What `tune` trains and judges on: rare sizes, whole groups, other classes each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from ganaug.evaluation.tuning.rarity import REPETITIONS, Repetition, is_measurable, simulate
from ganaug.images import ImageSet, units

LONG_TAIL = (200, 160, 120, 90, 60, 30, 20, 12, 8, 5)
NEAR_THE_BORDER = (200, 190, 150, 140, 135, 130, 128, 126, 120, 30)


def points(counts: Sequence[int], *, frames: int | None = None, copies: int = 0) -> ImageSet:
    """An image set of the smallest images there are; groups of `frames`; some exact copies."""
    labels = np.repeat(np.arange(len(counts)), counts)
    images = np.zeros((len(labels), 8, 8, 1), np.uint8)
    images[:, 0, :3, 0] = np.stack(np.unravel_index(np.arange(len(labels)), (64, 64, 64)), 1)
    for row in range(copies):
        images[2 * row + 1] = images[2 * row]
    groups = None
    if frames is not None:
        groups = np.concatenate([1000 * k + np.arange(n) // frames for k, n in enumerate(counts)])
    return ImageSet(images, labels, tuple(map(str, range(len(counts)))), groups=groups)


def apart(images: ImageSet, part: Repetition) -> bool:
    """Whether no unit (group, or equal content) is on both sides."""
    unit = units(images.keys, images.groups)
    sides = [set(unit[np.isin(images.keys, p.keys)].tolist()) for p in (part.train, part.judged)]
    return not sides[0] & sides[1]


@pytest.mark.parametrize("options", [{}, {"frames": 4}, {"copies": 40}], ids=str)
def test_frequent_classes_become_rare_and_what_is_cut_away_judges(options: dict[str, int]) -> None:
    images = points(LONG_TAIL, **options)
    simulation = simulate(images, seed=0)
    assert simulation.method == "simulated rarity"
    assert (simulation.border, simulation.rare_share) == (30, 0.5)
    assert len(simulation.repetitions) == REPETITIONS
    cut = [set(part.cut) for part in simulation.repetitions]
    assert all(len(labels) == 2 for labels in cut)
    assert len(set.union(*cut)) == 5  # all frequent classes have their turn
    for part in simulation.repetitions:
        assert apart(images, part)
        for label, (before, after) in part.cut.items():
            assert before == LONG_TAIL[label]
            assert after == part.train.counts[label] <= simulation.border
            assert part.judged.counts[label] >= 20
        for label, count in enumerate(LONG_TAIL):
            if label not in part.cut:
                kept, judged = int(part.train.counts[label]), int(part.judged.counts[label])
                assert kept + judged == count
                assert judged == 0 if count < 25 else 0 < judged <= 0.3 * count


@pytest.mark.parametrize(
    ("counts", "border", "share"),
    [
        ([500] * 7 + [20] * 3, 20, 0.3),
        ([400] * 5 + [6, 5, 4], 6, 3 / 8),
        ([500] * 5 + [20] * 5, 20, 0.5),
        ([400] * 7 + [10], 10, 1 / 8),
        ([400] * 20 + [12, 11, 10, 9], 12, 1 / 6),
        ([500, 480, 460, 440, 420, 400, 380, 310], 420, 0.5),  # none is small beside the largest
    ],
)
def test_classes_near_the_largest_are_not_rare(
    counts: list[int], border: int, share: float
) -> None:
    simulation = simulate(points(counts), seed=0)
    assert simulation.method == "simulated rarity"
    assert (simulation.border, simulation.rare_share) == (border, share)
    if border < 100:
        assert all(n <= border for part in simulation.repetitions for _, n in part.cut.values())
        assert all((part.train.counts > border).any() for part in simulation.repetitions)
        cut = set().union(*(part.cut for part in simulation.repetitions))
        quarter = max(1, (len(counts) - len(counts) // 2) // 2)
        assert len(cut) == min(3 * quarter, sum(n > border for n in counts))


def test_what_is_reserved_makes_no_class_rare() -> None:
    """Without their reserved fifth six frequent classes are no larger than the largest rare one."""
    simulation = simulate(points(NEAR_THE_BORDER), seed=0)
    assert (simulation.method, simulation.border) == ("simulated rarity", 120)
    for part in simulation.repetitions:
        assert set(np.flatnonzero(part.rare).tolist()) == {8, 9, *part.cut}
        assert (part.train.counts[~part.rare] <= 120).sum() >= 4
    fitted = simulate(points((300, 110, 100, 90)), seed=0)
    assert (fitted.method, fitted.border) == ("cross-fitting", 100)
    for part in fitted.repetitions:
        assert part.rare.tolist() == [False, False, True, True]


def test_sizes_span_the_rare_ones_and_repetitions_differ() -> None:
    simulation = simulate(points([300] * 20 + list(range(5, 65, 3))), seed=3)
    first, second, third = (set(part.cut) for part in simulation.repetitions)
    assert first | second == set(range(20))
    assert third not in (first, second)  # once all had their turn, classes are mixed anew
    for part in simulation.repetitions:
        sizes = sorted(after for _, after in part.cut.values())
        assert len(sizes) == 10
        assert sizes[0] <= 8
        assert sizes[-1] >= 56
        assert len(set(sizes)) == 10
    drawn = [part.train.fingerprint for part in simulation.repetitions]
    assert len(set(drawn)) == REPETITIONS


def test_the_same_seed_gives_the_same_parts_and_another_one_others() -> None:
    images = points(LONG_TAIL)
    first, again, other = (simulate(images, seed).repetitions[0] for seed in (0, 0, 1))
    assert first.train.fingerprint == again.train.fingerprint
    assert first.train.fingerprint != other.train.fingerprint


def test_a_group_of_two_classes_is_trained_on() -> None:
    images = points(LONG_TAIL, frames=4)
    groups = np.asarray(images.groups).copy()
    groups[images.labels == 1] = groups[:160]  # all groups of class 1 also hold images of class 0
    for part in simulate(replace(images, groups=groups), seed=0).repetitions:
        assert apart(replace(images, groups=groups), part)
        assert (part.judged.counts[1], part.train.counts[1]) == (0, 160)


@pytest.mark.parametrize(
    "counts",
    [
        (200, 8, 89, 40, 18),
        (200, 8, 27, 26, 18),
        (60, 30, 15, 10, 8, 6),
        (400, 300, 60, 8),
        (300, 30),
        (300, 12),
        (40, 0, 41, 3),
        (500, 480, 460, 440),
        (9, 9),
        (100, 50, 30, 12, 9, 7),
    ],
)
def test_whether_anything_can_be_measured_is_known_from_the_counts(counts: tuple[int, ...]) -> None:
    found = simulate(points([max(n, 0) for n in counts]), seed=0)
    assert is_measurable(np.array(counts)) == (found.method != "none")
    assert not is_measurable(np.array([300]))


def test_three_frequent_classes_are_cut_in_turn() -> None:
    """Of five, as in a set of photographs; one that is rare itself does not make up the number."""
    simulation = simulate(points((200, 8, 89, 40, 18)), seed=0)
    assert (simulation.method, simulation.border) == ("simulated rarity", 18)
    cuts = [dict(part.cut) for part in simulation.repetitions]
    assert sorted(label for cut in cuts for label in cut) == [0, 2, 3]
    assert all(8 <= left <= 18 for cut in cuts for _, left in cut.values())
    for part in simulation.repetitions:
        assert (part.judged.counts[[0, 2, 3]] >= 8).all()
        assert part.judged.counts[[1, 4]].sum() == 0
    assert simulate(points((400, 300, 60, 8)), seed=0).method == "cross-fitting"


def test_few_frequent_classes_are_cross_fitted() -> None:
    simulation = simulate(points((300, 30)), seed=0)
    assert simulation.method == "cross-fitting"
    assert "large enough to be made rare for a trial: 1; 3 are needed" in simulation.reason
    rare = [part.judged.keys[part.judged.labels == 1] for part in simulation.repetitions]
    assert [len(keys) for keys in rare] == [10] * 3
    assert len(set(np.concatenate(rare).tolist())) == 30  # each rare image is judged on once
    for part in simulation.repetitions:
        assert part.cut == {}
        assert part.judged.counts[0] == 60
        assert len(part.train) + len(part.judged) == 330


def test_balanced_classes_are_judged_at_their_own_size() -> None:
    simulation = simulate(points((50, 50, 50)), seed=0)
    assert simulation.method == "cross-fitting"
    assert (simulation.border, simulation.rare_share) == (50, 1.0)
    assert all(n > 0 for part in simulation.repetitions for n in part.judged.counts)


@pytest.mark.parametrize("counts", [(300, 12), (19, 19, 19)])
def test_too_few_images_leave_nothing_to_judge_on(counts: tuple[int, ...]) -> None:
    simulation = simulate(points(counts), seed=0)
    assert (simulation.method, simulation.repetitions) == ("none", ())
    assert "no rare class has 20 images to judge on" in simulation.reason


def test_a_class_of_one_group_is_never_split() -> None:
    images = points((200, 150, 120, 100, 30, 10, 8), frames=1000)
    simulation = simulate(images, seed=0)
    assert simulation.method == "none"


def test_classes_without_images_do_not_count() -> None:
    counts = (*LONG_TAIL, 0, 0)
    simulation = simulate(points(counts), seed=0)
    assert (simulation.border, simulation.rare_share) == (30, 0.5)


@pytest.mark.parametrize(
    "counts", [[100] * 4 + [60] * 4, [60] * 4 + [40] * 4, [150] * 2 + [110] * 2, [300, 120]]
)
def test_classes_of_two_large_groups_are_judged_or_refused(counts: list[int]) -> None:
    images = points(counts)
    halves = [2 * k + (np.arange(n) >= n // 2) for k, n in enumerate(counts)]
    simulation = simulate(replace(images, groups=np.concatenate(halves)), seed=0)
    assert simulation.method in ("cross-fitting", "none")
    for part in simulation.repetitions:
        judged = np.flatnonzero(part.judged.counts)
        assert (images.counts[judged] <= simulation.border).any()
        assert (part.train.counts > 0).all()
