"""torch's random state during a training, and after it."""

from __future__ import annotations

import pytest
import torch

from ganaug.evaluation.classifiers.seeded import seeded


def test_the_seed_decides_within_and_nothing_is_left_of_it() -> None:
    before = torch.get_rng_state()
    drawn = []
    for _ in range(2):
        with seeded(5):
            drawn.append(torch.rand(3))
            torch.default_generator.manual_seed(1)
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(*drawn)
    with pytest.raises(KeyError), seeded(6):
        raise KeyError
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpus_are_seeded_and_given_back_too() -> None:
    torch.cuda.manual_seed_all(3)
    torch.rand(5, device="cuda")
    before = torch.cuda.get_rng_state_all()
    drawn = []
    for _ in range(2):
        with seeded(5):
            drawn.append(torch.rand(3, device="cuda"))
        after = torch.cuda.get_rng_state_all()
        assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))
    assert torch.equal(*drawn)
