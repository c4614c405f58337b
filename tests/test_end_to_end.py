"""The whole path on real photographs: fit, export, transform, data sets, evaluation.

Surface defects of steel, 200 px JPEGs that are grey but stored as RGB; skipped where the images
are not beside the project.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

import ganaug
from ganaug.images import ImageSet

STEPS = 40


@pytest.fixture(scope="module")
def photographs(shared_data: Path) -> Path:
    return shared_data / "neu-defects"


@pytest.fixture(scope="module")
def images(photographs: Path) -> ImageSet:
    return ganaug.load_images(photographs, size=32)


@pytest.fixture(scope="module")
def artifact(images: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("steel")
    rare = ganaug.long_tailed(images, counts=[120, 60, 30, 15, 8, 4])
    # "auto" takes what is faster at the moment; the same weights each time need one of them
    run = ganaug.fit(
        rare, folder / "run", preset="tiny", steps=STEPS, device="cpu", precision="fp32"
    )
    ganaug.export(run, folder / "steel.onnx")
    return folder / "steel.onnx"


def some_photographs(folder: Path, count: int = 8) -> list[Image.Image]:
    paths = sorted((folder / "train").glob("*/*.jpg"))
    opened = []
    for path in paths[:: len(paths) // count][:count]:
        with Image.open(path) as image:
            opened.append(image.copy())
    return opened


def fine_detail(image: NDArray[np.float64]) -> float:
    """Energy of the spatial frequencies above half the highest; a window hides the border."""
    window = np.hanning(image.shape[0])[:, None] * np.hanning(image.shape[1])
    spectrum = np.abs(np.fft.fft2((image - image.mean()) * window)) ** 2
    frequency = [np.abs(np.fft.fftfreq(side)) for side in image.shape]
    return float(spectrum[np.maximum(frequency[0][:, None], frequency[1]) > 0.25].sum())


def test_grey_photographs_stored_as_rgb_train_a_grey_generator(artifact: Path) -> None:
    info = ganaug.Generator(artifact).info
    assert (info.channels, info.size) == (1, (32, 32))
    assert info.counts == (120, 60, 30, 15, 8, 4)


def test_photographs_of_200_px_stay_sharp(artifact: Path, photographs: Path) -> None:
    vary = ganaug.GANAugment(artifact, p=1.0)
    torch.default_generator.manual_seed(0)
    kept, through_32 = [], []
    for photograph in some_photographs(photographs):
        source = np.asarray(photograph.convert("L"), np.float64)
        made = vary(photograph)
        assert made.size == (200, 200)
        assert made.mode == photograph.mode == "RGB"
        varied = np.asarray(made.convert("L"), np.float64)
        assert np.abs(varied - source).mean() > 1  # it was varied
        contrast = source.std() / varied.std()  # light and contrast may change
        kept.append(fine_detail(varied * contrast) / fine_detail(source))
        small = (
            photograph.convert("L").resize((32, 32)).resize((200, 200), Image.Resampling.BICUBIC)
        )
        through_32.append(fine_detail(np.asarray(small, np.float64)) / fine_detail(source))
    # A warp with bilinear interpolation costs some of the finest detail, but a generator that
    # outputs pixels at 32 px would lose nearly all of it.
    assert np.median(kept) > 0.3
    assert np.median(through_32) < 0.02


def test_in_a_data_loader_over_an_image_folder(artifact: Path, photographs: Path) -> None:
    real = ImageFolder(str(photographs / "train"))
    transform = v2.Compose(
        [ganaug.GANAugment(artifact), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    )
    train = ganaug.AugmentedDataset(real, transform)
    sampler = ganaug.ClassBalancedSampler(real.targets, num_samples=24)
    loader = DataLoader(train, batch_size=8, sampler=sampler, num_workers=2)
    batches = list(loader)
    assert [tuple(images.shape) for images, _ in batches] == [(8, 3, 200, 200)] * 3
    labels = torch.cat([label for _, label in batches])
    assert labels.bincount(minlength=6).tolist() == [4] * 6
    assert all((images[:, :1] == images).all() for images, _ in batches)  # grey stays grey


def test_mixed_with_generated_images(artifact: Path, photographs: Path) -> None:
    real = ImageFolder(str(photographs / "train"))
    more = ganaug.SyntheticDataset(artifact, source=real, counts={"scratches": 5, "patches": 3})
    mixed = ganaug.MixedDataset(real, more)
    assert len(mixed) == len(real) + 8
    image, label = mixed[len(real)]
    assert isinstance(image, Image.Image)
    assert image.size == (200, 200)
    assert mixed.classes[label] == "patches"
    assert (
        mixed.targets[len(real) :]
        == [real.class_to_idx["patches"]] * 3 + [real.class_to_idx["scratches"]] * 5
    )


def test_evaluation_judges_on_the_test_part(
    artifact: Path, images: ImageSet, tmp_path: Path
) -> None:
    rare = ganaug.long_tailed(images, counts=[120, 60, 30, 15, 8, 4])
    report = ganaug.evaluate_gain(
        artifact,
        train=rare,
        seeds=2,
        steps=12,
        arms=["balanced+affine", "ganaug+affine"],
        jobs=1,
        out=tmp_path,
    )
    content = report.to_dict()
    assert content["baseline"] == "balanced+affine"
    assert content["gain"]["ganaug+affine"]["verdict"] == "no evidence"  # of two seeds
    accuracies = [arm["balanced_accuracy"] for arm in content["arms"].values()]
    assert all(len(scores) == 2 and all(0 < s < 1 for s in scores) for scores in accuracies)
    assert images.test is not None
    kept = [np.load(path) for path in tmp_path.rglob("*.npz")]
    assert {len(file["predicted"]) for file in kept} == {len(images.test)}
