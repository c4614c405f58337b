"""The rule of `tune`: a planted gain is taken, a planted harm refused, of frequent classes too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from test_rarity import LONG_TAIL, NEAR_THE_BORDER, points

from ganaug.artifact.policy import Policy
from ganaug.evaluation.classifiers.interface import Outcome
from ganaug.evaluation.tuning.candidates import Candidate, candidates, zero_policy
from ganaug.evaluation.tuning.decision import HARM, Decision, choose, decide, score
from ganaug.evaluation.tuning.rarity import Simulation, simulate

COUNTS = np.array(LONG_TAIL)
ARM = "balanced+affine"
WRONG = {False: 0.05, True: 0.2}  # of the free arm, by whether the class is rare


def outcome(labels: NDArray[np.int64], correct: NDArray[np.bool_]) -> Outcome:
    predicted = np.where(correct, labels, (labels + 1) % len(COUNTS))
    return Outcome(np.eye(len(COUNTS), dtype=np.float16)[predicted], 0.0)


Outcomes = tuple[dict[tuple[str, int, str], Outcome], dict[tuple[str, int], Outcome]]


def classified(
    simulation: Simulation,
    tried: Sequence[Candidate],
    rare: Sequence[float],
    frequent: Sequence[float],
    seed: int = 0,
    arm: str = ARM,
) -> Outcomes:
    """Outcomes in which each candidate gains `rare` and `frequent` points of recall over `arm`.

    A class of a repetition scatters by 2 points (rare) and 0.7 (frequent) around that, and one
    image in twenty changes sides for no reason.
    """
    rng = np.random.default_rng(seed)
    outcomes: dict[tuple[str, int, str], Outcome] = {}
    free: dict[tuple[str, int], Outcome] = {}
    for part in simulation.repetitions:
        labels = part.judged.labels
        is_rare = part.rare
        wrong = np.where(is_rare, WRONG[True], WRONG[False])[labels]
        right = rng.random(len(labels)) >= wrong
        free[arm, part.number] = outcome(labels, right)
        scatter = rng.normal(0, 1, len(COUNTS)) * np.where(is_rare, 2, 0.7)
        for k, each in enumerate(tried):
            effect = (np.where(is_rare, rare[k], frequent[k]) + scatter)[labels] / 100
            mended = np.clip(0.025 + effect / 2, 0, wrong) / wrong
            spoilt = np.clip(0.025 - effect / 2, 0, 1) / (1 - wrong)
            luck = rng.random(len(labels))
            outcomes[arm, part.number, each.name] = outcome(
                labels, np.where(right, luck >= spoilt, luck < mended)
            )
    return outcomes, free


def planted(
    simulation: Simulation,
    tried: Sequence[Candidate],
    rare: Sequence[float],
    frequent: Sequence[float],
    seed: int = 0,
) -> Decision:
    """Decide on `classified`, over one free arm."""
    return decide(simulation, tried, *classified(simulation, tried, rare, frequent, seed), COUNTS)


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return simulate(points(LONG_TAIL), seed=0)


@pytest.fixture(scope="module")
def tried() -> tuple[Candidate, ...]:
    return candidates(COUNTS)


def test_the_candidates() -> None:
    p = {each.name: each.policy.probability([5, 30, 120, 200]) for each in candidates(COUNTS)}
    assert p["rule"].tolist() == [0.5] * 4
    assert p["gentle"] == pytest.approx([0.25] * 4)
    assert p["strong"].tolist() == [0.7] * 4
    assert [each.policy.scale for each in candidates(COUNTS)] == [0.7, 0.5, 1]
    assert [each.change for each in candidates(COUNTS)] == pytest.approx([0.35, 0.125, 0.7])
    even = candidates(np.array([40, 40, 0, 41]), "class")
    assert [each.policy.probability([1]).item() for each in even] == [0.5, 0.7, 0.25]


def test_a_class_generator_can_fill_up_rare_classes_alone() -> None:
    rule, strong, seldom, falling = candidates(COUNTS, "class")
    assert (rule, strong) == (candidates(COUNTS)[0], candidates(COUNTS)[2])
    assert seldom.policy.probability([5, 200]) == pytest.approx([0.25] * 2)
    assert (seldom.policy.scale, falling.change) == (0.7, pytest.approx(0.49))
    p = falling.policy.probability([5, 30, 120, 200])
    assert p == pytest.approx([0.7, 0.5478, 0, 0], abs=1e-3)
    assert falling.policy.scale == 0.7


def test_a_clear_gain_of_rare_classes_is_taken(
    simulation: Simulation, tried: tuple[Candidate, ...]
) -> None:
    decision = planted(simulation, tried, rare=(12, 4, 1), frequent=(1, 0, 0))
    assert decision.chosen == tried[0]
    assert decision.policy == tried[0].policy
    assert 0 < decision.low < decision.gain < 0.1
    assert decision.reason.startswith("rule is taken (expected gain +")
    rule, gentle, strong = decision.table
    assert rule.rare > gentle.rare > strong.rare
    assert len(rule.by_repetition) == 3
    assert [row["sizes"][0] for row in rule.by_size] == sorted(
        row["sizes"][0] for row in rule.by_size
    )


def test_a_harm_is_refused_and_the_answer_is_0(
    simulation: Simulation, tried: tuple[Candidate, ...]
) -> None:
    decision = planted(simulation, tried, rare=(-6, -3, -8), frequent=(0, 0, -1))
    assert decision.chosen is None
    assert decision.policy == zero_policy(COUNTS) == Policy(p=((5, 0.0),), scale=0.7)
    assert decision.reason.startswith("no benefit found; policy is 0 (expected gain -")
    assert decision.low < decision.gain < 0


@pytest.mark.parametrize(
    ("balanced", "adjusted", "reason"),
    [
        (6, 6, "rule is taken"),
        (6, 0, "rule is taken"),
        (10, -6, "a harm of "),
        (-6, 10, "a harm of "),
        (4, -7, "no benefit found"),
    ],
)
def test_a_policy_may_harm_neither_of_two_free_arms(
    simulation: Simulation, balanced: float, adjusted: float, reason: str
) -> None:
    tried = candidates(COUNTS)[:1]
    outcomes, free = classified(simulation, tried, (balanced,), (0.5 * balanced,))
    others = classified(simulation, tried, (adjusted,), (0.5 * adjusted,), seed=1, arm="logits")
    decision = decide(simulation, tried, outcomes | others[0], free | others[1], COUNTS)
    assert decision.reason.startswith(reason)
    (row,) = decision.table
    assert list(row.by_free_arm) == [ARM, "logits"]
    assert np.mean([*row.by_free_arm.values()]) == pytest.approx(row.gain)
    alone = [decide(simulation, tried, *each, COUNTS) for each in ((outcomes, free), others)]
    assert decision.gain == pytest.approx(np.mean([each.gain for each in alone]))
    assert min(each.low for each in alone) < decision.low < decision.gain
    if reason == "a harm of ":
        harmed = ARM if balanced < 0 else "logits"
        assert f" points on top of {harmed}; policy is 0 (expected gain +" in decision.reason


def test_what_is_written_may_harm_neither_arm_even_where_the_others_choose_differently(
    simulation: Simulation,
) -> None:
    """The estimate is made of two candidates; the one that is written harms an arm by itself."""
    rule, _, strong = candidates(COUNTS)
    tried = (rule, strong)
    gains = {
        ARM: {"rule": (0.03, 0.03, 0.03), "strong": (0.16, 0.16, 0.045)},
        "logits": {"rule": (0.01, 0.01, 0.01), "strong": (-0.03, -0.03, -0.03)},
    }
    free, outcomes = {}, {}
    for part in simulation.repetitions:
        labels, r = part.judged.labels, part.number
        same = labels[:, None] == labels
        rank = np.tril(same).sum(1) / same.sum(1)
        for arm, by_name in gains.items():
            free[arm, r] = outcome(labels, rank <= 0.6)
            for name, effects in by_name.items():
                outcomes[arm, r, name] = outcome(labels, rank <= 0.6 + effects[r])
    decision = decide(simulation, tried, outcomes, free, COUNTS)
    row = decision.table[1]
    assert row.by_free_arm["logits"] < -HARM < 0 < decision.gain
    assert max(decision.table, key=lambda row: row.gain) is row
    assert decision.chosen is None
    lost = -100 * row.by_free_arm["logits"]
    assert decision.reason.startswith(f"a harm of {lost:.1f} points on top of logits; policy is 0")


def test_the_same_predictions_are_no_benefit(
    simulation: Simulation, tried: tuple[Candidate, ...]
) -> None:
    free = {
        (ARM, part.number): outcome(part.judged.labels, part.judged.keys % 3 > 0)
        for part in simulation.repetitions
    }
    same = {(ARM, r, each.name): free[ARM, r] for _, r in free for each in tried}
    decision = decide(simulation, tried, same, free, COUNTS)
    assert (decision.gain, decision.low, decision.chosen) == (0, 0, None)


def test_frequent_classes_may_not_pay_for_rare_ones(simulation: Simulation) -> None:
    tried = candidates(COUNTS)[:1]
    decision = planted(simulation, tried, rare=(12,), frequent=(-3,))
    (row,) = decision.table
    assert decision.low > 0
    assert row.rare > 0.09
    assert row.frequent < -HARM
    lost = f"frequent classes lose {-100 * row.frequent:.1f} points; policy is 0 (expected "
    assert decision.reason.startswith(lost)
    assert decision.policy == zero_policy(COUNTS)

    def kept(points: float) -> int:
        made = [planted(simulation, tried, (12,), (points,), seed=s) for s in range(24)]
        return sum(decision.chosen is not None for decision in made)

    assert kept(0) >= 20
    assert kept(-5) <= 3


def test_frequent_classes_of_which_a_fifth_is_reserved_do_not_count_as_rare() -> None:
    counts = np.array(NEAR_THE_BORDER)
    simulation, tried = simulate(points(NEAR_THE_BORDER), seed=0), candidates(counts)[:1]
    outcomes = classified(simulation, tried, rare=(12,), frequent=(-3,))
    decision = decide(simulation, tried, *outcomes, counts)
    (row,) = decision.table
    assert row.rare > 0.09
    assert row.frequent == pytest.approx(-0.03, abs=0.01)
    assert decision.chosen is None
    assert all(low <= high <= 120 for low, high in (part["sizes"] for part in row.by_size))


def test_a_gain_of_frequent_classes_alone_is_not_taken(simulation: Simulation) -> None:
    """One rare image in fifty is lost, and every error among the frequent classes mended."""
    tried = candidates(COUNTS)[:1]
    free, outcomes = {}, {}
    for part in simulation.repetitions:
        labels, key = part.judged.labels, np.arange(len(part.judged))
        rare = part.rare[labels]
        free[ARM, part.number] = outcome(labels, rare | (key % 10 > 0))
        outcomes[ARM, part.number, tried[0].name] = outcome(labels, ~rare | (key % 50 > 0))
    decision = decide(simulation, tried, outcomes, free, COUNTS)
    assert decision.low > 0
    assert decision.reason.startswith("no benefit found for rare classes; policy is 0")
    assert not decision.policy.probability(COUNTS).any()


def test_a_small_gain_that_scatters_is_refused_where_it_may_be_a_harm(
    simulation: Simulation, tried: tuple[Candidate, ...]
) -> None:
    decision = planted(simulation, tried, rare=(1.5, 1.5, 1.5), frequent=(0.5, 0.5, 0.5))
    assert decision.gain > 0
    assert decision.low < -HARM
    assert decision.chosen is None
    assert decision.reason.startswith("a harm of a point or more cannot be ruled out; policy is 0")


def test_3_points_are_kept_1_mostly_and_a_harm_of_1_is_nearly_always_refused(
    simulation: Simulation, tried: tuple[Candidate, ...]
) -> None:
    """Among ten classes, two of them cut at a time; half of the classes count as rare."""

    def kept(points: float) -> float:
        gains = ((1.5 * points,) * 3, (0.5 * points,) * 3)
        return float(
            np.mean(
                [planted(simulation, tried, *gains, seed=s).chosen is not None for s in range(96)]
            )
        )

    assert kept(3) >= 0.95
    assert kept(1) >= 0.5
    assert kept(0) <= 0.25
    assert kept(-1) <= 0.05


def test_two_free_arms_keep_more_and_refuse_a_harm_of_1_as_well(
    simulation: Simulation, tried: tuple[Candidate, ...]
) -> None:
    """The same effect on top of both, the classes scattering independently."""

    def kept(points: float) -> float:
        gains = ((1.5 * points,) * 3, (0.5 * points,) * 3)
        taken = []
        for seed in range(96):
            outcomes, free = classified(simulation, tried, *gains, seed=seed)
            others = classified(simulation, tried, *gains, seed=1000 + seed, arm="logits")
            decision = decide(simulation, tried, outcomes | others[0], free | others[1], COUNTS)
            taken.append(decision.chosen is not None)
        return float(np.mean(taken))

    assert kept(3) >= 0.95
    assert kept(1) >= 0.7
    assert kept(0) <= 0.4
    assert kept(-1) <= 0.05


def test_of_candidates_that_are_level_the_one_that_changes_least_is_taken(
    simulation: Simulation,
) -> None:
    """First what `tune` found on a draw of x-sdd: gains by repetition of four candidates."""
    tried = candidates(COUNTS, "class")
    gains = np.array([[4.8, 1.4, 0.9], [4.2, 1.3, -0.4], [3.6, 1.0, 0.2], [6.1, 1.2, -3.8]])
    assert {choose(tried, gains, without=r).name for r in (None, 0, 1, 2)} == {"rule"}
    tried = candidates(COUNTS)
    clearly = np.array([[1.0, 1.2, 0.9], [1.1, 1.0, 1.0], [3.0, 3.1, 2.7]])
    assert {choose(tried, clearly, without=r).name for r in (None, 0, 1, 2)} == {"strong"}
    level = np.array([[3.0, 1.2, 0.9], [1.1, 2.0, 1.4], [2.5, 2.0, 0.9]])
    assert {choose(tried, level, without=r).name for r in (None, 0, 1, 2)} == {"gentle"}
    better = planted(simulation, tried, rare=(3, 3, 12), frequent=(0, 0, 2))
    assert better.chosen == tried[2]
    alike = planted(simulation, tried, rare=(8, 8, 8), frequent=(1, 1, 1))
    assert alike.chosen == tried[1]


def test_sizes_far_below_all_that_were_judged_get_0() -> None:
    """Of the two rare classes one can be judged, with 40 images left to train on."""
    counts = np.array([400, 300, 60, 8])
    simulation = simulate(points(counts), seed=0)
    assert simulation.method == "cross-fitting"
    rule = candidates(counts)[:1]
    free, outcomes = {}, {}
    for part in simulation.repetitions:
        labels = part.judged.labels
        free[ARM, part.number] = outcome(labels, np.arange(len(labels)) % 5 > 0)
        outcomes[ARM, part.number, "rule"] = outcome(labels, np.ones(len(labels), bool))
    decision = decide(simulation, rule, outcomes, free, counts)
    assert decision.reason.endswith("; 0 below 20 images, half of the smallest class judged")
    assert decision.policy.probability([8, 19, 20, 60, 400]).tolist() == [0, 0, 0.5, 0.5, 0.5]


def test_the_estimate_does_not_profit_from_the_choice(simulation: Simulation) -> None:
    """Of many equal candidates the best looks good; what it is worth is told by the others."""
    many = tuple(Candidate(f"c{k}", Policy(p=((5, 0.1 + k / 50),))) for k in range(12))
    decisions = [planted(simulation, many, (0,) * 12, (0,) * 12, seed=s) for s in range(12)]
    best = [max(row.gain for row in decision.table) for decision in decisions]
    assert np.mean(best) > 0.003
    assert abs(np.mean([decision.gain for decision in decisions])) < np.mean(best) / 2


def test_rare_and_frequent_classes_count_as_in_the_data(
    simulation: Simulation, tried: tuple[Candidate, ...]
) -> None:
    """Half of the classes are rare: what mends one half mends half of the balanced error."""
    for side in (True, False):
        free, outcomes = {}, {}
        for part in simulation.repetitions:
            labels = part.judged.labels
            rare = part.rare[labels]
            free[ARM, part.number] = outcome(labels, rare != side)
            outcomes[ARM, part.number, tried[0].name] = outcome(labels, np.ones(len(labels), bool))
            assert score(simulation, part.number, free[ARM, part.number]) == pytest.approx(0.5)
        decision = decide(simulation, tried[:1], outcomes, free, COUNTS)
        assert decision.gain == pytest.approx(0.5)
