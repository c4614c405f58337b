"""Differentiable augmentation: pure functions of images and draws, row by row."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganaug.randomness import stream
from ganaug.training import augment

NAMES = ("shift", "colour", "cutout")


def images(count: int = 4, channels: int = 3) -> torch.Tensor:
    return torch.rand(count, channels, 16, 24, generator=torch.Generator().manual_seed(0))


def test_same_stream_gives_the_same_result() -> None:
    first, second = (
        augment.apply(images(), augment.draw(NAMES, 4, (16, 24), stream(0, "a"))) for _ in range(2)
    )
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    other = augment.apply(images(), augment.draw(NAMES, 4, (16, 24), stream(1, "a")))
    assert not torch.equal(first, other)


@pytest.mark.parametrize("name", NAMES)
def test_each_row_depends_on_its_own_image_and_draw(name: str) -> None:
    draws = augment.draw((name,), 4, (16, 24), stream(0, "a"))
    one = augment.Draws(
        *(None if d is None else d[2:3] for d in (draws.shift, draws.colour, draws.cutout))
    )
    whole = augment.apply(images(), draws)
    torch.testing.assert_close(augment.apply(images()[2:3], one), whole[2:3])
    assert not torch.equal(whole, images())


def test_shift_moves_by_the_offset_with_zeros_behind() -> None:
    x = images(2)
    offsets = torch.tensor([[2, 3], [0, 6]])  # reach is 2 rows, 3 columns: the first stays
    moved = augment.apply(x, augment.Draws(shift=offsets))
    torch.testing.assert_close(moved[0], x[0])
    torch.testing.assert_close(moved[1, :, 2:, :-3], x[1, :, :-2, 3:])
    assert moved[1, :, :2].abs().max() == 0
    assert moved[1, :, :, -3:].abs().max() == 0


def test_colour_with_neutral_factors_changes_nothing() -> None:
    neutral = torch.tensor([[0.0, 1.0, 1.0]]).expand(4, -1)
    torch.testing.assert_close(augment.apply(images(), augment.Draws(colour=neutral)), images())


def test_cutout_removes_half_of_each_side() -> None:
    kept = augment.apply(torch.ones(1, 1, 16, 24), augment.Draws(cutout=torch.tensor([[0.5, 0.5]])))
    assert kept[0, 0, 8, 12] == 0
    assert kept[0, 0, 0, 0] == 1
    assert int((kept == 0).sum()) == 16 * 24 // 4


def test_gradients_pass() -> None:
    x = images().requires_grad_()
    augment.apply(x, augment.draw(NAMES, 4, (16, 24), stream(0, "a"))).sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
    assert (x.grad.flatten(1).abs().sum(1) > 0).all()


def test_draws_cover_the_whole_reach() -> None:
    shift = augment.draw(("shift",), 2000, (16, 24), stream(0, "a")).shift
    assert shift is not None
    assert np.unique(shift[:, 0]).tolist() == list(range(5))
    assert np.unique(shift[:, 1]).tolist() == list(range(7))
