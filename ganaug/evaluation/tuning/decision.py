"""Which policy: the candidates, what they gained in each repetition, and the rule that decides.

The rule stands before a user's numbers are seen. Classes weigh n / (n + 50) for n judged images,
and rare and frequent ones as in the data. The candidate is chosen by its mean over repetitions; of
those level with the best it is the one that changes images least. What the choice is worth, the
expected gain, is estimated on the repetition that had no part in it. The candidate is taken where

1. the expected gain is above 0;
2. on top of no free arm a point or more was lost;
3. the lower bound of the gain rules out a harm of a point or more;
4. rare classes gained;
5. frequent classes do not pay: no loss of a point or more whose own bound lies above 0.

Else p is 0. In cross-fitting, p is also 0 for classes under half of the smallest size judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganaug.artifact.policy import Policy
from ganaug.evaluation.classifiers.interface import Outcome
from ganaug.evaluation.tuning.candidates import Candidate, zero_policy
from ganaug.evaluation.tuning.rarity import Simulation
from ganaug.randomness import stream

__all__ = ["BOUND_LEVEL", "HARM", "CandidateResult", "Decision", "choose", "decide", "score"]

BOUND_LEVEL = 0.85  # of the one-sided bound
HARM = 0.01  # of balanced accuracy; to lose more must be unlikely
DRAWS = 2000
HALF_WEIGHT = 50  # judged images at which a class has half of the weight of one with very many


@dataclass(frozen=True)
class CandidateResult:
    """What one candidate gained: weighted recall over classes, the mean over the free arms.

    Attributes:
        name, p, scale: of the candidate.
        gain: rare and frequent classes with the share that they have in the data.
        rare, frequent: of these classes alone.
        by_repetition: the gain in each.
        by_size: of up to three parts of the rare classes by size: sizes in training, classes, gain.
        by_free_arm: the gain on top of each.
    """

    name: str
    p: list[list[float]]
    scale: float
    gain: float
    rare: float
    frequent: float
    by_repetition: list[float]
    by_size: list[dict[str, Any]]
    by_free_arm: dict[str, float]


@dataclass(frozen=True)
class Decision:
    """What the rule says.

    Attributes:
        chosen: the candidate taken, or None.
        policy: its policy, without the sizes that could not be judged; p = 0 where none is taken.
        reason: in a line.
        gain: what choosing is worth in balanced accuracy, the mean over the free arms, each
            repetition judged with the candidate that the other two chose.
        low: lower bound of `gain`.
        table: what each candidate gained.
    """

    chosen: Candidate | None
    policy: Policy
    reason: str
    gain: float
    low: float
    table: list[CandidateResult]


@dataclass(frozen=True, eq=False)
class _Seen:
    """One class in one repetition, `size` images in training: paired differences by unit."""

    repetition: int
    label: int
    size: int
    rare: bool
    sums: NDArray[Any]
    sizes: NDArray[np.float64]

    @cached_property
    def mean(self) -> float:
        return float(self.sums.sum() / self.sizes.sum())

    @cached_property
    def weight(self) -> float:
        n = float(self.sizes.sum())
        return n / (n + HALF_WEIGHT)


def score(simulation: Simulation, repetition: int, outcome: Outcome) -> float:
    """Return the weighted recall of a repetition, rare and frequent classes as in the data."""
    judged = simulation.repetitions[repetition].judged
    correct = (outcome.predicted == judged.labels).astype(np.float64)
    return _gain(_seen(simulation, repetition, correct), simulation.rare_share)


def decide(
    simulation: Simulation,
    tried: Sequence[Candidate],
    outcomes: Mapping[tuple[str, int, str], Outcome],
    free: Mapping[tuple[str, int], Outcome],
    counts: NDArray[np.int64],
) -> Decision:
    """Apply the rule.

    Args:
        simulation: what was judged on.
        tried: the candidates.
        outcomes: by (name of the free arm below, number of the repetition, name of the candidate).
        free: by (name of the free arm, number of the repetition).
        counts: int64 [classes], training images of the real data.
    """
    numbers = range(len(simulation.repetitions))
    free_arms = list(dict.fromkeys(arm for arm, _ in free))
    share = simulation.rare_share
    seen = _differences(simulation, tried, outcomes, free, free_arms)
    alone = {arm: _differences(simulation, tried, outcomes, free, [arm]) for arm in free_arms}
    gains = np.array([[_gain(seen[r, each.name], share) for r in numbers] for each in tried])
    fair = [choose(tried, gains, without=r).name for r in numbers]
    gain, low = _gain(_all(seen, fair), share), _lower_bound(_all(seen, fair), share)
    chosen = choose(tried, gains)
    taken = [chosen.name for _ in numbers]
    by_arm = {
        arm: min(_gain(_all(alone[arm], names), share) for names in (fair, taken))
        for arm in free_arms
    }
    worst = min(free_arms, key=lambda arm: by_arm[arm])
    everything = _all(seen, taken)
    rare = _mean([s for s in everything if s.rare])
    lost = [replace(s, sums=-s.sums) for s in everything if not s.rare]
    table = []
    for each in tried:
        names = [each.name for _ in numbers]
        by_free_arm = {arm: _gain(_all(alone[arm], names), share) for arm in free_arms}
        table.append(_result(each, _all(seen, names), share, by_free_arm))

    def none(reason: str) -> Decision:
        return Decision(None, zero_policy(counts), reason, gain, low, table)

    bound = f"expected gain {100 * gain:+.1f} points, lower bound {100 * low:+.1f}"
    if not gain > 0:
        return none(f"no benefit found; policy is 0 ({bound})")
    if not by_arm[worst] > -HARM:
        return none(
            f"a harm of {-100 * by_arm[worst]:.1f} points on top of {worst}; policy is 0 ({bound})"
        )
    if not low > -HARM:
        return none(f"a harm of a point or more cannot be ruled out; policy is 0 ({bound})")
    if not rare > 0:
        return none(f"no benefit found for rare classes; policy is 0 ({bound})")
    if _mean(lost) >= HARM and _lower_bound(lost, share) > 0:  # the same bound, of the loss
        return none(f"frequent classes lose {100 * _mean(lost):.1f} points; policy is 0 ({bound})")
    policy, reason = chosen.policy, f"{chosen.name} is taken ({bound})"
    known = -(-min(s.size for s in everything) // 2)
    if simulation.method == "cross-fitting" and counts[counts > 0].min() < known:
        policy = _from(policy, known)
        reason += f"; 0 below {known} images, half of the smallest class judged"
    return Decision(chosen, policy, reason, gain, low, table)


def choose(
    tried: Sequence[Candidate], gains: NDArray[np.float64], without: int | None = None
) -> Candidate:
    """Return the candidate that changes least of those level with the best.

    That is, behind it in `gains` [candidates, repetitions] by at most one standard error of their
    paired difference (the rule of Breiman et al., CART, 1984).
    """
    kept = gains[:, [r for r in range(gains.shape[1]) if r != without]]
    behind = kept[kept.mean(1).argmax()] - kept
    error = behind.std(1, ddof=1) / np.sqrt(kept.shape[1])
    level = [each for each, near in zip(tried, behind.mean(1) <= error, strict=True) if near]
    return min(level, key=lambda each: each.change)


def _from(policy: Policy, size: int) -> Policy:
    """Return `policy` with p = 0 for classes of fewer than `size` images."""
    points = [point for point in policy.p if point[0] > size]
    at = float(policy.probability([size])[0])
    return replace(policy, p=((size - 1, 0.0), (size, at), *points))


def _seen(simulation: Simulation, repetition: int, values: NDArray[np.float64]) -> list[_Seen]:
    part = simulation.repetitions[repetition]
    judged = part.judged
    unit = judged.units
    found = []
    for label in np.flatnonzero(judged.counts):
        rows = np.flatnonzero(judged.labels == label)
        _, local = np.unique(unit[rows], return_inverse=True)
        found.append(
            _Seen(
                repetition,
                int(label),
                int(part.train.counts[label]),
                bool(part.rare[label]),
                sums=np.bincount(local, weights=values[rows]),
                sizes=np.bincount(local).astype(np.float64),
            )
        )
    return found


def _differences(
    simulation: Simulation,
    tried: Sequence[Candidate],
    outcomes: Mapping[tuple[str, int, str], Outcome],
    free: Mapping[tuple[str, int], Outcome],
    arms: Sequence[str],
) -> dict[tuple[int, str], list[_Seen]]:
    """By (repetition, candidate): what it adds to each image, the mean over the free `arms`."""
    found = {}
    for part in simulation.repetitions:
        r, labels = part.number, part.judged.labels
        without = [free[arm, r].predicted == labels for arm in arms]
        for each in tried:
            ours = [outcomes[arm, r, each.name].predicted == labels for arm in arms]
            found[r, each.name] = _seen(simulation, r, np.mean(ours, 0) - np.mean(without, 0))
    return found


def _all(seen: Mapping[tuple[int, str], list[_Seen]], names: Sequence[str]) -> list[_Seen]:
    """What is seen in all repetitions, of the candidate that `names` has for each."""
    return [s for r, name in enumerate(names) for s in seen[r, name]]


def _mean(seen: Sequence[_Seen]) -> float:
    """Return the mean over repetitions of the weighted mean over classes; 0 without any."""
    by_repetition: dict[int, list[_Seen]] = {}
    for each in seen:
        by_repetition.setdefault(each.repetition, []).append(each)
    means = [
        np.average([s.mean for s in group], weights=[s.weight for s in group])
        for group in by_repetition.values()
    ]
    return float(np.mean(means)) if means else 0.0


def _gain(seen: Sequence[_Seen], rare_share: float) -> float:
    """Return the mean, rare and frequent classes with the share that they have in the data."""
    rare, frequent = [s for s in seen if s.rare], [s for s in seen if not s.rare]
    share = rare_share if rare and frequent else float(bool(rare))
    return share * _mean(rare) + (1 - share) * _mean(frequent)


def _lower_bound(seen: Sequence[_Seen], rare_share: float) -> float:
    """Return the one-sided bound of `_gain`: bootstrap over repetitions, classes and units."""
    rng = stream(0, "tune/bootstrap")
    numbers = sorted({s.repetition for s in seen})
    picks = rng.choice(numbers, size=(DRAWS, len(numbers)))
    parts = []
    for rare in (True, False):
        side = [s for s in seen if s.rare == rare]
        if not side:
            continue
        slots = np.full(picks.shape, np.nan)
        for number in numbers:
            group = [s for s in side if s.repetition == number]
            if not group:
                continue
            means = np.stack([_resampled(s, rng) for s in group], 1)
            weights = np.array([s.weight for s in group])
            for slot in range(picks.shape[1]):
                rows = np.flatnonzero(picks[:, slot] == number)
                drawn = rng.integers(len(group), size=(len(rows), len(group)))
                values = np.take_along_axis(means[rows], drawn, 1)
                slots[rows, slot] = (values * weights[drawn]).sum(1) / weights[drawn].sum(1)
        known = ~np.isnan(slots)
        mean = np.where(known, slots, 0).sum(1) / np.maximum(known.sum(1), 1)
        parts.append((rare, mean))
    if len(parts) == 1:
        total = parts[0][1]
    else:
        total = sum((rare_share if rare else 1 - rare_share) * mean for rare, mean in parts)
    return float(np.quantile(total, 1 - BOUND_LEVEL))


def _resampled(seen: _Seen, rng: np.random.Generator) -> NDArray[np.float64]:
    """float64 [DRAWS]: the mean of one class on resampled units."""
    drawn = rng.integers(len(seen.sizes), size=(DRAWS, len(seen.sizes)))
    sums: NDArray[np.float64] = seen.sums.take(drawn).sum(1)
    if np.ptp(seen.sizes) == 0:  # the same sum, in less time
        return sums / (seen.sizes[0] * len(seen.sizes))
    return sums / seen.sizes.take(drawn).sum(1)


def _result(
    candidate: Candidate,
    seen: Sequence[_Seen],
    rare_share: float,
    by_free_arm: dict[str, float],
) -> CandidateResult:
    numbers = sorted({s.repetition for s in seen})
    by_size = sorted((s for s in seen if s.rare), key=lambda s: s.size)
    thirds = np.array_split(np.arange(len(by_size)), min(3, len(by_size)))
    return CandidateResult(
        name=candidate.name,
        p=[list(point) for point in candidate.policy.p],
        scale=candidate.policy.scale,
        gain=_gain(seen, rare_share),
        rare=_mean([s for s in seen if s.rare]),
        frequent=_mean([s for s in seen if not s.rare]),
        by_repetition=[_gain([s for s in seen if s.repetition == r], rare_share) for r in numbers],
        by_size=[
            {
                "sizes": [by_size[part[0]].size, by_size[part[-1]].size],
                "classes": len(part),
                "gain": _mean([by_size[i] for i in part]),
            }
            for part in thirds
        ],
        by_free_arm=by_free_arm,
    )
