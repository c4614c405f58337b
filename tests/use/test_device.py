"""Tensors that stay on their device: the same images as by way of numpy, here on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torchvision import tv_tensors

from ganaug import GANAugment, Generator
from ganaug.errors import DeviceError
from ganaug.use._device import stays_on_device, vary_on_device

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def images_of(*shape: int, dtype: torch.dtype) -> torch.Tensor:
    levels = np.random.default_rng(0).integers(60, 200, shape, np.uint8)
    values = torch.from_numpy(levels)
    return values if dtype == torch.uint8 else (values / 255).to(dtype)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float16])
@pytest.mark.parametrize("shape", [(3, 8, 8), (3, 11, 6), (4, 3, 8, 8)])
@pytest.mark.parametrize("form", [torch.Tensor, tv_tensors.Image])
def test_equals_the_way_through_numpy(
    dtype: torch.dtype, shape: tuple[int, ...], form: Any, variation: Path
) -> None:
    transform = GANAugment(variation, p=1.0)
    image = images_of(*shape, dtype=dtype)
    image = tv_tensors.Image(image) if form is tv_tensors.Image else image
    before = image.clone()
    params = transform.make_params([image])
    if len(shape) == 4:
        params = {**params, "rows": np.array([0, 2]), "latents": params["latents"][:2]}
    expected = transform.transform(image, params)
    found, _ = vary_on_device(transform.generator, image, params["latents"], params["rows"])
    assert type(found) is type(expected)
    assert found.dtype == expected.dtype
    assert torch.equal(found, expected)
    assert torch.equal(image, before), "the input was written to"
    assert not torch.equal(found, image)


def test_a_normalisation_is_undone_and_redone(variation: Path) -> None:
    transform = GANAugment(variation, p=1.0, mean=MEAN, std=STD)
    normalisation = transform._normalisation
    assert normalisation is not None
    image = normalisation.redo(images_of(4, 3, 8, 8, dtype=torch.float32))
    params = transform.make_params([image])
    found, positions = vary_on_device(
        transform.generator,
        image,
        params["latents"],
        params["rows"],
        ("variation", "positions"),
        normalisation,
    )
    assert positions is not None
    assert positions.shape == (4, 8, 8, 2)
    assert torch.equal(found, transform.transform(image, params))


def test_torch_takes_a_tensor_where_it_lies(variation: Path) -> None:
    """The way of any device that torch has, here on the CPU."""
    transform = GANAugment(Generator(variation, providers="torch"), p=1.0)
    image = images_of(4, 3, 8, 8, dtype=torch.uint8)
    assert stays_on_device(transform.generator, image.to("meta"))
    assert not stays_on_device(Generator(variation, providers="cpu"), image.to("meta"))
    params = transform.make_params([image])
    names = ("variation", "positions")
    found, positions = vary_on_device(
        transform.generator, image, params["latents"], params["rows"], names
    )
    assert positions is not None
    assert positions.shape == (4, 8, 8, 2)
    assert not positions.requires_grad
    assert torch.equal(found, transform.transform(image, params))


def test_what_is_on_the_cpu_does_not_take_this_way(variation: Path) -> None:
    generator = Generator(variation, providers="cpu")
    assert not stays_on_device(generator, images_of(3, 8, 8, dtype=torch.uint8))
    assert not stays_on_device(generator, torch.zeros(3, 8, 8, device="meta"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_asking_for_cuda_without_it_is_an_error_and_no_fall_back(variation: Path) -> None:
    transform = GANAugment(Generator(variation, providers="cuda"), p=1.0)
    with pytest.raises(DeviceError, match=r"^providers: .*; allowed here: \"auto\", \"cpu\""):
        transform(images_of(4, 3, 8, 8, dtype=torch.uint8))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.skipif(
    "CUDAExecutionProvider" not in onnxruntime.get_available_providers(),
    reason="needs onnxruntime-gpu in place of onnxruntime",
)
def test_a_batch_on_a_gpu_stays_there(variation: Path) -> None:
    image = images_of(4, 3, 8, 8, dtype=torch.uint8)
    made = {}
    for providers, device in (("cpu", "cpu"), ("cuda", "cuda:0")):
        transform = GANAugment(Generator(variation, providers=providers), p=1.0)
        batch = image.to(device)
        assert stays_on_device(transform.generator, batch) == (device == "cuda:0")
        torch.manual_seed(0)
        made[device] = transform(batch)
        assert made[device].device == batch.device
    difference = made["cuda:0"].cpu().int() - made["cpu"].int()
    assert difference.abs().max() <= 1
