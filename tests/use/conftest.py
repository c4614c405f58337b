"""A small real image folder and the small generators that fit it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.small_models import write_class_model, write_variation_model
from PIL import Image
from torchvision.datasets import ImageFolder

from ganaug.artifact.policy import Policy

CLASSES = ("ant", "bee", "cat")
COUNTS = (8, 4, 2)
SIZE = (8, 8)
# p of the classes: 0, 0.25, 0.5
POLICY = Policy(p=((2, 0.5), (4, 0.25), (8, 0.0)), scale=0.5)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """What is random in these tests comes from torch's generator, and is the same in each run."""
    torch.default_generator.manual_seed(0)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PNG files, one folder a class."""
    root = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for name, count in zip(CLASSES, COUNTS, strict=True):
        (root / name).mkdir()
        for i in range(count):
            levels = random.integers(60, 200, (*SIZE, 3), np.uint8)
            Image.fromarray(levels).save(root / name / f"{i}.png")
    return root


@pytest.fixture
def real(photos: Path) -> ImageFolder:
    """The folder as torchvision reads it, untransformed."""
    return ImageFolder(str(photos))


@pytest.fixture(scope="session")
def variation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A variation artifact without a policy."""
    path = tmp_path_factory.mktemp("models") / "variation.onnx"
    return write_variation_model(path, channels=3, size=SIZE, classes=CLASSES, counts=COUNTS)


@pytest.fixture(scope="session")
def variation_policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with `POLICY`."""
    path = tmp_path_factory.mktemp("models") / "policy.onnx"
    return write_variation_model(
        path, channels=3, size=SIZE, classes=CLASSES, counts=COUNTS, policy=POLICY
    )


@pytest.fixture(scope="session")
def by_class(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class artifact."""
    path = tmp_path_factory.mktemp("models") / "class.onnx"
    return write_class_model(path, channels=3, size=SIZE, classes=CLASSES, counts=COUNTS)


@pytest.fixture(scope="session")
def grey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A variation artifact of one channel."""
    path = tmp_path_factory.mktemp("models") / "grey.onnx"
    return write_variation_model(path, channels=1, size=SIZE, classes=CLASSES, counts=COUNTS)


@pytest.fixture(scope="session")
def grey_by_class(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class artifact of one channel."""
    path = tmp_path_factory.mktemp("models") / "grey_class.onnx"
    return write_class_model(path, channels=1, size=SIZE, classes=CLASSES, counts=COUNTS)
