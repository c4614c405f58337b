"""Batches on a device come back as they came: dtype, memory format, device; between kornia's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_models import write_variation_model
from torch import nn
from torchvision import tv_tensors
from torchvision.transforms import v2

from ganaug import GANAugment
from ganaug.use._device import vary_on_device

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
DTYPES = (torch.uint8, torch.float16, torch.bfloat16, torch.float32)
FORMATS: dict[str, Any] = {
    "contiguous": lambda batch: batch,
    "channels last": lambda batch: batch.contiguous(memory_format=torch.channels_last),
    "sides exchanged": lambda batch: batch.transpose(2, 3),
}


def batch_of(dtype: torch.dtype, n: int = 6) -> torch.Tensor:
    levels = np.random.default_rng(0).integers(60, 200, (n, 3, 9, 7), np.uint8)
    values = torch.from_numpy(levels)
    return values if dtype == torch.uint8 else (values / 255).to(dtype)


def after(seed: int, transform: Any, *sample: Any) -> Any:
    torch.default_generator.manual_seed(seed)
    return transform(*sample)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_dtype_and_memory_format_stay(dtype: torch.dtype, format: str, variation: Path) -> None:
    """And the values are those of the same batch in float32, rounded to its dtype."""
    transform = GANAugment(variation, p=0.5)
    batch = FORMATS[format](batch_of(dtype))
    made = after(1, transform, batch)
    assert (made.dtype, made.stride(), made.shape) == (dtype, batch.stride(), batch.shape)
    assert not torch.equal(made, batch)
    if dtype != torch.uint8:
        exact = after(1, transform, batch.contiguous().float())
        assert torch.equal(made, exact.to(dtype))
    image = batch[0]
    alone = after(1, GANAugment(variation, p=1.0), image)
    assert (alone.dtype, alone.stride()) == (dtype, image.stride())
    wrapped = after(1, transform, tv_tensors.Image(batch))
    assert torch.equal(wrapped, made)
    assert (type(wrapped), wrapped.stride()) == (tv_tensors.Image, batch.stride())


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_way_on_the_device_keeps_them_too(
    dtype: torch.dtype, format: str, variation: Path
) -> None:
    """The code that runs on a GPU, here on the CPU."""
    transform = GANAugment(variation, p=1.0)
    batch = FORMATS[format](batch_of(dtype))
    params = transform.make_params([batch])
    made, _ = vary_on_device(transform.generator, batch, params["latents"], params["rows"])
    assert (made.dtype, made.stride()) == (dtype, batch.stride())
    assert torch.equal(made, transform.transform(batch, params))
    one = transform.make_params([batch[0]])
    made, _ = vary_on_device(transform.generator, batch[0], one["latents"], one["rows"])
    assert (made.dtype, made.stride()) == (dtype, batch[0].stride())


class Scan(torch.Tensor):
    """A tensor of another library, which knows more than its pixels."""

    spacing: float


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32], ids=str)
@pytest.mark.parametrize("sides", [(9, 7), (96, 100)], ids=["at once", "in blocks"])
def test_a_type_of_another_library_stays_with_what_it_holds(
    sides: tuple[int, int], dtype: torch.dtype, variation: Path
) -> None:
    transform = GANAugment(variation, p=1.0)
    plain = torch.full((5, 3, *sides), 0.5)
    batch = ((plain * 255).to(dtype) if dtype == torch.uint8 else plain).as_subclass(Scan)
    batch.spacing = 0.7
    one = batch[0]
    one.spacing = 0.9
    params = transform.make_params([batch])
    on_device, _ = vary_on_device(
        transform.generator, batch, params["latents"], params["rows"], ["variation"]
    )
    for made, image in ((transform(batch), batch), (transform(one), one), (on_device, batch)):
        assert (type(made), made.dtype, made.spacing) == (Scan, dtype, image.spacing)
        assert not torch.equal(made, image)
    assert type(transform(torch.nn.Parameter(plain[0], requires_grad=False))) is torch.Tensor


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_normalised_half_precision_is_undone_and_redone(
    dtype: torch.dtype, variation: Path
) -> None:
    """Rounding carries black and white a little out of 0..1, which is allowed."""
    transform = GANAugment(variation, p=1.0, mean=MEAN, std=STD)
    column = [torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD)]
    levels = (torch.arange(64).view(1, 8, 8) / 63).expand(3, 8, 8)
    extremes = torch.stack([torch.zeros(3, 8, 8), torch.ones(3, 8, 8), levels])
    batch = ((extremes - column[0]) / column[1]).to(dtype)
    made = transform(batch)
    assert made.dtype == dtype
    assert not torch.equal(made, batch)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32], ids=str)
def test_grey_images_behind_any_normalisation_stay_grey(dtype: torch.dtype, tmp_path: Path) -> None:
    """Rounded to bfloat16, a level may move by a whole level of 255."""
    grey = write_variation_model(tmp_path / "grey.onnx", channels=1)
    levels = (torch.arange(256.0) / 255).view(1, 16, 16)
    for mean, std in (((0.1307,), (0.3081,)), (MEAN, STD)):
        image = v2.functional.normalize(levels.expand(len(mean), 16, 16), mean, std).to(dtype)
        made = GANAugment(grey, p=1.0, mean=mean, std=std)(image)
        assert made.dtype == dtype
        assert not torch.equal(made, image)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_pinned_memory_stays_pinned(variation: Path) -> None:
    torch.cuda.init()
    made = GANAugment(variation, p=1.0)(batch_of(torch.float32).pin_memory())
    assert made.is_pinned()
    assert not GANAugment(variation, p=1.0)(batch_of(torch.float32)).is_pinned()


@pytest.mark.parametrize("column", [True, False])
def test_batches_as_dali_has_them(column: bool, by_class: Path) -> None:
    """DALI's iterators yield a list of one dictionary; its labels may be a column [N, 1]."""
    labels = torch.tensor([2, 0, 1, 1, 0, 2])
    given = {"data": batch_of(torch.uint8), "label": labels[:, None] if column else labels}
    made = after(4, GANAugment(by_class, p=1.0), given)
    assert set(made) == {"data", "label"}
    assert made["label"] is given["label"]
    assert torch.equal(
        made["data"], after(4, GANAugment(by_class, p=1.0), given["data"], labels)[0]
    )


def test_before_and_behind_kornia(variation_policy: Path) -> None:
    augmentation = pytest.importorskip("kornia.augmentation", reason="kornia is not installed")
    batch, labels = batch_of(torch.float32), torch.tensor([0, 0, 1, 1, 2, 2])
    kornias = augmentation.AugmentationSequential(
        augmentation.RandomHorizontalFlip(p=0.5),
        augmentation.RandomAffine(10.0, p=1.0),
        augmentation.ColorJiggle(0.1, 0.1, 0.1, 0.1, p=0.5),
        data_keys=["input"],
    )
    vary = GANAugment(variation_policy, p=1.0)
    for first, second in ((vary, kornias), (kornias, vary)):
        made = after(2, lambda x, f=first, g=second: g(f(x)), batch)
        assert (made.shape, made.dtype) == (batch.shape, batch.dtype)
        assert not torch.equal(made, after(2, kornias, batch))
    before = after(3, vary, batch, labels)
    assert torch.equal(before[1], labels)
    assert not torch.equal(before[0], batch)
    modules = nn.Sequential(GANAugment(variation_policy), augmentation.RandomVerticalFlip(p=0.5))
    assert modules(batch).shape == batch.shape
    normal = nn.Sequential(
        augmentation.Normalize(torch.tensor(MEAN), torch.tensor(STD)),
        GANAugment(variation_policy, p=1.0, mean=MEAN, std=STD),
    )
    assert not torch.equal(normal(batch), normal[0](batch))
