"""A map of positions, used on pixels and read backwards for points."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

from ganaug.use._positions import moved_points, nearest_pixels, recoloured

SIZES = [(32, 32), (45, 70), (224, 160)]


def turned(height: int, width: int, degrees: float, shift: tuple[float, float]) -> Tensor:
    """float32 [H, W, 2]: the image turned about its middle, moved by a share of its half sides."""
    turn = math.radians(degrees)
    by = torch.tensor(
        [
            [math.cos(turn), -math.sin(turn) * height / width, shift[0]],
            [math.sin(turn) * width / height, math.cos(turn), shift[1]],
        ]
    )
    return affine_grid(by[None], [1, 1, height, width], align_corners=False)[0]


def bent(height: int, width: int, strength: float, nodes: int = 8) -> Tensor:
    """float32 [H, W, 2]: turned a little and bent locally, as a trained generator bends."""
    random = torch.Generator().manual_seed(2)
    flow = strength * torch.tanh(torch.randn(1, 2, nodes, nodes, generator=random))
    flow = interpolate(flow, (height, width), mode="bilinear")[0].permute(1, 2, 0)
    return turned(height, width, 8.0, (0.1, -0.05)) + flow


def sources(places: Tensor, positions: Tensor) -> Tensor:
    """Where in the source (pixels) places of the result (pixels) were read: torch's own reading."""
    height, width = positions.shape[:2]
    sides = torch.tensor([width, height])
    at = (2 * places + 1) / sides - 1
    read = grid_sample(
        positions.double().permute(2, 0, 1)[None],
        at[None, None],
        padding_mode="border",
        align_corners=False,
    )
    return ((read[0, :, 0].T + 1) * sides - 1) / 2


@pytest.mark.parametrize("size", SIZES)
def test_the_nearest_pixel_is_that_of_torch(size: tuple[int, int]) -> None:
    height, width = size
    random = torch.Generator().manual_seed(0)
    positions = torch.rand(height, width, 2, generator=random) * 6 - 3
    numbers = torch.arange(height * width).reshape(1, 1, height, width).double()
    expected = grid_sample(
        numbers,
        positions[None].double(),
        mode="nearest",
        padding_mode="reflection",
        align_corners=False,
    )
    same = nearest_pixels(positions) == expected[0, 0].long()
    assert same.float().mean() > 0.999  # halves of pixels, rounded in float32 and float64


def test_the_identity_reads_each_pixel_itself() -> None:
    for height, width in ((1, 1), (1, 9), (7, 1), (37, 213)):
        positions = turned(height, width, 0, (0, 0))
        index = torch.arange(height * width).reshape(height, width)
        assert torch.equal(nearest_pixels(positions), index)
        points = torch.rand(5, 2).double() * torch.tensor([width, height])
        torch.testing.assert_close(moved_points(points, positions), points, atol=1e-3, rtol=0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("degrees", [0.0, 20.0, -60.0])
def test_points_of_a_turned_image(size: tuple[int, int], degrees: float) -> None:
    """Known exactly, also of points that leave the image."""
    height, width = size
    positions = turned(height, width, degrees, (0.4, -0.3))
    centre = torch.tensor([width - 1, height - 1]).double() / 2
    points = torch.rand(200, 2).double() * 2 * centre
    turn = torch.tensor(math.radians(degrees)).double()
    back = torch.stack(
        [torch.stack([turn.cos(), turn.sin()]), torch.stack([-turn.sin(), turn.cos()])]
    )
    shift = torch.tensor([0.4 * width / 2, -0.3 * height / 2]).double()
    expected = (points - centre - shift) @ back.T + centre
    assert ((expected < 0) | (expected > 2 * centre)).any()
    torch.testing.assert_close(moved_points(points, positions), expected, atol=0.01, rtol=0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("strength", [0.03, 0.08])
def test_points_of_a_bent_image(size: tuple[int, int], strength: float) -> None:
    height, width = size
    positions = bent(height, width, strength)
    places = torch.rand(500, 2).double() * torch.tensor([width - 1, height - 1])
    found = moved_points(sources(places, positions), positions)
    assert (found - places).norm(dim=1).max() < 0.05


@pytest.mark.parametrize("size", SIZES)
def test_a_map_that_folds_still_has_a_place_for_each_point(size: tuple[int, int]) -> None:
    """As strong as a generator can bend: some points have several places, and one is found."""
    height, width = size
    positions = bent(height, width, 0.35)
    places = torch.rand(500, 2).double() * torch.tensor([width - 1, height - 1])
    points = sources(places, positions)
    found = moved_points(points, positions)
    assert (found - places).norm(dim=1).max() > 1  # it does fold
    inside = ((found >= 0) & (found <= torch.tensor([width - 1, height - 1]))).all(1)
    assert inside.float().mean() > 0.8
    off = (sources(found, positions) - points).norm(dim=1)[inside]
    assert off.median() < 1e-3
    assert off.quantile(0.98) < 0.25  # right on a fold nothing converges
    assert off.max() < 1


def test_points_that_are_no_numbers_stay_so() -> None:
    points = torch.tensor([[float("nan"), 3.0], [3.0, 4.0]]).double()
    found = moved_points(points, bent(32, 32, 0.3))
    assert found[0].isnan().any()
    assert found[1].isfinite().all()


def test_recoloured_reads_multiplies_and_adds() -> None:
    images = torch.rand(2, 3, 9, 12)
    positions = torch.stack([bent(9, 12, 0.1), turned(9, 12, 30, (0.9, 0))])
    factor, offset = torch.rand(2, 3, 9, 12) * 2, torch.rand(2, 3, 9, 12) * 2 - 1
    read = grid_sample(images, positions, padding_mode="reflection", align_corners=False)
    expected = (read * factor + offset / 2).clamp(0, 1)
    torch.testing.assert_close(recoloured(images, positions, factor, offset), expected)
