"""`ClassBalancedSampler` under frameworks that give each process its own part of the items."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.testing._internal.distributed.fake_pg import FakeStore
from torch.utils.data import BatchSampler, DataLoader, TensorDataset

from ganaug import ClassBalancedSampler

TARGETS = [0] * 40 + [1] * 10
DATA = TensorDataset(torch.arange(50), torch.tensor(TARGETS))
Join = Callable[[int, int], None]


@pytest.fixture
def join() -> Iterator[Join]:
    """Let this process be one rank of many, as far as torch.distributed says."""

    def join(rank: int, world_size: int) -> None:
        leave()
        torch.distributed.init_process_group(
            "fake", store=FakeStore(), rank=rank, world_size=world_size
        )

    def leave() -> None:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()

    yield join
    leave()


def read(loader: Any) -> list[int]:
    return [i for indices, _ in loader for i in indices.tolist()]


def test_a_sampler_made_before_the_processes_joined_has_its_part(join: Join) -> None:
    whole = list(ClassBalancedSampler(TARGETS, rank=0, world_size=1))
    sampler = ClassBalancedSampler(TARGETS)
    loader = DataLoader(DATA, 5, sampler=sampler)
    assert (sampler.rank, sampler.world_size, len(loader)) == (0, 1, 10)
    parts = []
    for rank in range(2):
        join(rank, 2)
        sampler.set_epoch(0)
        assert (sampler.rank, sampler.num_replicas, len(loader)) == (rank, 2, 5)
        assert (sampler.num_samples, sampler.total_size) == (25, 50)
        parts.append(read(loader))
    assert [i for pair in zip(*parts, strict=True) for i in pair] == whole


def test_a_place_that_was_given_stays(join: Join) -> None:
    join(1, 2)
    assert ClassBalancedSampler(TARGETS, rank=0, world_size=5).rank == 0
    assert len(ClassBalancedSampler(TARGETS, rank=0, world_size=1)) == 50


class BatchesOfRank:
    """What `accelerate.data_loader.BatchSamplerShard` gives a rank: every n-th batch."""

    def __init__(self, batches: BatchSampler, rank: int, world_size: int) -> None:
        self.batches, self.rank, self.world_size = batches, rank, world_size

    def __iter__(self) -> Iterator[list[int]]:
        yield from list(self.batches)[self.rank :: self.world_size]


def test_accelerate_shards_the_draws_once(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside an Accelerator each process draws all, as for the loaders that it prepares."""
    state = SimpleNamespace(is_initialized=lambda: True)
    monkeypatch.setitem(sys.modules, "accelerate.state", state)
    seen = []
    for rank in range(2):
        join(rank, 2)
        batches = BatchSampler(ClassBalancedSampler(TARGETS), 5, drop_last=False)
        assert len(batches) == 10
        seen += [i for batch in BatchesOfRank(batches, rank, 2) for i in batch]
    assert sorted(seen) == sorted(ClassBalancedSampler(TARGETS, rank=0, world_size=1))
    assert ClassBalancedSampler(TARGETS, rank=1, world_size=2).rank == 1
    state.is_initialized = lambda: False
    assert ClassBalancedSampler(TARGETS).rank == 1


@pytest.fixture(scope="module")
def documented() -> dict[str, Any]:
    """The functions in docs/processes.md."""
    names: dict[str, Any] = {}
    page = (Path(__file__).parents[2] / "docs" / "processes.md").read_text(encoding="utf-8")
    for snippet in re.findall(r"^```python\n(def .*?)^```", page, re.M | re.S):
        exec(snippet, names)
    return names


def test_accelerate_itself(documented: dict[str, Any]) -> None:
    accelerate = pytest.importorskip("accelerate")
    loader = DataLoader(DATA, 5, sampler=ClassBalancedSampler(TARGETS))
    try:
        assert len([i for i, _ in documented["batches_of_accelerate"](loader)]) == 10
        parts = [
            accelerate.data_loader.prepare_data_loader(loader, num_processes=2, process_index=rank)
            for rank in range(2)
        ]
        for epoch in range(2):
            sampler = ClassBalancedSampler(TARGETS, rank=0, world_size=1)
            sampler.set_epoch(epoch)
            assert sorted(read(parts[0]) + read(parts[1])) == sorted(sampler)
    finally:
        accelerate.state.AcceleratorState._reset_state(True)


@pytest.mark.filterwarnings("ignore")  # Lightning's advice on small runs, and forks with threads
def test_lightning_gives_each_process_its_part(documented: dict[str, Any], tmp_path: Path) -> None:
    lightning = pytest.importorskip("lightning")

    class Reads(lightning.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(()))
            self.seen: list[list[int]] = []

        def training_step(self, batch: Any, index: int) -> Any:
            self.seen.append(batch[0].tolist())
            return self.weight.sum()

        def on_train_epoch_end(self) -> None:
            name = f"{self.global_rank}-{self.current_epoch}"
            np.savetxt(tmp_path / name, np.concatenate(self.seen), "%d")
            self.seen = []

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.1)

    documented["fit_with_lightning"](
        Reads(),
        DataLoader(DATA, 5, sampler=ClassBalancedSampler(TARGETS)),
        accelerator="cpu",
        devices=2,
        strategy="ddp_fork",
        max_epochs=2,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    for epoch in range(2):
        whole = ClassBalancedSampler(TARGETS, rank=0, world_size=1)
        whole.set_epoch(epoch)
        parts = [np.loadtxt(tmp_path / f"{rank}-{epoch}", int).tolist() for rank in range(2)]
        assert [len(part) for part in parts] == [25, 25]
        assert [i for pair in zip(*parts, strict=True) for i in pair] == list(whole)
