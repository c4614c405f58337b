"""What `ganaug run` keeps of its steps: how long they take, and with what they were asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ganaug.cli.pipeline import CHECKED, LEDGER, Ledger
from ganaug.errors import RunError

ASKED = {"preset": "tiny", "seeds": 1, "files": None}
COMMAND = "ganaug run 'my photos/' --out out --preset tiny --seeds 1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a run that was checked."""
    times = {"fit": 10.0, "tune": 30.0, "evaluate": 60.0, "device": "cpu", "jobs": 2}
    (tmp_path / CHECKED).write_text(json.dumps({"times": times}))
    return tmp_path


def test_steps_to_come_are_as_much_slower_as_those_before(folder: Path) -> None:
    ledger = Ledger(folder / LEDGER, ASKED, COMMAND)
    assert ledger.estimates("fit") == (10, 90)
    ledger.learn("check", 500)  # no time was estimated for it
    assert ledger.estimates("fit") == (10, 90)
    ledger.learn("fit", 70)
    assert ledger.estimates("tune") == (210, 420)
    ledger.learn("export", 9)
    ledger.learn("tune", 50)
    assert ledger.estimates("evaluate") == (180, 0)


def test_a_step_that_was_begun_before_tells_nothing_of_the_time(folder: Path) -> None:
    record = {"asked": ASKED, "done": ["check"]}
    (folder / LEDGER).write_text(json.dumps(record))
    ledger = Ledger(folder / LEDGER, ASKED, COMMAND)
    ledger.learn("fit", 1)
    assert ledger.estimates("tune") == (30, 60)
    ledger.learn("tune", 15)
    assert ledger.estimates("evaluate") == (30, 0)


def test_another_run_is_refused_with_all_differences_and_its_command(folder: Path) -> None:
    record = {"asked": ASKED, "done": ["check"]}
    other = ASKED | {"preset": "base", "seeds": 6}
    for kept, said in (
        ({"command": COMMAND}, f"; go on with: {COMMAND}; or choose another folder"),
        ({}, "; repeat that command to go on; or choose another folder"),  # an older one
    ):
        (folder / LEDGER).write_text(json.dumps(record | kept))
        with pytest.raises(RunError) as caught:
            Ledger(folder / LEDGER, other, "ganaug run")
        assert "(preset is tiny there, base here, seeds is 1 there, 6 here)" in str(caught.value)
        assert str(caught.value).endswith(said)
