from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.small_images import bars

from ganaug.errors import DataError
from ganaug.evaluation.splits import default_draw, in_class_order, training_and_test


def test_classes_are_reordered_by_name() -> None:
    images = bars((3, 2))
    turned = in_class_order(images, ("bar 1", "other", "bar 0"))
    assert turned.labels.tolist() == [2, 2, 2, 0, 0]
    assert turned.classes == ("bar 1", "other", "bar 0")
    assert in_class_order(images, images.classes) is images
    with pytest.raises(DataError, match="did you mean 'bar 2'"):
        in_class_order(images, ("bar 0", "bar 2"))


def test_a_draw_takes_four_fifths_of_each_class() -> None:
    images = bars((20, 10, 5, 1))
    draws = [default_draw(images, seed) for seed in (0, 0, 1)]
    assert [draw.counts.tolist() for draw in draws] == [[16, 8, 4, 1]] * 3
    assert draws[0].fingerprint == draws[1].fingerprint != draws[2].fingerprint


def test_a_draw_takes_whole_groups() -> None:
    images = replace(bars((30, 12)), groups=np.arange(42) // 6)
    for seed in range(5):
        drawn = default_draw(images, seed)
        assert drawn.groups is not None
        kept = np.isin(images.keys, drawn.keys)
        assert images.groups is not None
        by_group = [kept[images.groups == group] for group in range(7)]
        assert all(group.all() or not group.any() for group in by_group)
        assert drawn.counts.tolist() == [24, 6]  # 9.6 of 12 cannot be had in sixes


def test_images_of_equal_content_are_drawn_together() -> None:
    images = bars((8, 8))
    twins = replace(images, keys=np.repeat(images.keys[::2], 2))
    for seed in range(5):
        kept = np.isin(twins.keys, default_draw(twins, seed).keys)
        assert default_draw(twins, seed).counts.tolist() == [6, 6]
        assert (kept[::2] == kept[1::2]).all()


def test_a_given_test_part_wins() -> None:
    own, given = bars((4, 4), seed=1), bars((5, 5), seed=2)
    images = replace(bars((6, 6)), test=own)
    assert training_and_test(images, None, None)[1].fingerprint == own.fingerprint
    train, test, notes = training_and_test(images, given, None)
    assert test.fingerprint == given.fingerprint
    assert train.test is None
    assert notes == ()
