"""Tensors as they come in practice: empty, in any layout of memory, read-only, with gradients."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from contracts.files import Files
from contracts.objects import TRANSFORMS, Transform, over
from contracts.observe import content, observe
from torch import nn
from torchvision.transforms import v2

from ganaug.errors import DataError


def after_seed(transform: Any, *sample: Any) -> Any:
    torch.default_generator.manual_seed(1)
    return transform(*sample)


# Among other transforms

CONTAINERS: dict[str, tuple[Callable[[Any], Any], int]] = {
    # how it is put into one, and how many numbers the container draws before it
    "Compose": (lambda gan: v2.Compose([v2.Identity(), gan]), 0),
    "Sequential": (lambda gan: nn.Sequential(v2.Identity(), gan), 0),
    "RandomApply": (lambda gan: v2.RandomApply([gan], p=1.0), 1),
    "nested": (lambda gan: v2.Compose([v2.RandomApply([v2.Compose([gan])], p=1.0)]), 1),
}


@pytest.mark.parametrize("container", CONTAINERS)
@over(TRANSFORMS)
def test_it_does_the_same_in_a_container(case: Transform, container: str, files: Files) -> None:
    transform = case.built(files)
    wrap, drawn = CONTAINERS[container]
    for sample in case.given(files):
        torch.default_generator.manual_seed(0)
        torch.rand(drawn)
        expected = transform(sample)
        torch.default_generator.manual_seed(0)
        assert content(wrap(transform)(sample)) == content(expected)


@over(TRANSFORMS)
def test_torchs_seed_decides(case: Transform, files: Files) -> None:
    transform, given = case.built(files), case.given(files)
    first = observe(case.kind, transform, given, seed=1)
    assert observe(case.kind, transform, given, seed=1) == first
    other = observe(case.kind, transform, given, seed=2)
    assert all(a != b for a, b in zip(first, other, strict=True))


@over(TRANSFORMS)
def test_p_decides(case: Transform, files: Files) -> None:
    given = case.given(files)
    unchanged = [content(sample) for sample in given]
    assert observe(case.kind, case.built(files, p=0.0), given) == unchanged
    varied = observe(case.kind, case.built(files, p=1.0), given)
    assert all(a != b for a, b in zip(varied, unchanged, strict=True))


@over(TRANSFORMS)
def test_one_image_of_a_batch_is_varied_as_it_is_alone(case: Transform, files: Files) -> None:
    """The others of the batch stay bit for bit."""
    transform = case.built(files, p={"bee": 1.0})
    batch = case.image(3, 8, 8)
    torch.default_generator.manual_seed(1)
    after, labels = transform(batch, torch.tensor([0, 1, 2]))
    assert labels.tolist() == [0, 1, 2]
    assert torch.equal(after[[0, 2]], batch[[0, 2]])
    torch.default_generator.manual_seed(1)
    torch.rand(2)  # the decisions on the other two
    alone = transform(batch[1], 1)[0]
    assert torch.allclose(after[1], alone, atol=1e-6)
    assert not torch.equal(after[1], batch[1])


# Sizes


@pytest.mark.parametrize("labels", [torch.zeros(0, dtype=torch.int64), torch.zeros(0, 3)])
@over(TRANSFORMS)
def test_an_empty_batch_stays_one(case: Transform, labels: Any, files: Files) -> None:
    batch = case.image(0, 8, 8)
    after, same = case.built(files)(batch, labels)
    assert content(after) == content(batch)
    assert same is labels


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (200, 1)])
@over(TRANSFORMS)
def test_a_line_of_pixels_is_an_image(case: Transform, size: tuple[int, int], files: Files) -> None:
    for image in (case.image(*size), case.image(2, *size)):
        after = case.built(files)(image, 1)[0]
        assert (after.shape, after.dtype) == (image.shape, image.dtype)
        assert not torch.equal(after, image)


@pytest.mark.parametrize("shape", [(0, 8), (8, 0), (2, 0, 8)])
@over(TRANSFORMS)
def test_an_image_without_pixels_is_refused(
    case: Transform, shape: tuple[int, ...], files: Files
) -> None:
    """Also where it would not have been varied."""
    for p in (0.0, 1.0):
        with pytest.raises(DataError, match="allowed: a height and width of 1 or more;"):
            case.built(files, p=p)(case.image(*shape), 1)


# Memory


@over(TRANSFORMS)
def test_floats_in_any_layout_of_memory(case: Transform, files: Files) -> None:
    check_layouts(case, files, torch.float32)


@over(TRANSFORMS)
def test_levels_in_any_layout_of_memory(case: Transform, files: Files) -> None:
    check_layouts(case, files, torch.uint8)


def check_layouts(case: Transform, files: Files, dtype: torch.dtype) -> None:
    transform, plain = case.built(files), case.image(4, 11, 6, dtype=dtype)
    labels = torch.tensor([0, 1, 2, 0])
    expected = after_seed(transform, plain, labels)[0]
    wide = torch.zeros(4, plain.shape[1], 22, 18, dtype=dtype)
    wide[:, :, ::2, ::3] = plain
    layouts = [
        plain.contiguous(memory_format=torch.channels_last),
        plain.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0),
        wide[:, :, ::2, ::3],
        plain.flip(3).contiguous().flip(3),
    ]
    for image in layouts:
        before = content(image)
        after = after_seed(transform, image, labels)[0]
        assert torch.equal(after, expected)
        single = after_seed(transform, image[1], 1)[0]
        assert torch.equal(single, after_seed(transform, plain[1], 1)[0])
        assert content(image) == before


@over(TRANSFORMS)
def test_an_image_that_many_share_is_not_written_to(case: Transform, files: Files) -> None:
    image = case.image(8, 8)
    before = content(image)
    batch = image.expand(5, -1, -1, -1)  # one image in memory, five to see
    after = case.built(files)(batch, torch.zeros(5, dtype=torch.int64))[0]
    assert content(image) == before
    assert len({content(each) for each in after}) == 5


@over(TRANSFORMS)
def test_memory_that_cannot_be_written_is_read(case: Transform, files: Files) -> None:
    transform = case.built(files)
    for array in (case.image(8, 8).numpy(), case.image(2, 8, 8).numpy()):
        expected = after_seed(transform, torch.from_numpy(array.copy()), 1)[0]
        array.setflags(write=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of such memory when it takes it
            image = torch.from_numpy(array)
        before = array.copy()
        after = after_seed(transform, image, 1)[0]
        assert torch.equal(after, expected)
        assert np.array_equal(array, before)
        after.zero_()  # what comes back has memory of its own
        assert np.array_equal(array, before)


@over(TRANSFORMS)
def test_gradients_do_not_get_in_the_way(case: Transform, files: Files) -> None:
    transform, plain = case.built(files), case.image(2, 8, 8)
    expected = after_seed(transform, plain, 1)[0]
    leaf = plain.clone().requires_grad_()
    inner = plain * torch.ones((), requires_grad=True)
    with torch.inference_mode():
        inference = plain.clone()
    for image in (leaf, inner, inference):
        after = after_seed(transform, image, 1)[0]
        assert torch.equal(after, expected)
        assert not after.requires_grad
    with torch.inference_mode():
        assert torch.equal(after_seed(transform, inference, 1)[0], expected)


# Values


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("p", [0.0, 1.0])
@over(TRANSFORMS)
def test_numbers_that_are_not_finite_are_refused(
    case: Transform, p: float, bad: float, files: Files
) -> None:
    """Also where the image would not have been varied: a later run would fail elsewhere."""
    transform = case.built(files, p=p)
    for image in (case.image(8, 8), case.image(4, 8, 8), case.image(8, 8, dtype=torch.float16)):
        image[..., 3, 5] = bad
        with pytest.raises(DataError, match=r"with values from .*; allowed: ?0 to 1") as caught:
            transform(image, 1)
        assert "\n" not in str(caught.value)
