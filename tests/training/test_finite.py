"""A loss, gradient or weight that is not finite is noticed at its step, and named."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from helpers.small_images import bars

from ganaug.training.batches import Batches, Pixels
from ganaug.training.config import FitConfig, make_config
from ganaug.training.finite import FiniteCheck
from ganaug.training.state import State, build_state
from ganaug.training.step import train_step

IMAGES = bars((8, 6))
BAD = float("nan"), float("inf")


def small(**options: object) -> tuple[State, FitConfig, Callable[[int], dict[str, torch.Tensor]]]:
    given = {"width": 8, "batch_size": 4, "size": (12, 12)} | options
    config = make_config("tiny", **given)
    state = build_state(config, IMAGES, 0, torch.device("cpu"))
    batches = Batches(IMAGES, config, 0)
    pixels = Pixels(IMAGES, torch.device("cpu"))
    return state, config, lambda at: train_step(state, batches.batch(at, pixels), config, at)


def put(tensor: torch.Tensor, value: float) -> None:
    with torch.no_grad():
        tensor[(-1,) * tensor.ndim] = value


@pytest.mark.parametrize("kind", ["variation", "class"])
def test_a_healthy_step_is_finite(kind: str) -> None:
    state, _, step = small(kind=kind)
    check = FiniteCheck(state)
    for at in range(4):
        metrics = step(at)
        assert check.step(at + 1, metrics, due=at == 3) is None
        assert check.everything(metrics) is None


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("name", ["loss_d", "r1", "loss_g", "moved"])
def test_a_loss_is_named(name: str, value: float) -> None:
    state, _, step = small()
    metrics = step(0)
    metrics[name] = torch.tensor(value)
    assert FiniteCheck(state).step(1, metrics, due=False) == (1, name)


def test_the_gradient_comes_before_the_weight_that_it_spoils() -> None:
    state, _, step = small()
    metrics = step(0)
    weight = state.generator.get_parameter("mapping.0.weight")
    assert weight.grad is not None
    put(weight.grad, float("nan"))
    put(weight, float("nan"))
    found = FiniteCheck(state).step(1, metrics, due=False)
    assert found == (1, "the gradient of generator.mapping.0.weight")


@pytest.mark.parametrize("kind", ["variation", "class"])
@pytest.mark.parametrize("part", ["discriminator", "generator"])
def test_every_weight_is_noticed_in_the_next_step_at_the_latest(kind: str, part: str) -> None:
    """Whatever becomes infinite: the numbers of the next step tell, before they are used again."""
    for name in dict(getattr(small(kind=kind)[0], part).named_parameters()):
        if kind == "variation" and name.startswith("class_match"):
            continue  # not used by the preset
        state, _, step = small(kind=kind)
        check = FiniteCheck(state)
        step(0)
        put(getattr(state, part).get_parameter(name), float("nan"))
        assert check.step(2, step(1), due=False) is not None, name


@pytest.mark.parametrize(
    "name", ["discriminator.class_match.bias", "generator.local.weight", "average.gates.weight"]
)
def test_everything_is_looked_at_before_a_checkpoint(name: str) -> None:
    state, _, step = small()
    metrics = step(0)
    part, _, weight = name.partition(".")
    put(getattr(state, part).get_parameter(weight), float("inf"))
    assert FiniteCheck(state).everything(metrics) == name


def test_an_optimiser_that_overflowed_is_noticed_before_a_checkpoint() -> None:
    """Its weights stand still from then on, and every loss stays finite."""
    state, _, step = small()
    metrics = step(0)
    put(state.optimizer_g.state_dict()["state"][3]["exp_avg_sq"], float("inf"))
    check = FiniteCheck(state)
    assert check.step(1, metrics, due=False) is None
    assert check.everything(metrics) == "optimizer_g.3.exp_avg_sq"


def test_on_a_gpu_the_steps_wait_and_are_told_apart() -> None:
    state, _, step = small()
    check = FiniteCheck(state)
    check.first = None  # as where the weights lie on a GPU
    for at in range(1, 5):
        metrics = step(at)
        if at == 2:
            metrics = metrics | {"loss_g": torch.tensor(float("nan"))}
        found = check.step(at, metrics, due=at == 4)
        assert found == ((2, "loss_g") if at == 4 else None)
    assert check.step(5, step(5), due=True) is None
