"""The border of the lift, from which on a gain is called likely."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.lift import border, judged
from ganaug.checking.lift import BORDER

RESULT = Path(__file__).resolve().parents[2] / "results" / "lift.json"


def test_the_border_of_check_is_that_of_the_recorded_draws() -> None:
    recorded = json.loads(RESULT.read_text())
    assert border(recorded["draws"]) == pytest.approx(BORDER, abs=0.06)
    assert {name: recorded[name] for name in judged(recorded["draws"])} == judged(recorded["draws"])


def test_a_border_is_chosen_without_the_set_that_it_judges() -> None:
    rows = [
        {"dataset": "a", "lift": 1.0, "gain": -1.0},
        {"dataset": "a", "lift": 2.0, "gain": 0.0},
        {"dataset": "b", "lift": 6.0, "gain": 2.0},
        {"dataset": "c", "lift": 8.0, "gain": 1.0},
        {"dataset": "c", "lift": 3.0, "gain": 1.0},
    ]
    assert border(rows) == 2.5
    assert border(rows[2:]) == 4.5  # none is wrong anywhere: above the least lift
    found = judged(rows)
    assert found["border"] == 2.5
    assert found["borders"] == {"a": 4.5, "b": 2.5, "c": 4.0}
    assert (found["draws_judged"], found["likely"], found["wrong"]) == (5, 2, 0)


def test_a_set_counts_once_however_many_draws_it_has() -> None:
    many = [{"dataset": "a", "lift": 5.0 + at, "gain": 1.0} for at in range(20)]
    bad = [{"dataset": "b", "lift": 7.5, "gain": -1.0}]
    assert border(many + bad) == 7.75
