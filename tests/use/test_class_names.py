"""Class names: `fit` and the data sets read them by one rule."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_datasets import Pairs, tensors
from helpers.small_models import write_class_model, write_variation_model
from PIL import Image
from torch.utils.data import ConcatDataset, Dataset, Subset
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from ganaug import (
    AugmentedDataset,
    ClassBalancedSampler,
    GANAugment,
    MixedDataset,
    SyntheticDataset,
    load_images,
    sample,
)
from ganaug.errors import ArtifactError, DataError
from ganaug.images import ImageSet
from ganaug.images.relabelled import by_name

LABELS = [0, 1, 2, 0]

pytestmark = pytest.mark.filterwarnings("ignore:two passes over the generated images")


def pairs(classes: Any) -> Pairs:
    return Pairs(tensors(4), LABELS, classes=classes, targets=LABELS)


def used(dataset: Dataset[Any]) -> list[str] | None:
    return getattr(AugmentedDataset(dataset, v2.Identity()), "classes", None)


@pytest.mark.parametrize(
    "classes",
    [
        ["cat", "bee", "ant"],
        ("cat", "bee", "ant"),
        np.array(["cat", "bee", "ant"]),
        np.array(["cat", "bee", "ant"], object),
        {"cat": 0, "bee": 1, "ant": 2},
        {"ant": 2, "cat": 0, "bee": 1},
        {2: "ant", 0: "cat", 1: "bee"},
        {"cat": 0, "bee": 1, "ant": 2}.keys(),
        [b"cat", bytearray(b"bee"), "ant"],
        np.array(["cat", "bee", "ant"], "S"),
        {b"ant": 2, b"cat": 0, b"bee": 1},
    ],
    ids=[
        "list", "tuple", "array", "array of objects", "dict", "labels", "names", "keys", "bytes",
        "array of bytes", "dict of bytes",
    ],
)  # fmt: skip
def test_names_in_any_container_are_honoured(classes: Any, by_class: Path) -> None:
    names = ["cat", "bee", "ant"]
    dataset = pairs(classes)
    assert load_images(dataset).classes == tuple(names)
    assert used(dataset) == names
    made = SyntheticDataset(by_class, source=dataset, counts="balance")
    assert made.classes == names
    assert [made.classes[label] for label in made.targets] == ["bee", "ant"]
    varied = AugmentedDataset(dataset, GANAugment(by_class, p={"cat": 1.0}))
    changed = [not torch.equal(varied[i][0], dataset[i][0]) for i in range(4)]
    assert changed == [True, False, False, True]


@pytest.mark.parametrize(
    "attributes",
    [
        {"class_to_idx": {"bee": 1, "cat": 0, "ant": 2}},
        {"classes": None, "class_to_idx": {"bee": 1, "cat": 0, "ant": 2}},
        {"categories": ["cat", "bee", "ant"]},
        {"reader": SimpleNamespace(class_to_idx={"bee": 1, "cat": 0, "ant": 2})},
    ],
    ids=["class_to_idx", "no classes", "categories", "reader"],
)
def test_names_are_read_where_there_are_no_classes(
    attributes: dict[str, Any], by_class: Path
) -> None:
    dataset = Pairs(tensors(4), LABELS, **attributes)
    made = SyntheticDataset(by_class, source=dataset, counts={"cat": 2})
    assert made.classes == used(Subset(dataset, [0])) == ["cat", "bee", "ant"]
    assert made.targets == [0, 0]


def test_numbers_of_classes_with_gaps_are_refused() -> None:
    with pytest.raises(DataError, match=r"its \.class_to_idx are a dict, which does not say"):
        used(Pairs(tensors(4), LABELS, class_to_idx={"cat": 1, "bee": 2}))


def test_categories_that_are_no_names_are_left_alone() -> None:
    assert used(Pairs(tensors(4), LABELS, categories=[{"id": 1, "name": "cat"}])) is None


def test_a_class_in_an_array_that_the_file_does_not_know_is_refused(by_class: Path) -> None:
    foreign = pairs(np.array(["tree", "car", "ant"]))
    with pytest.raises(ArtifactError, match="'tree' is not in"):
        SyntheticDataset(by_class, source=foreign, counts="balance")
    with pytest.raises(ArtifactError, match="'tree' is not in"):
        AugmentedDataset(foreign, GANAugment(by_class))


def test_a_concat_data_set_has_the_names_that_its_parts_share(
    real: ImageFolder, variation: Path
) -> None:
    both: ConcatDataset[Any] = ConcatDataset([real, Subset(real, [0, 13])])
    assert load_images(both).classes == ("ant", "bee", "cat")
    assert used(both) == ["ant", "bee", "cat"]
    assert used(Subset(both, [0])) == ["ant", "bee", "cat"]
    assert AugmentedDataset(both, GANAugment(variation, p=1.0))[0][1] == 0


def test_parts_with_other_names_are_mapped_by_name(by_class: Path) -> None:
    both: ConcatDataset[Any] = ConcatDataset(
        [pairs(["ant", "bee", "cat"]), pairs(["cat", "ant", "bee"])]
    )
    loaded = load_images(both)
    assert loaded.classes == ("ant", "bee", "cat")
    assert loaded.labels.tolist() == [0, 1, 2, 0, 2, 0, 1, 2]
    again = AugmentedDataset(both, v2.Identity())
    assert again.classes == ["ant", "bee", "cat"]
    assert again.targets == [again[i][1] for i in range(8)] == loaded.labels.tolist()
    made = SyntheticDataset(by_class, source=both, counts={"bee": 3})
    assert made.classes == ["ant", "bee", "cat"]
    assert [int(made[i][1]) for i in range(3)] == [1, 1, 1]
    assert MixedDataset(both, made).targets == [*loaded.labels.tolist(), 1, 1, 1]
    varied = AugmentedDataset(both, GANAugment(by_class, p={"cat": 1.0}))
    changed = [not torch.equal(varied[i][0], both[i][0]) for i in range(8)]
    assert changed == [label == 2 for label in loaded.labels]


@pytest.mark.parametrize("number", [torch.tensor, np.bool_, bool])
def test_truth_values_of_parts_with_other_names_become_numbers(number: Any) -> None:
    class Pairs(list):  # type: ignore[type-arg]
        pass

    parts = []
    for names in (("good", "torn"), ("crack", "good")):
        part = Pairs((torch.full((1, 8, 8), float(at)), number(bool(at))) for at in (0, 1))
        part.classes = names  # type: ignore[attr-defined]
        parts.append(part)
    both = by_name(ConcatDataset(parts))
    assert [int(both[at][1]) for at in range(4)] == [1, 2, 0, 1]


@pytest.fixture
def two_folders(tmp_path: Path) -> list[ImageFolder]:
    """Folders with the classes c0, c1, c2 and c0, c2; the light of an image is its class."""
    for at, names in enumerate((("c0", "c1", "c2"), ("c0", "c2"))):
        for name in names:
            (tmp_path / str(at) / name).mkdir(parents=True)
            for i in range(3):
                light = Image.new("RGB", (8, 8), (80 * int(name[1]) + i + 3 * at, 40, 0))
                light.save(tmp_path / str(at) / name / f"{i}.png")
    return [ImageFolder(str(tmp_path / part)) for part in ("0", "1")]


@pytest.mark.parametrize("form", ["concat", "subset", "nested", "other way round"])
def test_folders_with_other_classes_are_one_data_set(
    two_folders: list[ImageFolder], form: str, tmp_path: Path
) -> None:
    first, second = two_folders
    both: Any = {
        "concat": lambda: ConcatDataset([first, second]),
        "subset": lambda: Subset(ConcatDataset([first, Subset(second, [5, 0])]), [10, 9, 3]),
        "nested": lambda: ConcatDataset([ConcatDataset([second]), Subset(first, range(9))]),
        "other way round": lambda: ConcatDataset([second, first]),
    }[form]()
    lights = [both[i][0].getpixel((0, 0))[0] // 80 for i in range(len(both))]
    loaded = load_images(both)
    assert loaded.classes == ("c0", "c1", "c2")
    assert loaded.labels.tolist() == lights
    data = AugmentedDataset(both, v2.Identity())
    assert data.targets == lights == [label for _, label in data]
    assert [label for _, label in data.__getitems__(list(range(len(both))))] == lights
    path = write_class_model(
        tmp_path / "c.onnx", channels=3, classes=("c0", "c1", "c2"), counts=(3, 3, 3)
    )
    made = SyntheticDataset(path, source=both, counts=6)
    assert [label for _, label in made] == made.targets
    shown = made[0][0].copy()
    made.enabled = False
    assert [image.getpixel((0, 0))[0] // 80 for image, _ in made] == made.targets
    assert shown.getpixel((0, 0)) != made[0][0].getpixel((0, 0))
    whole = MixedDataset(both, made)
    assert [label for _, label in whole] == whole.targets


def test_labels_of_parts_keep_their_types() -> None:
    kinds = [torch.tensor(1), torch.tensor([1], dtype=torch.uint8), np.array([1]), np.int16(1), 1]
    first = Pairs(tensors(1), [0], classes=["a", "b", "c"])
    for label in kinds:
        second = Pairs(tensors(1), [label], classes=["a", "c"])
        _, new = AugmentedDataset(ConcatDataset([first, second]), v2.Identity())[1]
        assert type(new) is type(label)
        assert getattr(new, "dtype", None) == getattr(label, "dtype", None)
        assert np.shape(new) == np.shape(label)
        assert np.ravel(new).tolist() == [2]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([pairs(["a", "b", "c"]), pairs(None)], "part 1 has no class names, another has"),
        ([pairs(["a", "b", "c"]), pairs(["a", "b"])], "label 2 is out of range; allowed: 0 to 1"),
        ([pairs(["a", "b", "c"]), pairs(["a", "b", "b"])], "two classes have one name"),
        (
            [pairs(["a", "b", "c"]), Pairs(tensors(1), [torch.eye(2)[0]], classes=["c", "a"])],
            r"label tensor.*allowed: a whole number",
        ),
    ],
)
def test_parts_that_cannot_be_mapped_are_refused(parts: list[Any], message: str) -> None:
    both: ConcatDataset[Any] = ConcatDataset(parts)
    with pytest.raises(DataError, match=message):
        load_images(both)
    with pytest.raises(DataError, match=message):
        _ = AugmentedDataset(both, v2.Identity()).targets, AugmentedDataset(both, v2.Identity())[4]


@pytest.mark.parametrize("classes", [None, "abc", 3])
def test_what_holds_no_names_is_no_list_of_them(classes: Any) -> None:
    dataset = pairs(classes)
    assert load_images(dataset).classes == ("0", "1", "2")
    assert used(dataset) is None


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ((name for name in ["cat", "bee"]), "are a generator, which does not say which label"),
        ({"cat", "bee", "ant"}, "are a set, which does not say which label each name is of"),
        ({"cat": 0, "bee": 1, "ant": 1}, "are a dict, which does not say which label"),
        ({"cat": 1, "bee": 2, "ant": 3}, "are a dict, which does not say which label"),
        ({"cat": "x", "bee": "y"}, "are a dict, which does not say which label"),
        ([b"cat", b"\xff\xfe", b"ant"], r"are names of classes, and one is b'.xff.xfe'; allowed"),
        (["cat", None, "ant"], "are names of classes, and one is None"),
        (["cat", float("nan"), "ant"], "are names of classes, and one is nan"),
    ],
    ids=["generator", "set", "twice", "from 1", "texts", "bytes", "None", "NaN"],
)
def test_names_whose_labels_are_not_clear_are_refused(
    classes: Any, words: str, by_class: Path
) -> None:
    dataset = pairs(classes)
    for read in (load_images, used, lambda d: SyntheticDataset(by_class, source=d, counts=1)):
        with pytest.raises(DataError, match=f"Pairs: its .classes {words}"):
            read(dataset)


def test_classes_that_a_user_gives_are_read_alike(by_class: Path) -> None:
    """A set would be in the order of its hashes, and a dict in that of its keys."""
    augment = GANAugment(by_class, p={"cat": 1.0})
    image = tensors(1)[0]
    for given in ({"bee": 1, "cat": 0}, [b"cat", b"bee"], np.array(["cat", "bee"], "S")):
        varied = augment.for_classes(given)
        assert [torch.equal(varied(image, label)[0], image) for label in (0, 1)] == [False, True]
    for wrong in ({"cat", "bee"}, "cat", b"cat", None, 3, {"cat": 1, "bee": 2}):
        with pytest.raises(DataError, match=r"the classes are a .*, which does not say which"):
            augment.for_classes(wrong)  # type: ignore[arg-type]
    kept = ImageSet(np.zeros((2, 8, 8, 1), np.uint8), np.arange(2), (b"cat", "bee"))  # type: ignore[arg-type]
    assert kept.classes == ("cat", "bee")
    with pytest.raises(DataError, match="the classes are names of classes, and one is None"):
        ImageSet(kept.images, kept.labels, ("cat", None))  # type: ignore[arg-type]


def test_class_to_idx_of_bytes_is_that_of_the_names() -> None:
    numbers = {b"cat": 0, b"bee": 1, b"ant": 2}
    dataset = pairs(["cat", "bee", "ant"])
    dataset.class_to_idx = numbers  # type: ignore[attr-defined]
    assert load_images(dataset).classes == ("cat", "bee", "ant")
    dataset.class_to_idx = numbers | {b"cat": 2, b"ant": 0}  # type: ignore[attr-defined]
    with pytest.raises(DataError, match=r"its \.class_to_idx gives 'cat' the label 2"):
        load_images(dataset)


@pytest.mark.parametrize("told", [True, False])
def test_truth_values_are_no_labels_of_three_classes(told: bool, by_class: Path) -> None:
    values = [True, False, True, False]
    options = {"targets": values} if told else {}
    three = Pairs(tensors(4), values, classes=["cat", "bee", "ant"], **options)
    for read in (
        load_images,
        lambda d: AugmentedDataset(d, v2.Identity()).targets,
        lambda d: SyntheticDataset(by_class, source=d, counts="balance"),
    ):
        with pytest.raises(DataError, match="truth values, of 3 classes; allowed: whole numbers"):
            read(three)
    two = Pairs(tensors(4), values, classes=["cat", "bee"], **options)
    assert load_images(two).labels.tolist() == [1, 0, 1, 0]
    assert AugmentedDataset(two, v2.Identity()).targets == [1, 0, 1, 0]


def test_numbers_of_classes_that_are_not_those_of_the_labels_are_refused(photos: Path) -> None:
    """`find_classes` may number the folders as it likes, and even two alike."""

    class Numbered(ImageFolder):
        numbers: dict[str, int]

        def find_classes(self, directory: Any) -> tuple[list[str], dict[str, int]]:
            return ["ant", "bee", "cat"], self.numbers

    for Numbered.numbers, words in (
        ({"ant": 2, "bee": 1, "cat": 0}, "gives 'ant' the label 2, but it is number 0"),
        ({"ant": 0, "bee": 0, "cat": 1}, "gives 'bee' the label 0, but it is number 1"),
    ):
        for read in (load_images, used):
            with pytest.raises(DataError, match=f"Numbered: its .class_to_idx {words}"):
                read(Numbered(str(photos)))


# target_transform


def swapped(label: int) -> int:
    return {1: 2, 2: 1}.get(label, label)


def test_targets_are_those_of_the_items(photos: Path) -> None:
    """Without class names, whatever a target_transform makes of them."""
    folder = ImageFolder(str(photos), target_transform=swapped)
    del folder.classes, folder.class_to_idx
    data = AugmentedDataset(folder, v2.Identity())
    assert data.targets == [data[i][1] for i in range(len(data))]
    one_hot = ImageFolder(str(photos), target_transform=lambda label: torch.eye(3)[swapped(label)])
    del one_hot.classes, one_hot.class_to_idx
    assert AugmentedDataset(Subset(one_hot, [0, 12]), v2.Identity()).targets == [0, 1]


@pytest.mark.parametrize(
    "kind",
    [
        *(torch.tensor, np.int64, lambda label: torch.eye(3)[label]),
        {0: 0, 1: 1, 2: 2}.__getitem__,
    ],
)
def test_a_target_transform_that_keeps_the_class_is_taken(photos: Path, kind: Any) -> None:
    folder = ImageFolder(str(photos), target_transform=kind)
    data = AugmentedDataset(folder, v2.Identity())
    assert data.classes == ["ant", "bee", "cat"]
    assert data.targets == folder.targets


def test_a_target_transform_may_know_the_labels_alone_that_there_are() -> None:
    dataset = Pairs(tensors(2), [0, 2], classes=["ant", "bee", "cat"], targets=[0, 2])
    dataset.target_transform = {0: 0, 2: 2}.__getitem__
    assert load_images(dataset).classes == ("ant", "bee", "cat")


def test_names_that_a_target_transform_makes_wrong_are_refused(
    photos: Path, variation: Path
) -> None:
    folder = ImageFolder(str(photos), target_transform=swapped)
    message = r"ImageFolder: its target_transform turns the label 1 \('bee'\) into 2"
    with pytest.raises(DataError, match=message):
        load_images(folder)
    with pytest.raises(DataError, match=message):
        AugmentedDataset(folder, v2.Identity())
    with pytest.raises(DataError, match=message):
        SyntheticDataset(variation, source=Subset(folder, [0, 1]), counts=1)


def test_targets_that_cannot_be_told_are_refused(photos: Path) -> None:
    drawn = ImageFolder(str(photos), target_transform=lambda label: int(torch.randint(99, ())))
    del drawn.classes, drawn.class_to_idx
    state = torch.get_rng_state()
    with pytest.raises(DataError, match=r"has the label \d+, but .targets says"):
        _ = AugmentedDataset(drawn, v2.Identity()).targets
    assert torch.equal(torch.get_rng_state(), state)
    named = ImageFolder(str(photos), target_transform=lambda label: f"no {label}")
    del named.classes, named.class_to_idx
    with pytest.raises(DataError, match="allowed: one whole number for each"):
        _ = AugmentedDataset(named, v2.Identity()).targets


def test_samples_of_an_image_folder_that_say_another_label_are_refused(photos: Path) -> None:
    folder = ImageFolder(str(photos))
    folder.samples[2] = (folder.samples[2][0], 2)
    with pytest.raises(DataError, match=r"item 2 of .* has the label 2 in .samples, but .targets"):
        _ = AugmentedDataset(folder, v2.Identity()).targets


def test_labels_that_no_array_holds_are_refused() -> None:
    for large in (2**62, 2**70, np.uint64(2**63)):
        with pytest.raises(DataError, match="allowed: a whole number from 0"):
            load_images(Pairs(tensors(2), [0, large]))
    targets = np.array([0, 2**63], np.uint64)
    with pytest.raises(DataError, match="go down to -9"):
        _ = AugmentedDataset(Pairs(tensors(2), [0, 1], targets=targets), v2.Identity()).targets
    with pytest.raises(DataError, match=r"image of shape \[3, 0, 0\]; allowed: "):
        load_images(Pairs([torch.zeros(3, 0, 0)] * 2, [0, 1]))


def test_columns_of_labels_are_taken(variation: Path) -> None:
    column = [[0], [1], [1], [2]]
    for given in (column, np.array(column), torch.tensor(column)):
        data = Pairs(tensors(4), list(np.array(column)), targets=given)
        assert AugmentedDataset(data, v2.Identity()).targets == [0, 1, 1, 2]
        assert load_images(data).labels.tolist() == [0, 1, 1, 2]
        assert SyntheticDataset(variation, source=data, counts="balance").targets == [0, 2]
        assert len(list(ClassBalancedSampler(given))) == 4
    images = load_images(Pairs(tensors(4), [0, 1, 1, 2]))
    assert replace(images, labels=np.array(column)).labels.tolist() == [0, 1, 1, 2]


@pytest.mark.parametrize("in_file", ["NFC", "NFD"])
@pytest.mark.parametrize("in_data", ["NFC", "NFD"])
@pytest.mark.parametrize("asked", ["NFC", "NFD"])
def test_names_are_equal_in_either_unicode_form(
    in_file: Any, in_data: Any, asked: Any, tmp_path: Path
) -> None:
    """Wherever a class is named: in the file, by the data set, or in an argument."""
    files, datas, asks = (
        [unicodedata.normalize(form, name) for name in ("café", "thé")]
        for form in (in_file, in_data, asked)
    )
    path = write_variation_model(tmp_path / "m.onnx", channels=3, classes=files, counts=(4, 2))
    source = Pairs(tensors(3), [0, 0, 1], classes=datas, targets=[0, 0, 1])
    again = Pairs(tensors(3), [0, 0, 1], classes=asks, targets=[0, 0, 1])
    more = SyntheticDataset(path, source, counts={asks[0]: 2})
    assert more.targets == [0, 0]
    assert MixedDataset(again, more).targets == [0, 0, 1, 0, 0]
    vary = AugmentedDataset(source, GANAugment(path, p={asks[1]: 1.0}))
    assert [torch.equal(vary[at][0], source[at][0]) for at in range(3)] == [True, True, False]
    AugmentedDataset(source, GANAugment(path, p=[0.0, 1.0]))
    out = sample(path, tmp_path / "out", source=source, counts=2, classes=[asks[0], datas[0]])
    assert [folder.name for folder in out.iterdir() if folder.is_dir()] == [datas[0]]
