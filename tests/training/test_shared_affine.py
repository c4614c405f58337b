"""Shared affine maps: the same for all images of a pair, for a share of the pairs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import affine_transform

from ganaug.images import ImageSet
from ganaug.randomness import stream
from ganaug.training import shared_affine
from ganaug.training.batches import Batches, Pixels
from ganaug.training.config import make_config


def test_a_share_of_the_images_is_moved_and_the_others_stay() -> None:
    images = torch.rand(400, 1, 12, 20, generator=torch.Generator().manual_seed(0))
    maps = shared_affine.draw(0.5, 400, (12, 20), stream(0, "maps"))
    assert maps is not None
    change = (shared_affine.move(images, maps) - images).abs().amax((1, 2, 3))
    still = (maps == torch.eye(2, 3)).all((1, 2))
    assert 160 < int(still.sum()) < 240
    assert change[still].max() < 1e-5
    assert change[~still].min() > 0.05
    assert shared_affine.draw(0.0, 400, (12, 20), stream(0, "maps")) is None


@pytest.mark.parametrize("size", [(32, 32), (16, 32), (40, 24)])
def test_a_map_is_the_same_in_pixels_whatever_the_sides(size: tuple[int, int]) -> None:
    maps = shared_affine.draw(1.0, 50, size, stream(0, "maps"))
    square = shared_affine.draw(1.0, 50, (64, 64), stream(0, "maps"))
    assert maps is not None
    assert square is not None
    half = torch.tensor([size[1] / 2, size[0] / 2])  # across, down
    in_pixels = maps[:, :, :2] * half[:, None] / half
    torch.testing.assert_close(in_pixels, square[:, :, :2])
    assert maps[:, :, 2].abs().max() == 0


def test_maps_turn_stretch_and_shear_as_far_as_they_may() -> None:
    """A map is a turn, times a shear, times a stretch of either axis."""
    maps = shared_affine.draw(1.0, 400, (16, 16), stream(0, "maps"))
    assert maps is not None
    first, second = maps[:, :, 0].double(), maps[:, :, 1].double()
    across = first.norm(dim=1)
    along = (first * second).sum(1) / across
    down = maps[:, :, :2].double().det() / across
    found = {
        shared_affine.TURN: torch.atan2(first[:, 1], first[:, 0]),
        shared_affine.STRETCH: torch.cat([across.log(), down.log()]),
        shared_affine.SHEAR: along / down,
    }
    for most, values in found.items():
        assert 0.95 * most < values.max() <= most + 1e-5
        assert -most - 1e-5 <= values.min() < -0.95 * most


def test_an_image_is_moved_about_its_centre_as_the_map_says() -> None:
    """Against scipy, on a smooth image of unequal sides."""
    rows, columns = np.mgrid[:20, :28]
    image = np.exp(-((rows - 9.5) ** 2 / 12 + (columns - 16) ** 2 / 30))
    maps = shared_affine.draw(1.0, 6, (20, 28), stream(0, "maps"))
    assert maps is not None
    shown = torch.from_numpy(image).float().expand(6, 1, 20, 28)
    half = np.array([14.0, 10.0])  # across, down
    for moved, each in zip(shared_affine.move(shown, maps), maps.double().numpy(), strict=True):
        in_pixels = (each[:, :2] * half[:, None] / half)[::-1, ::-1]  # of (row, column)
        centre = np.array([9.5, 13.5])
        expected = affine_transform(
            image, in_pixels, centre - in_pixels @ centre, order=1, mode="reflect"
        )
        np.testing.assert_allclose(moved[0], expected, atol=1e-4)


def test_all_images_of_a_pair_are_moved_alike() -> None:
    """Where the images of a class are equal, so are the two of each pair after the map."""
    patterns = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 1), dtype=np.uint8)
    labels = np.repeat([0, 1], 4)
    images = ImageSet(patterns[labels], labels, ("a", "b"))
    pixels = Pixels(images, torch.device("cpu"))
    config = make_config("base", batch_size=64, shared_affine=0.5)
    batch = Batches(images, config, seed=0).batch(3, pixels)
    assert batch.source is not None
    assert batch.stranger is not None
    torch.testing.assert_close(batch.real, batch.source, rtol=0, atol=0)
    known = torch.from_numpy(patterns.transpose(0, 3, 1, 2)).float() / 255
    moved = torch.stack([(batch.source - image).abs().amax((1, 2, 3)) for image in known]).amin(0)
    assert 20 < int((moved > 0.05).sum()) < 44
    strange = (batch.stranger - known[1 - batch.labels]).abs().amax((1, 2, 3))
    assert torch.equal(strange > 0.05, moved > 0.05)
    with_none = make_config("base", batch_size=64, shared_affine=0.0)
    still = Batches(images, with_none, seed=0).batch(3, pixels)
    torch.testing.assert_close(still.source, known[still.labels], rtol=0, atol=0)
