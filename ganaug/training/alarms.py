"""From the rows of diversity.jsonl to alarms: a fixed table, a row a rule.

A rule holds at a checkpoint where all its bounds do. The bounds lie far outside what trainings give
that turn out well (docs/failures.md has the figures), so that few images, early steps and mediocre
generators raise no alarm: an alarm says *broken*, the record of `evaluate` says how good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["BLURRED", "RULES", "Alarm", "Rule", "alarm_at", "is_suspect"]

# A variation generator starts as a copy of its source, and has images like real ones at once. One
# that makes images from noise starts with blurs, which are like nothing and of no class: on 8x8
# digits for some 500 steps.
FIRST_STEP, BLURRED = 100, 600
SETTLING = 0.9  # times the number of the row before


@dataclass(frozen=True)
class Rule:
    """One row of the table.

    Attributes:
        name: of the failure.
        bounds: (number of a row, "<=" or ">=", bound); all must hold, and a number that was not
            taken holds for none.
        seen: what is seen, in plain words; {NUMBER} is put in.
        cause: the likely one.
        remedy: what to do.
        share: of the steps of the run; the rule is silent before.
        blurs: the rule holds for blurs, too: in a run of the class kind it is silent in the first
            half, and before step 600 or the end.
        settling: a number that falls while a sound training is young: the rule is silent where it
            is lower by a tenth than in the row before, but for the end of the run.
    """

    name: str
    bounds: tuple[tuple[str, str, float], ...]
    seen: str
    cause: str
    remedy: str
    share: float = 0.1
    blurs: bool = False
    settling: str | None = None

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Whether all bounds hold at `row`; never in the first 100 steps."""
        return row["step"] >= FIRST_STEP and all(
            _within(row.get(number), sign, bound) for number, sign, bound in self.bounds
        )

    def waits(self, steps: int, kind: str) -> float:
        """Return the step of a run before which the rule raises no alarm; at its end all do."""
        if self.blurs and kind == "class":
            return min(steps, max(BLURRED, 0.5 * steps))
        return self.share * steps

    def settles(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Whether the number that settles still falls at the last of `rows`."""
        if self.settling is None or len(rows) < 2:
            return False
        before = rows[-2].get(self.settling)
        return before is not None and _within(rows[-1][self.settling], "<=", SETTLING * before)


def _within(value: float | None, sign: str, bound: float) -> bool:
    return value is not None and (value <= bound if sign == "<=" else value >= bound)


@dataclass(frozen=True)
class Alarm:
    """A rule that holds at the last of some rows.

    Attributes:
        rule: which.
        row: that row.
        since: step of the first of the rows without a break in which it holds.
    """

    rule: Rule
    row: Mapping[str, Any]
    since: int

    @property
    def line(self) -> str:
        """What is seen, since which step, the likely cause, and the remedy."""
        rule = self.rule
        seen = rule.seen.format_map(self.row)
        return (
            f"{rule.name} since step {self.since}: {seen}; likely cause: {rule.cause};"
            f" remedy: {rule.remedy}"
        )


ONE_IMAGE = (
    "the discriminator has won, and all latents give one image",
    "r1 and r2 of 1 or more, a lower learning_rate, more images a class, or more steps",
)
UNLIKE = (
    "the learning rate is too high",
    "a lower learning_rate, higher r1 and r2, or more steps",
)
RULES = (
    Rule(
        "diverged",
        (("largest_logit", ">=", 1e3),),
        "the discriminator's verdicts reach {largest_logit:.2g}",
        "the learning rate is too high",
        "a lower learning_rate, or higher r1 and r2",
    ),
    *(
        Rule(
            "collapsed",
            (("variety", "<=", bound),),
            "generated images of a class differ {variety:.2f} times as much as real ones",
            *ONE_IMAGE,
            share=share,
        )
        for bound, share in ((0.05, 0.1), (0.1, 0.5))
    ),
    Rule(
        "collapsed",
        (("near_duplicates", ">=", 0.9), ("coverage", "<=", 0.05)),
        "{near_duplicates:.0%} of the generated images repeat each other, and {coverage:.0%} of the"
        " real ones have a counterpart",
        *ONE_IMAGE,
        blurs=True,
    ),
    Rule(
        "latent unused",
        (("latent_use", "<=", 0.03),),
        "another latent changes an image {latent_use:.3f} times as much as another real image does",
        "the discriminator does not reward variety",
        "lower r1 and r2, class_match=0, or more images a class",
    ),
    Rule(
        "unlike real images",
        (("distance", ">=", 1.5),),
        "a generated image is {distance:.1f} times as far from the nearest real one as two real"
        " images from each other",
        *UNLIKE,
        share=0.25,
        blurs=True,
        settling="distance",
    ),
    Rule(
        "unlike real images",
        (("coverage", "<=", 0.02), ("precision", "<=", 0.02)),
        "{precision:.0%} of the generated images lie among real ones",
        *UNLIKE,
        blurs=True,
    ),
    Rule(
        "discriminator saturated",
        (("told_apart", ">=", 0.999), ("judged", "<=", 0.002), ("coverage", "<=", 0.1)),
        "it tells all real from generated images with a loss of {judged:.1g}, and only"
        " {coverage:.0%} of real images have a counterpart",
        "no penalty holds it, or it knows its few images by heart",
        "r1 and r2 of 1 or more, augment, or a lower learning_rate",
        share=0.25,
    ),
    Rule(
        "discriminator blind",
        (("reaction", "<=", 1e-4),),
        "its verdicts on all images differ by {reaction:.1g}",
        "images that are all alike, or penalties too high for them",
        "other images, or lower r1 and r2",
        share=0.25,
    ),
    Rule(
        "class lost",
        (("class_kept", "<=", 0.2),),
        "generated images are taken for their class {class_kept:.0%} as often as real ones",
        "the generator ignores the class, or the learning rate is too high",
        "class_match=1 for variations, a lower learning_rate, or more steps",
        share=0.25,
        blurs=True,
    ),
)


def alarm_at(rows: Sequence[Mapping[str, Any]], steps: int, kind: str) -> Alarm | None:
    """Return the first rule of the table that holds at the last of `rows`, or None.

    Args:
        rows: of diversity.jsonl, rising in step.
        steps, kind: of the run's config.
    """
    for rule in RULES:
        since = None
        for row in reversed(rows):
            if not rule.holds(row) or row["step"] < rule.waits(steps, kind):
                break
            since = row["step"]
        if since is not None and (rows[-1]["step"] == steps or not rule.settles(rows)):
            return Alarm(rule, rows[-1], since)
    return None


def is_suspect(row: Mapping[str, Any]) -> bool:
    """Whether a rule holds at `row`, be it one that raises no alarm yet.

    A run does not go back to such a checkpoint.
    """
    return any(rule.holds(row) for rule in RULES)
