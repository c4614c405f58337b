"""Transforms that take the image alone, in `AugmentedDataset`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.small_datasets import Pairs, tensors
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms as v1
from torchvision.datasets import ImageFolder
from torchvision.models import ResNet18_Weights
from torchvision.transforms import v2

from ganaug import AugmentedDataset, GANAugment
from ganaug.errors import ConfigError
from ganaug.use._signatures import refuse_first_version


@pytest.mark.parametrize(
    ("wrap", "advice"),
    [
        (lambda gan: v1.Compose([gan, v1.ToTensor()]), "Compose .*; use v2.Compose$"),
        (
            lambda gan: v2.Compose([gan, v1.ToTensor()]),
            r"ToTensor .*; use v2.ToImage\(\) and v2.ToDtype\(torch.float32, scale=True\)$",
        ),
        (lambda gan: v2.Compose([gan, v1.RandAugment()]), "RandAugment .*; use v2.RandAugment$"),
        (lambda gan: v2.RandomApply([v2.Compose([gan, v1.Pad(1)])]), "Pad .*; use v2.Pad$"),
        (lambda gan: v1.RandomApply([gan]), "RandomApply .*; use v2.RandomApply$"),
        (lambda gan: nn.Sequential(gan, v1.CenterCrop(4)), "CenterCrop .*; use v2.CenterCrop$"),
        (lambda gan: v1.ToTensor(), "ToTensor of the first torchvision.transforms"),
        (
            lambda gan: v2.Compose([gan, ResNet18_Weights.DEFAULT.transforms()]),
            "ImageClassification .*; use the v2 transforms that it stands for$",
        ),
    ],
)
def test_the_first_version_is_refused_at_once(
    wrap: Callable[[Any], Any], advice: str, real: ImageFolder, variation: Path
) -> None:
    with pytest.raises(ConfigError, match=rf"^transform: {advice}") as caught:
        AugmentedDataset(real, wrap(GANAugment(variation)))
    assert "\n" not in str(caught.value)


def test_every_transform_of_the_first_version_is_told_from_its_counterpart() -> None:
    names = [name for name in dir(v1) if inspect.isclass(getattr(v1, name))]
    assert {"Compose", "ColorJitter", "RandAugment", "Resize"} <= set(names)
    for name in names:
        old, new = (getattr(version, name) for version in (v1, v2))
        if old is new:  # InterpolationMode, AutoAugmentPolicy
            continue
        with pytest.raises(ConfigError, match=f"transform: {name} "):
            refuse_first_version(old.__new__(old))
        refuse_first_version(new.__new__(new))


def image_alone(image: Any) -> Any:
    return image


@pytest.mark.parametrize(
    ("transform", "name"),
    [
        (image_alone, "image_alone"),
        (lambda image: image, "<lambda>"),
        (v2.Compose([v2.Identity(), image_alone]), "image_alone"),
        (v2.Compose([nn.Sequential(v2.Identity())]), "Sequential"),
        (functools.partial(image_alone), "partial"),
    ],
)
def test_a_function_of_the_image_alone_is_named(
    transform: Any, name: str, real: ImageFolder
) -> None:
    outer = AugmentedDataset(real, transform)
    with pytest.raises(ConfigError, match=rf"png'\): transform: {name} does not take the 2 parts"):
        outer[0]


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork")
def test_it_is_named_from_a_worker_too(real: ImageFolder) -> None:
    loader = DataLoader(AugmentedDataset(real, image_alone), batch_size=None, num_workers=1)
    with pytest.raises(ConfigError, match="image_alone does not take the 2 parts of an item"):
        next(iter(loader))


def test_other_type_errors_stay_what_they_are(real: ImageFolder) -> None:
    def broken(image: Any, label: int) -> Any:
        return image + label

    with pytest.raises(TypeError, match="unsupported operand") as caught:
        AugmentedDataset(real, v2.Compose([broken, v2.Identity()]))[0]
    assert caught.value.__notes__
    with pytest.raises(TypeError):
        AugmentedDataset(real, max)[0]  # a built-in function without a signature


def test_functions_of_all_parts_and_of_whole_samples_are_called(real: ImageFolder) -> None:
    outer = AugmentedDataset(real, v2.Compose([lambda image, label: (image.size, label), tuple_of]))
    assert outer[0] == ((8, 8), 0)
    records = Records(tensors(1), [0])
    assert AugmentedDataset(records, lambda sample: sample["label"])[0] == 0
    whole = nn.Sequential(v2.Identity())
    assert torch.equal(AugmentedDataset(Pairs(tensors(1), [0]), whole)[0][0], tensors(1)[0])


def tuple_of(*parts: Any) -> tuple[Any, ...]:
    return parts


class Records(Pairs):
    """Items are dicts."""

    def __getitem__(self, index: int) -> Any:
        image, label = super().__getitem__(index)
        return {"image": image, "label": label}
