"""A batch that is varied in blocks comes back as if each image had been varied on its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_models import write_class_model, write_variation_model
from torchvision import tv_tensors

from ganaug import GANAugment, Generator
from ganaug.artifact import arrays
from ganaug.artifact.arrays import images_at_once

SIZE = (96, 100)  # so large that each image is a block


@pytest.fixture(scope="module")
def variation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_variation_model(tmp_path_factory.mktemp("blocks") / "v.onnx", channels=3)


def batch(dtype: torch.dtype) -> torch.Tensor:
    levels = np.random.default_rng(0).integers(60, 200, (5, 3, *SIZE), np.uint8)
    values = torch.from_numpy(levels)
    return values if dtype == torch.uint8 else (values / 255).to(dtype)


def test_small_images_go_together_and_large_ones_alone() -> None:
    assert images_at_once(*SIZE) == images_at_once(4000, 4000) == 1
    assert images_at_once(32, 32) == 16
    assert images_at_once(1, 1) == 2**14


def test_a_batch_of_any_size_stays_pinned(variation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a GPU's memory there is none here: what is pinned is written down."""
    pinned: list[int] = []

    def pin(values: torch.Tensor) -> torch.Tensor:
        pinned.append(values.data_ptr())
        return values

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.Tensor, "is_pinned", lambda values: values.data_ptr() in pinned)
    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    for count in (1, 5):
        images = batch(torch.float32)[:count].clone().pin_memory()
        assert GANAugment(variation, p=1.0)(images).is_pinned()


def test_a_gpu_gets_a_whole_batch(variation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transform, seen = GANAugment(variation, p=1.0), []
    outputs = Generator.outputs

    def noted(self: Generator, images: np.ndarray, *given: Any, **named: Any) -> Any:
        seen.append(len(images))
        return outputs(self, images, *given, **named)

    monkeypatch.setattr(Generator, "outputs", noted)
    transform(batch(torch.uint8))
    monkeypatch.setattr(Generator, "provider", "cuda")
    transform(batch(torch.uint8))
    assert seen == [1, 1, 1, 1, 1, 5]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float16])
@pytest.mark.parametrize("content", [True, False])
def test_a_batch_is_its_images(dtype: torch.dtype, content: bool, variation: Path) -> None:
    transform = GANAugment(variation, p=1.0, content=content)
    images = tv_tensors.Image(batch(dtype))
    before = images.clone()
    params = transform.make_params([images])
    rows = np.array([0, 2, 3])
    latents = params["latents"][rows]
    made = transform.transform(images, {"rows": rows, "latents": latents, "labels": None})
    assert type(made) is tv_tensors.Image
    assert made.dtype == dtype
    assert torch.equal(images, before)
    for at, row in enumerate(rows):
        single = {"rows": np.zeros(1, np.intp), "latents": latents[at : at + 1], "labels": None}
        assert torch.equal(made[row], transform.transform(images[row], single))
        assert not torch.equal(made[row], images[row])
    assert torch.equal(made[[1, 4]], images[[1, 4]])


def test_masks_move_with_their_own_image(variation: Path) -> None:
    transform = GANAugment(variation, p=1.0)
    images = tv_tensors.Image(batch(torch.uint8))
    _, positions = transform._varied(images, transform.make_params([images]), positions=True)
    assert positions is not None
    assert positions.shape == (5, *SIZE, 2)
    masks = tv_tensors.Mask(torch.arange(5).view(5, 1, 1).expand(5, *SIZE).clone())
    _, moved = transform(images, masks)
    assert torch.equal(moved, masks)  # each is of one value


def test_a_class_generator_replaces_each_by_its_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transform = GANAugment(write_class_model(tmp_path / "c.onnx", channels=3), p=1.0)
    images, labels = batch(torch.uint8)[..., :8, :8], torch.tensor([0, 1, 1, 0, 1])
    torch.default_generator.manual_seed(0)
    whole, _ = transform(images, labels)
    monkeypatch.setattr(arrays, "_PIXELS_AT_ONCE", 2 * 64)
    torch.default_generator.manual_seed(0)
    blocks, _ = transform(images, labels)
    assert torch.equal(blocks, whole)


def test_arrays_are_varied_in_blocks_too(variation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = Generator(variation, providers="cpu")
    images = batch(torch.float32).numpy()
    latents = np.random.default_rng(1).standard_normal((5, 4), np.float32)
    blocks = generator.outputs(images, latents, generator.info.outputs)
    monkeypatch.setattr(arrays, "_PIXELS_AT_ONCE", 10**9)
    whole = generator.outputs(images, latents, generator.info.outputs)
    for name, values in whole.items():
        np.testing.assert_array_equal(blocks[name], values)
