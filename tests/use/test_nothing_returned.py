"""A transform without a `return`: its name is told, wherever it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from ganaug import AugmentedDataset, GANAugment, MixedDataset, SyntheticDataset, load_images
from ganaug.errors import ConfigError, DataError

pytestmark = pytest.mark.filterwarnings("ignore:two passes over the generated images")


def forgot(*parts: Any) -> None:
    """Return nothing."""


def label_alone(image: Any, label: int) -> tuple[None, int]:
    return None, label


class Forgotten(nn.Module):
    def forward(self, *parts: Any) -> None:
        """Return nothing."""


@pytest.mark.parametrize(
    ("around", "name"),
    [
        (lambda vary: forgot, "forgot"),
        (lambda vary: label_alone, "label_alone"),
        (lambda vary: v2.Compose([vary, forgot]), "forgot"),
        (lambda vary: v2.Compose([forgot, vary]), "forgot"),
        (lambda vary: v2.Compose([v2.Identity(), Forgotten(), vary]), "Forgotten"),
        (lambda vary: v2.Compose([vary, v2.Lambda(lambda part: None)]), "Lambda"),
        (lambda vary: nn.Sequential(v2.Identity(), Forgotten(), vary), "Forgotten"),
        (lambda vary: v2.Compose([vary, v2.RandomApply([forgot], p=1.0)]), "RandomApply"),
    ],
)
def test_of_an_augmented_data_set(
    around: Any, name: str, real: ImageFolder, variation: Path
) -> None:
    dataset = AugmentedDataset(real, around(GANAugment(variation, p=1.0)))
    for read in (lambda: dataset[0], lambda: dataset.__getitems__([0, 1])):
        with pytest.raises(ConfigError, match=rf"item 0 of .*: transform: {name} returned None;"):
            read()


def test_an_error_of_its_own_stays(real: ImageFolder) -> None:
    def wrong(image: Any, label: int) -> Any:
        raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        AugmentedDataset(real, v2.Compose([v2.Identity(), wrong]))[0]


def test_of_generated_items(real: ImageFolder, variation: Path) -> None:
    made = SyntheticDataset(variation, source=real, counts="balance", transform=forgot)
    with pytest.raises(ConfigError, match=r"generated item 0 .*transform: forgot returned None;"):
        made[0]


def test_of_the_data_set_inside(photos: Path, real: ImageFolder, variation: Path) -> None:
    inner = ImageFolder(str(photos), transform=forgot)
    words = r"item \d+ of ImageFolder .* is None in place of an image, which its transform forgot"
    with pytest.raises(DataError, match=words):
        AugmentedDataset(inner, v2.Identity())[0]
    made = SyntheticDataset(variation, source=real, counts="balance")
    with pytest.raises(DataError, match=words):
        MixedDataset(inner, made)
    with pytest.raises(DataError, match=f"generated item 0 .*{words}"):
        SyntheticDataset(variation, source=inner, counts="balance")[0]
    with pytest.raises(
        DataError, match=r"\[0\]: None in place of an image, which its transform fo"
    ):
        load_images(inner)


def test_a_label_may_be_taken_away(real: ImageFolder) -> None:
    def alone(image: Any, label: int) -> Any:
        return image, None

    assert AugmentedDataset(real, alone)[0][1] is None
    assert torch.is_tensor(AugmentedDataset(real, lambda i, _: v2.functional.to_image(i))[0])
