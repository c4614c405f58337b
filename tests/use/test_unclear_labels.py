"""Classes that are whole numbers out of order: labels that come without names are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_datasets import Pairs, tensors
from helpers.small_models import metadata_of, write_class_model, write_variation_model

from ganaug import (
    AugmentedDataset,
    GANAugment,
    GANOverSampler,
    Generator,
    MixedDataset,
    SyntheticDataset,
)
from ganaug.errors import ArtifactError, DataError
from ganaug.images.class_names import unclear_label
from ganaug.images.originals import originals, readable
from ganaug.use.one_by_one import OneByOne

# As the folders 0 to 11 sort.
NAMES = tuple(sorted(map(str, range(12))))
IMAGE = torch.full((3, 8, 8), 0.5)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "class.onnx"
    return write_class_model(path, channels=3, classes=NAMES, counts=[4] * 12)


@pytest.mark.parametrize(
    ("names", "label"),
    [
        (NAMES, 10),
        (("1", "2", "3"), 1),
        (("other", "0"), 0),
        (("0", "2", "1"), 2),
        (("00", "02", "01"), 2),
    ],
)
def test_what_is_unclear(names: tuple[str, ...], label: int) -> None:
    said = unclear_label(names)
    assert said is not None
    assert said.startswith(f"the label {label} means {names[label]!r} by the order")


@pytest.mark.parametrize(
    "names",
    [
        ("0", "1", "2"),
        ("00", "01"),
        ("2019", "2020"),
        ("ant", "bee"),
        ("all",),
        ("7",),
        ("-1", "1"),
    ],
)
def test_what_is_clear(names: tuple[str, ...]) -> None:
    assert unclear_label(names) is None


@pytest.mark.parametrize("label", [2, 2.0, torch.tensor(2), torch.eye(12)[2]])
def test_a_transform_refuses_numbers_and_takes_names(file: Path, label: Any) -> None:
    transform = GANAugment(file, p=1.0)
    with pytest.raises(DataError, match=r"label 10 means '8' .* and '10' by its name.*for_classes"):
        transform(IMAGE, label)
    named = transform.for_classes(list(map(str, range(12))))
    torch.manual_seed(0)
    expected = transform(IMAGE, "2")[0]
    torch.manual_seed(0)
    assert torch.equal(named(IMAGE, label)[0], expected)


def test_where_nothing_depends_on_the_label_any_is_taken(tmp_path: Path) -> None:
    path = write_variation_model(tmp_path / "v.onnx", channels=3, classes=NAMES, counts=[4] * 12)
    assert not torch.equal(GANAugment(path, p=1.0)(IMAGE, 2)[0], IMAGE)
    with pytest.raises(DataError, match="by the order of the classes"):
        GANAugment(path, p={"2": 1.0})(IMAGE, 2)


def test_data_sets_without_names_are_refused(file: Path) -> None:
    plain = Pairs(tensors(3), [0, 1, 2], targets=[0, 1, 2])
    with pytest.raises(DataError, match=r"the source has no .classes.*give the source .classes"):
        SyntheticDataset(file, source=plain, counts=3)
    with pytest.raises(DataError, match="AugmentedDataset"):
        _ = AugmentedDataset(plain, GANAugment(file, p=1.0))[0]
    named = Pairs(tensors(3), [0, 1, 2], targets=[0, 1, 2], classes=["0", "1", "2"])
    made = SyntheticDataset(file, source=named, counts={"2": 1})
    assert made.targets == [2]
    assert MixedDataset(named, made).classes == made.classes
    with pytest.raises(DataError, match=r"the real data set has no .classes: the label 10 means"):
        MixedDataset(plain, SyntheticDataset(file, counts=3))
    with pytest.raises(DataError, match=r"counts: .*give the classes by name"):
        SyntheticDataset(file, counts={2: 1})


def test_a_file_of_labels_without_names_is_refused_for_such_names(tmp_path: Path) -> None:
    """Its class 2 was perhaps the third folder, which is called 10."""
    facts = metadata_of("class").data | {"unnamed": True}
    numbers = list(map(str, range(12)))
    path = write_class_model(
        tmp_path / "m.onnx", channels=3, classes=numbers, counts=[4] * 12, data=facts
    )
    folders = Pairs(tensors(3), [0, 1, 2], targets=[0, 1, 2], classes=NAMES)
    message = "was fitted on labels without class names, and in the data set the label 10 means '8'"
    for build in (
        lambda: AugmentedDataset(folders, GANAugment(path)),
        lambda: SyntheticDataset(path, folders, counts=1),
    ):
        with pytest.raises(ArtifactError, match=message):
            build()
    plain = Pairs(tensors(3), [0, 1, 2], targets=[0, 1, 2])
    assert SyntheticDataset(path, plain, counts={2: 1}).targets == [2]
    named = Pairs(tensors(3), [0, 1, 2], targets=[0, 1, 2], classes=numbers)
    assert AugmentedDataset(named, GANAugment(path)).classes == numbers


def test_images_of_a_source_without_names_are_refused(file: Path, tmp_path: Path) -> None:
    arrays: dict[str, Any] = {"images": np.zeros((12, 8, 8, 3), np.uint8), "labels": np.arange(12)}
    np.savez(tmp_path / "numbers.npz", **arrays)
    np.savez(tmp_path / "names.npz", **arrays, classes=np.array(NAMES))
    with pytest.raises(DataError, match="source has labels without class names: the label 10 mean"):
        OneByOne(readable(originals(tmp_path / "numbers.npz")), Generator(file).info)
    found = OneByOne(readable(originals(tmp_path / "names.npz")), Generator(file).info)
    assert found.classes == list(NAMES)


def test_the_over_sampler_takes_names_alone(file: Path) -> None:
    pytest.importorskip("imblearn")
    images, labels = np.full((6, 8, 8, 3), 100, np.uint8), np.array([2, 2, 2, 2, 1, 1])
    with pytest.raises(DataError, match=r"y: .*pass the names"):
        GANOverSampler(file).fit_resample(images, labels)
    _, more = GANOverSampler(file).fit_resample(images, labels.astype(str))
    assert sorted(more) == ["1"] * 4 + ["2"] * 4


def test_the_over_sampler_takes_a_column(tmp_path: Path) -> None:
    pytest.importorskip("imblearn")
    path = write_variation_model(tmp_path / "v.onnx", classes=("a", "b"), counts=(4, 2))
    images, labels = np.full((6, 8, 8), 100, np.uint8), np.array([[0], [0], [0], [0], [1], [1]])
    assert GANOverSampler(path).fit_resample(images, labels)[1].tolist() == [0] * 4 + [1] * 4
