"""Class names and labels that stand on a Subset or ConcatDataset itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.small_datasets import Pairs, tensors
from torch.utils.data import ChainDataset, ConcatDataset, IterableDataset, Subset
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from ganaug import AugmentedDataset, GANAugment, MixedDataset, SyntheticDataset, load_images
from ganaug.errors import DataError

LABELS = [0, 1, 2, 0]
ITSELF = v2.Identity()


def plain(classes: Any = None) -> Pairs:
    return Pairs(tensors(4), LABELS, classes=classes, targets=LABELS)


def named(dataset: Any, classes: Any) -> Any:
    dataset.classes = classes
    return dataset


class Flipped(Subset[Any]):
    """Makes 2 - label of each label."""

    def __getitem__(self, index: Any) -> Any:
        image, label = super().__getitem__(index)
        return image, 2 - label

    def __getitems__(self, indices: list[int]) -> list[Any]:
        return [self[i] for i in indices]


class Named(Flipped):
    def __init__(self, dataset: Any, indices: Any) -> None:
        super().__init__(dataset, indices)
        self.classes = dataset.classes[::-1]
        self.targets = [2 - dataset.targets[i] for i in indices]


class Forwarding(Subset[Any]):
    """Hands out all attributes of the data set inside, which are not those of its items."""

    def __getattr__(self, name: str) -> Any:
        if name == "dataset":
            raise AttributeError(name)
        return getattr(self.dataset, name)


@pytest.mark.parametrize(
    "dataset",
    [
        named(Subset(plain(), range(4)), ["cat", "bee", "ant"]),
        named(Subset(plain(["x", "y", "z"]), range(4)), ["cat", "bee", "ant"]),
        named(ConcatDataset([plain()]), ["cat", "bee", "ant"]),
        Subset(named(ConcatDataset([plain()]), ["cat", "bee", "ant"]), range(4)),
        Named(plain(["ant", "bee", "cat"]), range(4)),
    ],
    ids=["on a subset", "other names", "on a concat", "below a subset", "relabelled"],
)
def test_names_outside_count(dataset: Any, by_class: Path) -> None:
    names = ["cat", "bee", "ant"]
    loaded = load_images(dataset)
    assert list(loaded.classes) == names
    given = [label for _, label in dataset]
    assert loaded.labels.tolist() == given
    data = AugmentedDataset(dataset, GANAugment(by_class, p={"ant": 1.0}))
    assert data.classes == names
    assert data.targets == given
    changed = [not torch.equal(data[i][0], dataset[i][0]) for i in range(4)]
    assert changed == [names[label] == "ant" for label in given]
    made = SyntheticDataset(by_class, source=dataset, counts={"cat": 2})
    assert made.classes == names
    assert MixedDataset(dataset, made).targets == [*given, 0, 0]


def test_parts_are_mapped_to_names_outside() -> None:
    first = named(Subset(plain(), range(4)), ["cat", "bee", "ant"])
    both: Any = ConcatDataset([first, plain(["ant", "bee", "cat"])])
    data = AugmentedDataset(both, ITSELF)
    assert data.classes == ["cat", "bee", "ant"]
    assert data.targets == [label for _, label in data] == [0, 1, 2, 0, 2, 1, 0, 2]


def test_names_that_contradict_those_inside_are_refused(real: ImageFolder) -> None:
    for dataset in (
        named(Subset(real, range(4)), ["cat", "bee", "ant"]),
        named(ConcatDataset([real, plain(["cat", "bee", "ant"])]), ["ant", "bee", "cat"]),
    ):
        for read in (load_images, lambda data: AugmentedDataset(data, ITSELF)):
            with pytest.raises(DataError, match=r"of its .classes, but label \d in the .* inside"):
                read(dataset)


def test_a_part_of_a_folder_with_names_of_its_own_is_read_from_its_files(real: ImageFolder) -> None:
    part = named(Subset(real, range(14)), ["Ameise", "Biene", "Katze"])
    loaded = load_images(part)
    assert loaded.classes == ("Ameise", "Biene", "Katze")
    assert loaded.names is not None


def test_a_target_transform_outside_counts() -> None:
    part = Subset(plain(["ant", "bee", "cat"]), range(4))
    part.target_transform = lambda label: 2 - label  # type: ignore[attr-defined]
    with pytest.raises(DataError, match="its target_transform turns the label 0"):
        AugmentedDataset(part, ITSELF)


def test_what_is_forwarded_from_inside_is_not_of_the_part() -> None:
    data = AugmentedDataset(Forwarding(plain(["ant", "bee", "cat"]), [3, 2]), ITSELF)
    assert data.targets == [0, 2]
    assert data.classes == ["ant", "bee", "cat"]


# Labels that the items do not have


class Delegating:
    """A wrapper that relabels, and forwards everything else."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        image, label = self.dataset[index]
        return image, 2 - label

    def __getattr__(self, name: str) -> Any:
        return getattr(self.dataset, name)


STALE: list[tuple[str, Any]] = [
    (".targets", lambda: Pairs(tensors(4), LABELS, targets=[0, 1, 2, 1])),
    (".labels", lambda: Pairs(tensors(4), LABELS, labels=[0, 1, 2, 7])),
    (".targets", lambda: Flipped(plain(), range(4))),
    (".targets", lambda: Delegating(plain())),
]
BUILT: list[Any] = [
    lambda data, file: AugmentedDataset(data, ITSELF),
    lambda data, file: MixedDataset(data, SyntheticDataset(file, plain(), counts=2)),
]


@pytest.mark.parametrize(("where", "stale"), STALE)
@pytest.mark.parametrize("build", BUILT)
def test_targets_that_are_not_those_of_the_items_are_refused(
    where: str, stale: Any, build: Any, variation: Path
) -> None:
    """At the item, once somebody has asked for the targets and may have balanced by them."""
    data = build(stale(), variation)
    assert len(data[3]) == 2
    targets = data.targets
    message = rf"item 3 of \w+ has the label \d, but {where} says {targets[3]}; allowed: equal"
    with pytest.raises(DataError, match=message):
        data[-1 if len(data) == 4 else 3]
    with pytest.raises(DataError, match=message):
        data.__getitems__([3])


def test_a_generated_item_of_another_class_than_its_source_is_refused(by_class: Path) -> None:
    given = [0] * 7 + [1] + [0] * 8  # not one of the few that are read at first
    source = Pairs(tensors(16), given, targets=[0] * 16)
    made = SyntheticDataset(by_class, source, counts={"ant": 60})
    at = next(i for i in range(60) if made.source_of(i) == 7)
    with pytest.raises(DataError, match=r"item 7 of Pairs has the label 1, but .targets says 0"):
        made[at]


# Data sets without items


class Stream(IterableDataset[Any]):
    """It has a length, and a `__getitem__` that torch.utils.data.Dataset only declares."""

    def __iter__(self) -> Iterator[Any]:
        yield tensors(1)[0], 0

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize("stream", [Stream(), ChainDataset([Stream()])])
def test_a_stream_with_a_length_is_refused(stream: Any, variation: Path) -> None:
    with pytest.raises(DataError, match=r"not a source of images; allowed: .* map-style"):
        load_images(stream)
    for build in (
        lambda: AugmentedDataset(stream, ITSELF),
        lambda: SyntheticDataset(variation, stream, counts=1),
        lambda: MixedDataset(stream, SyntheticDataset(variation, plain(), counts=1)),
    ):
        with pytest.raises(DataError, match=r"a map-style data set of .image, label., with __g"):
            build()
