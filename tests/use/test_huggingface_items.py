"""The transform and the data sets with Hugging Face's `datasets`: dict items, names, transforms."""

from __future__ import annotations

from collections import UserDict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, DataLoader, Subset
from torchvision import tv_tensors
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from ganaug import (
    AugmentedDataset,
    ClassBalancedSampler,
    GANAugment,
    MixedDataset,
    SyntheticDataset,
)
from ganaug.errors import DataError

datasets = pytest.importorskip("datasets", reason="the extra huggingface is not installed")
TO_TENSOR = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])


@pytest.fixture(scope="module")
def stored(photos: Path) -> Any:
    """The folder of photos as a Dataset: {"image": PIL image, "label": number}."""
    folder = ImageFolder(str(photos))
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "label": datasets.ClassLabel(names=folder.classes),
            "at": datasets.Value("int64"),
        }
    )
    images = [image for image, _ in folder]
    values = {"image": images, "label": folder.targets, "at": list(range(len(folder)))}
    return datasets.Dataset.from_dict(values, features=features)


def real_name(stored: Any, label: int) -> str:
    return str(stored.features["label"].names[label])


def same(first: Any, second: Any) -> bool:
    return bool((np.asarray(first) == np.asarray(second)).all())


def test_items_are_varied_with_their_labels(
    variation_policy: Path, stored: Any, real: ImageFolder
) -> None:
    """A dict item gets the p of its class, and keeps what else it holds."""
    never, often = AugmentedDataset(stored, GANAugment(variation_policy)), 0
    assert never.classes == real.classes
    assert never.targets == real.targets
    for at in range(len(stored)):
        item = never[at]
        assert set(item) == {"image", "label", "at"}
        changed = not same(item["image"], stored[at]["image"])
        often += changed
        assert not (changed and real.targets[at] == 0), "p of the first class is 0"
    assert often
    assert AugmentedDataset(Subset(stored, [12, 13]), GANAugment(variation_policy)).targets == [
        2,
        2,
    ]


def test_classes_are_matched_by_name(by_class: Path, stored: Any) -> None:
    """The class generator makes the image of the class that the label names."""
    other = stored.cast_column("label", datasets.ClassLabel(names=["cat", "bee", "ant"]))
    seed = 3
    torch.manual_seed(seed)
    found = AugmentedDataset(other, GANAugment(by_class, p=1.0))[0]["image"]
    torch.manual_seed(seed)
    expected = GANAugment(by_class, p=1.0)(stored[0]["image"], 2)[0]  # 0 is a cat there
    assert same(found, expected)
    unknown = stored.cast_column("label", datasets.ClassLabel(names=["ant", "bee", "dog"]))
    with pytest.raises(Exception, match="the data set's class 'dog' is not in"):
        AugmentedDataset(unknown, GANAugment(by_class))


@pytest.mark.parametrize("how", ["set_transform", "with_transform"])
def test_as_the_transform_of_the_data_set(how: str, variation_policy: Path, stored: Any) -> None:
    """A batch is lists of images and labels: each image has the p of its own class."""
    transform = GANAugment(variation_policy, p={"cat": 1.0}).for_classes(["ant", "bee", "cat"])
    if how == "with_transform":
        given = stored.with_transform(transform)
    else:
        given = stored.select(range(len(stored)))
        given.set_transform(transform)
    rows = [0, 8, 13]  # one of each class: three labels are no one-hot label of three classes
    batch = given[rows]
    changed = [
        not same(new, stored[at]["image"]) for at, new in zip(rows, batch["image"], strict=True)
    ]
    assert changed == [False, False, True]
    assert batch["label"] == [0, 1, 2]
    both = given[[12, 13]]["image"]
    shift = [
        np.asarray(new, int) - np.asarray(stored[at]["image"], int)
        for at, new in zip((12, 13), both, strict=True)
    ]
    assert not same(shift[0][0, 0], shift[1][0, 0]), "two images share one latent"
    assert not same(given[13]["image"], stored[13]["image"])


def shifts(before: list[Any], after: list[Any]) -> list[int]:
    """Return by how many grey levels the first pixel of each image changed, by their sum."""
    pairs = zip(before, after, strict=True)
    return [int((np.asarray(new, int) - np.asarray(old, int))[0, 0].sum()) for old, new in pairs]


@pytest.mark.parametrize(
    "others",
    [{}, {"species": [0, 1, 2, 0]}, {"label": None}, {"label": [[0, 1, 0]] * 4}],
    ids=str,
)
def test_the_images_of_a_batch_share_nothing(
    others: dict[str, Any], variation: Path, stored: Any
) -> None:
    """Whether there are labels or not: each row decides by itself, and has its own latent."""
    images = stored[:4]["image"]
    found = GANAugment(variation, p=1.0)({"image": images, **others})
    assert len(set(shifts(images, found["image"]))) > 2
    assert {key: found[key] for key in others} == others
    tensors = [v2.functional.pil_to_tensor(image) for image in images]
    found = GANAugment(variation, p=1.0)({"image": tensors, **others})
    made = [v2.functional.to_pil_image(image) for image in found["image"]]
    assert len(set(shifts(images, made))) > 2
    some = GANAugment(variation, p=0.5)
    changed = [shifts(images, some({"image": images})["image"]) for _ in range(8)]
    assert any(0 in each and any(each) for each in changed)
    blind = GANAugment(variation, p=1.0, labels_getter=None)(stored[:4])["image"]
    assert len(set(shifts(images, blind))) > 2


@pytest.mark.parametrize("labels", [[0, 1, 2], torch.tensor([0, 1, 2]), np.array([0, 1, 2]), None])
def test_the_images_of_a_row_share_what_is_drawn(labels: Any, variation: Path, stored: Any) -> None:
    """Three rows and three classes: the labels are no weights of one image."""
    images = stored[[0, 8, 13]]["image"]
    batch = {"image": images, "second": list(images), "label": labels, "id": ["a", "b", "c"]}
    p = 1.0 if labels is None else {"bee": 1.0}
    found = GANAugment(variation, p=p)(batch)
    for old, first, second in zip(images, found["image"], found["second"], strict=True):
        assert same(first, second)
        assert (first is not old) == (labels is None or old is images[1])
    assert found["label"] is labels
    assert found["id"] == ["a", "b", "c"]


def test_views_of_one_sample_are_no_batch(variation: Path, stored: Any) -> None:
    """One label for two images in a list: they are one sample and share what is drawn."""
    images = [stored[0]["image"]] * 2
    first, second = GANAugment(variation, p=1.0)({"views": images, "label": 1})["views"]
    assert same(first, second)


def test_masks_of_a_batch_move_with_their_rows(variation: Path, stored: Any) -> None:
    images = stored[:3]["image"]
    masks = [tv_tensors.Mask(torch.arange(64).reshape(8, 8)) for _ in images]
    transform = GANAugment(variation, p=1.0)
    torch.manual_seed(1)
    found = transform({"image": images, "mask": masks, "label": [0, 1, 2]})
    torch.manual_seed(1)
    one = transform({"image": images[0], "mask": masks[0], "label": 0})
    assert same(found["image"][0], one["image"])
    assert same(found["mask"][0], one["mask"])
    with pytest.raises(DataError, match="3 images and masks"):
        transform({"image": images, "mask": masks[0], "label": [0, 1, 2]})


def test_a_batch_of_which_nothing_is_varied_is_the_batch(variation: Path, stored: Any) -> None:
    batch = stored[:4]
    assert GANAugment(variation, p=0.0)(batch) is batch


def test_generated_items_are_dictionaries_like_the_real_ones(
    variation: Path, stored: Any, real: ImageFolder
) -> None:
    more = SyntheticDataset(variation, source=stored, counts="balance", seed=5)
    pairs = SyntheticDataset(variation, source=real, counts="balance", seed=5)
    assert (more.classes, more.targets) == (real.classes, pairs.targets)
    for at in (0, len(more) - 1):
        assert set(more[at]) == {"image", "label", "at"}
        assert more[at]["label"] == pairs[at][1]
        assert same(more[at]["image"], pairs[at][0])
    mixed = MixedDataset(stored, more)
    assert np.bincount(mixed.targets).tolist() == [8, 8, 8]
    assert mixed[0] == stored[0]
    assert mixed[len(stored)]["label"] == 1
    small = SyntheticDataset(variation, stored, counts=3, transform=TO_TENSOR)
    assert small[0]["image"].shape == (3, 8, 8)


def test_a_loader_with_workers(variation: Path, stored: Any) -> None:
    more = SyntheticDataset(variation, source=stored, counts="balance")
    train = AugmentedDataset(
        MixedDataset(stored, more), v2.Compose([GANAugment(variation), v2.RandAugment(), TO_TENSOR])
    )
    sampler = ClassBalancedSampler(train.targets, seed=1)
    found = []
    for workers in (0, 1):
        train.set_epoch(workers)
        found.append(list(DataLoader(train, batch_size=6, sampler=sampler, num_workers=workers)))
    for batches in found:
        assert [batch["image"].shape for batch in batches] == [(6, 3, 8, 8)] * 4
        assert {int(label) for batch in batches for label in batch["label"]} == {0, 1, 2}


def test_the_formats_of_torch_and_numbers_without_names(variation: Path, stored: Any) -> None:
    tensors = stored.with_format("torch")
    more = SyntheticDataset(variation, source=tensors, counts=4)
    assert more[0]["image"].dtype == torch.uint8
    assert more[0]["image"].shape == (3, 8, 8)
    numbers = stored.cast_column("label", datasets.Value("int64"))
    assert SyntheticDataset(variation, source=numbers, counts=4).classes == ["ant", "bee", "cat"]
    assert ClassBalancedSampler(stored["label"]).num_samples == len(stored)


def test_a_source_that_changes_or_lacks_labels_is_refused(variation: Path, stored: Any) -> None:
    def random(batch: Any) -> Any:
        batch["image"] = [TO_TENSOR(image) * torch.rand(1) for image in batch["image"]]
        return batch

    with pytest.raises(DataError, match="changes between two reads; allowed: a source"):
        SyntheticDataset(variation, source=stored.with_transform(random), counts=2)
    with pytest.raises(DataError, match="no column is known to hold the labels"):
        SyntheticDataset(variation, source=stored.remove_columns("label"), counts=2)
    texts = [real_name(stored, number) for number in stored["label"]]
    named = stored.remove_columns("label").add_column("label", texts)
    with pytest.raises(DataError, match=r"are texts; .*class_encode_column\('label'\)"):
        SyntheticDataset(variation, source=named, counts=2)
    assert AugmentedDataset(named, GANAugment(variation, p=1.0))[0]["label"] == "ant"
    two = stored.add_column("other", [0] * len(stored))
    two = two.cast_column("other", datasets.ClassLabel(names=["x"]))
    with pytest.raises(DataError, match=r"2 columns may hold the labels \('label', 'other'\)"):
        AugmentedDataset(two, GANAugment(variation))
    pairs = stored.map(lambda item: {"second": item["image"]})
    with pytest.raises(DataError, match=r"a mapping with 2 images \('image', 'second'\)"):
        SyntheticDataset(variation, source=pairs, counts=2)
    with pytest.raises(DataError, match=r"is dict of 'image'; allowed: \(image, label\)"):
        SyntheticDataset(variation, source=[{"image": stored[0]["image"]}], counts=1)


def test_beside_other_data_sets(variation: Path, stored: Any) -> None:
    """Parts that count alike are joined, and those that count otherwise mapped by name."""
    both = ConcatDataset([stored, stored])
    assert len(AugmentedDataset(both, GANAugment(variation)).targets) == 28
    other = stored.cast_column("label", datasets.ClassLabel(names=["cat", "bee", "ant"]))
    mixed = AugmentedDataset(ConcatDataset([stored, other]), GANAugment(variation))
    assert mixed.targets == [item["label"] for item in mixed]
    assert mixed.targets[14:] == [2 - label for label in stored["label"]]


@pytest.mark.parametrize("batched", [False, True])
def test_map_varies_rows_and_batches(batched: bool, variation: Path, real: ImageFolder) -> None:
    """`map` hands over mappings that are no dicts."""
    rows = {"image": [real[i][0] for i in (0, 13)], "label": [0, 2]}
    stored = datasets.Dataset.from_dict(rows).cast_column("image", datasets.Image())
    made = stored.map(GANAugment(variation, p={"cat": 1.0}), batched=batched, batch_size=2)
    same = [np.array_equal(made[i]["image"], stored[i]["image"]) for i in range(2)]
    assert (same, made["label"][:]) == ([True, False], [0, 2])


class Record(dict[str, Any]):
    """A dictionary of a library's own."""


@pytest.mark.parametrize("kind", [Record, UserDict, MappingProxyType])
def test_images_and_boxes_in_other_mappings(kind: Any, variation: Path) -> None:
    image = tv_tensors.Image(torch.full((3, 8, 8), 0.5))
    given = kind({"image": image, "label": 2, "path": "a.png"})
    made = GANAugment(variation, p=1.0)(given)
    assert given["image"] is image
    assert not torch.equal(made["image"], image)
    assert (made["label"], made["path"]) == (2, "a.png")
    assert type(made) is (dict if kind is MappingProxyType else kind)
    assert GANAugment(variation, p=0.0)(given) is given
    inside, target = GANAugment(variation, p=1.0)(image, kind({"label": 2}))
    assert not torch.equal(inside, image)
    assert target["label"] == 2
