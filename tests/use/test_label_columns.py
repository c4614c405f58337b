"""Which column of a data set of Hugging Face holds the label: one rule for whoever asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, Subset
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from ganaug import AugmentedDataset, GANAugment, MixedDataset, SyntheticDataset
from ganaug.errors import ConfigError, DataError
from ganaug.use._sources import check_repeatable

datasets = pytest.importorskip("datasets", reason="the extra huggingface is not installed")

ROWS = [0, 8, 13]  # one of each class
ONLY_BEES = {"bee": 1.0}


def stored(real: ImageFolder, label: str, *ones: str, named: bool = True) -> Any:
    """Photos with their class under `label`, and columns of ones; some before the image."""
    kind = datasets.ClassLabel(names=real.classes) if named else datasets.Value("int64")
    columns = {ones[-1]: [1] * 3} if ones else {}
    columns |= {"image": [real[at][0] for at in ROWS]}
    columns |= {name: [1] * 3 for name in ones[:-1]}
    columns |= {label: [real.targets[at] for at in ROWS]}
    kinds = {"image": datasets.Image(), label: kind}
    features = {name: kinds.get(name, datasets.Value("int64")) for name in columns}
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


def varied(augmented: Any, source: Any) -> list[bool]:
    """Return for each item whether its image is another than that of the source."""
    return [
        bool((np.asarray(augmented[at]["image"]) != np.asarray(source[at]["image"])).any())
        for at in range(len(source))
    ]


COLUMNS = [
    ("species",),
    ("species", "label_checked"),
    ("category",),
    ("category", "label_checked"),
    ("label", "is_labelled"),
    ("y", "label_checked", "targets_seen"),
]


@pytest.mark.parametrize("columns", COLUMNS, ids=str)
def test_items_have_the_class_of_the_column_that_names_the_classes(
    columns: tuple[str, ...], variation: Path, real: ImageFolder
) -> None:
    source = stored(real, *columns)
    vary = GANAugment(variation, p=ONLY_BEES)
    for given in (source, Subset(source, range(3)), ConcatDataset([source])):
        augmented = AugmentedDataset(given, v2.Compose([vary]))
        assert augmented.targets == [0, 1, 2]
        assert varied(augmented, source) == [False, True, False]
    more = SyntheticDataset(variation, source=source, counts={"cat": 2})
    assert [item[columns[0]] for item in more] == [2, 2]
    mixed = AugmentedDataset(MixedDataset(source, more), vary)
    assert mixed.targets == [0, 1, 2, 2, 2]
    assert varied(mixed, source) == [False, True, False]


@pytest.mark.parametrize("columns", COLUMNS[2:], ids=str)
def test_numbers_without_names_are_found_by_the_name_of_their_column(
    columns: tuple[str, ...], variation: Path, real: ImageFolder
) -> None:
    source = stored(real, *columns, named=False)
    augmented = AugmentedDataset(source, GANAugment(variation, p=ONLY_BEES))
    assert augmented.targets == [0, 1, 2]
    assert varied(augmented, source) == [False, True, False]


def test_a_transform_of_the_data_set_is_told_the_column(variation: Path, real: ImageFolder) -> None:
    source = stored(real, "species", "label_checked")
    vary = GANAugment(variation, p=ONLY_BEES).for_classes(real.classes, label="species")
    assert varied(source.with_transform(vary), source) == [False, True, False]
    batch = source.with_transform(vary)[:]["image"]
    changed = [
        bool((np.asarray(new) != np.asarray(real[at][0])).any())
        for at, new in zip(ROWS, batch, strict=True)
    ]
    assert changed == [False, True, False]


def test_a_transform_that_is_not_told_refuses_where_p_differs(
    variation: Path, real: ImageFolder
) -> None:
    source = stored(real, "species")
    vary = GANAugment(variation, p=ONLY_BEES).for_classes(real.classes)
    for rows in (0, slice(0, 3)):
        with pytest.raises(ConfigError, match=r"\('image', 'species'\).*label='KEY'") as caught:
            source.with_transform(vary)[rows]
        assert "\n" not in str(caught.value)
    same = GANAugment(variation, p=1.0).for_classes(real.classes)
    assert varied(source.with_transform(same), source) == [True] * 3
    blind = GANAugment(variation, p=ONLY_BEES, labels_getter=None).for_classes(real.classes)
    assert source.with_transform(blind)[0]["species"] == 0
    unlabelled = {"image": real[0][0], "label": None}
    assert vary(unlabelled)["label"] is None


def test_a_key_that_a_transform_before_it_renames_is_found_by_name(
    variation: Path, real: ImageFolder
) -> None:
    def renamed(item: dict[str, Any]) -> dict[str, Any]:
        return {"image": item["image"], "labels": item["species"]}

    source = stored(real, "species")
    transform = v2.Compose([renamed, GANAugment(variation, p=ONLY_BEES)])
    assert varied(AugmentedDataset(source, transform), source) == [False, True, False]


def test_parts_with_labels_in_other_columns_are_refused(variation: Path, real: ImageFolder) -> None:
    both = ConcatDataset([stored(real, "species"), stored(real, "label")])
    with pytest.raises(DataError, match=r"columns 'label', 'species'; allowed: one name"):
        AugmentedDataset(both, GANAugment(variation))


def test_a_column_of_masks_is_no_label(variation: Path, real: ImageFolder) -> None:
    """Sets for segmentation call their masks "label"."""
    source = stored(real, "category").map(lambda item: {"label": item["image"]})
    assert isinstance(source.features["label"], datasets.Image)
    assert AugmentedDataset(source, GANAugment(variation)).targets == [0, 1, 2]


def test_all_parts_at_once_and_streams_are_refused(variation: Path, real: ImageFolder) -> None:
    source = stored(real, "label")
    parts = datasets.DatasetDict(train=source, test=source)
    more = SyntheticDataset(variation, source=source, counts=1)
    for use in (
        lambda data: AugmentedDataset(data, GANAugment(variation)),
        lambda data: SyntheticDataset(variation, source=data),
        lambda data: MixedDataset(data, more),
    ):
        with pytest.raises(DataError, match=r"'train', 'test'; .* such as photos\['train'\]"):
            use(parts)
        with pytest.raises(DataError, match="IterableDataset"):
            use(source.to_iterable_dataset())


def test_labels_that_contradict_without_a_target_transform() -> None:
    """The next step is one that there is."""

    class Contradicting:
        classes, targets = ("a", "b"), (0, 1)

        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> Any:
            return torch.zeros(3, 8, 8), 1 - index

    with pytest.raises(DataError, match=r"give the data set the \.targets of its items$"):
        check_repeatable(Contradicting(), np.array([0, 1]))
