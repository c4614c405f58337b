"""What `tune` may cost: three times the training of the generator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from small_images import bars
from small_models import write_variation_model

from ganaug.artifact.format import Policy
from ganaug.evaluation._budget import Budget, Costs, measure, plan
from ganaug.evaluation.arms import parse_arm
from ganaug.evaluation.classifiers import Schedule
from ganaug.evaluation.runs import Job

REPETITIONS, AUGMENTATIONS, WAYS = 3, 2, 2


def planned(costs: Costs, images: int = 1600) -> Budget:
    return plan(costs, 2500, bars((images, 0), (32, 32)), REPETITIONS, AUGMENTATIONS, WAYS, 3)


def factor(budget: Budget, costs: Costs) -> float:
    """The cost over that of the full training, counted by hand."""
    free = (1 + 6) * budget.classifier_steps * costs.free_step
    varied = 6 * budget.candidates * budget.classifier_steps * costs.varied_step
    fits = REPETITIONS * budget.fit_steps * costs.fit_step
    return (fits + free + varied) / (2500 * costs.fit_step)


@pytest.mark.parametrize(
    "costs",
    [Costs(0.3, 0.06, 0.08), Costs(0.1, 0.03, 0.05), Costs(0.05, 0.02, 0.03), Costs(1, 0.01, 0.01)],
    ids=str,
)
def test_the_plan_costs_three_times_the_training(costs: Costs) -> None:
    budget = planned(costs)
    assert factor(budget, costs) <= 3
    assert factor(budget, costs) == pytest.approx(budget.factor, abs=0.01)
    assert 500 <= budget.fit_steps <= 2500
    assert 375 <= budget.classifier_steps <= 3000  # 15 passes
    assert 1 <= budget.candidates <= 3


def test_cheap_classifiers_leave_all_candidates_and_full_trainings() -> None:
    budget = planned(Costs(1, 0.01, 0.01))
    assert (budget.candidates, budget.classifier_steps) == (3, 3000)
    assert budget.fit_steps >= 2000


def test_what_is_left_makes_classifiers_longer_before_generators() -> None:
    """As at 64 pixels, where a step of the generator costs ten of the classifier."""
    costs = Costs(0.28, 0.021, 0.033)
    budget = planned(costs, 556)
    assert (budget.candidates, budget.fit_steps) == (3, 1000)
    assert 1500 < budget.classifier_steps < 3000  # aimed at are 695, which are 80 passes
    longer = planned(replace(costs, fit_step=0.7), 556)
    assert longer.classifier_steps == 3000
    assert 1000 < longer.fit_steps < 2500
    assert factor(longer, replace(costs, fit_step=0.7)) == pytest.approx(3, abs=0.01)


def test_dear_classifiers_cost_candidates_first_and_then_length() -> None:
    budgets = [planned(Costs(0.1, step, step)) for step in (0.01, 0.04, 0.07)]
    assert [budget.candidates for budget in budgets] == sorted(
        (budget.candidates for budget in budgets), reverse=True
    )
    assert budgets[-1].candidates == 1
    assert budgets[0].classifier_steps > budgets[-1].classifier_steps


def test_below_a_least_length_the_plan_says_that_it_costs_more() -> None:
    budget = planned(Costs(0.001, 0.1, 0.1))
    assert (budget.fit_steps, budget.classifier_steps, budget.candidates) == (500, 375, 1)
    assert budget.factor is not None
    assert budget.factor > 3


def test_a_classifier_sees_each_image_often_enough_however_many_there_are() -> None:
    """At a cost that leaves no choice: 15 passes of 64, 150 steps or the usual length."""
    steps = [planned(Costs(0.001, 0.1, 0.1), n).classifier_steps for n in (100, 1600, 18000)]
    assert steps == [150, 375, 3000]


def test_steps_are_timed_on_the_real_trainings(tmp_path: Path) -> None:
    images = bars((12, 8), (8, 8))
    file = write_variation_model(tmp_path / "a.onnx", counts=(12, 8), classes=images.classes)
    free = Job(0, parse_arm("balanced+affine"), images, images, Schedule(1, batch=4))
    varied = Job(
        *(0, parse_arm("ganaug+affine"), images, images, Schedule(1, batch=4)),
        artifact=file,
        artifact_hash="0",
        policy=Policy(p=((0, 0.5),)),
    )
    config = {"preset": "tiny", "width": 4, "latent_dim": 4, "batch_size": 4}
    costs = measure(images, config, varied, (free, free), device="cpu", threads=1)
    assert min(costs.fit_step, costs.free_step, costs.varied_step) > 0
