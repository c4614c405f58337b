"""An image set as a data set: the same pixels, labels and classes, also through a loader."""

from __future__ import annotations

import pytest
import torch
from helpers.small_images import bars
from torch.utils.data import DataLoader

from ganaug.use.image_dataset import ImageDataset


@pytest.mark.parametrize("channels", [1, 3])
def test_items_are_the_images_of_the_set(channels: int) -> None:
    images = bars((5, 3), (12, 16), channels)
    data = ImageDataset(images)
    assert len(data) == len(images)
    for at, (pixels, label) in enumerate(data[i] for i in range(len(data))):
        assert (pixels.dtype, pixels.shape) == (torch.uint8, (channels, 12, 16))
        assert (pixels.permute(1, 2, 0).numpy() == images.images[at]).all()
        assert label == images.labels[at]
    assert data.pixels.is_contiguous()


def test_a_loader_and_our_data_sets_find_what_they_read() -> None:
    images = bars((5, 3))
    data = ImageDataset(images)
    assert data.targets == images.labels.tolist()
    assert data.class_to_idx == {"bar 0": 0, "bar 1": 1}
    assert data.classes == list(images.classes)
    batches = list(DataLoader(data, batch_size=5))
    assert torch.equal(torch.cat([pixels for pixels, _ in batches]), data.pixels)
    assert torch.cat([labels for _, labels in batches]).tolist() == data.targets
    with pytest.raises(IndexError):
        data[len(data)]
