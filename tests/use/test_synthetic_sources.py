"""`SyntheticDataset`: what it reads from a source, and which sources it refuses."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from helpers.small_datasets import Pairs, tensors
from PIL import Image
from torch.utils.data import ConcatDataset, Subset, TensorDataset
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from ganaug import MixedDataset, SyntheticDataset
from ganaug.errors import ArtifactError, ConfigError, DataError
from ganaug.images import load_images

pytestmark = pytest.mark.filterwarnings("ignore:two passes over the generated images")


def test_a_transform_that_is_no_function_is_refused(variation: Path) -> None:
    source = Pairs(tensors(4), [0, 1, 1, 2])
    with pytest.raises(
        ConfigError, match=r"^transform=5; allowed: a function of the image, or None"
    ):
        SyntheticDataset(variation, source=source, counts=1, transform=5)  # type: ignore[arg-type]


class Item(NamedTuple):
    image: torch.Tensor
    label: int


class Rebuilt(Pairs):
    """Its items are of a type of its own."""

    def __init__(self, make: Callable[[Any, Any], Any]) -> None:
        super().__init__(tensors(4), [0, 1, 1, 2], targets=[0, 1, 1, 2])
        self.make = make

    def __getitem__(self, index: int) -> Any:
        return self.make(*super().__getitem__(index))


def ordered(image: Any, label: Any) -> OrderedDict[str, Any]:
    return OrderedDict(image=image, label=label)


@pytest.mark.parametrize("make", [Item, ordered, lambda *item: list(item), lambda *item: item])
def test_items_keep_the_type_of_those_of_the_source(variation: Path, make: Any) -> None:
    source = Rebuilt(make)
    made = SyntheticDataset(variation, source=source, counts=3)
    mixed = MixedDataset(source, made)
    kinds = {type(item) for item in (*(mixed[i] for i in range(7)), *mixed.__getitems__([4, 5, 6]))}
    assert kinds == {type(source[0])}


def test_named_tuples_do_not_go_into_one_batch_with_others(variation: Path) -> None:
    made = SyntheticDataset(variation, source=Rebuilt(lambda *item: item), counts=3)
    with pytest.raises(
        DataError, match=r"in named tuples \(image, label\), the generated one float"
    ):
        MixedDataset(Rebuilt(Item), made)


def test_labels_are_read_where_the_source_has_them(variation: Path) -> None:
    images, labels = tensors(4), [0, 1, 1, 2]
    stacked = torch.stack(images)
    sources: list[Any] = [
        Pairs(images, labels, targets=labels),
        Pairs(images, labels, targets=torch.tensor(labels)),
        Pairs(images, labels, labels=np.array(labels)),
        Pairs(images, labels),
        Pairs(images, [np.int64(label) for label in labels]),
        Pairs(images, list(torch.tensor(labels))),
        TensorDataset(stacked, torch.tensor(labels)),
        Subset(TensorDataset(stacked[[2, 3, 0, 1]], torch.tensor([1, 2, 0, 1])), [2, 3, 0, 1]),
        Subset(Subset(Pairs(images * 2, labels * 2), range(8)), [4, 5, 6, 7]),
        ConcatDataset([Pairs(images[:1], [0]), Pairs(images[1:], [1, 1, 2])]),
    ]
    for source in sources:
        made = SyntheticDataset(variation, source=source, counts="balance")
        assert made.targets == [0, 2], source
        assert int(made[1][1]) == 2


def test_a_subset_of_a_folder_keeps_its_class_names(by_class: Path, real: ImageFolder) -> None:
    made = SyntheticDataset(by_class, source=Subset(real, [0, 12, 13]), counts="balance")
    assert made.classes == ["ant", "bee", "cat"]
    assert made.targets == [0]
    both: ConcatDataset[Any] = ConcatDataset([real, Subset(real, [0])])
    assert SyntheticDataset(by_class, source=both, counts="balance").counts.tolist() == [0, 5, 7]


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (Pairs(tensors(2), [0, 1], targets=[1, 1]), DataError, "label 0, but .targets says 1"),
        (Pairs(tensors(2), [0, 3]), DataError, "label 3; allowed: 0 to 2"),
        (Pairs(tensors(2), [0, -1]), DataError, "go down to -1"),
        (Pairs(tensors(2), [0, 0.5]), DataError, "has the label 0.5"),
        (Pairs(tensors(2), [0, torch.eye(3)[1]]), DataError, "has the label tensor"),
        (Pairs(tensors(2), [0, "bee"]), DataError, "the label 'bee'; .* its place in .classes"),
        (Pairs(tensors(2), [0, 1], targets=[0]), DataError, r"int64 \[1\]"),
        (Pairs(tensors(2), [0, 1], targets=["a", "b"]), DataError, "allowed: one whole number"),
        (tensors(2), DataError, "is Tensor; allowed: .image, label."),
        (Pairs(tensors(2), [0, 1], classes=["ant", "dog"]), ArtifactError, "'dog' is not in"),
        (TensorDataset(torch.stack(tensors(2))), DataError, r"allowed: .image, label."),
        (iter([]), DataError, "map-style"),
        (load_images("digits"), DataError, "ImageSet in the place of a data set; .* loaded from"),
        ("photos/", DataError, r"str in the place of a data set; .*ImageFolder\(PATH\)"),
        (Path("photos"), DataError, r"Path in the place of a data set; .*ImageFolder\(PATH\)"),
        ({"train": [(0, 0)], "test": []}, DataError, "dict in .* its values .'train', 'test'"),
        (np.zeros((4, 8, 8)), DataError, r"ndarray in .*TensorDataset\(IMAGES, LABELS\)"),
        ((np.zeros((4, 8, 8)), [0, 1, 0, 1]), DataError, "tuple in the place .*TensorDataset"),
    ],
)
def test_sources_that_are_refused(
    source: Any, error: type[Exception], message: str, variation: Path
) -> None:
    with pytest.raises(error, match=message):
        SyntheticDataset(variation, source=source, counts=1)


def test_a_folder_with_a_random_transform_is_refused(photos: Path, variation: Path) -> None:
    torch.default_generator.manual_seed(0)
    flipping = ImageFolder(str(photos), transform=v2.RandomHorizontalFlip())
    with pytest.raises(DataError, match=r"item \d+ of ImageFolder .*png.*random transform"):
        SyntheticDataset(variation, source=flipping, counts=1)


def test_a_variation_generator_needs_a_source(variation: Path) -> None:
    with pytest.raises(ConfigError, match="source is missing"):
        SyntheticDataset(variation, counts=3)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (torch.full((3, 8, 8), -1.0), "allowed: 0 to 1"),
        (torch.zeros(2, 3, 8, 8), r"shape \[2, 3, 8, 8\]; allowed: \[C, H, W\]"),
        (np.zeros((8, 8, 3), np.uint8), "type ndarray"),
        (Image.new("CMYK", (8, 8)), "mode 'CMYK'"),
        (torch.zeros(1, 8, 8), "grey image"),
    ],
)
def test_an_image_that_is_refused_names_file_and_item(
    image: Any, message: str, variation: Path
) -> None:
    made = SyntheticDataset(variation, source=Pairs([image], [1]), counts=5)
    with pytest.raises(
        DataError, match=rf"variation.onnx: generated item 3 \('bee'\): .*{message}"
    ):
        made[3]


def test_a_source_that_fails_is_named(variation: Path, photos: Path, tmp_path: Path) -> None:
    root = tmp_path / "photos"
    for file in sorted(photos.rglob("*.png")):
        (root / file.parent.name).mkdir(parents=True, exist_ok=True)
        (root / file.parent.name / file.name).write_bytes(file.read_bytes())
    made = SyntheticDataset(variation, source=ImageFolder(str(root)), counts={"bee": 1})
    for file in (root / "bee").iterdir():
        file.write_bytes(b"no image")
    with pytest.raises(Exception, match="cannot identify image") as caught:
        made[0]
    (note,) = caught.value.__notes__
    assert "variation.onnx: generated item 0 ('bee')" in note
    assert "bee/" in note.replace("\\", "/")
