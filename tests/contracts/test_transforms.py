"""What `GANAugment` promises of any image in any sample, for both kinds of generator."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from contracts.files import CLASSES as NAMES
from contracts.files import Files
from contracts.given import levels
from helpers.small_models import expected_class, expected_variation
from PIL import Image
from torch.utils._pytree import tree_flatten
from torchvision import tv_tensors
from torchvision.transforms import v2

from ganaug import GANAugment

CLASSES = len(NAMES)
BATCH = 4


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
    "bfloat16": lambda: tensor(3, 8, 8, dtype=torch.bfloat16),
    "float64": lambda: tensor(3, 8, 8, dtype=torch.float64),
    "1 pixel": lambda: tensor(3, 1, 1, dtype=torch.uint8),
    "PIL of 1 pixel": lambda: Image.fromarray(levels(1, 1, 3)),
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
    "array": lambda image: (image, index_label(image).numpy()),
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


def only_image(sample: Any) -> Any:
    (image,) = [leaf for leaf in tree_flatten(sample)[0] if is_image(leaf)]
    return image


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


# A class generator needs a label: its refusal of an image alone is tested in tests/use.
CASES = [("variation", name) for name in SAMPLES] + [
    ("class", name) for name in SAMPLES if name != "alone"
]


@pytest.mark.parametrize(("kind", "sample"), CASES)
@pytest.mark.parametrize("image", IMAGES)
def test_the_image_alone_changes_and_as_the_generator_says(
    kind: str, image: str, sample: str, files: Files
) -> None:
    before = IMAGES[image]()
    whole = SAMPLES[sample](before)
    original = copy.deepcopy(before)
    path = files.artifact(kind, channels=values(before).shape[1])
    transform = GANAugment(path, p=1.0)

    torch.default_generator.manual_seed(7)
    result = transform(whole)

    flat_before, spec_before = tree_flatten(whole)
    flat_after, spec_after = tree_flatten(result)
    assert spec_after == spec_before
    for old, new in zip(flat_before, flat_after, strict=True):
        assert (new is not old) if is_image(old) else (new is old)
    after = only_image(result)
    assert_alike(before, after)
    assert np.array_equal(values(before), values(original)), "the input was written to"
    assert not np.array_equal(values(after), values(before)), "p=1 changed nothing"

    torch.default_generator.manual_seed(7)
    again = transform(*whole) if isinstance(whole, tuple) else transform(whole)
    assert np.array_equal(values(only_image(again)), values(after)), (
        "not a function of torch's generator"
    )
    torch.default_generator.manual_seed(8)
    assert not np.array_equal(values(only_image(transform(whole))), values(after))
    none_varied = GANAugment(path, p=0.0)(whole)
    assert only_image(none_varied) is before
    assert tree_flatten(none_varied)[1] == spec_before

    torch.default_generator.manual_seed(7)
    expected = made_by_hand(kind, before, labels=index_label(before).numpy(), sample=sample)
    rounding = (
        0.51 / 255 if isinstance(before, Image.Image) or before.dtype == torch.uint8 else 1e-6
    )
    rounding = {"float16": 1e-3, "batch float16": 1e-3, "bfloat16": 4e-3}.get(image, rounding)
    assert np.abs(values(after) - expected).max() <= rounding


def made_by_hand(kind: str, image: Any, labels: np.ndarray, sample: str) -> np.ndarray:
    """What the small models make of what torch's generator draws next, p being 1."""
    count, channels, *size = values(image).shape
    torch.rand(count)  # whether each image is varied
    latents = torch.randn(count, 19).numpy()
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
