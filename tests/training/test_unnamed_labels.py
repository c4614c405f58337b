"""Labels without class names: the run and the file say so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset
from torchvision.datasets import ImageFolder

from ganaug import AugmentedDataset, GANAugment, export, fit, load_images
from ganaug.errors import ArtifactError

PIXELS = np.random.default_rng(0).integers(0, 256, (36, 8, 8, 3), dtype=np.uint8)
LABELS = np.arange(36) % 12


@pytest.fixture
def folders(tmp_path: Path) -> ImageFolder:
    """Folders 0 to 11, which torchvision counts as 0, 1, 10, 11, 2."""
    for at, label in enumerate(LABELS):
        (tmp_path / "photos" / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(PIXELS[at]).save(tmp_path / "photos" / str(label) / f"{at}.png")
    return ImageFolder(str(tmp_path / "photos"))


def test_a_file_of_numbers_is_not_matched_with_names_out_of_order(
    tmp_path: Path, folders: ImageFolder
) -> None:
    images = torch.stack([torch.from_numpy(np.array(image)) for image, _ in folders])
    numbers = TensorDataset(images.permute(0, 3, 1, 2), torch.tensor(folders.targets))
    run = fit(numbers, tmp_path / "run", preset="tiny", steps=1, batch_size=4, width=4)
    made = export(run, tmp_path / "m.onnx")
    assert made.data["unnamed"] is True
    assert made.classes == tuple(map(str, range(12)))
    assert folders.classes[2] == "10"
    with pytest.raises(ArtifactError, match="was fitted on labels without class names"):
        AugmentedDataset(folders, GANAugment(tmp_path / "m.onnx"))
    AugmentedDataset(numbers, GANAugment(tmp_path / "m.onnx"))[0]


def test_which_sources_have_no_names(tmp_path: Path, folders: ImageFolder) -> None:
    arrays = {"images": PIXELS, "labels": LABELS, "test_images": PIXELS, "test_labels": LABELS}
    np.savez(tmp_path / "numbers.npz", **arrays)
    np.savez(tmp_path / "names.npz", **arrays, classes=np.arange(12))
    numbers = load_images(tmp_path / "numbers.npz")
    assert numbers.unnamed
    assert numbers.test is not None
    assert numbers.test.unnamed
    assert not load_images(tmp_path / "names.npz").unnamed
    assert not load_images(folders).unnamed
    del folders.classes, folders.class_to_idx
    folders.transform = Image.Image.copy
    assert load_images(folders).unnamed
    datasets = pytest.importorskip("datasets")
    columns = {"image": [Image.fromarray(image) for image in PIXELS], "label": LABELS.tolist()}
    types = {"image": datasets.Image(), "label": datasets.Value("int64")}
    plain = datasets.Dataset.from_dict(columns, features=datasets.Features(types))
    assert load_images(plain).unnamed
    named = plain.cast_column("label", datasets.ClassLabel(names=list("abcdefghijkl")))
    assert not load_images(named).unnamed
