"""`Choice` and `Settings`: how the baseline of a comparison was chosen, and what was trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["IMAGES", "Choice", "Settings"]

IMAGES = ("size", "train", "test")  # fields of `Settings`; files of before say nothing of them


@dataclass(frozen=True)
class Choice:
    """How the baseline was chosen.

    Attributes:
        rule: in words.
        balanced_accuracy: of each of them on images held out of the training part, in 0..1;
            empty where nothing was compared.
        free_arms: names of those that could be the baseline.
        longer: by arm with more steps that is not free: the free arms that it has to beat, the
            first of which is its baseline.
    """

    rule: str
    balanced_accuracy: dict[str, float] = field(default_factory=dict)
    free_arms: tuple[str, ...] = ()
    longer: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "rule": self.rule,
            "balanced_accuracy": dict(self.balanced_accuracy),
            "candidates": list(self.free_arms),
            "longer": {name: list(free) for name, free in self.longer.items()},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Choice:
        """Return the choice that `to_dict` gave; files of before lack what they do not say."""
        names = tuple(values.get("candidates", ()))
        longer = {name: tuple(free) for name, free in values.get("longer", {}).items()}
        return cls(values["rule"], dict(values["balanced_accuracy"]), names, longer)


@dataclass(frozen=True)
class Settings:
    """What was trained, and how; None where an older file does not say.

    Attributes:
        classifier: its name.
        steps, batch: of the classifier's training.
        artifact: first 16 digits of the generator's hash; None where generators were trained.
        refit: what new generators were fitted with, or None.
        tuned: each new generator learned its policy.
        quick: a quick look.
        device: "cpu" or "cuda".
        folders: first 16 digits of the hash of each folder's images; None where no arm has one.
        spoiled: arms whose generator was trained on test images, which so never help; None where
            there are none.
        size: height, width and channels of the images.
        train: first 16 digits of the fingerprint of the images that were trained on, or, with new
            generators, drawn from; None for draws of one's own.
        test: the same of those that were judged on, in their order: intervals pair them by it.
    """

    classifier: str | None = None
    steps: int | None = None
    batch: int | None = None
    artifact: str | None = None
    refit: dict[str, Any] | None = None
    tuned: bool | None = None
    quick: bool | None = None
    device: str | None = None
    folders: dict[str, str] | None = None
    spoiled: list[str] | None = None
    size: list[int] | None = None
    train: str | None = None
    test: str | None = None
