"""`benchmarks.demo` reads the time left from the lines of the demo."""

from __future__ import annotations

import pytest

from benchmarks.demo import time_left


def test_the_time_left_is_compared_with_what_was_left() -> None:
    lines = [
        (5.0, "ganaug: letters: photographed letters (520 training images)"),
        # In the first half minute: not judged.
        (10.0, "letters, training the generator 60/600, 9:00 left"),
        (40.0, "letters, training the generator 600/600, 1:15 left"),
        (60.0, "letters, comparing classifiers 3600/7200, 0:30 left"),
        (90.0, "letters, comparing classifiers 7200/7200, 0:10 left"),  # too little to be judged
    ]
    found = time_left(lines, 100.0)
    names = ("letters, training the generator", "letters, comparing classifiers")
    assert found["phases"] == dict(zip(names, (40.0, 50.0), strict=True))
    assert found["left"]["rows"] == [[40.0, 75, 60.0], [60.0, 30, 40.0]]
    assert found["largest_error"] == pytest.approx(0.25)


def test_hours_are_read_and_other_lines_are_not() -> None:
    lines = [(31.0, "letters, comparing classifiers 1/9, 1 h 05 min left"), (32.0, "wrote 3/4")]
    found = time_left(lines, 4000)
    assert found["left"]["rows"] == [[31.0, 3900, 3969]]
    assert time_left([], 10.0)["largest_error"] is None
