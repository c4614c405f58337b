"""What `tune` found: the policy with its evidence, and the table that is printed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from ganaug._version import __version__
from ganaug.artifact.format import Metadata
from ganaug.artifact.policy import Policy
from ganaug.evaluation.tuning.candidates import zero_policy
from ganaug.evaluation.tuning.decision import BOUND_LEVEL, HARM, Decision
from ganaug.evaluation.tuning.rarity import Simulation
from ganaug.images import ImageSet

__all__ = ["OWN_P", "TuneReport", "build_report", "not_tried"]

OWN_P = "plain+randaugment+logits,ganaug-plain@p=0.5+randaugment+logits"  # arms
INSTEAD = f"add images, or judge a p of your own: ganaug evaluate FILE SOURCE --arms {OWN_P}"
LONGER = "a longer training mostly gains less"


@dataclass(frozen=True)
class TuneReport:
    """What `tune` found; `print` shows it, `to_dict` gives JSON values.

    Attributes:
        policy: what was written into the artifact, with all of the evidence.
        reason: why, in a line.
        gain: what the policy is expected to add to balanced accuracy, in -1..1, the mean over the
            free arms it was judged on; None where nothing could be measured.
        low: lower bound of `gain`.
    """

    policy: Policy
    reason: str
    gain: float | None
    low: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {**asdict(self), "policy": self.policy.to_dict()}

    def __str__(self) -> str:
        evidence = self.policy.evidence or {}
        lines = []
        if evidence.get("candidates"):
            lines = [
                f"{'policy':<16}  {'gain':>5}  {'rare':>5}  {'frequent':>8}  by repetition",
                f"{'-' * 16}  {'-' * 5}  {'-' * 5}  {'-' * 8}  {'-' * 18}",
            ]
            for row in evidence["candidates"]:
                numbers = "  ".join(f"{100 * g:+.1f}" for g in row["by_repetition"])
                lines.append(
                    f"{row['name']:<16}  {100 * row['gain']:+5.1f}  {100 * row['rare']:+5.1f}"
                    f"  {100 * row['frequent']:+8.1f}  {numbers}"
                )
                if len(row["by_free_arm"]) > 1:
                    lines += [
                        f"{'':<16}  {100 * gain:+5.1f}  on top of {arm}"
                        for arm, gain in row["by_free_arm"].items()
                    ]
            longer = "far fewer than usual" if evidence.get("cut_short") else LONGER
            lines += [
                f"{evidence['method']}, on top of {' and '.join(evidence['free_arms'])}",
                f"points of balanced accuracy after {evidence['budget']['classifier_steps']} steps"
                f" of each classifier; {longer}",
            ]
        if left_out := not_tried(evidence):
            lines.append(left_out)
        return "\n".join([*lines, f"policy: {self.policy}", self.reason])


def not_tried(evidence: Mapping[str, Any]) -> str:
    """Return which candidates the budget left out and what would try them; "" where none were.

    Where trainings were cut short the advice is to leave that out, which tries others, too.
    """
    names, budget = evidence.get("not_tried"), evidence.get("budget")
    if not isinstance(names, list) or not names or not isinstance(budget, Mapping):
        return ""
    named = f"not tried within the budget: {', '.join(map(str, names))}"
    if evidence.get("cut_short"):
        return named
    return (
        f"{named}; for all candidates add --steps"
        f" {budget.get('classifier_steps')} --fit-steps {budget.get('fit_steps')} to ganaug tune"
    )


def build_report(
    metadata: Metadata,
    simulation: Simulation,
    decision: Decision | None,
    seed: int,
    settings: Mapping[str, Any],
    images: ImageSet,
) -> TuneReport:
    """Put what was found into a policy with its evidence."""
    reason = simulation.reason if decision is None else decision.reason
    if decision is None:
        reason = f"nothing to measure on; policy is 0 ({reason}); {INSTEAD}"
    policy = zero_policy(images.counts) if decision is None else decision.policy
    if cut := settings.get("cut_short"):
        reason += f"; {cut}"
        if policy.never:
            reason += ", where any policy looks bad"
    evidence = {
        "method": simulation.method,
        "reason": reason,
        "simulation": simulation.reason,
        "gain": None if decision is None else round(decision.gain, 5),
        "low": None if decision is None else round(decision.low, 5),
        "level": BOUND_LEVEL,
        "harm": HARM,
        "chosen": decision.chosen.name if decision and decision.chosen else None,
        "candidates": [] if decision is None else [asdict(each) for each in decision.table],
        "repetitions": [
            {
                "cut": {images.classes[label]: sizes for label, sizes in part.cut.items()},
                "trained_on": len(part.train),
                "judged_on": len(part.judged),
            }
            for part in simulation.repetitions
        ],
        "fingerprint": metadata.fingerprint,
        "seed": seed,
        "versions": {"ganaug": __version__, "torch": torch.__version__},
        **settings,
    }
    policy = replace(policy, source="tune", evidence=json.loads(json.dumps(evidence)))
    return TuneReport(
        policy,
        reason,
        None if decision is None else decision.gain,
        None if decision is None else decision.low,
    )
