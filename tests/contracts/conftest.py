"""The files that all contracts share, and a known state of torch's generator."""

from __future__ import annotations

import pytest
import torch
from contracts.files import Files


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Files for this run."""
    return Files(tmp_path_factory.mktemp("contracts"))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """What is random in these tests comes from torch's generator, and is the same in each run."""
    torch.default_generator.manual_seed(0)
