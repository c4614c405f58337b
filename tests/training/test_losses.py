"""Each loss against its published formula, written out with the logistic function."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch

from ganaug.training.config import Loss
from ganaug.training.losses import (
    class_match_loss,
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    lost_class_loss,
)

REAL = np.array([-1.5, 0.2, 3.0])
FAKE = np.array([0.7, -2.0, 0.1])


def sigma(t: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-t))


PUBLISHED = {
    "minimax": (
        -np.log(sigma(REAL)).mean() - np.log(1 - sigma(FAKE)).mean(),
        np.log(1 - sigma(FAKE)).mean(),
    ),
    "non_saturating": (
        -np.log(sigma(REAL)).mean() - np.log(1 - sigma(FAKE)).mean(),
        -np.log(sigma(FAKE)).mean(),
    ),
    "least_squares": (
        0.5 * ((REAL - 1) ** 2).mean() + 0.5 * (FAKE**2).mean(),
        0.5 * ((FAKE - 1) ** 2).mean(),
    ),
    "hinge": (
        np.maximum(0, 1 - REAL).mean() + np.maximum(0, 1 + FAKE).mean(),
        -FAKE.mean(),
    ),
    "relativistic": (
        -np.log(sigma(REAL - FAKE)).mean(),
        -np.log(sigma(FAKE - REAL)).mean(),
    ),
}


@pytest.mark.parametrize("name", get_args(Loss))
def test_matches_the_published_formula(name: str) -> None:
    real, fake = torch.tensor(REAL), torch.tensor(FAKE)
    discriminator, generator = PUBLISHED[name]
    assert discriminator_loss(name, real, fake).item() == pytest.approx(discriminator)
    assert generator_loss(name, real, fake).item() == pytest.approx(generator)


@pytest.mark.parametrize("name", get_args(Loss))
def test_pulls_logits_apart_and_together(name: str) -> None:
    real = torch.zeros(4, requires_grad=True)
    fake = torch.zeros(4, requires_grad=True)
    discriminator_loss(name, real, fake).backward()
    assert real.grad is not None
    assert fake.grad is not None
    assert (real.grad < 0).all()
    if name != "least_squares":  # its target for generated images is 0, where they already are
        assert (fake.grad > 0).all()
    other = torch.zeros(4, requires_grad=True)
    generator_loss(name, torch.zeros(4), other).backward()
    assert other.grad is not None
    assert (other.grad < 0).all()


def test_relativistic_needs_real_logits() -> None:
    with pytest.raises(ValueError, match="real images"):
        generator_loss("relativistic", None, torch.zeros(2))


def test_class_match_is_the_logistic_loss_of_pairs() -> None:
    expected = -np.log(sigma(REAL)).mean() - np.log(1 - sigma(FAKE)).mean()
    loss = class_match_loss(torch.tensor(REAL), torch.tensor(FAKE))
    assert loss.item() == pytest.approx(expected)


def test_only_variations_that_fit_less_than_real_pairs_are_pushed_back() -> None:
    real = torch.tensor([1.0, 3.0, 5.0, 7.0], requires_grad=True)  # mean 4, deviation sqrt(5)
    fake = torch.tensor([9.0, 4.0, 1.0, -2.0], requires_grad=True)
    loss = lost_class_loss(real, fake)
    threshold = 4 - 5**0.5
    assert loss.item() == pytest.approx((threshold - 1 + threshold + 2) / 4)
    loss.backward()
    assert real.grad is None
    assert fake.grad is not None
    assert fake.grad.tolist() == [0, 0, -0.25, -0.25]


def test_penalty_is_exact_for_a_quadratic() -> None:
    images = torch.randn(5, 2, 3, 3, requires_grad=True)
    logits = (images**2).sum((1, 2, 3))
    expected = (2 * images).square().sum((1, 2, 3)).mean()
    penalty = gradient_penalty(logits, images)
    torch.testing.assert_close(penalty, expected)
    (second,) = torch.autograd.grad(penalty, images)
    torch.testing.assert_close(second, 8 * images / 5)
