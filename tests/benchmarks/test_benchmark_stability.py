"""`benchmarks.stability`: planted failures are counted, runs are kept, healthy ones stay silent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks._results import result_text
from benchmarks._stability_cases import HEALTHY, PLANTED
from benchmarks.stability import is_usable, main, summary


def call(*options: str) -> Any:
    return CliRunner().invoke(main, list(options), catch_exceptions=False)


def test_runs_are_written_and_not_repeated(tmp_path: Path) -> None:
    path, kept = tmp_path / "stability.json", tmp_path / "kept"
    cases = "two images a class,one constant image,digits"
    options = ["--seeds", "1", "--steps", "2", "--cases", cases, "--out", str(kept)]
    assert call(*options, "--json", str(path)).exit_code == 0
    found = json.loads(path.read_text())
    assert path.read_text() == result_text(found)
    counts = {"runs": 1, "broken": 0, "named": 0, "alarms": 0, "ended": 1, "recovered": 1}
    counts |= {"rollbacks": 0, "sound_broken": 0}
    assert found["cases"] == {"two images a class": counts, "one constant image": counts}
    assert found["healthy"] == {"runs": 1, "alarms": 0}
    assert 0 < found["share_of_training"] < 1
    before = (kept / "runs.jsonl").read_text()
    call(*options)
    assert (kept / "runs.jsonl").read_text() == before


def test_what_is_counted() -> None:
    planted, healthy = next(iter(PLANTED)), next(iter(HEALTHY))
    rows = [
        {
            "case": planted,
            "broken": True,
            "alarms": ["collapsed"],
            "ended": True,
            "recovered": True,
            "rollbacks": 1,
            "words_sound": {"UNFAITHFUL": 3, "OK": 2},
        },
        {
            "case": planted,
            "broken": True,
            "alarms": [],
            "ended": True,
            "recovered": False,
            "rollbacks": 0,
        },
        {
            "case": planted,
            "broken": False,
            "alarms": ["diverged"],
            "ended": False,
            "recovered": False,
            "rollbacks": 3,
            "words_sound": {"OK": 5},
        },
        {"case": healthy, "broken": False, "alarms": [], "share": 0.01},
        {"case": healthy, "broken": False, "alarms": ["collapsed"], "share": 0.005},
    ]
    assert summary(rows) == {
        "cases": {
            planted: {
                "runs": 3,
                "broken": 2,
                "named": 1,
                "alarms": 2,
                "ended": 2,
                "recovered": 1,
                "rollbacks": 4,
                "sound_broken": 1,
            }
        },
        "healthy": {"runs": 2, "alarms": 1},
        "share_of_training": 0.01,
    }


@pytest.mark.parametrize(
    ("words", "sound", "usable"),
    [
        ({"OK": 5}, {"OK": 5}, True),
        ({"OK": 4, "UNFAITHFUL": 1}, {"OK": 5}, True),
        ({"OK": 3, "UNFAITHFUL": 2}, {"OK": 5}, False),
        ({"UNFAITHFUL": 5}, {"OK": 1, "UNFAITHFUL": 4, "TOO FEW IMAGES TO TELL": 5}, True),
        ({"COLLAPSED": 3, "UNFAITHFUL": 2}, {"UNFAITHFUL": 5}, False),
        ({"COLLAPSED": 1}, {"UNFAITHFUL": 1}, False),
        ({"COLLAPSED": 1}, {"COLLAPSED": 1}, True),
        ({"COLLAPSED": 2, "OK": 3}, {"OK": 4, "COLLAPSED": 1}, True),
    ],
)
def test_a_training_that_recovered_is_as_good_as_a_sound_one(
    words: dict[str, int], sound: dict[str, int], usable: bool
) -> None:
    assert is_usable(words, sound) == usable


def test_an_unknown_case_is_refused() -> None:
    done = CliRunner().invoke(main, ["--cases", "weather"])
    assert done.exit_code == 2
    assert "'weather'; allowed: learning rate x 30" in done.output
