"""Where the label of a sample is found, and what is refused as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision import tv_tensors
from torchvision.transforms.v2._utils import _find_labels_default_heuristic

from ganaug import GANAugment
from ganaug.errors import ConfigError, DataError
from ganaug.use._labels import find_label, read_label

IMAGE = torch.full((3, 4, 4), 0.5)
LABEL = torch.tensor([1, 2])

TORCHVISIONS = [
    (IMAGE, LABEL),
    [IMAGE, LABEL],
    (IMAGE, {"labels": LABEL}),
    (IMAGE, {"some_label": LABEL, "LABELS": torch.tensor([5])}),
    {"image": IMAGE, "Label": LABEL},
    {"sublabelled": LABEL, "x": 1},
    (IMAGE, LABEL, {"labels": torch.tensor([9])}),
]


@pytest.mark.parametrize("sample", TORCHVISIONS)
def test_default_agrees_with_torchvision(sample: Any) -> None:
    assert find_label(sample) is _find_labels_default_heuristic(sample)


@pytest.mark.parametrize(
    ("sample", "label"),
    [
        ((IMAGE, 3), 3),
        ((IMAGE, np.int64(3)), 3),
        ((IMAGE, {"label": 3}), 3),
        ((IMAGE, [3, 1]), [3, 1]),
        ({3: IMAGE, "label": 2}, 2),
    ],
)
def test_default_goes_beyond_torchvision(sample: Any, label: Any) -> None:
    assert find_label(sample) == label


@pytest.mark.parametrize(
    "sample",
    [
        IMAGE,
        (IMAGE,),
        (IMAGE, IMAGE),
        (IMAGE, "a note"),
        (IMAGE, None),
        (IMAGE, 0.5),
        (IMAGE, []),
        (IMAGE, {"id": 3}),
        (IMAGE, {"label": None}),
        (IMAGE, tv_tensors.Image(IMAGE)),
        {},
    ],
)
def test_a_sample_without_a_label(sample: Any) -> None:
    assert find_label(sample) is None


@pytest.mark.parametrize(
    ("label", "num_images", "index"),
    [
        (2, None, [2]),
        (True, None, [1]),
        (np.int32(2), None, [2]),
        (torch.tensor(2), None, [2]),
        (torch.tensor([2]), None, [2]),
        (torch.tensor([2], dtype=torch.uint8), None, [2]),
        ([0.0, 0.0, 1.0], None, [2]),
        (torch.tensor([0, 1, 0]), None, [1]),
        (torch.tensor([False, True, False]), None, [1]),
        (torch.tensor([0, 1, 0], dtype=torch.bfloat16), None, [1]),
        (torch.tensor([[0, 1, 0]]), None, [1]),
        (2, 4, [2, 2, 2, 2]),
        (torch.tensor(2), 2, [2, 2]),
        (torch.tensor([0, 1, 2]), 3, [0, 1, 2]),
        ([0, 2], 2, [0, 2]),
        (torch.eye(3)[[2, 0]], 2, [2, 0]),
        (torch.tensor([], dtype=torch.int64), 0, []),
    ],
)
def test_labels_that_are_read(label: Any, num_images: int | None, index: list[int]) -> None:
    found, weights = read_label(label, num_images, 3)
    assert found.dtype == np.int64
    assert found.tolist() == index
    if weights is not None:
        assert weights.argmax(1).tolist() == index
        assert np.allclose(weights.sum(1), 1)


@pytest.mark.parametrize(
    ("label", "num_images", "message"),
    [
        (3, None, "label 3 is out of range; allowed: 0 to 2"),
        (-1, None, "label -1 is out of range"),
        (torch.tensor([0, 3]), 2, "label 3 is out of range"),
        (
            torch.tensor(0.5),
            None,
            r"label of float64 \[\]; allowed: a whole number or one-hot \[3\]",
        ),
        (torch.tensor([0, 1]), None, r"label of int64 \[2\]"),
        (torch.zeros(4, 4), None, r"label of float64 \[4, 4\]"),
        (torch.tensor([0.0, 1.0]), 2, r"whole numbers \[2\] or one-hot \[2, 3\]"),
        (torch.tensor([0, 1, 2]), 2, r"label of int64 \[3\]"),
        (torch.zeros(3), None, "without a positive weight"),
        (torch.tensor([-1.0, 2.0, 0.0]), None, "negative"),
    ],
)
def test_labels_that_are_refused(label: Any, num_images: int | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_label(label, num_images, 3)


@pytest.mark.parametrize("label", ["ant", object(), [[1], [1, 2]]])
def test_what_is_no_number_is_refused(label: Any) -> None:
    with pytest.raises(ConfigError, match="labels_getter"):
        read_label(label, None, 3)


def test_labels_getter_can_be_a_function(variation: Path) -> None:
    transform = GANAugment(
        variation, p={"cat": 1.0}, labels_getter=lambda sample: sample["what"]["is"]
    )
    for label, varied in ((2, True), (torch.tensor(0), False)):
        sample = {"photo": IMAGE, "what": {"is": label}}
        after = transform(sample)
        assert torch.equal(after["photo"], IMAGE) is not varied
        assert after["what"]["is"] is label


def test_labels_getter_may_find_none(variation: Path) -> None:
    transform = GANAugment(variation, p=1.0, labels_getter=lambda sample: None)
    assert not torch.equal(transform(IMAGE, "x")[0], IMAGE)


def test_a_mask_as_plain_tensor_is_no_silent_label(variation: Path) -> None:
    """(image, [H, W] mask): warping the image alone would spoil the pair, so it is refused."""
    with pytest.raises(DataError, match="labels_getter=None"):
        GANAugment(variation, p=1.0)(IMAGE, torch.zeros(4, 4, dtype=torch.int64))
