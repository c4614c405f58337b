"""The time left: every phase counted, by what steps of each kind really took."""

from __future__ import annotations

import pytest

from ganaug.evaluation.trainings.meter import (
    NEW_GENERATOR,
    Load,
    Meter,
    Spent,
    Timed,
)


def timed(steps: int, seconds: float) -> Spent:
    """Steps of one training, with nothing around them."""
    return Spent(steps, steps, seconds, begun=1)


PLAIN, VARIED = Load("plain", 100), Load("ganaug", 100, weight=2.0)


def started(later: list[Load], workers: int = 2) -> Meter:
    """Two of four plain trainings run; ten steps of one second each are done."""
    meter = Meter([[PLAIN] * 4, later], None)
    meter.begin(workers)
    meter.at_work([PLAIN] * workers, [PLAIN] * (4 - workers))
    assert meter.left() is None
    meter.advance(timed(10, 10.0), "plain")
    return meter


def test_the_time_left_is_that_of_all_trainings_on_all_workers() -> None:
    assert started([]).left() == pytest.approx(95 + 100)
    assert started([], workers=1).left() == pytest.approx(390)
    assert started([], workers=3).left() == pytest.approx(290 / 3 + 100)


def test_what_was_not_seen_yet_counts_by_its_weight_until_it_is() -> None:
    meter = started([VARIED])
    assert meter.left() == pytest.approx(195 + 200)
    for _ in range(4):
        meter.ended(PLAIN)
    meter.advance(timed(390, 390.0), "plain")
    meter.begin(2)
    meter.at_work([VARIED], [])
    assert meter.left() == pytest.approx(200)
    meter.advance(timed(50, 250.0), "ganaug")  # five seconds each, and not two
    left = meter.left()
    assert left is not None
    assert 200 < left < 250


def test_steps_that_were_kept_say_nothing_of_the_time() -> None:
    shown: list[tuple[int, int, float | None]] = []
    meter = Meter([[PLAIN] * 2], lambda *each: shown.append(each))
    meter.begin(1)
    meter.kept(100)
    meter.at_work([PLAIN], [])
    meter.show()
    meter.advance(timed(50, 100.0), "plain")
    meter.show()
    meter.finish()
    assert shown == [(100, 200, None), (150, 200, pytest.approx(100.0)), (200, 200, 0.0)]


def test_a_tick_tells_its_steps_from_what_is_around_them() -> None:
    told: list[Spent] = []
    for _ in range(2):  # the first training of a process starts the process, too
        tick = Timed(told.append)
        tick(3)
        tick(2)
        tick(0)
    for first, middle, last in (told[:3], told[3:]):
        assert (first.steps, first.timed, first.begun) == (3, 0, 1)
        assert middle == Spent(2, 2, middle.seconds)
        assert middle.seconds > 0
        assert last == Spent(around=last.around)
        assert last.around > 0
    assert told[3].around > 0


def test_what_is_around_the_steps_counts_for_each_training() -> None:
    """Two seconds before the first step and after the last, of each of four trainings."""
    meter = Meter([[PLAIN] * 4], None)
    meter.begin(1)
    meter.at_work([PLAIN], [PLAIN] * 3)
    meter.advance(Spent(100, 99, 99.0, begun=1, around=2.0), "plain")
    meter.ended(PLAIN)
    meter.at_work([PLAIN], [PLAIN] * 2)
    assert meter.left() == pytest.approx(3 * 102)


def test_a_generator_says_nothing_of_classifiers_once_one_was_seen() -> None:
    generator = Load(NEW_GENERATOR, 100)
    meter = Meter([[PLAIN], [generator, VARIED]], None)
    meter.begin(1)
    meter.at_work([PLAIN], [])
    meter.advance(timed(100, 100.0), "plain")
    meter.ended(PLAIN)
    meter.begin(1)
    meter.at_work([generator], [VARIED])
    meter.advance(timed(50, 500.0), NEW_GENERATOR)
    left = meter.left()
    assert left is not None
    assert 50 * 8 + 200 < left < 50 * 10 + 200  # and not 100 steps of 20 seconds


def test_the_weight_that_was_told_at_first_holds() -> None:
    """A pool knows the kind of a generator's training, and not what it was estimated to cost."""
    meter = started([Load("generator", 100, weight=3.0)], workers=1)
    meter.begin(1)
    meter.at_work([Load("generator", 100)], [])
    assert meter.left() == pytest.approx(300)


def test_the_latest_steps_tell_the_time_where_other_work_slows_them() -> None:
    meter = Meter([[Load("plain", 10_000)]], None)
    meter.begin(1)
    meter.at_work([Load("plain", 10_000)], [])
    for seconds in (0.25, 0.5):  # of a step
        for _ in range(200):
            meter.advance(timed(10, 10 * seconds), "plain")
    assert meter.left() == pytest.approx(6000 * 0.5, rel=0.02)
