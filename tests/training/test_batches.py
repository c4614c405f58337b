"""Batches are the same from whatever the images lie in, down to the strides that torch sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.small_images import bars

from ganaug.images.stored import StoredImages
from ganaug.training.batches import Pixels


@pytest.mark.parametrize("channels", [1, 3])
def test_rows_are_those_of_one_tensor_of_all_images(tmp_path: Path, channels: int) -> None:
    images = bars((6, 4), (8, 9), channels)
    (tmp_path / "pixels").write_bytes(images.images.tobytes())
    stored = StoredImages(tmp_path / "pixels", (8, 9, channels))
    whole = torch.from_numpy(np.ascontiguousarray(images.images.transpose(0, 3, 1, 2)))
    rows = np.array([3, 0, 3, 9])
    for lying in (images, images.take(np.arange(10))):
        pixels = Pixels(lying, torch.device("cpu"))
        for held in (lying.images, stored):
            pixels.images = held  # type: ignore[assignment]
            found = pixels.rows(rows)
            assert torch.equal(found, whole[rows])
            assert found.stride() == whole[rows].stride()
