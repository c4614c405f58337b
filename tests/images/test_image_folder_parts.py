"""A part of an ImageFolder is read from its files, with the groups of its groups.csv."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.photos import write_photos
from PIL import Image
from torch.utils.data import ConcatDataset, Subset, random_split
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from ganaug import check
from ganaug.images import load_images


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder whose images are frames of objects, four of each."""
    folder = write_photos(tmp_path / "photos", test=False)
    files = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.jpg"))]
    lines = [f"{name},object {at // 4}" for at, name in enumerate(files)]
    (folder / "groups.csv").write_text("\n".join(["file,group", *lines]))
    return folder


def halves(folder: ImageFolder) -> tuple[Subset[Any], Subset[Any]]:
    one, other = random_split(folder, [0.5, 0.5], torch.Generator().manual_seed(0))
    return one, other


WHOLE: list[Callable[[ImageFolder], Any]] = [
    lambda folder: Subset(folder, range(len(folder))),
    lambda folder: Subset(folder, np.random.default_rng(0).permutation(len(folder))),
    lambda folder: ConcatDataset(halves(folder)),
    lambda folder: Subset(ConcatDataset([*halves(folder)]), torch.randperm(len(folder))),
]


@pytest.mark.parametrize("part_of", WHOLE, ids=["range", "array", "parts", "part of parts"])
def test_all_images_of_a_folder_are_the_folder(
    photos: Path, part_of: Callable[[ImageFolder], Any]
) -> None:
    whole = load_images(ImageFolder(str(photos)))
    dataset = part_of(ImageFolder(str(photos)))
    found = load_images(dataset)
    assert found.fingerprint == whole.fingerprint
    assert found.source == str(photos)
    assert found.notes == whole.notes
    order = np.argsort(np.array(found.names))
    assert [found.names[at] for at in order] == sorted(whole.names)
    assert found.groups is not None
    by_name = np.argsort(np.array(whole.names))
    assert found.groups[order].tolist() == whole.groups[by_name].tolist()
    assert found.labels.tolist() == [dataset[at][1] for at in range(len(dataset))]
    assert found.hold_out().test.fingerprint == whole.hold_out().test.fingerprint


def test_a_part_has_the_groups_of_its_images(photos: Path) -> None:
    part, _ = halves(ImageFolder(str(photos)))
    found = load_images(part)
    whole = load_images(photos)
    rows = [whole.names.index(name) for name in found.names]
    assert found.keys.tolist() == whole.keys[rows].tolist()
    np.testing.assert_array_equal(found.images, whole.images[rows])
    kept = np.unique(whole.groups[rows], return_inverse=True)[1]
    assert found.groups.tolist() == kept.tolist()
    parts = found.hold_out()
    group_of = dict(zip(whole.names, whole.groups.tolist(), strict=True))
    sides = [{group_of[name] for name in side.names} for side in (parts, parts.test)]
    assert not sides[0] & sides[1]
    assert not check(part, times=False).notes
    assert check(part, times=False).groups


def test_a_cache_keeps_two_parts_apart(photos: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for part in (*halves(ImageFolder(str(photos))), ImageFolder(str(photos))):
        cached = load_images(part, cache=cache)
        assert cached.ordered_fingerprint == load_images(part).ordered_fingerprint
    assert len(list(cache.glob("*.json"))) == 3


class Backwards(Subset[Any]):
    """A Subset that hands out others than its indices say."""

    def __getitem__(self, index: Any) -> Any:
        return super().__getitem__(len(self) - 1 - index)

    def __getitems__(self, indices: list[int]) -> list[Any]:
        return [self[index] for index in indices]


@pytest.mark.parametrize(
    "dataset",
    [
        lambda photos: ImageFolder(str(photos), v2.Resize((32, 32))),
        lambda photos: Subset(ImageFolder(str(photos), v2.Resize((32, 32))), range(20)),
        lambda photos: ConcatDataset([ImageFolder(str(photos)), ImageFolder(str(photos))]),
        lambda photos: Backwards(ImageFolder(str(photos)), range(20)),
    ],
    ids=["transform", "part with transform", "two folders", "own items"],
)
def test_groups_that_are_not_read_are_told_of(photos: Path, dataset: Callable[[Path], Any]) -> None:
    told = (
        "groups.csv of the folder photos is not read: images of one object may be trained and"
        " judged on; give the folder itself, or one ImageFolder without transforms"
    )
    found = load_images(dataset(photos))
    assert found.groups is None
    assert found.notes[0] == told
    assert told in check(dataset(photos), times=False).notes
    (photos / "groups.csv").unlink()
    assert told not in load_images(dataset(photos)).notes


def test_items_of_a_subclass_are_its_own(photos: Path) -> None:
    found = load_images(Backwards(ImageFolder(str(photos)), range(20)))
    plain = load_images(Subset(ImageFolder(str(photos)), range(20)))
    np.testing.assert_array_equal(found.images, plain.images[::-1])


def test_a_sample_outside_the_folder_is_read_as_an_item(write_folder: Any, tmp_path: Path) -> None:
    folder = ImageFolder(str(write_folder()))
    other = tmp_path / "elsewhere.png"
    Image.new("RGB", (16, 16), (1, 2, 3)).save(other)
    folder.samples.append((str(other), 1))
    folder.targets.append(1)
    assert load_images(folder).labels.tolist() == folder.targets
