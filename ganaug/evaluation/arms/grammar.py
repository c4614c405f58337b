"""Arms: the ways to train the classifier that are compared, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ganaug.errors import ConfigError, did_you_mean
from ganaug.evaluation.arms.augmentations import AUGMENTATIONS, LARGEST_MAGNITUDE, VIEWS
from ganaug.evaluation.arms.losses import LOSSES, MIXES

__all__ = ["DEFAULT_FREE_ARMS", "FREE_ARMS", "Arm", "Plan", "make_plan", "on_best", "parse_arm"]

# Balanced batches show the few images of a rare class so often that long trainings learn them by
# heart; logit adjustment aims at the same without that.
DEFAULT_FREE_ARMS = (
    *("plain", "balanced", "balanced+affine", "balanced+randaugment"),
    "plain+randaugment+logits",
)
# One augmentation each; flips only where the classes allow it, see `on_best` for the others.
FREE_ARMS = (
    *("plain", "balanced", "balanced+shift", "balanced+affine", "balanced+affine+jitter"),
    *("balanced+elastic", "balanced+randaugment-5", "balanced+randaugment"),
    *("balanced+randaugment-14", "balanced+randaugment-20", "balanced+trivialaugment"),
    *("balanced+standardise", "balanced+equalise"),
)

# The way to sample, and what stands before the free augmentations.
_HEADS: dict[str, tuple[bool, str | None]] = {
    "plain": (False, None),
    "balanced": (True, None),
    "ganaug": (True, "transform"),
    "ganaug-plain": (False, "transform"),
    "mixed": (True, "mixed"),
    "synthetic": (True, "synthetic"),
    "warp": (True, "warp"),
    "warp-plain": (False, "warp"),
}
_OPTIONS = {"p": (0.0, 1.0), "top": (0.0, 1.0), "from": (0.01, 1.0), "scale": (0.0, 3.0)} | {
    "until": (0.0, 1.0)
}
_MOST_LONGER = 100


@dataclass(frozen=True)
class Arm:
    """One way to train the classifier.

    Attributes:
        name: as written by the user, see `parse_arm`.
        balanced: classes are drawn equally often; otherwise every image is.
        augment: names of free augmentations, applied in this order.
        ganaug: "transform" (`GANAugment` before the free augmentations), "mixed" (the images of a
            `SyntheticDataset` beside the real ones), "synthetic" (those alone), "warp" (an
            untrained random warp in place of the generator), or None.
        options: (name, number) of the generator's use, in place of the artifact's policy.
        view: how images are shown to the classifier, at training and test, or None.
        mix: "mixup", "cutmix" or None.
        loss: one of `LOSSES`, or None for cross-entropy.
        smote: classes are filled up by SMOTE first.
        longer: times the usual number of steps.
    """

    name: str
    balanced: bool
    augment: tuple[str, ...] = ()
    ganaug: str | None = None
    options: tuple[tuple[str, float], ...] = ()
    view: str | None = None
    mix: str | None = None
    loss: str | None = None
    smote: bool = False
    longer: int = 1

    @property
    def free(self) -> bool:
        """Whether the arm needs no trained generator."""
        return self.ganaug is None

    @property
    def learned(self) -> bool:
        """Whether a trained generator makes its images."""
        return self.ganaug in ("transform", "mixed", "synthetic")

    @property
    def candidate(self) -> bool:
        """Whether it may be chosen as the baseline: free, and with the usual number of steps."""
        return self.free and self.longer == 1

    def option(self, name: str) -> float | None:
        """Return the number given for an option, or None."""
        return dict(self.options).get(name)

    def below(self) -> Arm:
        """Return the free arm that this one adds a generator, or steps, to."""
        steps = [step for step in self.name.split("+")[1:] if not step.startswith("longer")]
        return parse_arm("+".join(("balanced" if self.balanced else "plain", *steps)))

    def on_top(self, kind: str) -> Arm:
        """Return this free arm with a generator of `kind` ("variation" or "class") added."""
        # Either kind takes the place of images that SMOTE makes.
        steps = [step for step in self.name.split("+")[1:] if step != "smote"]
        if kind != "variation":  # its images fill the classes up, so no loss is to do so again
            return parse_arm("+".join(("mixed", *(step for step in steps if step not in LOSSES))))
        return parse_arm("+".join(("ganaug" if self.loss is None else "ganaug-plain", *steps)))


def parse_arm(name: str) -> Arm:
    """Return the arm that `name` describes: HEAD, or HEAD+STEP+...

    HEAD is "plain" (every image equally often), "balanced" (every class equally often), "ganaug"
    (balanced, `GANAugment` first), "ganaug-plain" (every image equally often, `GANAugment`
    first), "mixed" (balanced, over real and generated images), "synthetic" (balanced, generated
    images alone: the classification accuracy score of Ravuri and Vinyals, arXiv 1905.10887), or
    "warp" and "warp-plain" (as "ganaug" and "ganaug-plain", an untrained random warp in the
    generator's place, matched to it in how often and how much it changes).

    STEP is an augmentation (a key of `AUGMENTATIONS`; randaugment-M with the magnitude M), and at
    most one each of: a view ("standardise", "equalise": each image by itself, at training and
    test), "mixup" or "cutmix", a loss for plain heads ("weighted", "logits", "drw"), "smote"
    (balanced only), and "longer-N" (N times the steps).

    "ganaug" and "warp" take options in place of the artifact's policy: `ganaug@p=0.5` (all
    classes alike), `ganaug@top=0.7@from=0.6` (p rises from 0 at 60% of the largest class to 0.7 at
    the smallest), `@scale=0.8` (of the latents), `@until=0.9` (only in the first 90% of the steps).

    Raises:
        ConfigError: an unknown or repeated part, or parts that do not fit.

    Example:
        >>> arm = parse_arm("ganaug@p=0.5+randaugment-5")
        >>> arm.ganaug, arm.options, arm.augment
        ('transform', (('p', 0.5),), ('randaugment-5',))
    """
    head, *steps = name.split("+")
    head, *options = head.split("@")
    if head not in _HEADS:
        raise ConfigError(
            f"arm {name!r}: {head!r} is no way to sample{did_you_mean(head, _HEADS)}; an arm starts"
            f" with one of {', '.join(_HEADS)}; for example balanced+affine"
        )
    balanced, ganaug = _HEADS[head]
    found: dict[str, str] = {}
    augmentations = []
    for position, step in enumerate(steps):
        if step in steps[:position]:
            raise ConfigError(f"arm {name!r}: {step!r} stands twice; name each augmentation once")
        kind = _kind(name, step)
        if kind == "augment":
            augmentations.append(step)
        elif kind in found:
            raise ConfigError(
                f"arm {name!r}: {found[kind]!r} and {step!r}; allowed: one of them; leave one out"
            )
        else:
            found[kind] = step
    if "loss" in found and (balanced or "smote" in found):
        raise ConfigError(
            f"arm {name!r}: {found['loss']!r} weighs classes that are balanced already; allowed:"
            f" with plain or ganaug-plain; for example plain+{found['loss']}"
        )
    if "smote" in found and head != "balanced":
        raise ConfigError(
            f"arm {name!r}: smote fills the classes up; allowed: with balanced; for example"
            " balanced+smote"
        )
    return Arm(
        name,
        balanced,
        tuple(augmentations),
        ganaug,
        _parse_options(name, options, ganaug),
        view=found.get("view"),
        mix=found.get("mix"),
        loss=found.get("loss"),
        smote="smote" in found,
        longer=int(found["longer"].partition("-")[2]) if "longer" in found else 1,
    )


def _kind(name: str, step: str) -> str:
    """Return which field of an arm `step` sets."""
    for kind, allowed in (("augment", AUGMENTATIONS), ("view", VIEWS), ("mix", MIXES)):
        if step in allowed:
            return kind
    if step in LOSSES:
        return "loss"
    if step == "smote":
        return "smote"
    base, dash, number = step.partition("-")
    value = int(number) if number.isdecimal() else -1
    if base == "randaugment" and dash:
        if not 0 <= value <= LARGEST_MAGNITUDE:
            raise ConfigError(
                f"arm {name!r}: {step!r}; allowed: magnitudes from 0 to {LARGEST_MAGNITUDE}; for"
                " example randaugment-5"
            )
        return "augment"
    if base == "longer":
        if not 2 <= value <= _MOST_LONGER:
            raise ConfigError(
                f"arm {name!r}: {step!r}; allowed: 2 to {_MOST_LONGER} times the steps; for example"
                " longer-8"
            )
        return "longer"
    every = (*AUGMENTATIONS, *VIEWS, *MIXES, *LOSSES, "smote", "longer-8")
    raise ConfigError(
        f"arm {name!r}: {step!r} is no augmentation{did_you_mean(step, every)}; allowed:"
        f" {', '.join(every)}; for example balanced+affine"
    )


def _parse_options(
    name: str, options: Sequence[str], ganaug: str | None
) -> tuple[tuple[str, float], ...]:
    parsed: dict[str, float] = {}
    for option in options:
        key, _, text = option.partition("=")
        try:
            value = float(text)
            low, high = _OPTIONS[key]
            fits = low <= value <= high and key not in parsed
        except (KeyError, ValueError):
            fits = False
        if not fits or ganaug not in ("transform", "warp"):
            raise ConfigError(
                f"arm {name!r}: {option!r}; allowed, once each, after a head with ganaug or warp:"
                f" {', '.join(f'{k}={lo:g} to {hi:g}' for k, (lo, hi) in _OPTIONS.items())}; for"
                " example ganaug@p=0.5+randaugment"
            )
        parsed[key] = value
    if "p" in parsed and ("top" in parsed or "from" in parsed):
        raise ConfigError(
            f"arm {name!r}: p is for all classes, top and from by class size; allowed: one way;"
            " leave p or the others out"
        )
    return tuple(parsed.items())


def on_best(free: str, flips: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the free arms that go on top of the best free augmentation `free`, a balanced arm.

    What it has already, such as flips or a mix, is not added again.

    Args:
        free: name of the arm, such as "balanced+randaugment".
        flips: mirroring augmentations that keep the class ("flip", "flips").

    Raises:
        ConfigError: `free` is not an arm, or not balanced.
    """
    arm = parse_arm(free)
    if not (arm.candidate and arm.balanced):
        raise ConfigError(
            f"arm {free!r}: needs to be balanced and free; allowed: such as balanced+affine"
        )
    steps = free.split("+")[1:]
    plain = "+".join(("plain", *(step for step in steps if step != "smote")))
    mixes = [] if arm.mix else ["mixup", "cutmix"]
    more = [flip for flip in flips if not {"flip", "flips"} & set(steps)]
    more += ([] if arm.view else ["standardise"]) + mixes + ([] if arm.smote else ["smote"])
    late = ("drw",) if arm.mix else ("drw", "mixup+drw")
    return (
        free,
        *(f"{free}+{step}" for step in more),
        *(f"{plain}+{step}" for step in ("weighted", "logits", *late)),
    )


@dataclass(frozen=True)
class Plan:
    """Which arms are compared.

    Attributes:
        free: the arms without a generator that may be the baseline, one or more.
        ours: the other arms that were named: with a generator, with its stand-in, or longer.
        baseline: the free arm to beat; None where it is to be chosen.
        add_ours: kind of the generator to put on top of the baseline, or None.
    """

    free: tuple[Arm, ...]
    ours: tuple[Arm, ...]
    baseline: Arm | None
    add_ours: str | None

    @property
    def size(self) -> int:
        """Number of trainings, in multiples of the usual length, whatever the baseline."""
        return len(self.free) + (1 if self.add_ours else sum(arm.longer for arm in self.ours))

    @property
    def needs_generator(self) -> bool:
        """Whether there is any arm with a generator."""
        return bool(self.add_ours) or any(not arm.free for arm in self.ours)

    def on(self, baseline: Arm) -> tuple[Arm, ...]:
        """Return the arms that cannot be the baseline; `baseline` is the strongest free arm."""
        return (baseline.on_top(self.add_ours),) if self.add_ours else self.ours


def make_plan(
    names: Sequence[str] | None,
    baseline: str,
    kind: str | None,
    refit: bool,
    losses: bool = True,
) -> Plan:
    """Settle the arms of a comparison; a free arm is always among them.

    Args:
        names: the arms, or None for `DEFAULT_FREE_ARMS` and the generator on top of the baseline.
        baseline: a free arm, or "auto".
        kind: of the generator, "variation" or "class"; None where there is none.
        refit: generators will be trained.
        losses: whether the classifier can be trained with another loss; the default arms are those
            that it can be.

    Raises:
        ConfigError: an unknown arm, none at all, or one that needs a generator where there is none.
    """
    add_ours = None
    if names is None and (kind is not None or refit):
        add_ours = kind or "variation"
    arms = [parse_arm(name) for name in (DEFAULT_FREE_ARMS if names is None else names)]
    if names is None and not losses:
        arms = [arm for arm in arms if arm.loss is None]
    if not arms:
        raise ConfigError("arms: none; allowed: one or more, such as balanced+affine; name some")
    free = [arm for arm in arms if arm.candidate]
    ours = [arm for arm in arms if not arm.candidate]
    trained = [arm for arm in ours if not arm.free]
    if trained and kind is None and not refit:
        raise ConfigError(
            f"arm {trained[0].name!r}: there is no generator; allowed: free arms; give an artifact"
        )
    given = None if baseline == "auto" else parse_arm(baseline)
    if given is not None and not given.candidate:
        raise ConfigError(
            f"baseline {baseline!r}: needs a generator or more steps; allowed: a free arm such as"
            " balanced+randaugment, or 'auto'; choose one"
        )
    if given is None and not free:
        given = ours[0].below()
    if given is not None and given not in free:
        free.insert(0, given)
    if given is None and len(free) == 1:
        given = free[0]
    return Plan(tuple(dict.fromkeys(free)), tuple(dict.fromkeys(ours)), given, add_ours)
