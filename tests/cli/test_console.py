"""Progress on stderr: plain lines, a bar on a terminal, nothing when quiet."""

from __future__ import annotations

import io
import itertools
import re
import threading

import pytest

from ganaug.cli.bars import evaluation_progress, fit_progress
from ganaug.cli.console import Settings, Whole, say
from ganaug.progress import Lines, told, told_of_fit

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
    row = "523 images/s, loss_d 0.693, loss_g 0.700"
    assert stream.getvalue().splitlines() == [
        f"training the generator 100/1000, {row}",
        f"training the generator 200/1000, {row}, 8:09 left",
        f"training the generator 1000/1000, {row}, 0:00 left",
    ]


def test_the_first_line_knows_the_time_left_from_its_own_seconds() -> None:
    stream = io.StringIO()
    with fit_progress(Settings(), stream, lambda: 0.0) as progress:
        assert progress is not None
        progress(50, 300, {"seconds": 100.0})
    # 250 steps, and 15 for what follows the last one, of 2 seconds each
    assert stream.getvalue() == "training the generator 50/300, 8:50 left\n"


def test_the_time_left_is_right_again_after_a_rollback() -> None:
    stream, seconds = io.StringIO(), itertools.count(step=60)
    with fit_progress(Settings(), stream, lambda: float(next(seconds))) as progress:
        assert progress is not None
        for step in (100, 900, 400, 500):
            progress(step, 1000, {})
    assert stream.getvalue().splitlines() == [
        "training the generator 100/1000",
        "training the generator 900/1000, 0:09 left",
        "training the generator 400/1000",
        "training the generator 500/1000, 5:09 left",
    ]


def test_plain_lines_are_few() -> None:
    stream = io.StringIO()
    with evaluation_progress(Settings(), stream, label="measuring") as progress:
        assert progress is not None
        for done in range(1001):
            progress(done, 1000, None)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 11
    assert (lines[0], lines[-1]) == ("measuring 0/1000", "measuring 1000/1000")


def test_the_end_is_told_of_once_and_the_unit_stands_behind_the_total() -> None:
    stream = io.StringIO()
    with evaluation_progress(Settings(), stream, unit=" steps", ending="left in all") as progress:
        assert progress is not None
        for done, left in ((180, 118.0), (360, 51.0), (360, 50.0), (360, 23.0)):
            progress(done, 360, left)
    assert stream.getvalue().splitlines() == [
        "comparing classifiers 180/360 steps, 1:58 left in all",
        "comparing classifiers 360/360 steps, 0:51 left in all",
    ]


def test_a_long_task_has_a_line_a_minute() -> None:
    lines: list[str] = []
    seconds = itertools.count(step=25)
    follow = Lines("measuring", lines.append, lambda: float(next(seconds)))
    for done in range(1, 8):
        follow(done, 36000, 9000.0)
    assert [line.partition(",")[0] for line in lines] == [
        "measuring 1/36000",
        "measuring 4/36000",
        "measuring 7/36000",
    ]


def test_a_short_reading_has_no_line() -> None:
    lines: list[str] = []
    times = iter((0.0, 1.0, 4.9, 5.1))
    follow = Lines("reading", lines.append, lambda: next(times), after=5.0)
    follow(10, 100)
    follow(50, 100)
    assert lines == []
    follow(60, 100)
    follow.start()  # the number says it
    assert lines == ["reading 60/100"]


def test_true_stands_for_lines_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    follow = told(True, "comparing policies")
    assert follow is not None
    assert capsys.readouterr() == ("", "comparing policies\n")  # before the first number
    follow(1, 2, 61.0)
    assert capsys.readouterr() == ("", "comparing policies 1/2, 1:01 left\n")
    assert told(None, "tuning") is told(False, "tuning") is None
    assert told(print, "tuning") is print
    assert capsys.readouterr() == ("", "")


def test_one_of_several_processes_writes_the_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = {"WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}
    for rank in ("0", "1"):
        for name, value in {**started, "RANK": rank, "LOCAL_RANK": rank}.items():
            monkeypatch.setenv(name, value)
        assert told_of_fit(True) is not None
    assert capsys.readouterr().err == "training the generator\n"


def test_time_left_in_hours() -> None:
    stream = io.StringIO()
    with evaluation_progress(Settings(), stream) as progress:
        assert progress is not None
        progress(1, 2, 2 * 3600 + 5 * 60)
    assert stream.getvalue().splitlines() == ["comparing classifiers 1/2, 2 h 05 min left"]


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


def test_before_the_first_number_a_bar_says_what_runs() -> None:
    stream = Terminal()
    with fit_progress(Settings(), stream):
        pass
    assert "training the generator" in stream.getvalue()
    assert "starting" not in stream.getvalue()


def test_before_the_first_number_a_line_says_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    class Heard(io.StringIO):
        said = threading.Event()

        def write(self, text: str) -> int:
            written = super().write(text)
            if "\n" in text:
                self.said.set()
            return written

    stream = Heard()
    with fit_progress(Settings(), stream):
        pass
    assert stream.getvalue() == ""  # refused at once: the error is the only line
    monkeypatch.setattr("ganaug.cli.bars.QUICK", 0.0)
    with fit_progress(Settings(), stream):
        assert stream.said.wait(60)
    assert stream.getvalue() == "training the generator\n"


def test_a_narrow_terminal_shows_phase_number_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    stream, seconds = Terminal(), itertools.count(step=60)
    with fit_progress(Settings(), stream, lambda: float(next(seconds))) as progress:
        assert progress is not None
        for step in (1000, 1200):
            progress(step, 2500, ROW)
    last = [line for line in re.split(r"[\r\n]", stream.getvalue()) if "1200/" in line][-1]
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", last)
    assert len(shown) <= 80
    assert re.match(r"training the generator ━.* 1200/2500 6:34 left 523 images/s", shown)


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
        "step 2 of 5: training the generator 100/1000",
        "step 2 of 5: training the generator 200/1000, 18:09 left in all",
        "step 2 of 5: training the generator 1000/1000, 10:00 left in all",
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
    assert stream.getvalue() == "step 5 of 5: comparing classifiers 1/2\n"


def test_a_message_stands_above_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    stream = Terminal()
    with evaluation_progress(Settings(), stream) as progress:
        assert progress is not None
        progress(1, 2, 3.0)
        say(Settings(), "[a] message of :dog:/1.png")
    said = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    assert "ganaug: [a] message of :dog:/1.png" in re.split(r"[\r\n]", said)
    say(Settings(), "after it")
    assert capsys.readouterr().err == "ganaug: after it\n"
