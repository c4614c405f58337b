"""For tests: the weights of a small network of torchvision, in a file."""

from __future__ import annotations

from pathlib import Path

import torch
from torchvision.models import get_model

__all__ = ["NETWORK", "write_weights"]

NETWORK = "shufflenet_v2_x0_5"


def write_weights(file: Path) -> Path:
    """Write a state dict of `NETWORK`, the same each time, as `torch.save` does."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(5)
        network = get_model(NETWORK)
    torch.save(network.state_dict(), file)
    return file
