"""The free arms of a search for the best one, which `--arms free` and `--arms best` stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ganaug.errors import ConfigError
from ganaug.evaluation.arms import parse_arm

__all__ = ["FREE_ARMS", "on_best"]

# One augmentation each. Flips only where the classes allow it;
# `on_best` has what goes on top of the best.
FREE_ARMS = (
    "plain",
    "balanced",
    "balanced+shift",
    "balanced+affine",
    "balanced+affine+jitter",
    "balanced+elastic",
    "balanced+randaugment-5",
    "balanced+randaugment",
    "balanced+randaugment-14",
    "balanced+randaugment-20",
    "balanced+trivialaugment",
    "balanced+augmix",
    "balanced+standardise",
    "balanced+equalise",
)


def on_best(free: str, flips: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the free arms that go on top of the best free augmentation `free`, a balanced arm.

    What it has already, such as flips or a mix, is not added again.

    Args:
        free: name of the arm, such as "balanced+randaugment".
        flips: mirroring augmentations that keep the class ("flip", "flips").

    Raises:
        ConfigError: `free` is not an arm, or not balanced, or has lda.
    """
    best = parse_arm(free)
    if not (best.may_be_baseline and best.balanced) or best.lda:
        raise ConfigError(
            f"arm {free!r}: needs to be balanced and free, and without lda, which takes neither"
            " losses nor mixing; allowed: such as balanced+affine; choose one"
        )
    arms = [best]
    if not {"flip", "flips"} & set(best.augment):
        arms += [replace(best, augment=(*best.augment, flip)) for flip in flips]
    if not best.view:
        arms.append(replace(best, view="standardise"))
    if not best.mix:
        arms += [replace(best, mix=mix) for mix in ("mixup", "cutmix")]
    if not best.smote:
        arms.append(replace(best, smote=True))
    plain = replace(best, balanced=False, smote=False)
    arms += [replace(plain, loss=loss) for loss in ("weighted", "logits", "drw")]
    if not best.mix:
        arms.append(replace(plain, mix="mixup", loss="drw"))
    return tuple(arm.name for arm in arms)
