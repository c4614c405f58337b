"""`GANAugment` among other transforms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_models import expected_class, write_variation_model
from PIL import Image
from torch.utils.data import DataLoader, default_collate
from torchvision import tv_tensors
from torchvision.transforms import v2

from ganaug import GANAugment, Generator
from ganaug.artifact.policy import Policy
from ganaug.errors import ConfigError, DataError


def image(channels: int = 3, size: tuple[int, int] = (8, 8)) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).random((channels, *size), np.float32))


MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def test_behind_normalize_equals_before_it(variation: Path) -> None:
    normalise = v2.Normalize(MEAN, STD)
    torch.default_generator.manual_seed(0)
    before = normalise(GANAugment(variation, p=1.0)(image()))
    torch.default_generator.manual_seed(0)
    behind = GANAugment(variation, p=1.0, mean=MEAN, std=STD)(normalise(image()))
    assert torch.allclose(before, behind, atol=1e-5)


def test_one_mean_serves_all_channels(variation: Path) -> None:
    torch.default_generator.manual_seed(0)
    one = GANAugment(variation, p=1.0, mean=0.5, std=0.5)(image() * 2 - 1)
    torch.default_generator.manual_seed(0)
    three = GANAugment(variation, p=1.0, mean=[0.5] * 3, std=[0.5] * 3)(image() * 2 - 1)
    assert torch.equal(one, three)


def test_a_normalisation_that_does_not_fit_is_refused(variation: Path) -> None:
    with pytest.raises(DataError, match="exactly the mean= and std="):
        GANAugment(variation, mean=MEAN, std=STD)(image() * 9)
    behind = GANAugment(variation, mean=MEAN, std=STD)
    for early in (Image.new("RGB", (8, 8)), torch.zeros(3, 8, 8, dtype=torch.uint8)):
        with pytest.raises(ConfigError, match="drop mean= and std="):
            behind(early)


def test_in_compose_on_both_sides_of_to_dtype(variation: Path, photos: Path) -> None:
    to_float = v2.ToDtype(torch.float32, scale=True)
    gan = GANAugment(variation, p=1.0)
    photo = Image.open(next(photos.rglob("*.png"))).convert("RGB")
    pipelines = {
        "PIL": v2.Compose([gan, v2.ToImage(), to_float, v2.Normalize(MEAN, STD)]),
        "uint8": v2.Compose([v2.ToImage(), gan, to_float, v2.Normalize(MEAN, STD)]),
        "float": v2.Compose([v2.ToImage(), to_float, gan, v2.Normalize(MEAN, STD)]),
    }
    results = {}
    for name, pipeline in pipelines.items():
        torch.default_generator.manual_seed(3)
        results[name], label = pipeline(photo, 1)
        assert label == 1
        assert isinstance(results[name], tv_tensors.Image)
    assert torch.equal(results["PIL"], results["uint8"])
    assert (results["float"] - results["PIL"]).abs().max() < 1 / 255 / min(STD)


@pytest.mark.parametrize("form", ["PIL", "tensor"])
def test_with_rand_augment(form: str, variation: Path) -> None:
    pipeline = v2.Compose(
        [GANAugment(variation, p=0.5), v2.RandAugment(), v2.ToImage(), v2.ToDtype(torch.float32)]
    )
    before: Any = torch.randint(0, 255, (3, 8, 8), dtype=torch.uint8)
    before = v2.functional.to_pil_image(before) if form == "PIL" else before
    for seed in range(8):
        torch.default_generator.manual_seed(seed)
        after, label = pipeline(before, 2)
        assert after.shape == (3, 8, 8)
        assert label == 2


@pytest.mark.parametrize("mix", [v2.MixUp, v2.CutMix])
def test_before_mixup_and_cutmix_in_collate(mix: Any, variation: Path) -> None:
    gan, mixed = GANAugment(variation, p=[0.0, 1.0, 1.0]), mix(num_classes=3)
    batch = [(image(), 0), (image(), 1), (image(), 2)]

    def collate(items: list[Any]) -> Any:
        return mixed(*gan(*default_collate(items)))

    ((images, labels),) = DataLoader(batch, batch_size=3, collate_fn=collate)  # type: ignore[arg-type]
    assert images.shape == (3, 3, 8, 8)
    assert labels.shape == (3, 3)
    assert torch.allclose(labels.sum(1), torch.ones(3))

    hot = torch.nn.functional.one_hot(torch.tensor([0, 1, 2]), 3).float()
    images, _ = gan(torch.stack([image()] * 3), hot)
    assert (images != image()).flatten(1).any(1).tolist() == [False, True, True]


def test_two_generators_in_one_pipeline(variation: Path, by_class: Path) -> None:
    both = v2.Compose(
        [GANAugment(by_class, p={"ant": 1.0}, scale=0.0), GANAugment(variation, p={"bee": 1.0})]
    )
    before = image()
    varied, made = both(before, 1)[0], both(before, 0)[0]
    expected = expected_class(np.array([0]), np.zeros((1, 4), np.float32), classes=3, channels=3)
    assert np.allclose(made.numpy(), expected[0], atol=1e-6)
    assert not torch.equal(varied, before)
    assert both(before, 2)[0] is before


def test_a_generator_object_can_be_given(variation: Path) -> None:
    generator = Generator(variation, providers="cpu")
    transform = GANAugment(generator, p=1.0)
    assert transform.generator is generator
    assert not torch.equal(transform(image()), image())


def test_rule_policy_is_taken(tmp_path: Path) -> None:
    path = write_variation_model(tmp_path / "a.onnx", counts=(10, 2), policy=Policy.rule((10, 2)))
    augment = GANAugment(path)
    assert (augment._p.tolist(), augment.scale) == ([0.5, 0.5], 0.7)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_what_a_pil_image_says_of_itself_stays(variation: Path, grey: Path, mode: str) -> None:
    photo = Image.new(mode, (8, 8), 99 if mode == "L" else (99, 120, 140))
    photo.info = {"dpi": (300, 300), "icc_profile": b"profile", "exif": b"Exif\x00\x00"}
    varied = GANAugment(grey if mode == "L" else variation, p=1.0)(photo, 0)[0]
    assert varied is not photo
    assert varied.info == photo.info
    assert varied.info is not photo.info
