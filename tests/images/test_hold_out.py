"""The fifth that is kept aside: by content, by whole groups, the same for every order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ganaug.errors import DataError
from ganaug.images import ImageSet, load_images
from ganaug.images._hold_out import held_out_mask, units

K = 3


def build(rows: list[tuple[int, int, int]], grouped: bool) -> ImageSet:
    """Return a set of one image for each (content, label, group)."""
    images = np.zeros((len(rows), 8, 8, 1), np.uint8)
    images[:, 0, 0, 0] = [content for content, _, _ in rows]
    return ImageSet(
        images=images,
        labels=np.array([label for _, label, _ in rows], dtype=np.int64),
        classes=("a", "b", "c"),
        groups=np.array([group for _, _, group in rows]) if grouped else None,
    )


def held_out(images: ImageSet) -> NDArray[np.bool_]:
    return held_out_mask(images.keys, images.labels, images.groups, K)


def components(keys: list[int], groups: list[int]) -> list[set[int]]:
    """Join images of one key or one group, the slow and obvious way."""
    parts = [{at} for at in range(len(keys))]
    for a in range(len(keys)):
        for b in range(a):
            if keys[a] == keys[b] or groups[a] == groups[b]:
                one = next(part for part in parts if a in part)
                two = next(part for part in parts if b in part)
                if one is not two:
                    parts.remove(two)
                    one |= two
    return parts


ROWS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, K - 1), st.integers(0, 12)),
    min_size=1,
    max_size=60,
)
# No limit on time: a busy machine is no failure.
FAST = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FAST
@given(ROWS)
def test_units_are_the_connected_components(rows: list[tuple[int, int, int]]) -> None:
    keys, groups = [row[0] for row in rows], [row[2] for row in rows]
    _, numbered = np.unique(groups, return_inverse=True)
    found = units(np.array(keys, np.uint64), numbered)
    expected = components(keys, groups)
    assert len(set(found.tolist())) == len(expected)
    for part in expected:
        assert len({int(found[at]) for at in part}) == 1


@FAST
@given(ROWS, st.booleans())
def test_no_group_or_content_is_on_both_sides(
    rows: list[tuple[int, int, int]], grouped: bool
) -> None:
    images = build(rows, grouped)
    held = held_out(images)
    contents = np.array([row[0] for row in rows])
    assert not set(contents[held]) & set(contents[~held])
    if grouped:
        assert not set(images.groups[held]) & set(images.groups[~held])


@FAST
@given(ROWS, st.booleans())
def test_no_class_gives_more_than_half(rows: list[tuple[int, int, int]], grouped: bool) -> None:
    images = build(rows, grouped)
    given_away = np.bincount(images.labels[held_out(images)], minlength=K)
    assert (2 * given_away <= images.counts).all()


@FAST
@given(ROWS, st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_the_images_does_not_matter(
    rows: list[tuple[int, int, int]], grouped: bool, random: Random
) -> None:
    images = build(rows, grouped)
    order = np.arange(len(rows))
    random.shuffle(order)
    np.testing.assert_array_equal(held_out(images.take(order)), held_out(images)[order])


@FAST
@given(st.lists(st.integers(0, 40), min_size=K, max_size=K))
def test_single_images_give_a_fifth_of_each_class(sizes: list[int]) -> None:
    labels = np.repeat(np.arange(K), sizes)
    keys = np.random.default_rng(sum(sizes)).permutation(len(labels)).astype(np.uint64)
    held = held_out_mask(keys, labels, None, K)
    for label, n in enumerate(sizes):
        number = int((held & (labels == label)).sum())
        if n >= 2:
            assert number == max(1, np.floor(n / 5 + 0.5))
        else:
            assert number == 0


def test_a_class_of_two_groups_gives_the_smaller() -> None:
    rows = [(at, 0, 0 if at < 8 else 1) for at in range(20)]
    held = held_out(build(rows, grouped=True))
    assert held.tolist() == [True] * 8 + [False] * 12


def test_a_chain_of_groups_with_a_common_image_is_one_unit() -> None:
    contents = np.repeat(np.arange(3000), 2)[1:-1]  # group i shares an image with group i + 1
    groups = np.repeat(np.arange(2999), 2)
    assert set(units(contents.astype(np.uint64), groups).tolist()) == {0}


def test_an_image_of_two_classes_never_takes_a_class_away() -> None:
    # Class b is one image that class a has too, so holding it out would leave b without any.
    for shared in range(10):
        rows = [(at, 0, 0) for at in range(10)] + [(shared, 1, 0)]
        held = held_out(build(rows, grouped=False))
        assert not held[-1]
        assert held.sum() == 2


def test_hold_out_splits_names_the_rule_and_keeps_all_images() -> None:
    images = build([(at, at % K, at // 6) for at in range(60)], grouped=True)
    split = images.hold_out()
    assert split.held_out == "one-fifth-by-content-hash/1"
    assert split.test is not None
    assert split.test.held_out is None
    assert len(split) + len(split.test) == 60
    assert split.counts.tolist() == [16, 16, 16]
    assert split.test.counts.tolist() == [4, 4, 4]
    assert sorted([*split.keys, *split.test.keys]) == sorted(images.keys)


def test_hold_out_keeps_a_given_test_part() -> None:
    images = build([(at, at % K, at) for at in range(30)], grouped=False).hold_out()
    assert images.hold_out() is images


def test_a_class_of_one_image_keeps_it_and_is_named() -> None:
    rows = [(at, 0, 0) for at in range(10)] + [(30, 1, 0)]
    split = build(rows, grouped=False).hold_out()
    assert split.counts.tolist() == [8, 1, 0]
    assert split.test.counts.tolist() == [2, 0, 0]
    assert split.notes == ("classes of a single image or group have no held-out image: b",)


def test_a_set_of_single_images_cannot_be_split() -> None:
    with pytest.raises(DataError, match=r"nothing can be held out.*--all"):
        build([(1, 0, 0), (2, 1, 0)], grouped=False).hold_out()


def test_sixty_thousand_images_are_split() -> None:
    random = np.random.default_rng(0)
    keys = random.integers(0, 50_000, 60_000).astype(np.uint64)
    labels = random.integers(0, 10, 60_000)
    groups = np.arange(60_000) // 3
    for given_groups in (None, groups):
        held = held_out_mask(keys, labels, given_groups, 10)
        assert not set(keys[held]) & set(keys[~held])
    alone = held_out_mask(np.arange(60_000, dtype=np.uint64), labels, groups, 10)
    assert 0.19 < alone.mean() < 0.21


def test_real_images_give_the_same_fifth_at_every_size(shared_data: Path) -> None:
    images = replace(load_images(shared_data / "x-sdd.npz"), test=None).hold_out()
    small = replace(load_images(shared_data / "x-sdd.npz", size=16), test=None).hold_out()
    assert small.size == (16, 16)
    assert small.test.fingerprint == images.test.fingerprint
    np.testing.assert_allclose(images.test.counts, (images.counts + images.test.counts) / 5, atol=1)
