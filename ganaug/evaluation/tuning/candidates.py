"""What `tune` tries: policies, the most promising first, and the free arms below them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ganaug.artifact.policy import Policy

__all__ = ["AUGMENTED_ARMS", "Candidate", "candidates", "zero_policy"]

# Of these the better augmentation is taken; with it, a policy is judged on top of both ways to aim
# at balanced accuracy, since a gain over one of them can be a harm to the other.
AUGMENTED_ARMS = ("balanced+affine", "balanced+randaugment")
STRONG_P = 0.7  # with whole latents; the best of those tried on traffic signs
GENTLE_SCALE = 0.5  # with half of the rule's p


@dataclass(frozen=True)
class Candidate:
    """A policy that is tried, under a name for tables and files."""

    name: str
    policy: Policy

    @property
    def change(self) -> float:
        """How much it changes images of the size that it varies most: p times the scale."""
        return max(p for _, p in self.policy.p) * self.policy.scale


def candidates(counts: NDArray[np.int64], kind: str = "variation") -> tuple[Candidate, ...]:
    """Return the policies worth trying for classes of these sizes, the most promising first.

    What a variation generator does to every image becomes a mark of rare classes where these alone
    are varied; so p falls with class size for a class generator alone, which fills classes up.
    """
    rule, falling = Policy.rule(counts), Policy.falling(counts)
    seldom = replace(rule, p=tuple((n, p / 2) for n, p in rule.p))
    strong = Candidate("strong", Policy(p=((rule.p[0][0], STRONG_P),), source="rule"))
    if kind == "variation":
        gentle = Candidate("gentle", replace(seldom, scale=GENTLE_SCALE))
        return Candidate("rule", rule), gentle, strong
    tried = (Candidate("rule", rule), strong, Candidate("p-0.25", seldom))
    if len(falling.p) == 1:  # no class is rare
        return tried
    return *tried, Candidate("falling", replace(falling, scale=rule.scale))


def zero_policy(counts: NDArray[np.int64]) -> Policy:
    """Return the policy that never varies; its scale is what an arm with another p starts from."""
    return Policy(p=((int(counts[counts > 0].min()), 0.0),), scale=Policy.rule(counts).scale)
