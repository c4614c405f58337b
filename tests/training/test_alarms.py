"""The table of alarms: each rule, the nearest healthy training, first steps, since when."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ganaug.training.alarms import RULES, alarm_at, is_suspect

STEPS = 1200
# Rows of trainings that went well, in what is nearest to an alarm: scikit-learn's digits, class
# kind and variations, two images a class, steel at 16 px, and the preset classic.
HEALTHY: dict[str, dict[str, float]] = {
    "class": {
        "variety": 0.22,
        "latent_use": 0.21,
        "distance": 1.21,
        "class_kept": 0.16,
        "told_apart": 0.95,
        "judged": 0.573,
        "reaction": 0.165,
        "largest_logit": 0.574,
        "coverage": 0.0,
        "precision": 0.0,
        "near_duplicates": 1.0,
    },
    "variation": {
        "variety": 0.9,
        "latent_use": 0.8,
        "distance": 0.85,
        "told_apart": 0.998,
        "judged": 0.49,
        "reaction": 0.0267,
        "largest_logit": 0.83,
    },
}
# What planted failures gave, a row for each rule.
BROKEN: list[tuple[str, str, dict[str, float]]] = [
    ("diverged", "variation", {"largest_logit": 4.97e4}),
    ("collapsed", "class", {"variety": 0.003}),
    ("collapsed", "class", {"near_duplicates": 1.0, "coverage": 0.008, "precision": 0.198}),
    ("latent unused", "variation", {"latent_use": 0.0}),
    ("unlike real images", "variation", {"distance": 4.5}),
    ("discriminator saturated", "class", {"told_apart": 1.0, "judged": 4e-4, "coverage": 0.06}),
    ("discriminator blind", "variation", {"reaction": 4e-5}),
    ("class lost", "class", {"class_kept": 0.1}),
    ("unlike real images", "variation", {"coverage": 0.0, "precision": 0.0}),
]
IDS = [f"{name}, {'+'.join(numbers)}" for name, _, numbers in BROKEN]
LATE = {
    "coverage": 0.3,
    "precision": 0.8,
    "class_kept": 0.8,
}  # of the class kind in its second half


def row(step: int, kind: str, **numbers: float) -> dict[str, Any]:
    return {"step": step} | HEALTHY[kind] | numbers


@pytest.mark.parametrize(("name", "kind", "numbers"), BROKEN, ids=IDS)
def test_a_planted_failure_is_named(name: str, kind: str, numbers: dict[str, float]) -> None:
    alarm = alarm_at([row(600, kind, **LATE | numbers)], STEPS, kind)
    assert alarm is not None
    assert alarm.rule.name == name
    line = alarm.line
    assert line.startswith(f"{name} since step 600: ")
    assert "; likely cause: " in line
    assert "; remedy: " in line
    assert not re.search(r"[{}\n]", line)


def test_every_rule_has_a_planted_failure() -> None:
    assert {rule.name for rule in RULES} == {name for name, _, _ in BROKEN}


@pytest.mark.parametrize("kind", HEALTHY)
@pytest.mark.parametrize("step", [1, 99, 100, 300, 599])
def test_a_healthy_training_raises_none(kind: str, step: int) -> None:
    assert alarm_at([row(step, kind)], STEPS, kind) is None


@pytest.mark.parametrize(("name", "kind", "numbers"), BROKEN, ids=IDS)
def test_nothing_is_said_of_the_first_steps(
    name: str, kind: str, numbers: dict[str, float]
) -> None:
    assert alarm_at([row(99, kind, **numbers)], STEPS, kind) is None


def test_the_end_of_a_short_run_is_judged() -> None:
    """200 steps of the class kind without penalties: what it ends with is of no use."""
    given = {"coverage": 0.008, "precision": 0.198, "variety": 0.153, "class_kept": 0.211}
    rows = [row(100, "class", **given), row(200, "class", **given)]
    assert alarm_at(rows, 201, "class") is None
    alarm = alarm_at(rows, 200, "class")
    assert alarm is not None
    assert alarm.line.startswith(
        "collapsed since step 200: 100% of the generated images repeat each other, and 1% of"
    )


def test_little_variety_is_a_collapse_in_the_second_half_alone() -> None:
    """Blurs of steel have 0.10 of the variety of real images in their first steps."""
    assert alarm_at([row(100, "class", variety=0.1)], 1000, "class") is None
    assert alarm_at([row(500, "class", variety=0.1)], 1000, "class") is not None


def test_since_when_is_the_first_step_without_a_break() -> None:
    numbers = LATE | {"variety": 0.01}
    rows = [row(200, "class", **numbers), row(300, "class"), row(400, "class", **numbers)]
    for step, since in ((400, 400), (500, 400), (600, 400)):
        alarm = alarm_at(rows, STEPS, "class")
        assert alarm is not None
        assert alarm.since == since
        rows.append(row(step + 100, "class", **numbers))


def test_a_distance_that_falls_is_that_of_a_young_training_until_the_end() -> None:
    """Images that are nearly equal: variations begin far outside them, and come nearer."""
    rows = [row(step, "variation", distance=far) for step, far in ((300, 5.0), (400, 3.0))]
    assert alarm_at(rows, STEPS, "variation") is None
    assert is_suspect(rows[-1])
    assert alarm_at(rows, 400, "variation") is not None
    assert alarm_at([*rows, row(500, "variation", distance=2.9)], STEPS, "variation") is not None
    unmeasured = {"step": 300, "distance": None}
    assert alarm_at([unmeasured, rows[-1]], STEPS, "variation") is not None


def test_what_was_not_measured_raises_nothing() -> None:
    assert alarm_at([], STEPS, "class") is None
    assert alarm_at([{"step": 600}], STEPS, "class") is None
    assert alarm_at([{"step": 600, "variety": None}], STEPS, "class") is None


@pytest.mark.parametrize(("name", "kind", "numbers"), BROKEN, ids=IDS)
def test_a_run_does_not_go_back_to_what_will_raise_an_alarm(
    name: str, kind: str, numbers: dict[str, float]
) -> None:
    assert not is_suspect(row(99, kind, **numbers))
    assert is_suspect(row(100, kind, **numbers))
    assert not is_suspect(row(600, kind, **LATE))
