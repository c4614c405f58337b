"""Where the images of a source lie: there a new folder would be a class."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.photos import CLASSES, write_photos
from torch.utils.data import ConcatDataset, Subset
from torchvision.datasets import ImageFolder

from ganaug import load_images
from ganaug.images.places import image_folders, places_of_pictures
from ganaug.outputs import Place


def places(*sources: object) -> list[Path]:
    found = image_folders("the images", *sources)
    assert {place.name for place in found} <= {"the images"}
    return [place.folder for place in found if place.called is None]


def around(*sources: object) -> list[Path]:
    """Where what is called like a part would be one."""
    found = [place for place in image_folders("the images", *sources) if place.called]
    assert all({"train", "test", "val", "groups.csv"} <= set(place.called) for place in found)
    return [place.folder for place in found]


def test_a_folder_of_classes_is_one_place(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", test=False)
    data = ImageFolder(str(photos))
    for source in (photos, str(photos), load_images(photos), data, Subset(data, [0])):
        assert places(source) == [photos]
        assert around(source) == []
    assert places(ConcatDataset([data, Subset(data, [1])]), None) == [photos]


def test_beside_train_and_test_nothing_is_read(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", test=True)
    (photos / "photos-evaluation").mkdir()
    assert places(photos) == [photos / "train", photos / "test"]
    assert places(ImageFolder(str(photos / "train"))) == [photos / "train"]


@pytest.mark.parametrize("train", ["train", "Train"])
def test_beside_train_another_part_would_be_read(tmp_path: Path, train: str) -> None:
    photos = write_photos(tmp_path / "kept", test=False)
    (tmp_path / "photos").mkdir()
    part = photos.rename(tmp_path / "photos" / train)
    for source in (part.parent, part, ImageFolder(str(part)), load_images(part)):
        assert set(around(source)) == {tmp_path / "photos"}
    link = tmp_path / "link"
    link.symlink_to(part)
    assert around(link) == [tmp_path / "photos"]
    part.rename(tmp_path / "elsewhere")
    part.symlink_to(tmp_path / "elsewhere")
    assert around(part) == [tmp_path / "photos"]


def test_beside_a_picture_and_beside_its_class(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", test=True)
    picture = min((photos / "train" / "ok").iterdir())
    out = str(tmp_path / "Sheet.png")
    whole = image_folders("the images", photos / "train")
    beside = Place("the images", picture.parent, ("sheet.png",))
    assert places_of_pictures([str(picture), "none.png"], CLASSES, out) == (beside, *whole)
    assert places_of_pictures([str(picture)], ["ok", "other"], out) == (beside,)
    (tmp_path / "link.png").symlink_to(picture)
    found = places_of_pictures([str(tmp_path / "link.png")], CLASSES, out)
    assert set(found) == {Place("the images", tmp_path, ("sheet.png",)), beside, *whole}


def test_a_class_called_train_is_a_class(tmp_path: Path) -> None:
    for name in ("train", "plane"):
        (tmp_path / "photos" / name).mkdir(parents=True)
    assert places(tmp_path / "photos") == [tmp_path / "photos"]


def test_classes_behind_links_count(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", test=False)
    (photos / "ok").rename(tmp_path / "kept")
    (photos / "ok").symlink_to(tmp_path / "kept")
    assert places(photos) == [photos, tmp_path / "kept"]
    for name, target in (("deep", "elsewhere"), ("up", "photos"), ("circle", "kept/ok")):
        (tmp_path / target).mkdir(exist_ok=True)
        (tmp_path / "kept" / name).symlink_to(tmp_path / target)
    (tmp_path / "elsewhere" / "deeper").mkdir()
    (tmp_path / "elsewhere" / "deeper" / "last").symlink_to(tmp_path / "more")
    (tmp_path / "more").mkdir()
    assert set(places(photos)) == {
        *(photos, tmp_path / "kept", tmp_path / "elsewhere", tmp_path / "more"),
        tmp_path / "kept" / "ok",
    }


@pytest.mark.parametrize("source", ["digits", "torchvision:MNIST", "none", "photos.npz", [1], None])
def test_other_sources_lie_in_no_class_folders(
    source: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()  # scikit-learn's are read
    (tmp_path / "photos.npz").write_text("")
    assert places(source) == []
