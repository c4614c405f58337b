"""Which arms are compared: the usual ones, or those that were named; and the baseline."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from ganaug.errors import ConfigError
from ganaug.evaluation.arms.grammar import Arm, check_folder, check_kind, parse_arm
from ganaug.evaluation.arms.smote import check_smote

__all__ = ["DEFAULT_FREE_ARMS", "Plan", "check_names", "make_plan"]

# Balanced batches show the few images of a rare class so often that long trainings learn them by
# heart; logit adjustment aims at the same without that.
DEFAULT_FREE_ARMS = (
    "plain",
    "balanced",
    "balanced+affine",
    "balanced+randaugment",
    "plain+randaugment+logits",
)
# The same covariance for all classes is what a variation generator learns, too.
LDA_ARM = "plain+randaugment+lda"


@dataclass(frozen=True)
class Plan:
    """Which arms are compared.

    Attributes:
        free: the arms without a generator that may be the baseline, one or more.
        ours: the other arms that were named: with a generator, its stand-in or a folder, or longer.
        baseline: the free arm to beat; None where it is to be chosen.
        add_ours: kind of the generator to put on top of the baseline, or None.
        add_folder: folder of images to put on top of the baseline, or None.
    """

    free: tuple[Arm, ...]
    ours: tuple[Arm, ...]
    baseline: Arm | None
    add_ours: str | None
    add_folder: str | None = None

    @property
    def needs_generator(self) -> bool:
        """Whether there is any arm with a generator."""
        return bool(self.add_ours) or any(arm.needs_generator for arm in self.ours)

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders whose images are in any arm."""
        named = [arm.folder for arm in self.ours] + [self.add_folder]
        return tuple(dict.fromkeys(folder for folder in named if folder is not None))

    @property
    def alone(self) -> tuple[str, ...]:
        """Those of them that an arm shows without real images."""
        return tuple(arm.folder for arm in self.ours if arm.use == "folder-only" and arm.folder)

    def on(self, baseline: Arm) -> tuple[Arm, ...]:
        """Return the arms that cannot be the baseline; `baseline` is the free arm to beat.

        More steps alone gain something. So each length of an arm that is not free has the baseline
        at that length among them.
        """
        arms = (baseline.on_top(self.add_ours),) if self.add_ours else self.ours
        if self.add_folder is not None:
            arms = (*arms, baseline.on_folder(self.add_folder))
        as_long = [replace(baseline, longer=arm.longer) for arm in arms if _longer(arm)]
        missing = [arm for arm in as_long if arm not in arms]
        return tuple(dict.fromkeys((*missing, *arms)))

    def to_beat(self, baseline: Arm) -> dict[str, tuple[str, ...]]:
        """Return what the arms with more steps have to beat, by name: the baseline comes first.

        That is `baseline` at their length. The others are the free arms that are no longer.
        """
        arms = self.on(baseline)
        free = [*self.free, *(arm for arm in arms if arm.free)]
        found = {}
        for arm in filter(_longer, arms):
            own = replace(baseline, longer=arm.longer)
            others = [other for other in free if other.longer <= arm.longer and other != own]
            found[arm.name] = (own.name, *(other.name for other in others))
        return found


def _longer(arm: Arm) -> bool:
    """Whether the arm has more steps than the baseline, and something else, too."""
    return arm.longer > 1 and not arm.free


def check_names(names: object, baseline: object) -> None:
    """Refuse arms that are no list of names, and a baseline that is no name.

    Raises:
        ConfigError: they are something else; a text alone would be read letter by letter.
    """
    given = names if isinstance(names, Collection) and not isinstance(names, str) else (None,)
    if names is not None and not all(isinstance(name, str) for name in given):
        raise ConfigError(
            f"arms: {names!r:.60}; allowed: a list of names; give one, such as ['plain']"
        )
    if not isinstance(baseline, str):
        raise ConfigError(
            f"baseline: {baseline!r:.60}; allowed: the name of a free arm, or 'auto'; leave it out"
            " for 'auto'"
        )


def make_plan(
    names: Sequence[str] | None,
    baseline: str,
    kind: str | None,
    *,
    losses: bool = True,
    lda: bool = False,
    folder: str | None = None,
) -> Plan:
    """Settle the arms of a comparison; a free arm is always among them.

    Args:
        names: the arms, or None for `DEFAULT_FREE_ARMS` and the generator on top of the baseline.
        baseline: a free arm, or "auto".
        kind: of the generator or of those to be trained, "variation" or "class"; None where there
            is none.
        losses: whether the classifier can be trained with another loss; the default arms are those
            that it can be.
        lda: whether it is a frozen network; then `LDA_ARM` is one of them.
        folder: of images that are put on top of the baseline, beside all other arms.

    Raises:
        ConfigError: an unknown arm, none at all, one that needs a generator where there is none or
            one of another kind, or smote where imbalanced-learn is not installed.
    """
    if folder is not None:
        check_folder(folder)
    arms = [parse_arm(name) for name in (DEFAULT_FREE_ARMS if names is None else names)]
    if names is None and not losses:
        arms = [arm for arm in arms if arm.loss is None]
    if names is None and lda:
        arms.append(parse_arm(LDA_ARM))
    if not arms:
        raise ConfigError("arms: none; allowed: one or more, such as balanced+affine; name some")
    free = [arm for arm in arms if arm.may_be_baseline]
    ours = [arm for arm in arms if not arm.may_be_baseline]
    trained = [arm for arm in ours if arm.needs_generator]
    if trained and kind is None:
        raise ConfigError(
            f"arm {trained[0].name!r}: there is no generator; allowed: free arms, and those with"
            " the images of a folder; give an artifact"
        )
    for arm in trained:
        check_kind(arm, kind)
    given = None if baseline == "auto" else parse_arm(baseline)
    if given is not None and not given.may_be_baseline:
        raise ConfigError(
            f"baseline {baseline!r}: needs a generator, a folder or more steps; allowed: a free arm"
            " such as balanced+randaugment, or 'auto'; choose one"
        )
    if given is None and not free:
        given = ours[0].below()
    if given is not None and given not in free:
        free.insert(0, given)
    if given is None and len(free) == 1:
        given = free[0]
    if any(arm.smote for arm in (*free, *ours)):
        check_smote()  # before any training
    add_ours = kind if names is None else None
    return Plan(tuple(dict.fromkeys(free)), tuple(dict.fromkeys(ours)), given, add_ours, folder)
