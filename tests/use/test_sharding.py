"""`ClassBalancedSampler` under frameworks that give each process its own part of the items."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from helpers.ranks import ended, start
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


def documented(framework: str) -> str:
    """The snippet of docs/processes.md; `network`, `module` and `loader` are its reader's."""
    page = Path(__file__).parents[2] / "docs" / "processes.md"
    part = page.read_text(encoding="utf-8").partition(f"\n## {framework}\n")[2]
    snippet = part.partition("```py\n")[2].partition("\n```\n")[0]
    assert snippet.count("20") == 1
    return snippet.replace("20", "2")  # epochs


class Notes(torch.nn.Module):
    """A classifier of two classes that notes which items it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = torch.nn.Parameter(torch.zeros(2))
        self.seen: list[list[int]] = []

    def forward(self, items: torch.Tensor) -> torch.Tensor:
        self.seen.append(items.tolist())
        return self.logits.expand(len(items), 2)


def balanced_loader() -> DataLoader[Any]:
    return DataLoader(DATA, 5, sampler=ClassBalancedSampler(TARGETS))


def train_one_rank(folder: str) -> None:
    """Be one of the processes of the snippet for torchrun; write what was seen in each epoch."""
    network = Notes()
    exec(documented("torchrun"), {"network": network, "loader": balanced_loader()})
    for epoch, batches in enumerate((network.seen[:5], network.seen[5:])):
        np.savetxt(Path(folder) / f"{os.environ['RANK']}-{epoch}", np.concatenate(batches), "%d")


def check_the_parts(folder: Path) -> None:
    """Two processes saw in each of two epochs what one would have seen, in turn."""
    for epoch in range(2):
        whole = ClassBalancedSampler(TARGETS, rank=0, world_size=1)
        whole.set_epoch(epoch)
        parts = [np.loadtxt(folder / f"{rank}-{epoch}", int).tolist() for rank in range(2)]
        assert [len(part) for part in parts] == [25, 25]
        assert [i for pair in zip(*parts, strict=True) for i in pair] == list(whole)


def test_torchrun_gives_each_process_its_part(tmp_path: Path) -> None:
    code = f"from use.test_sharding import train_one_rank; train_one_rank({str(tmp_path)!r})"
    assert [code for code, _ in ended(start(2, ["-c", code]))] == [0, 0]
    check_the_parts(tmp_path)


def test_accelerate_itself() -> None:
    accelerate = pytest.importorskip("accelerate")
    network = Notes()
    try:
        names = {"network": network, "loader": balanced_loader()}
        exec(documented("Accelerate"), names)
        assert [len(batch) for batch in network.seen] == [5] * 20
        parts = [
            accelerate.data_loader.prepare_data_loader(
                balanced_loader(), num_processes=2, process_index=rank
            )
            for rank in range(2)
        ]
        for epoch in range(2):
            sampler = ClassBalancedSampler(TARGETS, rank=0, world_size=1)
            sampler.set_epoch(epoch)
            assert sorted(read(parts[0]) + read(parts[1])) == sorted(sampler)
    finally:
        accelerate.state.AcceleratorState._reset_state(True)


@pytest.mark.filterwarnings("ignore")  # Lightning's advice on small runs, and forks with threads
def test_lightning_gives_each_process_its_part(tmp_path: Path) -> None:
    lightning = pytest.importorskip("lightning")

    class Reads(lightning.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = Notes()

        def training_step(self, batch: Any, index: int) -> Any:
            return torch.nn.functional.cross_entropy(self.network(batch[0]), batch[1])

        def on_train_epoch_end(self) -> None:
            name = f"{self.global_rank}-{self.current_epoch}"
            np.savetxt(tmp_path / name, np.concatenate(self.network.seen), "%d")
            self.network.seen = []

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.1)

    options = {
        "accelerator": "cpu",
        "devices": 2,
        "strategy": "ddp_fork",
        **dict.fromkeys(("logger", "enable_checkpointing"), False),
        **dict.fromkeys(("enable_progress_bar", "enable_model_summary"), False),
    }
    snippet = documented("Lightning").replace("(max_epochs=2", "(max_epochs=2, **options")
    exec(snippet, {"module": Reads(), "loader": balanced_loader(), "options": options})
    check_the_parts(tmp_path)
