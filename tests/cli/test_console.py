"""Progress on stderr: plain lines, a bar on a terminal, nothing when quiet."""

from __future__ import annotations

import io
import itertools
import re

import pytest

from ganaug.cli.console import Settings, Whole, evaluation_progress, fit_progress, say
from ganaug.progress import Lines, told

ROW = {"step": 1, "images_per_second": 523.4, "loss_d": 0.6931, "loss_g": 0.7}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain_lines_say_rate_losses_and_time_left() -> None:
    stream, seconds = io.StringIO(), itertools.count(step=60)
    with fit_progress(Settings(), stream, lambda: float(next(seconds))) as progress:
        assert progress is not None
        for step in (100, 200, 1000):
            progress(step, 1000, ROW)
    assert stream.getvalue().splitlines() == [
        "training 100/1000, 523 images/s, loss_d 0.693, loss_g 0.700",
        "training 200/1000, 523 images/s, loss_d 0.693, loss_g 0.700, 8:00 left",
        "training 1000/1000, 523 images/s, loss_d 0.693, loss_g 0.700, 0:00 left",
    ]


def test_the_time_left_is_right_again_after_a_rollback() -> None:
    stream, seconds = io.StringIO(), itertools.count(step=60)
    with fit_progress(Settings(), stream, lambda: float(next(seconds))) as progress:
        assert progress is not None
        for step in (100, 900, 400, 500):
            progress(step, 1000, {})
    assert stream.getvalue().splitlines() == [
        "training 100/1000",
        "training 900/1000, 0:08 left",
        "training 400/1000",
        "training 500/1000, 5:00 left",
    ]


def test_plain_lines_are_few() -> None:
    stream = io.StringIO()
    with evaluation_progress(Settings(), stream) as progress:
        assert progress is not None
        for done in range(1001):
            progress(done, 1000, None)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 11
    assert (lines[0], lines[-1]) == ("evaluating 0/1000", "evaluating 1000/1000")


def test_a_long_task_has_a_line_a_minute() -> None:
    lines: list[str] = []
    seconds = itertools.count(step=25)
    follow = Lines("evaluating", lines.append, lambda: float(next(seconds)))
    for done in range(1, 8):
        follow(done, 36000, 9000.0)
    assert [line.partition(",")[0] for line in lines] == [
        "evaluating 1/36000",
        "evaluating 4/36000",
        "evaluating 7/36000",
    ]


def test_a_short_reading_has_no_line() -> None:
    lines: list[str] = []
    times = iter((0.0, 1.0, 4.9, 5.1))
    follow = Lines("reading", lines.append, lambda: next(times), after=5.0)
    follow(10, 100)
    follow(50, 100)
    assert lines == []
    follow(60, 100)
    assert lines == ["reading 60/100"]


def test_true_stands_for_lines_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    follow = told(True, "tuning")
    assert follow is not None
    follow(1, 2, 61.0)
    assert capsys.readouterr() == ("", "tuning 1/2, 1:01 left\n")
    assert told(None, "tuning") is told(False, "tuning") is None
    assert told(print, "tuning") is print


def test_time_left_in_hours() -> None:
    stream = io.StringIO()
    with evaluation_progress(Settings(), stream) as progress:
        assert progress is not None
        progress(1, 2, 2 * 3600 + 5 * 60)
    assert stream.getvalue() == "evaluating 1/2, 2 h 05 min left\n"


def test_a_terminal_gets_a_bar() -> None:
    stream = Terminal()
    with fit_progress(Settings(), stream) as progress:
        assert progress is not None
        progress(5, 10, ROW)
        progress(10, 10, ROW)
    text = stream.getvalue()
    assert "10/10" in text
    assert "523 images/s" in text
    assert "━" in text


def test_before_the_first_number_a_bar_says_that_work_starts() -> None:
    stream = Terminal()
    with evaluation_progress(Settings(), stream, label="tuning"):
        pass
    assert re.search(r"tuning .* starting", stream.getvalue())


def test_quiet_shows_nothing() -> None:
    with fit_progress(Settings(quiet=True)) as fitting:
        assert fitting is None
    with evaluation_progress(Settings(quiet=True)) as evaluating:
        assert evaluating is None


def test_the_bar_of_a_whole_run_counts_the_steps_to_come() -> None:
    whole = Settings(whole=Whole("step 2 of 5", 120.0, 600.0))
    stream, terminal, seconds = io.StringIO(), Terminal(), itertools.count(step=60)
    with fit_progress(whole, stream, lambda: float(next(seconds))) as progress:
        assert progress is not None
        for step in (100, 200, 1000):
            progress(step, 1000, {})
    assert stream.getvalue().splitlines() == [
        "step 2 of 5: training 100/1000",
        "step 2 of 5: training 200/1000, 18:00 left in all",
        "step 2 of 5: training 1000/1000, 10:00 left in all",
    ]
    with evaluation_progress(whole, terminal) as progress:
        assert progress is not None
        progress(10, 10, 0.0)
    assert "12:00 left in all" in terminal.getvalue()  # as estimated before the step began
    assert "10/10 10:00 left in all" in terminal.getvalue()


def test_without_an_estimate_a_step_of_a_run_tells_no_time() -> None:
    """Its own would look like that of all steps."""
    stream = io.StringIO()
    with evaluation_progress(Settings(whole=Whole("step 5 of 5")), stream) as progress:
        assert progress is not None
        progress(1, 2, 61.0)
    assert stream.getvalue() == "step 5 of 5: evaluating 1/2\n"


def test_a_message_stands_above_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    stream = Terminal()
    with evaluation_progress(Settings(), stream) as progress:
        assert progress is not None
        progress(1, 2, 3.0)
        say(Settings(), "[a] message")
    said = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    assert "ganaug: [a] message" in re.split(r"[\r\n]", said)
    say(Settings(), "after it")
    assert capsys.readouterr().err == "ganaug: after it\n"
