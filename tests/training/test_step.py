"""The training step: what the discriminator is shown."""

from __future__ import annotations

import torch

from ganaug.randomness import stream
from ganaug.training import augment
from ganaug.training.step import _seen


def test_both_images_of_a_pair_are_augmented_alike_and_apart() -> None:
    source, real, fake = torch.rand(3, 4, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    draws = augment.draw(("shift", "colour", "cutout"), 4, (16, 16), stream(0, "t"))
    for shown, candidate in zip(_seen(source, (real, fake), draws), (real, fake), strict=True):
        torch.testing.assert_close(shown[:, :1], augment.apply(source, draws))
        torch.testing.assert_close(shown[:, 1:], augment.apply(candidate, draws))


def test_without_a_source_images_are_shown_alone() -> None:
    real, fake = torch.rand(2, 4, 3, 16, 16)
    shown = _seen(None, (real, fake, None), augment.draw((), 4, (16, 16), stream(0, "t")))
    torch.testing.assert_close(shown[0], real)
    torch.testing.assert_close(shown[1], fake)
