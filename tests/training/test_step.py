"""The training step: what the discriminator is shown, how fast both networks learn."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from ganaug.randomness import stream
from ganaug.training import augment
from ganaug.training.config import make_config
from ganaug.training.step import average_decay, discriminator_inputs, learning_rate


def test_both_images_of_a_pair_are_augmented_alike_and_apart() -> None:
    source, real, fake = torch.rand(3, 4, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    draws = augment.draw(("shift", "colour", "cutout"), 4, (16, 16), stream(0, "t"))
    for shown, candidate in zip(
        discriminator_inputs(source, (real, fake), draws), (real, fake), strict=True
    ):
        torch.testing.assert_close(shown[:, :1], augment.apply(source, draws))
        torch.testing.assert_close(shown[:, 1:], augment.apply(candidate, draws))


def test_without_a_source_images_are_shown_alone() -> None:
    real, fake = torch.rand(2, 4, 3, 16, 16)
    shown = discriminator_inputs(
        None, (real, fake, None), augment.draw((), 4, (16, 16), stream(0, "t"))
    )
    torch.testing.assert_close(shown[0], real)
    torch.testing.assert_close(shown[1], fake)


def test_the_learning_rate_is_constant_then_falls_to_a_twentieth() -> None:
    config = make_config("base", steps=100, learning_rate=0.5)
    rates = [learning_rate(config, step) for step in range(100)]
    assert rates[:51] == [0.5] * 51
    assert rates[75] == 0.25
    assert rates[99] == pytest.approx(0.025)
    steps = [before - after for before, after in pairwise(rates[50:98])]
    assert min(steps) == pytest.approx(max(steps))
    still = make_config("base", steps=100, learning_rate=0.5, decay=False)
    assert {learning_rate(still, step) for step in range(100)} == {0.5}


def test_the_average_follows_closely_at_first_and_then_as_ema_says() -> None:
    config = make_config("base", ema=0.9)
    kept = [average_decay(config, step) for step in range(200)]
    assert kept[0] == 0  # the first weights are forgotten at once
    assert kept == sorted(kept)
    assert kept[89] < kept[90] == kept[199] == 0.9
