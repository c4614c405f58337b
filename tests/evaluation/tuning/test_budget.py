"""What `tune` may cost: three times the training of the generator."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
import torch
from helpers.small_comparisons import linear
from helpers.small_images import bars

from ganaug.evaluation.arms import parse_arm
from ganaug.evaluation.classifiers.interface import Schedule
from ganaug.evaluation.classifiers.network import Network
from ganaug.evaluation.trainings import Job
from ganaug.evaluation.tuning.budget import Budget, Costs, cut_short, estimate, plan_budget
from ganaug.images import ImageSet
from ganaug.training.config import make_config

REPETITIONS = 3


def planned(costs: Costs, images: int = 1600) -> Budget:
    usual = Network().schedule(images, (32, 32), steps=None, quick=False)
    return plan_budget(costs, "variation", 2500, usual, images, 3)


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
    usual = Network().schedule(1600, (32, 32), steps=None, quick=False)
    assert cut_short(budget, 2500, usual, 1600) == ""
    told = "after only 120 steps of each classifier and "
    assert cut_short(replace(budget, classifier_steps=120), 2500, usual, 1600).startswith(told)
    assert "and 20 of each generator" in cut_short(replace(budget, fit_steps=20), 2500, usual, 1600)


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


# Counted are the steps from one penalty to the next: few here.
SMALL = {"width": 4, "latent_dim": 4, "batch_size": 4, "penalty_every": 2}
CONFIG = make_config("tiny", **SMALL).to_dict()


def free_jobs(images: ImageSet, batch: int) -> list[Job]:
    names = ("balanced+affine", "balanced+randaugment")
    return [Job(0, parse_arm(name), images, images, Schedule(1, batch=batch)) for name in names]


@pytest.fixture(scope="module")
def least() -> Costs:
    """The smallest case, estimated once for all tests here."""
    images = bars((12, 8), (8, 8))
    return estimate(images, CONFIG, free_jobs(images, 4), device="cpu")


def test_one_of_several_processes_counts_the_work_without_the_others(
    least: Costs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under torchrun the others wait to be given trainings; none would answer at this address."""
    monkeypatch.setattr("torch.distributed.init_process_group", None)
    started = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "MASTER_ADDR": "localhost"}
    for name, value in (started | {"MASTER_PORT": "1"}).items():
        monkeypatch.setenv(name, value)
    images = bars((12, 8), (8, 8))
    assert estimate(images, CONFIG, free_jobs(images, 4), device="cpu") == least


def test_costs_are_the_same_however_busy_the_machine_is(least: Costs) -> None:
    """Counted again beside two threads that keep both cores at work."""
    images = bars((12, 8), (8, 8))
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            torch.ones(300, 300) @ torch.ones(300, 300)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        busy = estimate(images, CONFIG, free_jobs(images, 4), device="cpu")
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert busy == least
    assert 0 < least.free_step < least.varied_step
    assert least.fit_step > least.varied_step


def test_more_work_costs_more(least: Costs) -> None:
    """Of the generator: wider, larger images; of classifiers: larger batches, another network."""
    images, larger = bars((12, 8), (8, 8)), bars((12, 8), (16, 16))
    jobs = free_jobs(images, 4)
    wide = estimate(images, {**CONFIG, "width": 16}, jobs, device="cpu")
    assert wide.fit_step > least.fit_step
    assert wide.free_step == least.free_step
    more = estimate(images, CONFIG, free_jobs(images, 16), device="cpu")
    assert more.free_step > least.free_step
    assert more.fit_step == least.fit_step
    varied = estimate(images, CONFIG, free_jobs(larger, 4), device="cpu")  # twice the side
    assert estimate(larger, CONFIG, jobs[:1], device="cpu").fit_step > least.fit_step
    generating = [costs.varied_step - costs.free_step for costs in (varied, least)]
    assert generating[0] == pytest.approx(4 * generating[1])
    deep = [replace(jobs[0], classifier=Network("resnet18"))]
    assert estimate(images, CONFIG, deep, device="cpu").free_step > 3 * least.free_step


def test_a_class_generator_costs_more_to_use() -> None:
    images = bars((12, 8), (8, 8))
    config = make_config("tiny", kind="class", **SMALL).to_dict()
    ours = estimate(images, config, free_jobs(images, 4), device="cpu")
    other = estimate(images, {**config, "batch_size": 8}, free_jobs(images, 4), device="cpu")
    assert ours.free_step == other.free_step
    assert ours.varied_step - ours.free_step == pytest.approx(0.15 * 8 * ours.fit_step)
    assert other.fit_step > ours.fit_step


def test_threads_change_no_estimate_and_are_as_before() -> None:
    """Few steps: threads that wait for one another keep their cores busy."""
    images, config = bars((12, 8), (8, 8)), {**CONFIG, "penalty_every": 1}
    jobs = [replace(free_jobs(images, 4)[0], classifier=Network(linear))]
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        found = [
            estimate(images, config, jobs, device="cpu", threads=threads) for threads in (1, 2)
        ]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1]


def test_penalties_are_in_the_mean_at_their_share() -> None:
    images = bars((12, 8), (8, 8))
    jobs = free_jobs(images, 4)[:1]
    costs = [
        estimate(images, {**CONFIG, "penalty_every": every}, jobs, device="cpu").fit_step
        for every in (1, 4, 8)
    ]
    plain = 2 * costs[2] - costs[1]  # without any: what is left of each eighth
    assert costs[0] > costs[1] > costs[2] > plain > 0
    assert costs[0] - plain == pytest.approx(4 * (costs[1] - plain), rel=0.05)


def test_a_gpu_is_launched_rather_than_filled() -> None:
    """There a step of the generator costs about the same at any of these sizes."""
    small, large = bars((12, 8), (8, 8)), bars((12, 8), (32, 32))
    config = {**CONFIG, "width": 24, "batch_size": 32}
    costs = {
        (name, device): estimate(images, config, free_jobs(images, 4)[:1], device=device)
        for name, images in (("small", small), ("large", large))
        for device in ("cpu", "cuda:0")
    }

    def growth(device: str) -> float:
        return costs["large", device].fit_step / costs["small", device].fit_step

    assert growth("cuda:0") < 1.3
    assert growth("cpu") > 3
