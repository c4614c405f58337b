"""Image sets from torch data sets, and from torchvision's by name."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, IterableDataset, Subset, TensorDataset
from torchvision import datasets
from torchvision.transforms import v2

from ganaug import check
from ganaug.errors import DataError
from ganaug.images import load_images
from ganaug.images.torch_datasets import PARTS

RANDOM = np.random.default_rng(0)
COLOUR = RANDOM.integers(0, 256, (6, 10, 12, 3), dtype=np.uint8)
LABELS = [0, 1, 2, 0, 1, 2]


class Pairs(torch.utils.data.Dataset):
    """A map-style data set of any images and labels; an item that is an error is raised."""

    def __init__(self, images: Any, labels: Any) -> None:
        self.items = list(zip(images, labels, strict=True))

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        item = self.items[index]
        if isinstance(item[0], Exception):
            raise item[0]
        return item


class Endless(IterableDataset):
    """A data set without a length."""

    def __iter__(self) -> Iterator[Any]:
        yield from ()


def tensors(images: Any = COLOUR) -> torch.Tensor:
    return torch.from_numpy(np.moveaxis(np.asarray(images), -1, 1).copy())


@pytest.mark.parametrize(
    "images",
    [
        [Image.fromarray(image) for image in COLOUR],
        tensors(),
        tensors().float() / 255,
        tensors().double() / 255,
    ],
    ids=["PIL", "uint8", "float32", "float64"],
)
@pytest.mark.parametrize("labels", [LABELS, torch.tensor(LABELS), np.array(LABELS)])
def test_every_kind_of_item_gives_the_same_set(images: Any, labels: Any) -> None:
    images_set = load_images(Pairs(images, labels))
    np.testing.assert_array_equal(images_set.images, COLOUR)
    assert images_set.labels.tolist() == LABELS
    assert images_set.classes == ("0", "1", "2")
    assert images_set.source == "Pairs"
    assert images_set.names is None
    assert images_set.fingerprint == load_images(Pairs(tensors(), LABELS)).fingerprint


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_labels_may_be_arrays_of_one_number(dtype: Any) -> None:
    """MedMNIST's data sets give (PIL image, array of shape [1])."""
    images = [Image.fromarray(image) for image in COLOUR]
    loaded = load_images(Pairs(images, np.array(LABELS, dtype)[:, None]))
    assert loaded.labels.tolist() == LABELS
    assert loaded.fingerprint == load_images(Pairs(images, LABELS)).fingerprint


def test_grey_tensors_with_and_without_an_axis_of_channels() -> None:
    grey = torch.from_numpy(COLOUR[..., 0].copy())
    for images in (grey, grey[:, None]):
        loaded = load_images(Pairs(images, LABELS))
        np.testing.assert_array_equal(loaded.images[..., 0], COLOUR[..., 0])
    assert load_images(TensorDataset(grey, torch.tensor(LABELS))).channels == 1


def test_rgb_with_equal_channels_becomes_grey() -> None:
    assert load_images(Pairs(tensors(COLOUR[..., :1].repeat(3, axis=3)), LABELS)).channels == 1
    assert load_images(Pairs(tensors(), LABELS)).channels == 3


def test_class_names_are_those_of_the_data_set_also_through_subset() -> None:
    named = Pairs(tensors(), LABELS)
    named.classes = ["x", "y", "z"]
    assert load_images(named).classes == ("x", "y", "z")
    inner = load_images(Subset(Subset(named, [0, 3, 1, 4]), [0, 1, 2]))
    assert inner.classes == ("x", "y", "z")
    assert inner.labels.tolist() == [0, 0, 1]
    assert inner.notes == ("classes without a training image: z",)
    assert load_images(ConcatDataset([named, named])).classes == ("x", "y", "z")
    unnamed = Pairs(tensors(), LABELS)
    assert load_images(ConcatDataset([unnamed, unnamed])).classes == ("0", "1", "2")
    with pytest.raises(DataError, match="part 1 has no class names, another has"):
        load_images(ConcatDataset([named, unnamed]))


def test_images_of_many_sizes_are_resized() -> None:
    images = [Image.fromarray(COLOUR[at]).resize((20 + at, 30)) for at in range(6)]
    loaded = load_images(Pairs(images, LABELS))
    assert loaded.size == (30, 20)
    np.testing.assert_array_equal(
        loaded.images[5], images[5].resize((20, 30), Image.Resampling.BILINEAR)
    )
    assert loaded.fingerprint == load_images(Pairs(images, LABELS), size=8).fingerprint


def test_an_image_folder_with_transforms_is_read_through_them(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    Image.fromarray(COLOUR[0]).save(tmp_path / "a" / "0.png")
    turned = datasets.ImageFolder(tmp_path, transform=v2.RandomHorizontalFlip(p=1))
    np.testing.assert_array_equal(load_images(turned).images[0], COLOUR[0, :, ::-1])


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (Pairs([], []), "Pairs: holds no items"),
        (Pairs(tensors(), [0.5] * 6), "Pairs[0]: label 0.5; allowed: a whole number from 0"),
        (Pairs(tensors(), torch.eye(6)), "Pairs[0]: label tensor([1., 0., 0., 0., 0., 0.])"),
        (Pairs(tensors(), [0, 1, -1, 0, 1, 2]), "Pairs: label -1 is out of range; allowed: 0 to 2"),
        (
            Pairs(tensors(), [0, 1, 999, 0, 1, 2]),
            "Pairs: label 999, but only 4 different labels; allowed: classes numbered from 0",
        ),
        (Pairs(tensors(), np.zeros((6, 2), int)), "Pairs[0]: label array([0, 0]); allowed: a"),
        (Pairs(tensors(), np.zeros((6, 1))), "Pairs[0]: label 0.0; allowed: a whole number"),
        (Pairs(COLOUR, LABELS), "Pairs[0]: image of type ndarray; allowed: a PIL image, or a"),
        (Pairs(tensors().int(), LABELS), "Pairs[0]: image of type torch.int32; allowed: uint8"),
        (Pairs(tensors().float(), LABELS), "Pairs[0]: values from 0 to 255; allowed: float images"),
        (
            Pairs(v2.Normalize([0.5] * 3, [0.5] * 3)(tensors().float() / 255), LABELS),
            "allowed: float images in 0..1; give the data set without Normalize",
        ),
        (Pairs(tensors().float() * torch.nan, LABELS), "Pairs[0]: NaN; allowed: float images in"),
        (Pairs(tensors()[:, :2], LABELS), "Pairs[0]: image of shape [2, 10, 12]; allowed: [C, H,"),
        (TensorDataset(tensors()), "TensorDataset[0]: tuple; allowed: a pair (image, label)"),
        (np.zeros((2, 8, 8)), "allowed: a pair (image, label); put images and labels into torch"),
        ((np.zeros((2, 8, 8)), [0, 1]), "allowed: a pair (image, label); put images and labels"),
        (
            Pairs([Image.fromarray(image).convert("P") for image in COLOUR], LABELS),
            "Pairs[0]: a palette image (mode P); allowed: 8-bit grey (L) or RGB; pass --mode rgb",
        ),
        (
            Pairs([*tensors()[:5], tensors()[5, :, :4]], LABELS),
            "Pairs[5] is 4x12 pixels (height x width), Pairs[0] is 10x12; allowed: shapes within a",
        ),
        (Endless(), "Endless: not a source of images; allowed: a folder, an .npz file"),
        (7, "int: not a source of images"),
    ],
)
def test_refuses(dataset: Any, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        load_images(dataset)
    assert "\n" not in str(caught.value)


def test_refuses_a_data_set_that_changes_between_two_reads(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    for at, pixels in enumerate(COLOUR):
        Image.fromarray(pixels).save(tmp_path / "cat" / f"{at}.png")
    changing = datasets.ImageFolder(tmp_path, v2.RandomCrop(8))
    message = r"ImageFolder\[\d\]: gives other pixels each time"
    with pytest.raises(DataError, match=message):
        load_images(changing)
    assert any(re.match(message, each.text) for each in check(changing, times=False).problems)


def test_items_that_cannot_be_read_are_refused_or_skipped() -> None:
    broken = Pairs([*tensors()[:5], OSError("image file is truncated")], LABELS)
    with pytest.raises(DataError, match=r"Pairs\[5\]: cannot be read \(image file is truncated\)"):
        load_images(broken)
    loaded = load_images(broken, skip_corrupt=True)
    assert len(loaded) == 5
    assert loaded.notes == ("skipped Pairs[5]: image file is truncated",)


def test_errors_of_the_data_set_itself_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        load_images(Pairs([ZeroDivisionError()], [0]))
    for error in (ZeroDivisionError(), KeyError("path")):
        dataset = Pairs([*tensors()[:5], error], LABELS)
        with pytest.raises(DataError, match=f"Pairs.5.: reading it raised {type(error).__name__}"):
            check(dataset, times=False)


# torchvision by name


def write_idx(path: Path, array: Any) -> None:
    """Write the format of the MNIST family: a magic number, the shape, the bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    path.write_bytes(head + array.astype(np.uint8).tobytes())


def write_mnist(folder: Path, prefix: tuple[str, str] = ("train", "t10k")) -> None:
    for seed, (part, n) in enumerate(zip(prefix, (20, 10), strict=True)):
        pixels = np.random.default_rng(seed).integers(0, 256, (n, 28, 28))
        write_idx(folder / f"{part}-images-idx3-ubyte", pixels)
        write_idx(folder / f"{part}-labels-idx1-ubyte", np.arange(n) % 10)


def test_mnist_with_its_official_parts(tmp_path: Path) -> None:
    write_mnist(tmp_path / "MNIST" / "raw")
    images = load_images("torchvision:MNIST", root=tmp_path)
    assert images.images.shape == (20, 28, 28, 1)
    assert images.test.images.shape == (10, 28, 28, 1)
    assert images.classes[3] == datasets.MNIST.classes[3] == "3 - three"
    assert images.held_out is None
    assert images.source == "torchvision:MNIST"
    np.testing.assert_array_equal(
        images.images[7, ..., 0], np.random.default_rng(0).integers(0, 256, (20, 28, 28))[7]
    )
    assert load_images("torchvision:MNIST", root=tmp_path, size=16, mode="rgb").images.shape == (
        20,
        16,
        16,
        3,
    )


def test_emnist_by_part(tmp_path: Path) -> None:
    folder = tmp_path / "EMNIST" / "raw"
    write_mnist(folder, ("emnist-digits-train", "emnist-digits-test"))
    assert load_images("torchvision:EMNIST/digits", root=tmp_path).classes == (*"0123456789",)
    write_mnist(folder, ("emnist-balanced-train", "emnist-balanced-test"))
    assert len(load_images("torchvision:EMNIST", root=tmp_path).classes) == 47


@pytest.mark.parametrize("name", sorted(PARTS))
def test_every_name_takes_its_arguments_and_says_when_it_is_missing(
    tmp_path: Path, name: str
) -> None:
    message = rf"torchvision:{name}: not found in .*--root, or fetch it with --download$"
    with pytest.raises(DataError, match=message) as caught:
        load_images(f"torchvision:{name}", root=tmp_path / "nothing")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("torchvision:mnist", "no data set 'mnist' (did you mean 'MNIST'?); allowed: CIFAR10,"),
        ("torchvision:CIFAR", "no data set 'CIFAR' (did you mean 'CIFAR10'?)"),
        ("torchvision:", "no data set ''; allowed: CIFAR10"),
        ("torchvision:EMNIST/letter", "no part 'letter' (did you mean 'letters'?); allowed:"),
        ("torchvision:MNIST/digits", "no part 'digits'; allowed: torchvision:EMNIST/ with"),
    ],
)
def test_refuses_unknown_names(source: str, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(f"{source}: {message}")):
        load_images(source)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, torch.uint8, torch.int8])
@pytest.mark.parametrize("array", [False, True])
def test_joined_classes_may_be_more_than_the_type_of_a_label_holds(kind: Any, array: bool) -> None:
    def labelled(number: int) -> Any:
        if isinstance(kind, torch.dtype):
            return torch.tensor([number] if array else number, dtype=kind)
        return np.array([number], kind) if array else kind(number)

    pixels = torch.from_numpy(RANDOM.integers(0, 256, (300, 3, 8, 8), dtype=np.uint8))
    parts: list[Any] = []
    for name, images in zip("abc", pixels.split(100), strict=True):
        parts.append(Pairs(images, [labelled(at) for at in range(100)]))
        parts[-1].classes = [f"{name}{at:03}" for at in range(100)]
    assert load_images(ConcatDataset(parts)).labels.tolist() == list(range(300))
