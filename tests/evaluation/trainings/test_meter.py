"""The time left: every phase counted, by what steps of each kind really took."""

from __future__ import annotations

import pytest

from ganaug.evaluation.trainings.meter import Load, Meter, Timed

PLAIN, VARIED = Load("plain", 100), Load("ganaug", 100, weight=2.0)


def started(later: list[Load], workers: int = 2) -> Meter:
    """Two of four plain trainings run; ten steps of one second each are done."""
    meter = Meter([[PLAIN] * 4, later], None)
    meter.begin(workers)
    meter.at_work([PLAIN] * workers, [PLAIN] * (4 - workers))
    assert meter.left() is None
    meter.advance(10, "plain", 10.0)
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
    meter.advance(390, "plain", 390.0)
    meter.begin(2)
    meter.at_work([VARIED], [])
    assert meter.left() == pytest.approx(200)
    meter.advance(50, "ganaug", 250.0)  # five seconds each, and not two
    left = meter.left()
    assert left is not None
    assert 200 < left < 250


def test_steps_that_were_kept_say_nothing_of_the_time() -> None:
    shown: list[tuple[int, int, float | None]] = []
    meter = Meter([[PLAIN] * 2], lambda *each: shown.append(each))
    meter.begin(1)
    meter.advance(100)
    meter.at_work([PLAIN], [])
    meter.show()
    meter.advance(50, "plain", 100.0)
    meter.show()
    meter.finish()
    assert shown == [(100, 200, None), (150, 200, pytest.approx(100.0)), (200, 200, 0.0)]


def test_a_tick_takes_the_time_between_its_calls() -> None:
    told: list[tuple[int, float]] = []
    tick = Timed(lambda steps, seconds: told.append((steps, seconds)))
    tick(3)
    tick(0)
    assert [steps for steps, _ in told] == [3, 0]
    assert all(seconds >= 0 for _, seconds in told)


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
            meter.advance(10, "plain", 10 * seconds)
    assert meter.left() == pytest.approx(6000 * 0.5, rel=0.02)
