"""`benchmarks.demo` reads the time left from the lines of the demo."""

from __future__ import annotations

import pytest

from benchmarks.demo import time_left


def test_the_time_left_is_compared_with_what_was_left() -> None:
    lines = [
        (5.0, "ganaug: letters: photographed letters (520 training images)"),
        (10.0, "letters, training 60/600, 9:00 left"),  # in the first half minute: not judged
        (40.0, "letters, training 600/600, 1:15 left"),
        (60.0, "letters, with and without it 3600/7200, 0:30 left"),
        (90.0, "letters, with and without it 7200/7200, 0:10 left"),  # too little to be judged
    ]
    found = time_left(lines, 100.0)
    assert found["phases"] == {"letters, training": 40.0, "letters, with and without it": 50.0}
    assert found["left"]["rows"] == [[40.0, 75, 60.0], [60.0, 30, 40.0]]
    assert found["largest_error"] == pytest.approx(0.25)


def test_hours_are_read_and_other_lines_are_not() -> None:
    found = time_left([(31.0, "letters, training 1/9, 1 h 05 min left"), (32.0, "wrote 3/4")], 4000)
    assert found["left"]["rows"] == [[31.0, 3900, 3969]]
    assert time_left([], 10.0)["largest_error"] is None
