"""Data sets whose items are dictionaries: class names stay, also in a Subset or ConcatDataset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, StackDataset, Subset

from ganaug import AugmentedDataset, load_images
from ganaug.errors import DataError
from ganaug.images.columns import Columns
from ganaug.images.originals import originals

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
KEYS: dict[str, Any] = {"image": "photo", "label": "kind"}
Make = Callable[..., Any]


class Dictionaries(torch.utils.data.Dataset[Any]):
    def __init__(self, classes: list[str]) -> None:
        self.classes = classes

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        return {"photo": Image.fromarray(PIXELS[index]), "kind": index % 2}


def huggingface(classes: list[str]) -> Any:
    """A data set with a second column that may hold labels, of other names."""
    datasets = pytest.importorskip("datasets")
    columns = {
        "photo": [Image.fromarray(image) for image in PIXELS],
        "kind": [0, 1] * 3,
        "coarse": [0] * 6,
    }
    types = {
        "photo": datasets.Image(),
        "kind": datasets.ClassLabel(names=classes),
        "coarse": datasets.ClassLabel(names=["animal", "plant"]),
    }
    return datasets.Dataset.from_dict(columns, features=datasets.Features(types))


@pytest.mark.parametrize("make", [Dictionaries, huggingface])
def test_names_stay_in_a_part(make: Make) -> None:
    part = Subset(Subset(make(["cat", "dog"]), range(4)), [3, 0])
    loaded = load_images(part, **KEYS)
    assert loaded.classes == ("cat", "dog")
    assert loaded.labels.tolist() == [1, 0]


@pytest.mark.parametrize("make", [Dictionaries, huggingface])
def test_parts_with_other_names_are_mapped_by_name(make: Make) -> None:
    second = make(["dog", "eel"])
    both: ConcatDataset[Any] = ConcatDataset([make(["cat", "dog"]), Subset(second, [1, 0])])
    loaded = load_images(both, **KEYS)
    assert loaded.classes == ("cat", "dog", "eel")
    assert loaded.labels.tolist() == [0, 1] * 3 + [2, 1]
    found = originals(both, columns=Columns("photo", "kind"))
    assert found.classes == loaded.classes
    assert [item.read()[1] for item in found.items] == loaded.labels.tolist()


def test_parts_of_hugging_face_are_mapped_for_a_transform_too() -> None:
    parts = [huggingface(names).remove_columns("coarse") for names in (["a", "b"], ["b", "c"])]
    both = AugmentedDataset(ConcatDataset(parts), lambda item: item)
    assert both.classes == ["a", "b", "c"]
    assert both.targets == [item["kind"] for item in both] == [0, 1] * 3 + [1, 2] * 3


def test_a_part_with_another_kind_of_items_is_refused() -> None:
    both: ConcatDataset[Any] = ConcatDataset([Dictionaries(["a", "b"]), Dictionaries(["b", "a"])])
    data = AugmentedDataset(both, lambda item: item)
    assert data[0]["kind"] == 0
    with pytest.raises(DataError, match="dict; allowed: "):
        data[6]


def test_keys_are_named_where_they_are_missing() -> None:
    stacked = StackDataset(photo=list(torch.from_numpy(PIXELS)), kind=[0, 1] * 3)
    with pytest.raises(DataError, match=r"dict of 'photo', 'kind'; allowed: .* image= and label="):
        load_images(stacked)
