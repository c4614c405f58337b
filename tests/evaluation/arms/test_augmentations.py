from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from ganaug.evaluation.arms import rand_augment as module
from ganaug.evaluation.arms.augmentations import AUGMENTATIONS, augment, standardise


@pytest.mark.parametrize("name", [*sorted(AUGMENTATIONS), "randaugment-5"])
@pytest.mark.parametrize("channels", [1, 3])
def test_augmentations_change_each_image_on_its_own(name: str, channels: int) -> None:
    torch.default_generator.manual_seed(0)
    image = torch.randint(0, 256, (1, channels, 12, 10), dtype=torch.uint8)
    batch = image.repeat(32, 1, 1, 1)
    before = batch.clone()
    out = augment(batch, (name,))
    assert out.shape == batch.shape
    assert out.dtype == torch.uint8
    assert torch.equal(batch, before)
    assert len(torch.unique(out, dim=0)) >= {"flip": 2, "flips": 4}.get(name, 9)


def test_augmentations_draw_from_torchs_generator() -> None:
    batch = torch.randint(0, 256, (4, 1, 12, 12), dtype=torch.uint8)
    results = []
    for seed in (1, 1, 2):
        torch.default_generator.manual_seed(seed)
        results.append(augment(batch, tuple(AUGMENTATIONS)))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


@pytest.mark.parametrize("name", ["affine", "shift", "elastic"])
def test_moves_keep_a_flat_image_and_move_an_edge(name: str) -> None:
    torch.default_generator.manual_seed(0)
    flat = torch.full((8, 1, 16, 16), 90, dtype=torch.uint8)
    assert torch.equal(augment(flat, (name,)), flat)
    edge = flat.clone()
    edge[..., 8:] = 200
    moved = augment(edge, (name,))
    assert not torch.equal(moved, edge)
    assert moved.min() >= 90
    assert moved.max() <= 200


@pytest.mark.parametrize("size", [(64, 64), (64, 128), (128, 64)])
def test_a_line_is_turned_alike_whatever_the_shape(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    height, width = size
    lines = torch.zeros(2, 1, height, width, dtype=torch.uint8)
    lines[0, 0, height // 2 - 1 : height // 2 + 1] = 255
    lines[1, 0, :, width // 2 - 1 : width // 2 + 1] = 255
    turned = torch.tensor([1.0, 0.5, 0.5, 0.5, 0.5])  # by 15 degrees, and nothing else
    monkeypatch.setattr(torch, "rand", lambda *shape: turned[:, None].expand(*shape))
    found = []
    for image in augment(lines, ("affine",))[:, 0].numpy():
        rows, columns = np.nonzero(image > 60)
        spread = np.cov(np.stack([columns, rows]), aweights=image[rows, columns])
        across, down = np.linalg.eigh(spread)[1][:, 1]
        found.append(np.degrees(np.arctan2(abs(down), abs(across))))
    assert found == pytest.approx([15, 75], abs=0.5)


def test_a_shift_moves_all_pixels_alike() -> None:
    torch.default_generator.manual_seed(0)
    rows = torch.arange(0, 160, 10, dtype=torch.uint8).view(1, 1, 1, 16)
    moved = augment(rows.expand(8, 1, 16, 16).contiguous(), ("shift",)).int()
    assert (moved == moved[:, :, :1]).all()  # nothing is rotated or sheared
    middle = moved[:, 0, 0, 4:12]
    assert (middle.diff(dim=1) - 10).abs().max() <= 1


def test_jitter_keeps_order_and_stays_in_range() -> None:
    torch.default_generator.manual_seed(0)
    ramp = torch.arange(0, 250, 10, dtype=torch.uint8).view(1, 1, 5, 5).repeat(32, 1, 1, 1)
    out = augment(ramp, ("jitter",)).flatten(1).int()
    assert (out.diff(dim=1) >= 0).all()
    assert out[:, -1].min() < 240 < out[:, -1].max()


def test_standardised_images_forget_light() -> None:
    image = torch.randint(50, 100, (1, 3, 8, 8), dtype=torch.uint8)
    plain, brighter = standardise(image), standardise(image * 2)
    assert torch.allclose(plain, brighter, atol=1e-5)
    assert abs(float(plain.mean())) < 1e-5
    assert float(plain.std()) == pytest.approx(1, abs=1e-4)
    assert torch.equal(
        standardise(torch.full((1, 1, 4, 4), 7, dtype=torch.uint8)).unique(), torch.zeros(1)
    )


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 20, 27)])
@pytest.mark.parametrize("theirs", [v2.RandAugment(), v2.TrivialAugmentWide()])
def test_operations_are_torchvisions(shape: tuple[int, int, int], theirs: v2.Transform) -> None:
    torch.default_generator.manual_seed(0)
    images = torch.randint(0, 256, (4, *shape), dtype=torch.uint8)
    images[0] = images[0] // 4 + 30  # of low contrast
    if isinstance(theirs, v2.RandAugment):
        space = module._rand_augment_space(images.shape[-2:])
    else:
        space = module._trivial_augment_space()
    assert tuple(theirs._AUGMENTATION_SPACE) == module.OPERATIONS
    for at, (name, (magnitudes, signed)) in enumerate(theirs._AUGMENTATION_SPACE.items()):
        assert signed == (0 < at < module._SIGNED)
        table = magnitudes(module.BINS, *shape[1:])
        if table is None:
            assert name not in space
            table = torch.zeros(module.BINS)
        else:
            assert torch.equal(table.float(), space[name])
        for size in table[[0, 3, 9, 17, 30]].tolist():
            for sign in (1, -1) if signed else (1,):
                expected = theirs._apply_image_or_video_transform(
                    images, name, size * sign, theirs.interpolation, theirs._fill
                )
                found = module.apply_operations(
                    images, torch.full((4,), at), torch.full((4,), size * sign)
                )
                different = (expected.int() - found.int()).abs()
                assert different.max() <= 1, (name, size)  # of another order of multiplications
                assert (different > 0).float().mean() < 0.01, (name, size)


def test_operations_signs_and_magnitudes_are_drawn_evenly() -> None:
    torch.default_generator.manual_seed(0)
    image = torch.zeros(1, 1, 9, 9, dtype=torch.uint8)
    image[..., 4, 4] = 255
    n = 6000
    out = module.rand_augment(image.repeat(n, 1, 1, 1), magnitude=9, num_ops=1)
    right = (out[:, 0, 4, 5] == 255) & (out[:, 0, 4, 4] == 0)
    left = (out[:, 0, 4, 3] == 255) & (out[:, 0, 4, 4] == 0)
    # At this size and magnitude TranslateX moves by one pixel, and is one operation of 14.
    for moved in (left, right):
        assert abs(float(moved.float().mean()) - 1 / 28) < 0.015
    wide = module.trivial_augment_wide(image.repeat(n, 1, 1, 1))
    gone = float((wide.flatten(1).max(1).values == 0).float().mean())
    assert 0.08 < gone < 0.2  # translations by more than the image, and dark ones
