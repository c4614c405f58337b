"""What `GANAugment` promises of any image in any sample, for both kinds of generator."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_models import expected_class, expected_variation
from PIL import Image
from torch.utils._pytree import tree_flatten
from torchvision import tv_tensors
from torchvision.transforms import v2

from ganaug import GANAugment

CLASSES = 3
BATCH = 4


def levels(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).integers(60, 200, shape, np.uint8)


def tensor(*shape: int, dtype: torch.dtype) -> torch.Tensor:
    values = torch.from_numpy(levels(*shape))
    return values if dtype == torch.uint8 else (values / 255).to(dtype)


IMAGES: dict[str, Callable[[], Any]] = {
    "PIL L": lambda: Image.fromarray(levels(8, 8)),
    "PIL RGB": lambda: Image.fromarray(levels(8, 8, 3)),
    "uint8": lambda: tensor(3, 8, 8, dtype=torch.uint8),
    "uint8 grey": lambda: tensor(1, 8, 8, dtype=torch.uint8),
    "float32": lambda: tensor(3, 8, 8, dtype=torch.float32),
    "float16": lambda: tensor(3, 8, 8, dtype=torch.float16),
    "other size": lambda: tensor(3, 11, 6, dtype=torch.float32),
    "tv uint8": lambda: tv_tensors.Image(tensor(3, 8, 8, dtype=torch.uint8)),
    "tv float32": lambda: tv_tensors.Image(tensor(3, 8, 8, dtype=torch.float32)),
    "batch uint8": lambda: tensor(BATCH, 3, 8, 8, dtype=torch.uint8),
    "batch float32": lambda: tensor(BATCH, 3, 8, 8, dtype=torch.float32),
    "batch float16": lambda: tensor(BATCH, 3, 8, 8, dtype=torch.float16),
    "batch tv": lambda: tv_tensors.Image(tensor(BATCH, 3, 8, 8, dtype=torch.uint8)),
}


def batched(image: Any) -> bool:
    return isinstance(image, torch.Tensor) and image.ndim == 4


def index_label(image: Any) -> Any:
    return torch.arange(BATCH) % CLASSES if batched(image) else torch.tensor(2)


def one_hot(image: Any) -> Any:
    return torch.nn.functional.one_hot(index_label(image), CLASSES).float()


class Opaque:
    """A leaf that no transform knows."""


NOTE = Opaque()

SAMPLES: dict[str, Callable[[Any], Any]] = {
    "alone": lambda image: image,
    "int": lambda image: (image, 2),
    "numpy int": lambda image: (image, np.int64(2)),
    "tensor": lambda image: (image, index_label(image)),
    "list": lambda image: [image, index_label(image)],
    "one-hot": lambda image: (image, one_hot(image)),
    "one-hot int": lambda image: (image, one_hot(image).long()),
    "dict": lambda image: {"image": image, "label": 2, "note": NOTE},
    "label first": lambda image: {"labels": index_label(image), "image": image},
    "nested": lambda image: ({"views": [image], "note": NOTE}, {"Label": 2, "id": torch.ones(2)}),
    "extra": lambda image: (image, 2, {"path": "a.png", "box": torch.ones(4)}, None),
}


def is_image(leaf: Any) -> bool:
    return isinstance(leaf, Image.Image) or (isinstance(leaf, torch.Tensor) and leaf.ndim >= 3)


def values(image: Any) -> np.ndarray:
    """float32 [N, C, H, W] in 0..1, by another way than the code under test."""
    if isinstance(image, Image.Image):
        array = np.asarray(image, np.float32) / 255
        return array[None, None] if array.ndim == 2 else np.moveaxis(array, 2, 0)[None]
    array = image.as_subclass(torch.Tensor).float().numpy()
    array = array / 255 if image.dtype == torch.uint8 else array
    return array if array.ndim == 4 else array[None]


def assert_alike(before: Any, after: Any) -> None:
    if isinstance(after, Image.Image):
        assert isinstance(before, Image.Image)
        assert (after.mode, after.size) == (before.mode, before.size)
        return
    assert type(after) is type(before)
    assert after.shape == before.shape
    assert after.dtype == before.dtype
    assert after.device == before.device
    assert values(after).min() >= 0
    assert values(after).max() <= 1


def fitting(kind: str, image: Any, request: pytest.FixtureRequest) -> Path:
    grey = values(image).shape[1] == 1
    name = {"variation": ("variation", "grey"), "class": ("by_class", "grey_by_class")}[kind][grey]
    path: Path = request.getfixturevalue(name)
    return path


# A class generator needs a label: its refusal of an image alone is tested in test_transform.py.
CASES = [("variation", name) for name in SAMPLES] + [
    ("class", name) for name in SAMPLES if name != "alone"
]


@pytest.mark.parametrize(("kind", "sample"), CASES)
@pytest.mark.parametrize("image", IMAGES)
def test_contract(kind: str, image: str, sample: str, request: pytest.FixtureRequest) -> None:
    before = IMAGES[image]()
    whole = SAMPLES[sample](before)
    original = copy.deepcopy(before)
    transform = GANAugment(fitting(kind, before, request), p=1.0)

    torch.manual_seed(7)
    result = transform(whole)

    flat_before, spec_before = tree_flatten(whole)
    flat_after, spec_after = tree_flatten(result)
    assert spec_after == spec_before
    for old, new in zip(flat_before, flat_after, strict=True):
        assert (new is not old) if is_image(old) else (new is old)
    (after,) = [leaf for leaf in flat_after if is_image(leaf)]
    assert_alike(before, after)
    assert np.array_equal(values(before), values(original)), "the input was written to"

    torch.manual_seed(7)
    again = transform(*whole) if isinstance(whole, tuple) else transform(whole)
    (same,) = [leaf for leaf in tree_flatten(again)[0] if is_image(leaf)]
    assert np.array_equal(values(same), values(after)), "not a function of torch's generator"

    torch.manual_seed(7)
    expected = made_by_hand(kind, before, labels=index_label(before).numpy(), sample=sample)
    rounding = (
        0.51 / 255 if isinstance(before, Image.Image) or before.dtype == torch.uint8 else 1e-6
    )
    rounding = 1e-3 if "float16" in image else rounding
    assert np.abs(values(after) - expected).max() <= rounding


def made_by_hand(kind: str, image: Any, labels: np.ndarray, sample: str) -> np.ndarray:
    """What the small models make of what torch's generator draws next, p being 1."""
    count, channels, *size = values(image).shape
    torch.rand(count)  # whether each image is varied
    latents = torch.randn(count, 4).numpy()
    if kind == "variation":
        return expected_variation(values(image), latents)
    if sample in ("int", "numpy int", "dict", "nested", "extra"):
        labels = np.array(2)  # one label, for a whole batch as well
    labels = np.broadcast_to(labels, count)
    made = expected_class(labels, latents, classes=CLASSES, channels=channels)
    if size == [8, 8]:
        return made
    resized = v2.functional.resize(torch.from_numpy(made), size, antialias=True)
    return resized.clamp(0, 1).numpy()


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("kind", ["variation", "class"])
def test_an_image_that_is_not_varied_is_the_same_object(
    kind: str, image: str, request: pytest.FixtureRequest
) -> None:
    before = IMAGES[image]()
    sample = (before, 1)
    assert GANAugment(fitting(kind, before, request), p=0.0)(sample)[0] is before


def by_pickle(transform: GANAugment) -> Any:
    return pickle.loads(pickle.dumps(transform))


def by_torch_save(transform: GANAugment) -> Any:
    buffer = io.BytesIO()
    torch.save(transform, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=False)


@pytest.mark.parametrize("copied", [by_pickle, copy.deepcopy, copy.copy, by_torch_save])
@pytest.mark.parametrize("kind", ["variation", "by_class"])
@pytest.mark.parametrize("opened", [False, True])
def test_copies(
    copied: Callable[[GANAugment], Any], kind: str, opened: bool, request: pytest.FixtureRequest
) -> None:
    transform = GANAugment(request.getfixturevalue(kind), p={"cat": 0.9, "ant": 0.3}, scale=0.7)
    transform = transform.for_classes(["cat", "ant"])
    sample = (IMAGES["batch float32"](), torch.tensor([0, 1, 0, 1]))
    if opened:
        transform(sample)
    twin = copied(transform)
    torch.manual_seed(0)
    expected = transform(sample)[0]
    torch.manual_seed(0)
    assert torch.equal(twin(sample)[0], expected)
    assert not torch.equal(expected, sample[0])
    assert repr(twin) == repr(transform)
