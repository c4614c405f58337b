"""`ClassBalancedSampler`: classes and images visited evenly, over epochs and ranks."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, TensorDataset

from ganaug import ClassBalancedSampler
from ganaug.errors import ConfigError, DataError

TARGETS = [0] * 10 + [1] * 5 + [2] * 3 + [4] * 1


def epochs(sampler: ClassBalancedSampler, n: int) -> list[int]:
    return [index for _ in range(n) for index in sampler]


@settings(max_examples=40, deadline=None)
@given(
    targets=st.lists(st.integers(0, 4), min_size=1, max_size=30),
    num_samples=st.none() | st.integers(1, 50),
    world_size=st.integers(1, 3),
    seed=st.integers(0, 3),
)
def test_classes_and_images_are_level_after_any_number_of_epochs(
    targets: list[int], num_samples: int | None, world_size: int, seed: int
) -> None:
    samplers = [
        ClassBalancedSampler(targets, num_samples, seed, rank, world_size)
        for rank in range(world_size)
    ]
    visits = np.zeros(len(targets), int)
    labels = np.array(targets)
    for _ in range(4):
        for sampler in samplers:
            drawn = list(sampler)
            assert len(drawn) == len(sampler) == len(samplers[0])
            np.add.at(visits, drawn, 1)
        of_class = [visits[labels == label] for label in np.unique(labels)]
        assert np.ptp([each.sum() for each in of_class]) <= 1
        assert all(np.ptp(each) <= 1 for each in of_class)
    wanted = len(targets) if num_samples is None else num_samples
    assert wanted <= world_size * len(samplers[0]) < wanted + world_size


def test_numbers_of_numpy_are_taken() -> None:
    given = (np.int64(4), np.int64(1), np.int64(3))
    sampler = ClassBalancedSampler(TARGETS, np.int64(30), *given)  # type: ignore[arg-type]
    assert list(sampler) == list(ClassBalancedSampler(TARGETS, 30, 4, 1, 3))
    for seed in (None, 0.5):
        with pytest.raises(ConfigError, match=r"^seed: .*; allowed: a whole number"):
            ClassBalancedSampler(TARGETS, seed=seed)  # type: ignore[arg-type]


def test_ranks_take_parts_of_one_draw() -> None:
    whole = list(ClassBalancedSampler(TARGETS, 30, seed=4))
    parts = [list(ClassBalancedSampler(TARGETS, 30, 4, rank, 3)) for rank in range(3)]
    assert [len(part) for part in parts] == [10, 10, 10]
    assert [index for row in zip(*parts, strict=True) for index in row] == whole


def test_an_uneven_number_is_rounded_up_for_all_ranks() -> None:
    parts = [list(ClassBalancedSampler(TARGETS, 10, 0, rank, 4)) for rank in range(4)]
    assert [len(part) for part in parts] == [3, 3, 3, 3]


def test_each_pass_is_the_next_epoch_unless_set() -> None:
    sampler = ClassBalancedSampler(TARGETS, seed=1)
    assert len(sampler) == len(TARGETS)
    passes = [list(sampler) for _ in range(3)]
    assert passes[0] != passes[1] != passes[2]
    sampler.set_epoch(1)
    assert list(sampler) == passes[1]
    assert list(sampler) == passes[2]
    fresh = ClassBalancedSampler(TARGETS, seed=1)
    fresh.set_epoch(2)
    assert list(fresh) == passes[2]
    assert list(ClassBalancedSampler(TARGETS, seed=2)) != passes[0]


def test_the_order_of_classes_is_mixed() -> None:
    drawn = np.array(TARGETS)[list(ClassBalancedSampler(TARGETS, 400))]
    assert (np.diff(drawn) == 0).sum() == pytest.approx(100, abs=30)


@pytest.mark.parametrize(
    "targets", [TARGETS, tuple(TARGETS), np.array(TARGETS), torch.tensor(TARGETS)]
)
def test_targets_of_any_form(targets: Any) -> None:
    assert list(ClassBalancedSampler(targets)) == list(ClassBalancedSampler(TARGETS))
    assert all(type(index) is int for index in ClassBalancedSampler(targets))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_copies_go_on_alike(copied: Any) -> None:
    sampler = ClassBalancedSampler(TARGETS)
    list(sampler)
    twin = copied(sampler)
    assert epochs(twin, 2) == epochs(sampler, 2)


def test_in_a_loader() -> None:
    data = TensorDataset(torch.arange(19), torch.tensor(TARGETS))
    loader = DataLoader(data, batch_size=8, sampler=ClassBalancedSampler(TARGETS, 16))
    labels = torch.cat([labels for _, labels in loader])
    assert torch.bincount(labels).tolist() == [4, 4, 4, 0, 4]


def test_torch_distributed_is_asked_where_it_is_initialised(tmp_path: Any) -> None:
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        sampler = ClassBalancedSampler(TARGETS)
        assert (sampler.rank, sampler.world_size) == (0, 1)
    finally:
        torch.distributed.destroy_process_group()
    assert list(sampler) == list(ClassBalancedSampler(TARGETS))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"targets": []}, DataError, r"float64 \[0\]"),
        ({"targets": np.zeros(0, np.int64)}, DataError, "targets are empty"),
        ({"targets": [0.5]}, DataError, "float64"),
        ({"targets": ["a"]}, DataError, "whole number"),
        ({"targets": np.eye(2, dtype=int)}, DataError, r"\[2, 2\]"),
        ({"targets": [[0], [0, 1]]}, DataError, "whole number"),
        ({"num_samples": 0}, ConfigError, "num_samples=0"),
        ({"num_samples": 2.0}, ConfigError, "num_samples=2.0"),
        ({"num_samples": True}, ConfigError, "num_samples=True"),
        ({"rank": 0}, ConfigError, "world_size is missing"),
        ({"world_size": 2}, ConfigError, "rank is missing"),
        ({"rank": 2, "world_size": 2}, ConfigError, "rank=2; allowed: 0 to 1"),
        ({"rank": 0, "world_size": 0}, ConfigError, "world_size=0"),
    ],
)
def test_arguments_that_are_refused(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ClassBalancedSampler(**{"targets": TARGETS, **arguments})


def test_an_epoch_that_is_refused() -> None:
    with pytest.raises(ConfigError, match="epoch=-1"):
        ClassBalancedSampler(TARGETS).set_epoch(-1)
