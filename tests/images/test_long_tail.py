"""Long-tailed draws: exact counts, no image twice, groups spread."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganaug.errors import ConfigError, DataError
from ganaug.images import ImageSet, draw_indices, load_images, long_tailed

# No limit on time: a busy machine is no failure.
FAST = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def make(counts: list[int], groups: Any = None) -> ImageSet:
    labels = np.repeat(np.arange(len(counts)), counts)
    images = np.arange(len(labels), dtype=np.uint32).view(np.uint8).reshape(-1, 4)
    return ImageSet(
        images=np.tile(images[:, None, :, None], (1, 8, 2, 1)),
        labels=labels,
        classes=tuple("abcdefgh"[: len(counts)]),
        groups=groups,
        source="parts/",
    )


@st.composite
def draws(draw: st.DrawFn) -> tuple[list[int], list[int], list[int], int]:
    """Labels, groups, counts and a seed that fit together."""
    pairs = draw(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 6)), max_size=60))
    labels = [label for label, _ in pairs]
    counts = [draw(st.integers(0, labels.count(label))) for label in range(3)]
    return labels, [group for _, group in pairs], counts, draw(st.integers(0, 2**64 - 1))


@FAST
@given(draws(), st.booleans())
def test_counts_are_exact_and_no_image_comes_twice(
    drawing: tuple[list[int], list[int], list[int], int], grouped: bool
) -> None:
    labels, groups, counts, seed = drawing
    rows = draw_indices(labels, counts, seed, groups if grouped else None)
    assert rows.dtype == np.int64
    assert (np.diff(rows) > 0).all()
    assert np.bincount(np.array(labels, np.int64)[rows], minlength=3).tolist() == counts
    np.testing.assert_array_equal(
        rows, draw_indices(labels, counts, seed, groups if grouped else None)
    )


@FAST
@given(draws())
def test_groups_are_spread_as_evenly_as_they_can_be(
    drawing: tuple[list[int], list[int], list[int], int],
) -> None:
    labels, groups, counts, seed = drawing
    rows = draw_indices(labels, counts, seed, groups)
    for label in range(3):
        there = np.bincount([g for at, g in enumerate(groups) if labels[at] == label], minlength=7)
        taken = np.bincount([groups[at] for at in rows if labels[at] == label], minlength=7)
        assert (taken > 0).sum() == min(counts[label], (there > 0).sum())
        # A group has one image less than another only by the last round, or as it has no more.
        for group in range(7):
            assert taken[group] >= min(there[group], taken.max() - 1)


@FAST
@given(draws(), st.booleans())
def test_a_smaller_draw_is_part_of_a_larger_one(
    drawing: tuple[list[int], list[int], list[int], int], grouped: bool
) -> None:
    labels, groups, counts, seed = drawing
    chosen = groups if grouped else None
    small = draw_indices(labels, [n // 2 for n in counts], seed, chosen)
    assert set(small.tolist()) <= set(draw_indices(labels, counts, seed, chosen).tolist())


def test_seeds_and_classes_draw_differently() -> None:
    labels = np.repeat([0, 1], 50)
    drawn = [draw_indices(labels, [10, 10], seed) for seed in range(4)]
    assert len({rows.tobytes() for rows in drawn}) == 4
    assert drawn[0][:10].tolist() != (drawn[0][10:] - 50).tolist()


def test_every_image_has_the_same_chance() -> None:
    labels, groups = np.zeros(10, np.int64), np.arange(10) // 2
    times = sum(
        np.bincount(draw_indices(labels, [4], seed, groups), minlength=10) for seed in range(500)
    )
    assert times.min() > 150  # 200 expected, standard deviation 11
    assert times.max() < 250


def test_counts_by_label_and_by_name() -> None:
    images = make([9, 9, 9])
    tail = long_tailed(images, [7, 2, 1], seed=3)
    assert tail.counts.tolist() == [7, 2, 1]
    named = long_tailed(images, {"c": 1, "b": 2}, seed=3)
    assert named.counts.tolist() == [9, 2, 1]
    assert set(tail.keys.tolist()) < set(named.keys.tolist())
    accented = replace(images, classes=("a", "b", "\u00e9"))
    assert long_tailed(accented, {"e\u0301": 1, "b": 2}, seed=3).counts.tolist() == [9, 2, 1]
    assert long_tailed(images, np.array([7, 2, 1]), seed=3).fingerprint == tail.fingerprint


def test_the_test_part_and_all_fields_stay() -> None:
    images = replace(make([9, 9], groups=np.arange(18) // 3), test=make([2, 2]))
    tail = long_tailed(images, [6, 3], seed=1)
    assert tail.test is images.test
    assert tail.classes == images.classes
    assert tail.source == "parts/"
    assert np.bincount(tail.groups).tolist() == [2, 2, 2, 1, 1, 1]


def test_ratio_follows_the_natural_order() -> None:
    tail = long_tailed(make([60, 100, 80, 60]), ratio=10)
    expected = [round(100 * 10 ** (-rank / 3)) for rank in range(4)]
    assert tail.counts.tolist() == [expected[2], expected[0], expected[1], expected[3]]
    assert tail.counts.tolist() == [22, 100, 46, 10]


@FAST
@given(st.integers(1, 8), st.floats(1, 100))
def test_ratio_goes_from_the_largest_to_its_part(classes: int, ratio: float) -> None:
    counts = long_tailed(make([100] * classes), ratio=ratio).counts
    assert counts[0] == 100
    assert (np.diff(counts) <= 0).all()
    if classes > 1:
        assert counts[-1] == round(100 / ratio)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "counts, ratio: neither given; allowed: exactly one"),
        ({"counts": [1, 1], "ratio": 2}, "counts, ratio: both given; allowed: exactly one"),
        ({"counts": [1, 1, 1]}, "counts: 3 given; allowed: one for each of the 2 classes (a, b)"),
        ({"counts": {"A": 1}}, "counts: no class 'A'; allowed: a, b"),
        ({"counts": [0, 1]}, "counts: 0 for class 'a'; allowed: whole numbers from 1"),
        ({"counts": {"b": 2.5}}, "counts: 2.5 for class 'b'; allowed: whole numbers from 1"),
        ({"counts": {"b": True}}, "counts: True for class 'b'; allowed: whole numbers from 1"),
        ({"ratio": 0.5}, "ratio: 0.5; allowed: 1 to 9, the images of the largest class"),
        ({"ratio": 10}, "ratio: 10; allowed: 1 to 9"),
        ({"ratio": float("nan")}, "ratio: nan; allowed: 1 to 9"),
    ],
)
def test_refuses_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        long_tailed(make([9, 5]), **arguments)
    assert "\n" not in str(caught.value)


def test_suggests_the_nearest_class() -> None:
    images = replace(make([9, 5]), classes=("speed 20", "stop"))
    with pytest.raises(ConfigError, match=r"no class 'speed 30' \(did you mean 'speed 20'\?\)"):
        long_tailed(images, {"speed 30": 2})


@pytest.mark.parametrize("arguments", [{"counts": [9, 6]}, {"counts": {"b": 6}}, {"ratio": 1.5}])
def test_refuses_more_than_there_are(arguments: dict[str, Any]) -> None:
    message = r"parts/: class 'b' has 5 images, 6 are wanted; allowed: 1 to 5"
    with pytest.raises(DataError, match=message):
        long_tailed(make([9, 5]), **arguments)
    with pytest.raises(DataError, match="label 1: 6 images are wanted; allowed: up to the 5"):
        draw_indices([0] * 9 + [1] * 5, [9, 6])


def test_real_signs_are_drawn_from_many_tracks(shared_data: Path) -> None:
    images = load_images(shared_data / "gtsrb.npz")
    tail = long_tailed(images, [20] * 43)
    assert tail.counts.tolist() == [20] * 43
    for label in range(43):
        tracks = len(set(images.groups[images.labels == label].tolist()))
        drawn = tail.groups[tail.labels == label]
        assert len(set(drawn.tolist())) == min(tracks, 20)
