"""`GANAugment` with timm: its transforms, its loaders with several workers, its Mixup."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.small_models import write_variation_model
from PIL import Image
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from ganaug import AugmentedDataset, GANAugment, SyntheticDataset

data = pytest.importorskip("timm.data", reason="the extra timm is not installed")
MEAN, STD = data.IMAGENET_DEFAULT_MEAN, data.IMAGENET_DEFAULT_STD
SIZE = 16


def timms(**options: Any) -> Any:
    return data.create_transform(SIZE, is_training=True, auto_augment="rand-m5", **options)


def item(photos: Path, transform: Any) -> torch.Tensor:
    torch.manual_seed(1)
    image: torch.Tensor = ImageFolder(str(photos), transform)[0][0]
    return image


def test_before_its_transform(variation: Path, photos: Path) -> None:
    """On PIL images; `create_transform` takes the image alone, and so do both here."""
    varied = item(photos, v2.Compose([GANAugment(variation, p=1.0), timms(re_prob=0.5)]))
    assert varied.shape == (3, SIZE, SIZE)
    never = item(photos, v2.Compose([GANAugment(variation, p=0.0), timms(re_prob=0.5)]))
    assert not torch.equal(varied, never)


def test_behind_its_transform(variation: Path, photos: Path) -> None:
    behind = GANAugment(variation, p=1.0, mean=MEAN, std=STD)
    plain = timms(hflip=0.0, scale=(1.0, 1.0), ratio=(1.0, 1.0), color_jitter=None)
    torch.manual_seed(1)
    normal = ImageFolder(str(photos), plain)[0][0]
    varied = behind(normal)
    undone = [
        each * torch.tensor(STD).view(3, 1, 1) + torch.tensor(MEAN).view(3, 1, 1)
        for each in (normal, varied)
    ]
    assert not torch.equal(normal, varied)
    assert all(-1e-3 <= each.min() <= each.max() <= 1 + 1e-3 for each in undone)
    assert item(photos, v2.Compose([plain, behind])).shape == (3, SIZE, SIZE)


def test_between_the_parts_of_its_transform(variation: Path, photos: Path) -> None:
    first, second, last = timms(separate=True, re_prob=0.5)
    made = item(photos, v2.Compose([first, GANAugment(variation, p=1.0), second, last]))
    assert made.shape == (3, SIZE, SIZE)


@pytest.mark.filterwarnings(
    "ignore:unclosed file", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_its_own_data_set_names_its_classes(tmp_path: Path) -> None:
    """timm sorts folders as people do, c2 before c10, and ImageFolder as computers do.

    It leaves its files open.
    """
    for name, level in (("c1", 10), ("c10", 100), ("c2", 200)):
        (tmp_path / "train" / name).mkdir(parents=True)
        for i in range(2):
            Image.new("RGB", (8, 8), (level, level, i)).save(tmp_path / "train" / name / f"{i}.png")
    file = write_variation_model(
        tmp_path / "f.onnx", channels=3, size=(8, 8), classes=("c1", "c10", "c2"), counts=(2, 2, 2)
    )
    photos = data.create_dataset("", root=str(tmp_path), split="train")
    made = SyntheticDataset(file, photos, counts={"c10": 3})
    assert made.classes == ["c1", "c2", "c10"]
    assert made.targets == [2, 2, 2]
    train = AugmentedDataset(photos, GANAugment(file, p={"c10": 1.0}))
    changed = [train[i][0].tobytes() != photos[i][0].tobytes() for i in range(len(photos))]
    assert changed == [train[i][1] == 2 for i in range(6)] == [False] * 4 + [True] * 2


class WithTimm:
    """GANAugment where the label is known, then timm's transform of the image."""

    def __init__(self, artifact: Path, transform: Any) -> None:
        self.vary, self.transform = GANAugment(artifact), transform

    def __call__(self, image: Any, label: int) -> tuple[torch.Tensor, int]:
        varied, label = self.vary(image, label)
        return self.transform(varied), label


@pytest.mark.parametrize("workers", [0, 2])
def test_its_loader_and_its_mixup(workers: int, variation_policy: Path, photos: Path) -> None:
    folder = ImageFolder(str(photos))
    loader = data.create_loader(
        AugmentedDataset(folder, v2.Identity()),
        input_size=(3, SIZE, SIZE),
        batch_size=4,
        is_training=True,
        use_prefetcher=False,
        num_workers=workers,
        persistent_workers=False,
    )
    # timm puts its transform into the data set that it is given
    loader.dataset.transform = WithTimm(variation_policy, loader.dataset.transform)
    mixup = data.Mixup(mixup_alpha=0.8, cutmix_alpha=1.0, num_classes=3)
    behind = GANAugment(variation_policy, p=1.0, mean=MEAN, std=STD)
    batches = list(loader)
    assert len(batches) == 3
    for images, labels in batches:
        assert images.shape == (4, 3, SIZE, SIZE)
        assert labels.max() <= 2
        mixed, soft = mixup(images, labels)
        varied, same = behind(mixed, soft)
        assert varied.shape == mixed.shape
        assert not torch.equal(varied, mixed)
        assert same is soft
