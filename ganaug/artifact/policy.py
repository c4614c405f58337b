"""`Policy`: how often images of a class are varied, by how many images the class has."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganaug.errors import ConfigError
from ganaug.values import is_number, printable, shown

__all__ = ["MOST_SCALE", "RARE", "Policy"]

MOST_SCALE = 1000  # of the latents
RARE = 0.6  # of the images of the largest class: below it a class counts as rare


@dataclass(frozen=True)
class Policy:
    """How often images of a class are varied, as a function of how many images the class has.

    Attributes:
        p: points (images of a class, probability in 0..1), counts rising; linear between the
            points, constant beyond the first and the last.
        scale: factor on the latents, above 0, at most 1000.
        filter: None; version 1 of the format knows no filter.
        source: where the policy comes from: "rule", or what measured it.
        evidence: what was measured, or None.

    Raises:
        ConfigError: a value is out of its range.

    Examples:
        >>> Policy(p=((10, 0.5), (110, 0.0))).probability([5, 60, 200]).tolist()
        [0.5, 0.25, 0.0]
    """

    p: tuple[tuple[float, float], ...]
    scale: float = 1.0
    filter: None = None
    source: str = "user"
    evidence: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        points = self.p
        if not isinstance(points, (list, tuple)) or not points:
            raise ConfigError(
                f"policy p: {shown(points)}; allowed: a list of one or more pairs"
                " [images, probability]"
            )
        for point in points:
            if (
                not isinstance(point, (list, tuple))
                or len(point) != 2
                or not all(is_number(number) for number in point)
                or point[0] < 0
                or not 0 <= point[1] <= 1
            ):
                raise ConfigError(
                    f"policy p: {shown(point)}; allowed: [images, probability], images from 0 up"
                    " and the probability from 0 to 1"
                )
        counts = [point[0] for point in points]
        if any(after <= before for before, after in pairwise(counts)):
            raise ConfigError(
                f"policy p: image counts {shown(counts)}; allowed: rising counts; sort the points"
                " and name each count once"
            )
        if not is_number(self.scale) or not 0 < self.scale <= MOST_SCALE:
            raise ConfigError(
                f"policy scale: {shown(self.scale)}; allowed: a number above 0, at most"
                f" {MOST_SCALE:,}; 1 is the scale that was trained"
            )
        if self.filter is not None:
            raise ConfigError(
                f"policy filter: {shown(self.filter)}; allowed: null; a newer ganaug wrote it,"
                " upgrade with: pip install --upgrade ganaug"
            )
        if not isinstance(self.source, str):
            raise ConfigError(f"policy source: {shown(self.source)}; allowed: text")
        if not isinstance(self.evidence, (dict, type(None))):
            raise ConfigError(
                f"policy evidence: {shown(self.evidence)}; allowed: an object or null"
            )
        object.__setattr__(self, "p", tuple((point[0], point[1]) for point in points))

    def probability(self, counts: ArrayLike) -> NDArray[np.float64]:
        """Return the probability in 0..1 for classes with `counts` images, in the shape given."""
        images, probabilities = zip(*self.p, strict=True)
        return np.asarray(np.interp(np.asarray(counts, np.float64), images, probabilities))

    @property
    def never(self) -> bool:
        """Whether no image is varied, whatever its class."""
        return not any(p for _, p in self.p)

    @property
    def unmeasured(self) -> bool:
        """Whether `tune` had too few images to measure anything on; the evidence says why."""
        return self.source == "tune" and (self.evidence or {}).get("method") == "none"

    def __str__(self) -> str:
        """How often to vary, and who says so, in words: those of every command and report."""
        if self.never:
            often = "never (p 0)"
        elif len({p for _, p in self.p}) == 1:
            often = f"p {self.p[0][1]:.2g} for every class"
        else:
            points = ", ".join(f"{p:.2g} at {count:g} images" for count, p in self.p)
            often = f"p {points}"
        if self.scale != 1 and not self.never:
            often += f", latents times {self.scale:g}"
        learnt = "not measured: too few images" if self.unmeasured else "learnt by tune"
        told = {"tune": learnt, "rule": "from a rule, not measured"}
        return f"{often}; {told.get(self.source, printable(self.source))}"

    @classmethod
    def rule(cls, counts: ArrayLike) -> Policy:
        """Return the policy for classes with `counts` images where nothing has been measured.

        The probability is 0.5 for all of them, and latents are multiplied by 0.7: fewer variations
        go too far. Where rare classes alone are varied, what a generator does to every image
        becomes a mark of rare classes, and classifiers learn it.
        """
        return cls(p=((_ends(counts)[0], 0.5),), scale=0.7, source="rule")

    @classmethod
    def falling(cls, counts: ArrayLike, top: float = 0.7, start: float = RARE) -> Policy:
        """Return a policy that varies the classes with few of `counts` images most.

        The probability rises linearly as the count falls, from 0 at `start` times the largest class
        to `top` at the smallest one (generative invariance transfer, Zhou et al., ICLR 2022,
        arXiv 2203.09739). Where no class is that rare, it is `top` for all. Classes without images
        do not count.
        """
        smallest, largest = _ends(counts)
        border = round(start * largest, 9)  # 120 where the product is 119.99999999999999
        if smallest >= border:
            return cls(p=((smallest, top),))
        return cls(p=((smallest, top), (border, 0.0)))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Policy:
        """Return the policy that `to_dict` gave; unknown fields are ignored.

        Raises:
            ConfigError: `p` is missing, or a value is out of its range.
        """
        if not isinstance(values, dict):
            raise ConfigError(f"policy: {shown(values)}; allowed: an object with the field p")
        if "p" not in values:
            raise ConfigError("policy: p is missing; allowed: pairs [images, probability]")
        return cls(**{f.name: values[f.name] for f in fields(cls) if f.name in values})

    def to_dict(self) -> dict[str, Any]:
        """Return the policy as a dict of JSON values."""
        return {**asdict(self), "p": [list(point) for point in self.p]}


def _ends(counts: ArrayLike) -> tuple[int, int]:
    """Return the smallest and the largest of `counts`, but for zeros; 0 without any."""
    present = np.asarray(counts, np.int64).ravel()
    present = present[present > 0]
    return (int(present.min()), int(present.max())) if present.size else (0, 0)
