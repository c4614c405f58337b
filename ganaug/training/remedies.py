"""What is changed where a training goes back: a fixed table, a row a cause.

Settings far beyond the usual ones are the first suspects. They go back to the usual ones, and the
training begins anew, because all that it has learned was learned with them. Where there is none,
the settings go a step further to the safe side, each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ganaug.training.alarms import BLURRED, Alarm
from ganaug.training.config import FitConfig, usual_config

__all__ = ["NOT_FINITE", "REMEDIES", "Remedy", "remedied", "too_short", "treated"]

NOT_FINITE = "not finite"
BEYOND = 2.0  # times a usual setting: from there on it is a suspect
PENALTIES = ("r1", "r2")


@dataclass(frozen=True)
class Remedy:
    """One row of the table: factors.

    Attributes:
        rate: on the learning rate.
        penalties: on r1 and r2. Under 1 high ones are suspects, else low ones are.
    """

    rate: float = 1.0
    penalties: float = 1.0


SLOWER = Remedy(rate=1 / 4)
HELD = Remedy(rate=1 / 2, penalties=4.0)
REMEDIES: dict[str, Remedy] = {
    NOT_FINITE: SLOWER,
    "diverged": SLOWER,
    "collapsed": HELD,
    "latent unused": Remedy(rate=1 / 2, penalties=1 / 4),
    "unlike real images": SLOWER,
    "discriminator saturated": HELD,
    "discriminator blind": Remedy(penalties=1 / 4),
    "class lost": SLOWER,
}


def remedied(config: FitConfig, cause: str) -> tuple[dict[str, float], bool]:
    """Return the settings that take the place of those of `config`, and whether to begin anew.

    Args:
        config: that the training failed with.
        cause: the name of the alarm, or `NOT_FINITE`.
    """
    remedy = REMEDIES.get(cause, SLOWER)
    usual = usual_config(config)
    suspects: dict[str, float] = {}
    if config.learning_rate > BEYOND * usual.learning_rate:
        suspects["learning_rate"] = usual.learning_rate
    for name in PENALTIES:
        own, other = getattr(config, name), getattr(usual, name)
        if own > BEYOND * other if remedy.penalties < 1 else BEYOND * own < other:
            suspects[name] = other
    if suspects:
        return suspects, True
    factors = {"learning_rate": remedy.rate, **dict.fromkeys(PENALTIES, remedy.penalties)}
    further = {name: getattr(config, name) * factor for name, factor in factors.items()}
    return {name: v for name, v in further.items() if v != getattr(config, name)}, False


def too_short(alarm: Alarm, config: FitConfig) -> bool:
    """Whether a training is too short for what it is alarmed of, so that going back is no remedy.

    A class generator shows blurs at first; where no setting is a suspect, more steps are needed.
    """
    blurs = alarm.rule.blurs and config.kind == "class" and config.steps < BLURRED
    return blurs and not remedied(config, alarm.rule.name)[1]


def treated(config: FitConfig, rollbacks: Iterable[Mapping[str, Any]]) -> FitConfig:
    """Return the config that a run goes on with after its `rollbacks`."""
    for row in rollbacks:
        config = replace(config, **row["settings"])
    return config
