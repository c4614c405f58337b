"""Where the images of a source lie: there a new folder would be a class."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.photos import write_photos
from torch.utils.data import ConcatDataset, Subset
from torchvision.datasets import ImageFolder

from ganaug import load_images
from ganaug.images.places import image_folders


def places(*sources: object) -> list[Path]:
    found = image_folders("the images", *sources)
    assert {name for name, _ in found} <= {"the images"}
    return [folder for _, folder in found]


def test_a_folder_of_classes_is_one_place(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", test=False)
    data = ImageFolder(str(photos))
    for source in (photos, str(photos), load_images(photos), data, Subset(data, [0])):
        assert places(source) == [photos]
    assert places(ConcatDataset([data, Subset(data, [1])]), None) == [photos, photos]


def test_beside_train_and_test_nothing_is_read(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", test=True)
    (photos / "defects-evaluation").mkdir()
    assert places(photos) == [photos / "train", photos / "test"]
    assert places(ImageFolder(str(photos / "train"))) == [photos / "train"]


def test_a_class_called_train_is_a_class(tmp_path: Path) -> None:
    for name in ("train", "plane"):
        (tmp_path / "photos" / name).mkdir(parents=True)
    assert places(tmp_path / "photos") == [tmp_path / "photos"]


def test_classes_behind_links_count(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", test=False)
    (photos / "ok").rename(tmp_path / "kept")
    (photos / "ok").symlink_to(tmp_path / "kept")
    assert places(photos) == [photos, tmp_path / "kept"]


@pytest.mark.parametrize("source", ["digits", "torchvision:MNIST", "none", "photos.npz", [1], None])
def test_other_sources_lie_in_no_class_folders(
    source: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()  # scikit-learn's are read
    (tmp_path / "photos.npz").write_text("")
    assert places(source) == []
