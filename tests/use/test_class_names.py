"""Class names: `fit` and the data sets read them by one rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_datasets import Pairs, tensors
from torch.utils.data import ConcatDataset, Dataset, Subset
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from ganaug import AugmentedDataset, GANAugment, SyntheticDataset, load_images
from ganaug.errors import ArtifactError

LABELS = [0, 1, 2, 0]


def pairs(classes: Any) -> Pairs:
    return Pairs(tensors(4), LABELS, classes=classes, targets=LABELS)


def used(dataset: Dataset[Any]) -> list[str] | None:
    return getattr(AugmentedDataset(dataset, v2.Identity()), "classes", None)


@pytest.mark.parametrize(
    "classes",
    [
        ["cat", "bee", "ant"],
        ("cat", "bee", "ant"),
        np.array(["cat", "bee", "ant"]),
        np.array(["cat", "bee", "ant"], object),
        {"cat": 0, "bee": 1, "ant": 2},
        {"cat": 0, "bee": 1, "ant": 2}.keys(),
    ],
    ids=["list", "tuple", "array", "array of objects", "dict", "keys"],
)
def test_names_in_any_container_are_honoured(classes: Any, by_class: Path) -> None:
    names = ["cat", "bee", "ant"]
    dataset = pairs(classes)
    assert load_images(dataset).classes == tuple(names)
    assert used(dataset) == names
    made = SyntheticDataset(by_class, source=dataset, counts="balance")
    assert made.classes == names
    assert [made.classes[label] for label in made.targets] == ["bee", "ant"]
    varied = AugmentedDataset(dataset, GANAugment(by_class, p={"cat": 1.0}))
    changed = [not torch.equal(varied[i][0], dataset[i][0]) for i in range(4)]
    assert changed == [True, False, False, True]


def test_a_class_in_an_array_that_the_file_does_not_know_is_refused(by_class: Path) -> None:
    foreign = pairs(np.array(["tree", "car", "ant"]))
    with pytest.raises(ArtifactError, match="'tree' is not in"):
        SyntheticDataset(by_class, source=foreign, counts="balance")
    with pytest.raises(ArtifactError, match="'tree' is not in"):
        AugmentedDataset(foreign, GANAugment(by_class))


def test_a_concat_data_set_has_the_names_that_its_parts_share(
    real: ImageFolder, variation: Path
) -> None:
    both: ConcatDataset[Any] = ConcatDataset([real, Subset(real, [0, 13])])
    assert load_images(both).classes == ("ant", "bee", "cat")
    assert used(both) == ["ant", "bee", "cat"]
    assert used(Subset(both, [0])) == ["ant", "bee", "cat"]
    assert AugmentedDataset(both, GANAugment(variation, p=1.0))[0][1] == 0


def test_parts_with_other_names_share_none(real: ImageFolder) -> None:
    others: ConcatDataset[Any] = ConcatDataset([pairs(["x", "y", "z"]), pairs(["x", "z", "y"])])
    assert load_images(others).classes == ("0", "1", "2")
    assert used(others) is None


@pytest.mark.parametrize("classes", [None, "abc", 3])
def test_what_holds_no_names_is_no_list_of_them(classes: Any) -> None:
    dataset = pairs(classes)
    assert load_images(dataset).classes == ("0", "1", "2")
    assert used(dataset) is None
