"""Shared affine maps: the same for all images of a pair, for a share of the pairs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganaug.images import ImageSet
from ganaug.randomness import stream
from ganaug.training import shared_affine
from ganaug.training.config import make_config
from ganaug.training.loop import _Batches


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
    stretch = in_pixels.det().log().abs()
    assert stretch.max() <= 2 * shared_affine.STRETCH
    assert maps[:, :, 2].abs().max() == 0


def test_all_images_of_a_pair_are_moved_alike() -> None:
    """Where the images of a class are equal, so are the two of each pair after the map."""
    patterns = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 1), dtype=np.uint8)
    labels = np.repeat([0, 1], 4)
    images = ImageSet(patterns[labels], labels, ("a", "b"))
    pixels = torch.from_numpy(images.images.transpose(0, 3, 1, 2).copy())
    config = make_config("base", batch_size=64, shared_affine=0.5)
    batch = _Batches(images, config, seed=0).batch(3, pixels)
    assert batch.source is not None
    assert batch.stranger is not None
    torch.testing.assert_close(batch.real, batch.source, rtol=0, atol=0)
    known = pixels[::4].float() / 255
    moved = torch.stack([(batch.source - image).abs().amax((1, 2, 3)) for image in known]).amin(0)
    assert 20 < int((moved > 0.05).sum()) < 44
    strange = (batch.stranger - known[1 - batch.labels]).abs().amax((1, 2, 3))
    assert torch.equal(strange > 0.05, moved > 0.05)
    with_none = make_config("base", batch_size=64, shared_affine=0.0)
    still = _Batches(images, with_none, seed=0).batch(3, pixels)
    torch.testing.assert_close(still.source, known[still.labels], rtol=0, atol=0)
