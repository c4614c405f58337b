"""The time left of the demo, on a clock that the test turns."""

from __future__ import annotations

import pytest

from ganaug.cli.demo import TimeLeft
from ganaug.demo import SCENES


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_phases_to_come_are_as_much_slower_as_what_is_done() -> None:
    clock = Clock()
    left = TimeLeft([10, 30, 60], clock)
    left.begin()
    assert left.left(0.0) is None  # nothing is known yet
    clock.now += 10  # half of the first phase: twice as slow as usual
    assert left.left(0.5) == pytest.approx(2 * (5 + 30 + 60))
    clock.now += 10
    assert left.left(1.0) == pytest.approx(2 * (30 + 60))
    left.begin()
    assert left.left(0.0) == pytest.approx(2 * (30 + 60))


def test_a_phase_that_knows_its_own_time_is_believed() -> None:
    clock = Clock()
    left = TimeLeft([10, 30, 60], clock)
    left.begin()
    left.begin()
    clock.now += 20  # 10 + 15 of usual seconds
    assert left.left(0.5, 7.0) == pytest.approx(7 + 60 * 20 / 25)
    clock.now = 120.0  # 10 + 1.2 of usual seconds: its first steps were those of a start
    assert left.left(0.04, 500.0) == pytest.approx((28.8 + 60) * 20 / 11.2)
    left.begin()
    assert left.left(1.0, 0.0) == 0.0


def test_a_scene_with_other_lengths_has_other_phases() -> None:
    scene = SCENES[0]
    usual, longer = scene.phases(6), scene.with_lengths(2 * scene.fit["steps"], None).phases(12)
    assert longer == pytest.approx((2 * usual[0], 2 * usual[1], usual[2]))
    assert scene.with_lengths(None, None) == scene
    assert scene.with_lengths(None, 7).phases(1)[1] == pytest.approx(
        7 * len(scene.arms) / 2 * scene.seconds[1]
    )
