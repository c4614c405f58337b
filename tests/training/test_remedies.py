"""What is changed where a training goes back: a row for each alarm, and runs of older versions."""

from __future__ import annotations

from typing import Any

import pytest

from ganaug.training.alarms import RULES
from ganaug.training.config import FitConfig, make_config, usual_config
from ganaug.training.remedies import NOT_FINITE, REMEDIES, remedied, treated

USUAL = make_config("tiny")
CLASS = make_config("tiny", kind="class")


def test_each_alarm_has_a_remedy() -> None:
    assert set(REMEDIES) == {rule.name for rule in RULES} | {NOT_FINITE}


@pytest.mark.parametrize(
    ("options", "cause", "settings"),
    [
        ({"learning_rate": 0.03}, "diverged", {"learning_rate": 1e-3}),
        ({"learning_rate": 0.03, "r1": 0.1}, "collapsed", {"learning_rate": 1e-3, "r1": 0.3}),
        ({"kind": "class", "r1": 0.0, "r2": 0.0}, "collapsed", {"r1": 1.0, "r2": 1.0}),
        ({"r1": 3.0, "r2": 3.0}, "latent unused", {"r1": 0.3, "r2": 0.3}),
        ({"learning_rate": 0.01, "r1": 0.0}, "discriminator blind", {"learning_rate": 1e-3}),
    ],
)
def test_what_is_far_from_usual_goes_back_to_it(
    options: dict[str, Any], cause: str, settings: dict[str, float]
) -> None:
    assert remedied(make_config("tiny", **options), cause) == (settings, True)


@pytest.mark.parametrize("cause", REMEDIES)
@pytest.mark.parametrize("config", [USUAL, CLASS, make_config("classic")])
def test_usual_settings_go_further_each_time(config: FitConfig, cause: str) -> None:
    """A lower rate; penalties higher where the discriminator wins, lower where it is blind."""
    once, anew = remedied(config, cause)
    twice, again = remedied(treated(config, [{"settings": once}]), cause)
    assert not anew
    assert not again
    assert once.keys() == twice.keys()
    for name in once:
        assert twice[name] / once[name] == pytest.approx(once[name] / getattr(config, name))
    assert once.get("learning_rate", 0) < config.learning_rate
    wins = cause in ("collapsed", "discriminator saturated")
    assert (once.get("r1", config.r1) > config.r1) == wins
    assert once


def test_usual_settings_are_those_of_a_preset() -> None:
    assert usual_config(make_config("classic", r1=0.0)) == make_config("classic")
    assert usual_config(USUAL) == make_config("base")
    assert usual_config(CLASS).r1 == 1.0
