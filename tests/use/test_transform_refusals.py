"""What `GANAugment` refuses, and says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_models import write_variation_model
from PIL import Image
from torchvision import tv_tensors

from ganaug import GANAugment
from ganaug.errors import ArtifactError, ConfigError, DataError


def image(channels: int = 3, size: tuple[int, int] = (8, 8)) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).random((channels, *size), np.float32))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (Image.new("RGBA", (8, 8)), "mode 'RGBA'; allowed: L or RGB"),
        (Image.new("1", (8, 8)), "mode '1'"),
        (torch.zeros(8, 8, 3), r"shape \[8, 8, 3\]; allowed: \[C, H, W\]"),
        (Image.new("RGB", (0, 8)), "PIL image of height 8 and width 0; allowed"),
        (torch.zeros(2, 3, 3, 8, 8), r"shape \[2, 3, 3, 8, 8\]"),
        (torch.zeros(3, 8, 8, dtype=torch.int64), r"of int64; .*v2.ToDtype"),
        (torch.full((3, 8, 8), 200), r"of int64; .*v2.ToDtype.torch.uint8. before it$"),
        (torch.ones(3, 8, 8, dtype=torch.bool), r"of bool; .*v2.ToDtype.torch.float32. before"),
        (torch.full((3, 8, 8), 999, dtype=torch.uint16), "of uint16; .* such as 65535"),
        (torch.zeros(3, 8, 8).to(torch.float8_e5m2), "of float8_e5m2; allowed: uint8 or"),
        (torch.zeros(3, 8, 8, device="meta"), "of the meta device; allowed: dense tensors"),
        (torch.zeros(3, 8, 8).to_sparse(), "of sparse_coo; allowed: dense tensors"),
        (torch.full((3, 8, 8), -0.5), "from -0.5 to -0.5; allowed: 0 to 1; .*mean= and std="),
        (torch.full((3, 8, 8), 7.0), "values from 7 to 7; .*scale=True"),
        (torch.full((3, 8, 8), float("nan")), "from nan to nan"),
        (torch.zeros(8, 8), "no image in the sample"),
        (np.zeros((8, 8, 3), np.uint8), r"no image .*holds: int, ndarray.*v2.ToImage"),
    ],
)
def test_images_that_are_refused(bad: Any, message: str, variation: Path) -> None:
    for p in (0.0, 1.0):  # not only where the image happens to be varied
        with pytest.raises(DataError, match=message):
            GANAugment(variation, p=p)((bad, 1))


def test_range_allows_rounding(variation: Path) -> None:
    after = GANAugment(variation, p=1.0)(torch.full((3, 8, 8), 1.001))
    assert after.max() <= 1


def test_batches_of_two_sizes_in_one_sample_are_refused(variation: Path) -> None:
    views = [tv_tensors.Image(torch.zeros(n, 3, 8, 8)) for n in (2, 3)]
    with pytest.raises(DataError, match="2 batch sizes"):
        GANAugment(variation)(views)


def test_images_of_one_sample_share_what_is_drawn(variation: Path) -> None:
    before = torch.full((3, 8, 8), 0.5)
    first, second = GANAugment(variation, p=1.0)([tv_tensors.Image(before)] * 2)
    assert torch.equal(first, second)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"p": 1.5}, "p=1.5; allowed: 0 to 1"),
        ({"p": float("nan")}, "p=nan"),
        ({"p": True}, "p=True"),
        ({"p": "auto"}, "p="),
        ({"p": [0.1, 0.2]}, "2 values; allowed: one for each of the 3"),
        ({"p": {"cats": 0.2}}, "did you mean 'cat'"),
        ({"p": {"cat": 2}}, "p=2; allowed"),
        ({"scale": -1}, "scale=-1"),
        ({"scale": float("inf")}, "scale=inf"),
        ({"scale": "1"}, "scale='1'"),
        ({"policy": "tuned"}, "policy='tuned'"),
        ({"labels_getter": "first"}, "labels_getter='first'"),
        ({"mean": 0.5}, "std= is missing"),
        ({"std": [0.5] * 3}, "mean= is missing"),
        ({"mean": [0.5, 0.5], "std": [0.5, 0.5]}, "1 or 3"),
        ({"mean": [0.5], "std": [0.5] * 3}, "1 or 3"),
        ({"mean": 0.5, "std": 0}, "numbers over 0"),
        ({"mean": float("nan"), "std": 1}, "finite"),
        ({"mean": "imagenet", "std": 1}, "mean='imagenet'"),
    ],
)
def test_arguments_that_are_refused(
    arguments: dict[str, Any], message: str, variation: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        GANAugment(variation, **arguments)


def test_a_file_replaced_after_construction_is_noticed(tmp_path: Path) -> None:
    path = write_variation_model(tmp_path / "a.onnx", channels=3, seed=-77)
    transform = GANAugment(path, p=1.0)
    write_variation_model(path, channels=3, seed=-78)
    with pytest.raises(ArtifactError, match=r"a.onnx: was replaced"):
        transform(image())


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 1, 8, 8)])
@pytest.mark.parametrize("p", [0.0, 1.0])
def test_three_means_are_not_for_one_channel(shape: tuple[int, ...], p: float, grey: Path) -> None:
    """The image would come back with three channels."""
    grey_image = torch.zeros(shape)
    with pytest.raises(ConfigError, match=r"of 3 values for .*; allowed: one, or one for each"):
        GANAugment(grey, p=p, mean=[0.5] * 3, std=[0.5] * 3)(grey_image)
    after = GANAugment(grey, p=p, mean=0.5, std=0.5)(grey_image)
    assert after.shape == grey_image.shape


@pytest.mark.parametrize("form", [list, tuple, np.array, torch.tensor])
@pytest.mark.parametrize("labels", [[0, 1, 0], [[0], [1], [0]]])
def test_plain_tensors_with_a_label_each_are_refused(
    form: Any, labels: list[Any], variation: Path
) -> None:
    """By torchvision's rule only the first is an image, and [0, 1, 0] may be its one-hot label."""
    transform = GANAugment(variation, p={"ant": 1.0})
    plain = [torch.full((3, 8, 8), 0.5) for _ in range(3)]
    for sample in ((plain, form(labels)), {"a": plain[0], "b": plain[1:], "label": form(labels)}):
        with pytest.raises(DataError, match=r"^3 labels beside 3 plain .* in tv_tensors.Image"):
            transform(sample)
    images = [tv_tensors.Image(image) for image in plain]
    made, _ = transform(images, form(labels))
    assert [new is not old for new, old in zip(made, images, strict=True)] == [True, False, True]


def test_plain_tensors_beside_an_image_may_be_anything_else(variation: Path) -> None:
    transform = GANAugment(variation, p={"ant": 1.0})
    image, depth = torch.full((3, 8, 8), 0.5), torch.zeros(1, 8, 8)
    boxes = tv_tensors.BoundingBoxes(torch.zeros(2, 4), format="XYXY", canvas_size=(8, 8))
    transform({"image": image, "depth": depth, "boxes": boxes, "labels": [0, 1]})
    batch = {"image": image.expand(2, -1, -1, -1), "depth": depth.expand(2, -1, -1, -1)}
    made = transform({**batch, "label": [0, 1]})["image"]
    assert [torch.equal(each, image) for each in made] == [False, True]
    assert not torch.equal(transform({"image": image, "depth": depth, "label": 0})["image"], image)
    weights = torch.tensor([1.0, 0.0, 0.0])
    made = transform({"views": [image, image, image], "label": weights})["views"]
    assert [torch.equal(each, image) for each in made] == [False, True, True]
