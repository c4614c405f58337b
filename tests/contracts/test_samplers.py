"""What every sampler of ganaug promises: even classes and images, by seed and epoch alone."""

from __future__ import annotations

import os
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from contracts.files import Files
from contracts.given import LABELS
from contracts.objects import SAMPLERS, Sampler, over
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import BatchSampler, DataLoader, TensorDataset

from ganaug import ClassBalancedSampler
from ganaug.errors import ConfigError

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create"),
]
NEEDS_FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")

DATA = TensorDataset(torch.arange(len(LABELS)), torch.tensor(LABELS))


def epochs(sampler: Any, n: int) -> list[list[int]]:
    return [list(sampler) for _ in range(n)]


# Even


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


@pytest.mark.parametrize("num_samples", [None, 1, 2, 13, 45])
@over(SAMPLERS)
def test_each_epoch_has_as_many_draws_as_asked_and_even_classes(
    case: Sampler, num_samples: int | None, files: Files
) -> None:
    sampler = case.built(files, num_samples=num_samples, rank=0, world_size=1)
    for drawn in epochs(sampler, 3):
        assert len(drawn) == len(sampler) == (num_samples or len(LABELS))
        assert all(type(index) is int and 0 <= index < len(LABELS) for index in drawn)
        counts = np.bincount(np.array(LABELS)[drawn], minlength=3)
        assert np.ptp(counts) <= 1


@pytest.mark.parametrize("num_samples", [None, 3, 10, 24])
@pytest.mark.parametrize("world_size", [1, 2, 3, 4])
@over(SAMPLERS)
def test_ranks_share_out_the_draws_of_one_process(
    case: Sampler, world_size: int, num_samples: int | None, files: Files
) -> None:
    """Rounded up, so that each rank has equally many."""
    wanted = num_samples or len(LABELS)
    each = -(-wanted // world_size)
    parts = [
        case.built(files, num_samples=num_samples, rank=rank, world_size=world_size)
        for rank in range(world_size)
    ]
    whole = case.built(files, num_samples=each * world_size, rank=0, world_size=1)
    for _ in range(3):
        drawn = epochs_of_ranks = [list(part) for part in parts]
        assert [len(part) for part in drawn] == [each] * world_size
        dealt = [index for row in zip(*epochs_of_ranks, strict=True) for index in row]
        assert dealt == list(whole)


# By seed and epoch alone


@over(SAMPLERS)
def test_seed_and_epoch_decide(case: Sampler, files: Files) -> None:
    passes = epochs(case.built(files, seed=1), 4)
    assert len({tuple(drawn) for drawn in passes}) == 4
    assert epochs(case.built(files, seed=np.int64(1)), 4) == passes
    other = epochs(case.built(files, seed=2), 4)
    assert all(a != b for a, b in zip(passes, other, strict=True))


@over(SAMPLERS)
def test_each_pass_is_the_next_epoch_unless_set(case: Sampler, files: Files) -> None:
    passes = epochs(case.built(files), 4)
    sampler = case.built(files)
    for epoch in (2, 0, np.int64(1)):
        sampler.set_epoch(epoch)
        assert epochs(sampler, 2) == passes[epoch : epoch + 2]
    for epoch in (-1, 0.5, True, "1", None):
        with pytest.raises(ConfigError, match=r"^epoch=.*; allowed: a whole number of at least 0$"):
            sampler.set_epoch(epoch)
    assert list(sampler) == passes[3], "a refused epoch leaves all as it was"


@over(SAMPLERS)
def test_a_pass_that_was_left_early_is_over(case: Sampler, files: Files) -> None:
    passes = epochs(case.built(files), 2)
    sampler = case.built(files)
    assert next(iter(sampler)) == passes[0][0]
    assert list(sampler) == passes[1]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@over(SAMPLERS)
def test_a_pickled_sampler_goes_on_where_it_was(case: Sampler, protocol: int, files: Files) -> None:
    passes = epochs(case.built(files), 4)
    sampler = case.built(files)
    list(sampler)
    twin = pickle.loads(pickle.dumps(sampler, protocol))
    assert epochs(twin, 3) == passes[1:]
    assert epochs(sampler, 3) == passes[1:], "its copy drew from it"


@pytest.mark.parametrize("form", [list, tuple, np.array, torch.tensor])
@over(SAMPLERS)
def test_targets_of_any_form(case: Sampler, form: Any, files: Files) -> None:
    expected = list(case.built(files))
    assert list(case.built(files, targets=form(LABELS))) == expected
    assert list(case.built(files, targets=np.array(LABELS, np.uint8))) == expected


@over(SAMPLERS)
def test_targets_that_are_changed_later_do_not_matter(case: Sampler, files: Files) -> None:
    targets = np.array(LABELS)
    sampler = case.built(files, targets=targets)
    expected = epochs(case.built(files), 2)
    targets[:] = 0
    assert epochs(sampler, 2) == expected


# In loaders


@NEEDS_FORK
@pytest.mark.parametrize(("workers", "persistent"), [(0, False), (1, False), (2, True)])
@pytest.mark.parametrize("form", ["batches", "singly", "batch_sampler"])
@over(SAMPLERS)
def test_a_loader_reads_what_is_drawn(
    case: Sampler, form: str, workers: int, persistent: bool, files: Files
) -> None:
    """One pass of the loader is one epoch, however the loader and its workers are set up."""
    sampler = case.built(files)
    batches: dict[str, Any] = {
        "batches": {"batch_size": 4, "sampler": sampler},
        "singly": {"batch_size": None, "sampler": sampler},
        "batch_sampler": {"batch_sampler": BatchSampler(sampler, 4, drop_last=False)},
    }[form]
    loader = DataLoader(
        DATA,
        num_workers=workers,
        persistent_workers=persistent,
        multiprocessing_context="fork" if workers else None,
        **batches,
    )
    expected = epochs(case.built(files), 8)
    for epoch in (0, 1, 5, 6):
        if epoch == 5:
            sampler.set_epoch(5)
        read = list(loader)
        assert [i for indices, _ in read for i in indices.flatten().tolist()] == expected[epoch]
        assert len(read) == len(loader)
