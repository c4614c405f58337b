"""The networks: shapes at any size, the identity at the start, sharpness at other resolutions."""

from __future__ import annotations

import pytest
import torch

from ganaug.training.config import make_config
from ganaug.training.networks import (
    VariationGenerator,
    build_discriminator,
    build_generator,
)

SIZES = [(8, 8), (28, 28), (9, 13), (32, 48)]


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.default_generator.manual_seed(0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("strided", [False, True])
def test_variation_shapes(size: tuple[int, int], channels: int, strided: bool) -> None:
    config = make_config(size=size, width=8, strided=strided)
    image, latent = torch.rand(3, channels, *size), torch.randn(3, config.latent_dim)
    made = build_generator(config, channels, 2)(image, latent)
    assert made.shape == image.shape
    judged = build_discriminator(config, channels, 2)(torch.cat([image, made], 1))
    assert [logits.shape for logits in judged] == [(3,), (3,)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("preset", ["base", "classic"])
def test_class_shapes_and_range(size: tuple[int, int], preset: str) -> None:
    config = make_config(preset, kind="class", size=size, width=8)
    label = torch.tensor([0, 1, 4])
    made = build_generator(config, 3, 5)(label, torch.randn(3, config.latent_dim))
    assert made.shape == (3, 3, *size)
    assert made.min() >= 0
    assert made.max() <= 1
    judged = build_discriminator(config, 3, 5)(made, label)
    assert [logits.shape for logits in judged] == [(3,), (3,)]


def test_class_discriminator_reads_the_label() -> None:
    config = make_config(kind="class", size=(16, 16))
    discriminator = build_discriminator(config, 1, 3)
    image = torch.rand(1, 1, 16, 16)
    first, second = (discriminator(image, torch.tensor([label])) for label in (0, 1))
    assert first[0].item() != second[0].item()


def test_training_starts_near_the_identity() -> None:
    generator = VariationGenerator(3, (32, 32))
    smooth = torch.nn.functional.interpolate(torch.rand(4, 3, 5, 5), (32, 32), mode="bicubic")
    moved = (generator(smooth, torch.randn(4, 32)) - smooth).abs().mean()
    to_another = (smooth.roll(1, 0) - smooth).abs().mean()
    assert moved < 0.5 * to_another


def test_a_latent_of_zeros_leaves_the_image_as_it_is() -> None:
    generator = VariationGenerator(3, (16, 16)).eval()
    for parameter in generator.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    image = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(generator.vary(image, torch.zeros(2, 32)), image)
    assert (generator.vary(image, torch.ones(2, 32)) - image).abs().mean() > 0.05


def test_any_size_agrees_with_the_training_size() -> None:
    generator = VariationGenerator(1, (16, 20)).eval()
    image, latent = torch.rand(2, 1, 16, 20), torch.randn(2, 32)
    expected = generator(image, latent).clamp(0, 1)
    torch.testing.assert_close(generator.vary(image, latent), expected, atol=1e-5, rtol=0)


def test_maps_scale_with_the_image() -> None:
    """A smooth image varied at three times the size is the variation at three times the size."""
    generator = VariationGenerator(1, (16, 16)).eval()
    for parameter in generator.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    coarse = torch.rand(2, 1, 4, 4)
    resize = torch.nn.functional.interpolate
    small, large = (resize(coarse, (s, s), mode="bicubic").clamp(0, 1) for s in (16, 48))
    latent = torch.randn(2, 32)
    made = resize(generator.vary(large, latent), (16, 16), mode="area")
    difference = (made - generator.vary(small, latent)).abs().mean()
    changed = (generator.vary(small, latent) - small).abs().mean()
    assert difference < 0.25 * changed


def test_parameter_count_is_about_a_tenth_of_a_million() -> None:
    generator = VariationGenerator(3, (32, 32))
    assert 80_000 < sum(p.numel() for p in generator.parameters()) < 150_000
