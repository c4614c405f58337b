"""Labels that a wrapper changes while it has the class names of the data set inside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.small_datasets import Pairs, tensors
from torch.utils.data import ConcatDataset, Subset
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from ganaug import AugmentedDataset, MixedDataset, SyntheticDataset, load_images
from ganaug.errors import DataError

NAMES = ["ant", "bee", "cat"]
LABELS = [0, 1, 2, 0] * 10
WORDS = (
    r"^{}: item \d+ has the label \d, but \d in the \w+ inside, whose class names it has; allowed:"
    r" labels that count through these; give the {} \.classes and \.targets of its own$"
)


def plain(names: list[str] = NAMES) -> Pairs:
    return Pairs(tensors(40), LABELS, classes=names, targets=LABELS)


class Changed(Subset[Any]):
    """Reads its items itself; `change(index, label)` is the label."""

    change: Callable[[int, int], int] = staticmethod(lambda index, label: 2 - label)

    def __getitem__(self, index: Any) -> Any:
        image, label = super().__getitem__(index)
        return v2.functional.invert(image), self.change(index, label)

    def __getitems__(self, indices: list[int]) -> list[Any]:
        return [self[i] for i in indices]


class ChangedParts(ConcatDataset[Any]):
    def __getitem__(self, index: int) -> Any:
        image, label = super().__getitem__(index)
        return image, (label + 1) % 3


class Forwarding:
    """Hands out all attributes of the data set inside."""

    def __init__(self, dataset: Any, shift: int) -> None:
        self.inner, self.shift = dataset, shift

    def __len__(self) -> int:
        return len(self.inner)

    def __getitem__(self, index: int) -> Any:
        image, label = self.inner[index]
        return image, (label + self.shift) % 3

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["inner"], name)


READ: list[Callable[[Any, Path], Any]] = [
    lambda data, file: load_images(data),
    lambda data, file: AugmentedDataset(data, v2.Identity()),
    lambda data, file: SyntheticDataset(file, data, counts=2),
    lambda data, file: MixedDataset(data, SyntheticDataset(file, plain(), counts=2)),
]


@pytest.mark.parametrize("read", READ, ids=["load", "augmented", "synthetic", "mixed"])
@pytest.mark.parametrize(
    ("kind", "dataset"),
    [
        ("Changed", Changed(plain(), range(40))),
        ("Changed", Subset(Changed(plain(), range(40)), [5, 6])),
        ("Changed", ConcatDataset([Changed(plain(), range(9)), plain(["ant", "bee", "dog"])])),
        ("ChangedParts", ChangedParts([plain(), plain()])),
        ("Forwarding", Forwarding(plain(), 1)),
        ("Forwarding", Subset(Forwarding(plain(), 1), [3])),
    ],
)
def test_names_of_other_labels_are_refused(
    kind: str, dataset: Any, read: Callable[[Any, Path], Any], variation: Path
) -> None:
    state = torch.get_rng_state()
    with pytest.raises(DataError, match=WORDS.format(kind, kind)):
        read(dataset, variation)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_single_changed_label_is_found_where_all_items_are_read() -> None:
    dataset = Changed(plain(), range(40))
    dataset.change = lambda index, label: 1 if index == 7 else label  # type: ignore[method-assign]
    with pytest.raises(DataError, match="Changed: item 7 has the label 1, but 0 in the Pairs"):
        load_images(dataset)


def test_a_part_of_a_folder_is_no_exception(real: ImageFolder) -> None:
    with pytest.raises(DataError, match="but 0 in the ImageFolder inside"):
        load_images(Changed(real, range(len(real))))


def test_labels_that_stay_and_names_outside_are_read() -> None:
    same = Changed(plain(), range(40))
    same.change = lambda index, label: label  # type: ignore[method-assign]
    own = Changed(plain(), range(40))
    own.classes, own.targets = NAMES[::-1], [2 - label for label in LABELS]  # type: ignore[attr-defined]
    for dataset, names in ((same, NAMES), (own, NAMES[::-1]), (Forwarding(plain(), 0), NAMES)):
        given = [label for _, label in dataset]
        loaded = load_images(dataset)
        assert (list(loaded.classes), loaded.labels.tolist()) == (names, given)
        data = AugmentedDataset(dataset, v2.Identity())
        assert (data.classes, data.targets) == (names, given)


class Backwards(Subset[Any]):
    """Counts its items anew."""

    def __getitem__(self, index: Any) -> Any:
        return super().__getitem__(len(self) - 1 - index)

    def __getitems__(self, indices: list[int]) -> list[Any]:
        return [self[i] for i in indices]


class BackwardsParts(ConcatDataset[Any]):
    def __getitem__(self, index: int) -> Any:
        return super().__getitem__(len(self) - 1 - index)


def test_items_that_are_counted_anew_keep_their_labels() -> None:
    for dataset in (Backwards(plain(), range(39)), BackwardsParts([plain(), plain()])):
        loaded = load_images(dataset)
        assert loaded.labels.tolist() == [dataset[at][1] for at in range(len(dataset))]
        assert list(loaded.classes) == NAMES


class BackwardsChanged(Backwards):
    def __getitem__(self, index: Any) -> Any:
        image, label = super().__getitem__(index)
        return image, 2 - label


def test_labels_that_change_in_another_order_are_refused() -> None:
    """Also where each is, by chance, the label of the item at its place."""
    labels = [0, 0, 0, 2, 2, 2]
    dataset = BackwardsChanged(Pairs(tensors(6), labels, classes=NAMES, targets=labels), range(6))
    assert [dataset[at][1] for at in range(6)] == labels
    with pytest.raises(DataError, match="item 0 has the label 0, but 2 in the Pairs inside"):
        load_images(dataset)


class Careless(Subset[Any]):
    """Forwards whatever it has not, without an end before it has a data set."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.dataset, name)


def test_parts_that_forward_all_attributes_are_mapped_by_name() -> None:
    both: Any = ConcatDataset([Careless(plain(), [1, 2]), plain(["ant", "bee", "dog"])])
    data = AugmentedDataset(both, v2.Identity())
    assert data.classes == ["ant", "bee", "cat", "dog"]
    assert data.targets[:5] == [1, 2, 0, 1, 3]
    last: Any = ConcatDataset([plain(["ant", "bee", "dog"]), Careless(plain(), [1, 2])])
    swapped = AugmentedDataset(last, v2.Identity())
    assert [label for _, label in swapped][-2:] == swapped.targets[-2:] == [1, 2]
    moved: Any = ConcatDataset([plain(["aardvark", *NAMES[1:]]), Careless(plain(), [1, 2])])
    mapped = AugmentedDataset(moved, v2.Identity())
    assert mapped.classes == ["aardvark", *NAMES]
    assert [label for _, label in mapped][-2:] == mapped.targets[-2:] == [2, 3]


def test_without_names_the_labels_of_the_items_count() -> None:
    bare = Pairs(tensors(40), LABELS, targets=LABELS)
    loaded = load_images(Changed(bare, range(40)))
    assert loaded.labels.tolist() == [2 - label for label in LABELS]
    assert loaded.unnamed
