"""Pairs are of one class, never of an image with itself, and cross groups where they can."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ganaug.errors import DataError
from ganaug.randomness import stream
from ganaug.training.pairs import PairSampler


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=4, max_size=40))
@example([(0, 0), (1, 0), (2, 0), (3, 0)])  # no pairs at all
@settings(max_examples=60, deadline=None)
def test_pairs_share_the_class_and_not_the_group(items: list[tuple[int, int]]) -> None:
    labels = np.array([label for label, _ in items])
    groups = np.array([10 * label + group for label, group in items])
    counts = np.bincount(labels, minlength=4)
    if (counts < 2).all():
        with pytest.raises(DataError, match="no class has two training images"):
            PairSampler(labels, groups, "abcd", 0.5)
        return
    source, partner = PairSampler(labels, groups, "abcd", 0.5).draw(200, stream(0, "t"))
    assert (labels[source] == labels[partner]).all()
    assert (source != partner).all()
    several = np.array([len(np.unique(groups[labels == label])) > 1 for label in range(4)])
    checked = several[labels[source]]
    assert (groups[source] != groups[partner])[checked].all()
    assert (counts[labels[source]] > 1).all()


def test_every_allowed_pair_is_drawn_about_equally_often() -> None:
    labels = np.array([0, 0, 0, 0, 0])
    groups = np.array([0, 1, 0, 2, 1])
    source, partner = PairSampler(labels, groups, "a", 0.5).draw(40_000, stream(1, "t"))
    seen = np.zeros((5, 5))
    np.add.at(seen, (source, partner), 1)
    for image in range(5):
        allowed = groups != groups[image]
        share = seen[image, allowed] / seen[image].sum()
        assert seen[image, ~allowed].sum() == 0
        assert np.abs(share - 1 / allowed.sum()).max() < 0.03


@pytest.mark.parametrize(("power", "share"), [(0.0, 0.5), (0.5, 0.75), (1.0, 0.9)])
def test_class_power_sets_how_often_a_class_is_drawn(power: float, share: float) -> None:
    labels = np.repeat([0, 1], [90, 10])
    source, _ = PairSampler(labels, None, "ab", power).draw(20_000, stream(2, "t"))
    assert (labels[source] == 0).mean() == pytest.approx(share, abs=0.02)


def test_strangers_are_of_other_classes_as_often_as_pairs_are_drawn_from_them() -> None:
    labels = np.repeat([0, 1, 3], [64, 16, 1])  # class 2 has no image, class 3 no pair
    sampler = PairSampler(labels, None, "abcd", 0.5)
    own = np.repeat([0, 1, 3], 20_000)
    other = labels[sampler.strangers(own, stream(3, "t"))]
    assert (other != own).all()
    assert (other != 2).all()
    assert (other[own == 0] == 1).mean() == pytest.approx(4 / 5, abs=0.02)
    assert (other[own == 1] == 0).mean() == pytest.approx(8 / 9, abs=0.02)
    assert (other[own == 3] == 0).mean() == pytest.approx(8 / 12, abs=0.02)


def test_single_images_and_single_groups_are_named() -> None:
    labels = np.array([0, 0, 1, 2, 2])
    groups = np.array([0, 0, 1, 2, 3])
    sampler = PairSampler(labels, groups, ("one track", "lonely", "fine"), 0.5)
    assert sampler.notes == (
        "classes with a single training image, which is varied, but teaches nothing: 'lonely'",
        "classes with a single group, so that images of one object are all they learn from: "
        "'one track'",
    )
    assert PairSampler(labels, None, ("a", "lonely", "fine"), 0.5).notes == sampler.notes[:1]
    assert PairSampler(labels[labels != 1], None, "abc", 0.5).notes == ()


def test_thousands_of_single_images_are_one_line() -> None:
    labels = np.r_[np.arange(3000), 0, 1]
    (note,) = PairSampler(labels, None, [f"bird {label}" for label in range(3000)], 0.5).notes
    assert note.startswith("classes with a single training image, which is varied, but")
    assert note.endswith(" 'bird 10', 'bird 11' and 2988 more")
