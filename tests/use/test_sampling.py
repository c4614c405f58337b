"""`ClassBalancedSampler`: its order, where ranks come from, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from ganaug import ClassBalancedSampler
from ganaug.errors import ConfigError, DataError
from ganaug.randomness import stream
from ganaug.use import sampling

TARGETS = [0] * 10 + [1] * 5 + [2] * 3 + [4] * 1


def test_numbers_of_numpy_are_taken() -> None:
    given = (np.int64(4), np.int64(1), np.int64(3))
    sampler = ClassBalancedSampler(TARGETS, np.int64(30), *given)  # type: ignore[arg-type]
    assert list(sampler) == list(ClassBalancedSampler(TARGETS, 30, 4, 1, 3))
    for seed in (None, 0.5):
        with pytest.raises(ConfigError, match=r"^seed: .*; allowed: a whole number"):
            ClassBalancedSampler(TARGETS, seed=seed)  # type: ignore[arg-type]


def test_the_order_of_classes_is_mixed() -> None:
    drawn = np.array(TARGETS)[list(ClassBalancedSampler(TARGETS, 400))]
    assert (np.diff(drawn) == 0).sum() == pytest.approx(100, abs=30)


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
        ({"targets": [-1, 0, 1]}, DataError, "targets go down to -1; allowed: 0 and up"),
        ({"targets": np.array([0, 2**64 - 1], np.uint64)}, DataError, "targets go down to -1"),
        ({"num_samples": 0}, ConfigError, "num_samples=0"),
        ({"num_samples": 2.0}, ConfigError, "num_samples=2.0"),
        ({"num_samples": True}, ConfigError, "num_samples=True"),
        ({"num_samples": 10**18}, ConfigError, "allowed: a whole number, 1 to 2,147,483,648"),
        ({"rank": 0, "world_size": 10**9}, ConfigError, "allowed: a whole number, 1 to 1,048,576"),
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


@pytest.mark.parametrize("rare", [1, 2, 5])
def test_many_turns_of_a_rare_class_are_even_and_new(
    rare: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawn together, not one by one: a million items with one of another class took minutes."""
    opened: list[tuple[object, ...]] = []

    def counted(*names: Any) -> np.random.Generator:
        opened.append(names)
        return stream(*names)

    monkeypatch.setattr(sampling, "stream", counted)
    targets = [0] * 200_000 + [1] * rare
    sampler = ClassBalancedSampler(targets)
    passes = [np.array(list(sampler)) for _ in range(2)]
    assert len(opened) <= 8  # a stream costs as much as thousands of draws
    visits = np.bincount(np.concatenate(passes), minlength=len(targets))
    assert np.ptp(visits[200_000:]) <= 1
    assert np.ptp(visits[:200_000]) <= 1
    assert abs(visits[:200_000].sum() - visits[200_000:].sum()) <= 1
    again = ClassBalancedSampler(targets)
    again.set_epoch(1)
    assert np.array_equal(list(again), passes[1])
    if rare > 1:
        first = [drawn[drawn >= 200_000][:1000].tolist() for drawn in passes]
        assert first[0] != first[1]


def test_truth_values_are_labels() -> None:
    drawn = list(ClassBalancedSampler(np.array([True, False, False, False]), num_samples=6))
    assert drawn.count(0) == 3


def test_orders_of_turns_are_the_same_wherever_they_are_drawn() -> None:
    sampler = ClassBalancedSampler([0, 0, 0, 0, 0, 1, 1])
    for together in (False, True):
        whole = sampler._orders(0, 0, 12, together=together)
        assert whole[35:50].tolist() == sampler._orders(0, 7, 10, together=together).tolist()
        turns = whole.reshape(12, 5)
        assert (np.sort(turns, axis=1) == np.arange(5)).all()
        assert len({tuple(turn) for turn in turns.tolist()}) > 6
        assert sampler._orders(1, 3, 3, together=together).tolist() == []


def test_the_draws_stay_as_they_were() -> None:
    """Results that were kept depend on them."""
    drawn = list(ClassBalancedSampler([0, 0, 0, 1, 2, 2], num_samples=12, seed=3))
    assert drawn == [5, 5, 2, 1, 0, 3, 3, 2, 3, 4, 4, 3]
