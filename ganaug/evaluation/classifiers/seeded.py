"""torch's random state, set for one training and given back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["seeded"]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Set torch's random state from `seed`, that of GPUs included; give all of it back afterwards.

    GPUs that nobody has used yet have no state to keep. They are seeded again as the user seeded
    torch last.
    """
    used, first = torch.cuda.is_initialized(), torch.initial_seed()
    gpus = list(range(torch.cuda.device_count())) if used else []
    try:
        with torch.random.fork_rng(devices=gpus):
            torch.manual_seed(seed)
            yield
    finally:
        if not used:
            torch.cuda.manual_seed_all(first)
