"""What every data set of ganaug promises, alone, nested and under those of torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from contracts.files import Files
from contracts.given import in_memory
from contracts.objects import DATA_SETS, DataSet, over
from contracts.observe import content, unchanged
from helpers.small_datasets import Pairs
from torch.utils.data import ConcatDataset, DataLoader, Subset, random_split
from torchvision.transforms import v2

from ganaug import AugmentedDataset
from ganaug.errors import ConfigError, DataError

pytestmark = [
    pytest.mark.filterwarnings("ignore:two passes over the generated images"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create"),
]
NEEDS_FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


def item(dataset: Any, index: Any) -> Any:
    """Return the content of an item; what a transform of the process draws is always the same."""
    torch.default_generator.manual_seed(9)
    return content(dataset[index])


def items(dataset: Any) -> list[Any]:
    return [item(dataset, i) for i in range(len(dataset))]


def together(dataset: Any, indices: Sequence[Any]) -> list[Any]:
    torch.default_generator.manual_seed(9)
    return [content(each) for each in dataset.__getitems__(list(indices))]


def order_of(dataset: Any) -> list[int]:
    return [int(i) for i in np.random.default_rng(0).permutation(len(dataset))]


# Reading


@over(DATA_SETS)
def test_items_agree_however_they_are_read(case: DataSet, files: Files) -> None:
    dataset = case.built(files)
    order = [*order_of(dataset), 0, 0, len(dataset) - 1]
    torch.default_generator.manual_seed(9)
    expected = [content(dataset[i]) for i in order]
    assert together(dataset, order) == expected
    torch.default_generator.manual_seed(9)
    parts = [dataset.__getitems__(order[start : start + 4]) for start in range(0, len(order), 4)]
    assert [content(each) for part in parts for each in part] == expected
    assert len({str(each) for each in expected}) >= len(dataset), "items are told apart"


@over(DATA_SETS)
def test_indices_are_those_of_a_list(case: DataSet, files: Files) -> None:
    dataset = case.built(files)
    length = len(dataset)
    for index in (0, 3, length - 1):
        forms = [index, index - length, np.int64(index), torch.tensor(index)]
        assert [item(dataset, form) for form in forms] == [item(dataset, index)] * 4
        assert [together(dataset, [form]) for form in forms] == [[item(dataset, index)]] * 4
    for index in (length, length + 7, -length - 1):
        with pytest.raises(IndexError, match=f"^item {index} of a data set of length {length}$"):
            dataset[index]
        with pytest.raises(IndexError, match=f"^item {index} of a data set of length {length}$"):
            dataset.__getitems__([0, index])


@pytest.mark.parametrize("index", [slice(0, 2), slice(None), 1.0, "1", None, [0, 1]])
@over(DATA_SETS)
def test_what_is_no_index_is_refused(case: DataSet, index: Any, files: Files) -> None:
    dataset = case.built(files)
    for read in (lambda: dataset[index], lambda: dataset.__getitems__([index])):
        with pytest.raises(TypeError, match=r"^.+$") as caught:
            read()
        assert "\n" not in str(caught.value)


@over(DATA_SETS)
def test_iterating_twice_gives_the_same(case: DataSet, files: Files) -> None:
    dataset = case.built(files)
    first, second = ([content(each) for each in dataset] for _ in range(2))
    assert len(first) == len(dataset)
    assert first == second


@over(DATA_SETS)
def test_images_keep_their_sizes(case: DataSet, files: Files) -> None:
    """Every second image of the source is larger: so is each that is made of one."""
    dataset = case.built(files)
    shapes = {tuple(v2.functional.get_size(image)) for image, _ in dataset}
    assert shapes == {(8, 8), (11, 6)}


@over(DATA_SETS)
def test_a_subclass_that_overrides_getitem_is_not_bypassed(case: DataSet, files: Files) -> None:
    dataset = case.built(files)

    class Marked(type(dataset)):  # type: ignore[misc]
        def __getitem__(self, index: int) -> Any:
            return "marked", super().__getitem__(index)[1]

    dataset.__class__ = Marked
    expected = [("marked", dataset[i][1]) for i in (0, len(dataset) - 1)]
    assert dataset.__getitems__([0, len(dataset) - 1]) == expected
    outer = AugmentedDataset(Subset(dataset, [len(dataset) - 1]), v2.Identity())
    assert outer.__getitems__([0]) == expected[1:]


# Loaders


def loaded(dataset: Any, workers: int, batch_size: int | None, order: list[int]) -> list[Any]:
    loader = DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=order,
        num_workers=workers,
        collate_fn=unchanged,
        multiprocessing_context="fork" if workers else None,
    )
    batches = list(loader)
    return [content(each) for batch in batches for each in (batch if batch_size else [batch])]


@NEEDS_FORK
@over(DATA_SETS)
def test_the_same_bytes_for_any_workers_batch_size_and_order(case: DataSet, files: Files) -> None:
    dataset = case.built(files)
    expected = items(dataset)
    straight, order = list(range(len(dataset))), order_of(dataset)
    for workers, batch_size in ((0, 1), (0, len(dataset)), (0, 5), (0, None)):
        assert loaded(dataset, workers, batch_size, straight) == expected
    for workers, batch_size in ((2, 3), (1, None)):
        found = loaded(dataset, workers, batch_size, order)
        assert found == [expected[i] for i in order]


# Labels


@over(DATA_SETS)
def test_targets_and_classes_agree_with_the_items(case: DataSet, files: Files) -> None:
    dataset = case.built(files)
    assert [int(label) for _, label in dataset] == dataset.targets
    assert all(type(label) is int for label in dataset.targets)
    assert dataset.classes == ["ant", "bee", "cat"]
    assert dataset.class_to_idx == {"ant": 0, "bee": 1, "cat": 2}
    assert set(dataset.targets) <= {0, 1, 2}


# Epochs


@over(DATA_SETS)
def test_an_epoch_changes_the_generated_items_alone(case: DataSet, files: Files) -> None:
    dataset = case.built(files)
    passes = []
    for epoch in (0, 1, np.int64(2), 0):
        dataset.set_epoch(epoch)
        passes.append(items(dataset))
    assert passes[3] == passes[0]
    for other in passes[1:3]:
        changed = [i for i, (a, b) in enumerate(zip(passes[0], other, strict=True)) if a != b]
        assert changed == list(case.made)
    labels = [[parts[1] for _, parts in each] for each in passes]
    assert labels == labels[:1] * 4
    for epoch in (-1, 0.5, True, "1", None):
        with pytest.raises(ConfigError, match=r"^epoch=.*; allowed: a whole number of at least 0$"):
            dataset.set_epoch(epoch)
    assert items(dataset) == passes[0], "a refused epoch leaves all as it was"


@NEEDS_FORK
@over(DATA_SETS)
def test_an_epoch_reaches_persistent_workers(case: DataSet, files: Files) -> None:
    dataset = case.built(files)
    loader = DataLoader(
        AugmentedDataset(dataset, Reseeded()),
        batch_size=5,
        sampler=[*range(5), *range(len(dataset))],  # the first batch is read with another seed
        num_workers=1,
        persistent_workers=True,
        collate_fn=unchanged,
        multiprocessing_context="fork",
    )
    passes = []
    for epoch in (0, 1, 0):
        dataset.set_epoch(epoch)
        passes.append([content(each) for batch in loader for each in batch][5:])
    assert passes[2] == passes[0]
    changed = [i for i, (a, b) in enumerate(zip(*passes[:2], strict=True)) if a != b]
    assert changed == list(case.made)


class Reseeded:
    """Seeds torch's generator for the next batch, so that what a transform draws is the same."""

    def __call__(self, *parts: Any) -> Any:
        torch.default_generator.manual_seed(9)
        return parts


# Under torch's data sets


@over(DATA_SETS)
def test_under_torchs_data_sets_the_items_stay_the_same(case: DataSet, files: Files) -> None:
    dataset = case.built(files)
    expected, order = items(dataset), order_of(dataset)
    part = Subset(dataset, order)
    inner = Subset(part, [1, 0, 2])
    both: ConcatDataset[Any] = ConcatDataset([part, dataset])
    halves = random_split(dataset, [0.5, 0.5], generator=torch.Generator().manual_seed(0))
    views: list[tuple[Any, list[int]]] = [
        (part, order),
        (inner, [order[1], order[0], order[2]]),
        (both, order + list(range(len(dataset)))),
        *((half, list(half.indices)) for half in halves),
    ]
    for view, places in views:
        assert items(view) == [expected[i] for i in places]
        outer = AugmentedDataset(view, v2.Identity())
        assert items(outer) == [expected[i] for i in places]
        assert outer.targets == [dataset.targets[i] for i in places]
        assert outer.classes == dataset.classes
        own = torch.Generator()  # or a loader draws from torch's
        batches = DataLoader(view, len(places), collate_fn=unchanged, generator=own)
        torch.default_generator.manual_seed(9)
        (read,) = batches
        torch.default_generator.manual_seed(9)
        assert together(outer, range(len(places))) == [content(each) for each in read]


@over(DATA_SETS)
def test_an_epoch_reaches_through_torchs_data_sets(case: DataSet, files: Files) -> None:
    dataset, twin = case.built(files), case.built(files)
    twin.set_epoch(3)
    expected = items(twin)
    both: ConcatDataset[Any] = ConcatDataset([Subset(dataset, range(len(dataset)))])
    outer = AugmentedDataset(both, v2.Identity())
    outer.set_epoch(3)
    assert items(outer) == expected
    assert items(dataset) == expected


# Without items, and with bad ones


@over(DATA_SETS)
def test_a_data_set_without_items(case: DataSet, files: Files) -> None:
    dataset = case.build(case.artifact(files), case.empty())
    assert len(dataset) == 0
    assert list(dataset) == []
    assert dataset.targets == []
    assert dataset.classes == ["ant", "bee", "cat"]
    assert dataset.__getitems__([]) == []
    assert list(DataLoader(dataset, batch_size=2)) == []
    dataset.set_epoch(1)
    for index in (0, -1):
        with pytest.raises(IndexError, match=f"^item {index} of a data set of length 0$"):
            dataset[index]
    outer = AugmentedDataset(dataset, v2.Identity())
    assert (len(outer), outer.targets) == (0, [])


class Flipping(Pairs):
    """Every second read of an item shows it mirrored."""

    reads = 0

    def __getitem__(self, index: int) -> Any:
        self.reads += 1
        image, label = super().__getitem__(index)
        return (image.flip(-1) if self.reads % 2 else image), label


@over(DATA_SETS)
def test_a_source_that_changes_is_refused(case: DataSet, files: Files) -> None:
    still = in_memory()
    source = Flipping(still.images, still.given, classes=["ant", "bee", "cat"])
    with pytest.raises(DataError, match=r"changes between two reads; allowed: .*AugmentedDataset"):
        case.build(case.artifact(files), source)
