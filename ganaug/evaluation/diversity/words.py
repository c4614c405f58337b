"""From numbers to words, such as COLLAPSED: a fixed table.

A word stands at a class where a number of its own is both far from its reference (so many standard
deviations of one real-real comparison: it is no accident; `latent` and `repeated` have none) and
off by an amount that matters. The bounds were set so that honest draws get no word and planted
failures get theirs, most of them on scikit-learn's digits; docs/how-it-is-checked.md tells what
they give.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ganaug.evaluation.diversity.measures import MEASURES, Measure

__all__ = [
    "COPYING",
    "FAILURES",
    "FEWEST_FOR_OK",
    "OK",
    "RULES",
    "TOO_FEW_WORD",
    "Rule",
    "almost",
    "deciding",
    "words_of",
]

OK = "OK"
COPYING = "COPYING"
TOO_FEW_WORD = "TOO FEW IMAGES TO TELL"
FAILURES = {
    "COLLAPSED": "images repeat each other, or a part of the real images has no counterpart",
    COPYING: "images repeat training images",
    "MISLABELLED": "images look like another class",
    "UNFAITHFUL": "images do not look like real ones",
}
FEWEST_DISTINCT = 20
NEAR = 0.9  # of the way from the reference to a bound, from which on a class is close to the word
FEWEST_FOR_OK = 40  # real and generated images, below which a failure can stay unseen


@dataclass(frozen=True)
class Rule:
    """One row of the table.

    Attributes:
        word: that stands where all of the row holds.
        measure: whose number it is.
        times: value <= times * reference, or None; for measures where lower is worse.
        plus: value >= reference + plus, or None; for measures where higher is worse.
        z: at least so far from the reference, in standard deviations; 4 where a row says nothing.
            A measure without a z is judged by its amount alone.
        beside: another measure and an amount, by which its value is worse than its reference, too.
    """

    word: str
    measure: str
    times: float | None = None
    plus: float | None = None
    z: float = 4.0
    beside: tuple[str, float] | None = None

    def holds(self, measures: Mapping[str, Measure]) -> bool:
        """Whether the row holds; never where a number of it was not taken."""
        found = measures.get(self.measure)
        if found is None:
            return False
        if self.times is not None and found.value > self.bound(found.reference):
            return False
        if self.plus is not None and found.value < self.bound(found.reference):
            return False
        if found.z is not None and abs(found.z) < self.z:
            return False
        if self.beside is None:
            return True
        other = measures.get(self.beside[0])
        if other is None:
            return False
        name, amount = self.beside
        off = other.value - other.reference
        return (off if MEASURES[name].worse == "higher" else -off) >= amount

    def bound(self, reference: float) -> float:
        """Return where the row's amount begins, beside a reference."""
        return reference + (self.plus or 0) if self.times is None else self.times * reference

    def almost_holds(self, measures: Mapping[str, Measure]) -> bool:
        """Whether the number is no accident, and just short of the amount; one number alone."""
        found = measures.get(self.measure)
        if found is None or found.z is None or abs(found.z) < self.z or self.beside is not None:
            return False
        whole = self.bound(found.reference) - found.reference
        return whole != 0 and NEAR <= (found.value - found.reference) / whole < 1

    @property
    def where(self) -> str:
        """The amounts of the row, in words."""
        amounts = []
        if self.times is not None:
            title = MEASURES[self.measure].title
            amounts.append(f"{title} at most {self.times:g} times the reference")
        if self.plus is not None:
            amounts.append(f"{MEASURES[self.measure].title} {self.plus:g} above")
        if self.beside is not None:
            name, amount = self.beside
            side = "above" if MEASURES[name].worse == "higher" else "below"
            amounts.append(f"{MEASURES[name].title} {amount:g} {side}")
        return ", and ".join(amounts)


# The first word that applies is the class's word: images of another class also miss its own
# images, copies repeat each other, and bad images cover nothing. A class that lost one of its kinds
# looks a little more like others, so that a clear loss goes before `mistaken`. Means of a few
# training images lie near these, so that fewer copies count only where the images are good.
RULES = (
    Rule("MISLABELLED", "labels", times=0.5),
    Rule("COLLAPSED", "apart", plus=0.1, z=2.0, beside=("missing", 0.1)),
    Rule("MISLABELLED", "mistaken", plus=0.06),
    Rule("COPYING", "copied", plus=0.55),
    Rule("UNFAITHFUL", "precision", times=0.75),
    Rule("UNFAITHFUL", "texture", times=0.85),
    Rule("UNFAITHFUL", "strayed", plus=0.4),
    Rule("COPYING", "copied", plus=0.4),
    Rule("COLLAPSED", "near_duplicates", plus=0.5),
    Rule("COLLAPSED", "repeated", plus=0.25),
    Rule("COLLAPSED", "coverage", times=0.8),
    Rule("COLLAPSED", "kernel", plus=0.02, z=5.0, beside=("lost", 0.15)),
    Rule("COLLAPSED", "kernel", plus=0.02, z=5.0, beside=("coverage", 0.1)),
    Rule("COLLAPSED", "apart", plus=0.1, z=2.0, beside=("missing", 0.06)),
    Rule("COLLAPSED", "apart", plus=0.14, z=3.0, beside=("missing", 0.01)),
    Rule("COLLAPSED", "latent", times=0.02),
)


def words_of(
    measures: Mapping[str, Measure], images: int, synthetic: int, distinct: int
) -> tuple[str, ...]:
    """Return the words that apply, the first one being the class's word; never none.

    Args:
        measures: those that were taken.
        images, synthetic: how many of the class were compared.
        distinct: how many of the generated images differ. Under 20, COLLAPSED goes first: what
            those few look like may be an accident, that they are few is none.
    """
    rules = sorted(RULES, key=lambda rule: distinct < FEWEST_DISTINCT and rule.word != "COLLAPSED")
    found = dict.fromkeys(rule.word for rule in rules if rule.holds(measures))
    if found:
        return tuple(found)
    return (OK,) if min(images, synthetic) >= FEWEST_FOR_OK else (TOO_FEW_WORD,)


def deciding(measures: Mapping[str, Measure], word: str) -> tuple[str, ...]:
    """Return the names of the measures that gave a class its `word`, one or two, if any did."""
    for rule in RULES:
        if rule.word == word and rule.holds(measures):
            return (rule.measure, *([] if rule.beside is None else [rule.beside[0]]))
    return ()


def almost(measures: Mapping[str, Measure]) -> Rule | None:
    """Return the row that a class without a failure is closest to, if it is just short of one."""
    return next((rule for rule in RULES if rule.almost_holds(measures)), None)
