"""`SyntheticDataset`: how many images each class gets added."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.small_datasets import Pairs, tensors
from helpers.small_models import write_class_model, write_variation_model
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder

from ganaug import GANAugment, SyntheticDataset
from ganaug.artifact.policy import Policy
from ganaug.errors import ConfigError, DataError

pytestmark = pytest.mark.filterwarnings("ignore:two passes over the generated images")


@pytest.mark.parametrize(
    ("counts", "added"),
    [
        ("auto", [0, round(4 * 0.25 / 0.75), 2]),
        ("balance", [0, 4, 6]),
        (0, [0, 0, 0]),
        (1, [0, 0, 1]),
        (3, [0, 1, 2]),
        (10, [0, 4, 6]),
        (12, [1, 5, 6]),
        (100, [30, 34, 36]),
        (np.int64(3), [0, 1, 2]),
        ({"cat": 5}, [0, 0, 5]),
        ({0: 1, 2: 4}, [1, 0, 4]),
        ({}, [0, 0, 0]),
    ],
)
def test_counts(counts: Any, added: list[int], variation_policy: Path, real: ImageFolder) -> None:
    made = SyntheticDataset(variation_policy, source=real, counts=counts)
    assert made.counts.tolist() == added
    assert len(made) == sum(added)
    assert made.targets == [label for label in range(3) for _ in range(added[label])]


def test_auto_takes_p_at_the_training_counts_and_n_from_the_source(tmp_path: Path) -> None:
    path = write_variation_model(
        tmp_path / "a.onnx", channels=3, counts=(100, 10), policy=Policy(p=((10, 0.5), (100, 0.2)))
    )
    source = Pairs(tensors(12), [0] * 8 + [1] * 4)
    assert SyntheticDataset(path, source=source).counts.tolist() == [2, 4]


def test_without_a_policy_auto_adds_none_and_says_so(
    variation: Path, real: ImageFolder, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="ganaug"):
        made = SyntheticDataset(variation, source=real)
    assert len(made) == 0
    assert "no policy" in caplog.text
    assert list(DataLoader(made, batch_size=2)) == []
    assert made.__getitems__([]) == []


def test_auto_says_that_a_policy_is_never(
    tmp_path: Path, real: ImageFolder, caplog: pytest.LogCaptureFixture
) -> None:
    never = {"policy": Policy(p=((2, 0.0),)), "classes": ("ant", "bee", "cat"), "counts": (8, 4, 2)}
    path = write_variation_model(tmp_path / "never.onnx", channels=3, **never)
    for _ in range(2):
        assert len(SyntheticDataset(path, source=real, counts="balance")) == 10
        assert len(SyntheticDataset(path, source=real)) == 0
    (line,) = caplog.messages
    assert line.startswith(f"{path}: its policy is never, so that 'auto' adds no images; counts=")


def test_a_class_without_source_images_gets_none(variation: Path) -> None:
    source = Pairs(tensors(4), [0, 0, 0, 2], classes=["ant", "bee", "cat"])
    assert SyntheticDataset(variation, source=source, counts="balance").counts.tolist() == [0, 0, 2]
    assert SyntheticDataset(variation, source=source, counts=4).counts.tolist() == [1, 0, 3]
    with pytest.raises(DataError, match="'bee', of which the source has none"):
        SyntheticDataset(variation, source=source, counts={"bee": 1})


def test_balance_names_the_classes_that_it_adds_nothing_to(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = ("ant", "bee", "cat")
    told = {"channels": 3, "classes": names, "counts": (8, 0, 2)}
    vary = write_variation_model(tmp_path / "v.onnx", **told)
    make = write_class_model(tmp_path / "c.onnx", **told)
    some = Pairs(tensors(4), [0, 0, 0, 2], classes=list(names))
    SyntheticDataset(vary, source=some, counts=4)
    SyntheticDataset(vary, source=some)
    SyntheticDataset(vary, source=Pairs(tensors(3), [0, 1, 2]), counts="balance")
    assert not caplog.messages
    for _ in range(2):
        SyntheticDataset(vary, source=some, counts="balance")
        SyntheticDataset(make, counts="balance")
    adds = "counts='balance' adds nothing to 'bee', of which"
    step = "the source has none; add images, or pass counts= by class"
    assert caplog.messages == [
        f"{vary}: {adds} {step}",
        f"{make}: {adds} {make} saw none in its training, or {step}",
    ]


def test_a_class_that_a_class_generator_never_saw_gets_none(tmp_path: Path) -> None:
    """What it would make of it is no class at all."""
    names, counts = ("ant", "bee", "cat"), (8, 0, 2)
    path = write_class_model(
        tmp_path / "a.onnx", channels=3, size=(8, 8), classes=names, counts=counts
    )
    source = Pairs(tensors(6), [0, 0, 0, 1, 1, 2], classes=list(names))
    assert SyntheticDataset(path, counts="balance").counts.tolist() == [0, 0, 6]
    assert SyntheticDataset(path, counts=12).counts.tolist() == [3, 0, 9]
    assert SyntheticDataset(path, source=source, counts="balance").counts.tolist() == [0, 0, 2]
    with pytest.raises(DataError, match=r"'bee', of which .*a\.onnx saw none in its training"):
        SyntheticDataset(path, counts={"bee": 1})
    for p in (None, 0.5):
        transform = GANAugment(path, p=p)
        made = [transform(image, label) for image, label in source]
        changed = [
            bool((new != old).any()) for (new, _), (old, _) in zip(made, source, strict=True)
        ]
        assert changed[3:5] == [False, False]
    with pytest.raises(ConfigError, match=r"p=0.5 for the class 'bee', of which .* saw no image"):
        GANAugment(path, p={"bee": 0.5})


def test_balance_without_a_source_takes_the_training_counts(by_class: Path) -> None:
    assert SyntheticDataset(by_class, counts="balance").counts.tolist() == [0, 4, 6]


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ("balanced", "did you mean 'balance'"),
        (-1, "counts=-1"),
        (1.5, r"counts=1\.5"),
        (True, "counts=True"),
        (None, "counts=None"),
        ({"cats": 1}, "no class 'cats' .did you mean 'cat'"),
        ({3: 1}, "no class 3"),
        ({"cat": -1}, "-1 for the class 'cat'"),
        (10**16, "counts: 10000000000000000 images; allowed: at most 1,000,000,000,000,000"),
        (10**30, "allowed: at most 1,000,000,000,000,000"),
        ({"cat": 10**30}, "allowed: at most 1,000,000,000,000,000"),
        ({"cat": 0.5}, "0.5 for the class 'cat'"),
    ],
)
def test_counts_that_are_refused(
    counts: Any, message: str, variation: Path, real: ImageFolder
) -> None:
    with pytest.raises(ConfigError, match=message):
        SyntheticDataset(variation, source=real, counts=counts)


def test_a_policy_of_one_has_no_finite_count(tmp_path: Path, real: ImageFolder) -> None:
    classes, policy = ("ant", "bee", "cat"), Policy(p=((2, 1.0), (8, 0.0)))
    path = write_variation_model(
        tmp_path / "a.onnx", channels=3, classes=classes, counts=(8, 4, 2), policy=policy
    )
    with pytest.raises(ConfigError, match="p = 1 for the class 'cat'"):
        SyntheticDataset(path, source=real)
