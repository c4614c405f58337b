"""Where the label of a sample is found, and what is refused as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_datasets import Pairs
from helpers.small_models import write_variation_model
from PIL import Image
from torchvision import tv_tensors
from torchvision.transforms.v2._utils import _find_labels_default_heuristic

from ganaug import AugmentedDataset, GANAugment
from ganaug.errors import ConfigError, DataError
from ganaug.use._labels import find_label, read_label

IMAGE = torch.full((3, 4, 4), 0.5)
LABEL = torch.tensor([1, 2])

TORCHVISIONS = [
    (IMAGE, LABEL),
    [IMAGE, LABEL],
    (IMAGE, {"labels": LABEL}),
    (IMAGE, {"some_label": LABEL, "LABELS": torch.tensor([5])}),
    {"image": IMAGE, "Label": LABEL},
    {"sublabelled": LABEL, "x": 1},
    (IMAGE, LABEL, {"labels": torch.tensor([9])}),
]


@pytest.mark.parametrize("sample", TORCHVISIONS)
def test_default_agrees_with_torchvision(sample: Any) -> None:
    assert find_label(sample) is _find_labels_default_heuristic(sample)


@pytest.mark.parametrize(
    ("sample", "label"),
    [
        ((IMAGE, 3), 3),
        ((IMAGE, np.int64(3)), 3),
        ((IMAGE, np.True_), True),
        ((IMAGE, {"label": 3}), 3),
        ((IMAGE, [3, 1]), [3, 1]),
        ({3: IMAGE, "label": 2}, 2),
        ((IMAGE, "ant"), "ant"),
        ((IMAGE, 1.0), 1.0),
        ((IMAGE, np.float32(2)), 2.0),
        ((IMAGE, (3, 1)), (3, 1)),
        ((IMAGE, ["ant", "bee"]), ["ant", "bee"]),
        ({"image": IMAGE, "target": 3}, 3),
        ({"image": IMAGE, "Targets": 3, "y": 2}, 3),
        ({"image": IMAGE, "class": "ant"}, "ant"),
        ({"image": IMAGE, "target": 3, "label": 2}, 2),
        ((IMAGE, {"id": 7, "target": 3}), 3),
        ({"image": IMAGE, "target": {"labels": 3}}, 3),
    ],
)
def test_default_goes_beyond_torchvision(sample: Any, label: Any) -> None:
    assert find_label(sample) == label


@pytest.mark.parametrize(
    "sample",
    [
        IMAGE,
        (IMAGE,),
        (IMAGE, IMAGE),
        (IMAGE, None),
        (IMAGE, {"label": None}),
        (IMAGE, tv_tensors.Image(IMAGE)),
        (IMAGE, Image.new("L", (4, 4))),
        (IMAGE, np.zeros((4, 4, 3))),
        {"image": IMAGE, "id": 3},
        {"image": IMAGE, "target": None},
        {},
    ],
)
def test_a_sample_without_a_label(sample: Any) -> None:
    assert find_label(sample) is None


@pytest.mark.parametrize(
    ("second", "error"),
    [
        ("a note", DataError),
        (["ant", "cow"], DataError),
        (0.5, DataError),
        (np.float32(0.5), DataError),
        (float("nan"), DataError),
        ((1, 2), DataError),
        ([], DataError),
        ({"id": 3}, ConfigError),
        ({}, ConfigError),
        ({"target": {"id": 3}}, ConfigError),
        (b"ant", ConfigError),
        (object(), ConfigError),
        ({1, 2}, ConfigError),
        ({"boxes": torch.zeros(3, 4)}, ConfigError),
        (("ant", 1), ConfigError),
    ],
)
def test_a_second_item_that_is_no_label_is_refused(
    second: Any, error: type[Exception], variation: Path
) -> None:
    """It must not count as no label: a p by class would be left out silently."""
    for p in ({"ant": 1.0}, 1.0):
        with pytest.raises(error, match="labels_getter") as caught:
            GANAugment(variation, p=p)(IMAGE, second)
        assert "\n" not in str(caught.value)
    without = GANAugment(variation, p=1.0, labels_getter=None)(IMAGE, second)
    assert without[1] is second or str(without[1]) == str(second)


@pytest.mark.parametrize(
    "sample",
    [
        (IMAGE, "cat"),
        (IMAGE, 2.0),
        (IMAGE, np.float32(2)),
        (IMAGE, np.str_("cat")),
        (IMAGE, ["cat"]),
        (IMAGE, [[2]]),
        (IMAGE, torch.tensor([[2]])),
        {"image": IMAGE, "target": 2},
        {"image": IMAGE, "class": "cat"},
    ],
)
def test_labels_in_other_forms_have_the_p_of_their_class(sample: Any, variation: Path) -> None:
    def changed(p: dict[str, float]) -> bool:
        after = GANAugment(variation, p=p)(sample)
        image = after["image"] if isinstance(after, dict) else after[0]
        return not torch.equal(image, IMAGE)

    assert changed({"cat": 1.0})
    assert not changed({"ant": 1.0, "bee": 1.0})


@pytest.mark.parametrize(
    "labels",
    [
        torch.tensor([[2], [0], [1]]),
        np.array([[2.0], [0.0], [1.0]]),
        torch.tensor([2.0, 0.0, 1.0]),
        ["cat", "ant", "bee"],
        ("cat", "ant", "bee"),
        np.array([["cat"], ["ant"], ["bee"]]),
        [["cat"], ["ant"], ["bee"]],
    ],
)
def test_labels_of_a_batch_in_other_forms(labels: Any, variation: Path) -> None:
    batch = torch.full((3, 3, 8, 8), 0.5)
    after = GANAugment(variation, p={"cat": 1.0, "bee": 1.0})(batch, labels)[0]
    assert [not torch.equal(image, batch[0]) for image in after] == [True, False, True]


@pytest.mark.parametrize("names", [("a", "b"), ["b", "a"], np.array(["a", "b"]), ["a"] * 3])
def test_names_are_never_weights(names: Any, tmp_path: Path) -> None:
    transform = GANAugment(write_variation_model(tmp_path / "m.onnx", channels=3), p={"b": 1.0})
    with pytest.raises(DataError, match=rf"{len(names)} class names for one image; allowed: one"):
        transform(IMAGE, names)
    batch = IMAGE.expand(4, -1, -1, -1)
    with pytest.raises(DataError, match=rf"{len(names)} class names for 4 images; allowed: one"):
        transform(batch, names)
    pair = transform(batch[:2], ["a", "b"])[0]
    assert [not torch.equal(image, IMAGE) for image in pair] == [False, True]
    assert not torch.equal(transform(batch, ["b"])[0][3], IMAGE)


def test_a_label_of_several_lines_is_refused_in_one(variation: Path) -> None:
    names = np.array(["a long class name"] * 5)
    assert "\n" in repr(names)[:80]
    with pytest.raises(DataError, match="5 class names for one image; allowed") as caught:
        GANAugment(variation)(IMAGE, names)
    assert "\n" not in str(caught.value)


def test_names_follow_the_classes_of_the_data_set(variation: Path) -> None:
    transform = GANAugment(variation, p={"cat": 1.0}).for_classes(["cat", "ant"])
    assert not torch.equal(transform(IMAGE, "cat")[0], IMAGE)
    assert not torch.equal(transform(IMAGE, 0)[0], IMAGE)
    with pytest.raises(DataError, match=r"label 'bee' is no class; allowed: 'cat', 'ant'; pass"):
        transform(IMAGE, "bee")


@pytest.mark.parametrize(
    ("label", "num_images", "index"),
    [
        (2, None, [2]),
        (True, None, [1]),
        (np.int32(2), None, [2]),
        (torch.tensor(2), None, [2]),
        (torch.tensor([2]), None, [2]),
        (torch.tensor([2], dtype=torch.uint8), None, [2]),
        ([0.0, 0.0, 1.0], None, [2]),
        (torch.tensor([0, 1, 0]), None, [1]),
        (torch.tensor([False, True, False]), None, [1]),
        (torch.tensor([0, 1, 0], dtype=torch.bfloat16), None, [1]),
        (torch.tensor([[0, 1, 0]]), None, [1]),
        (2, 4, [2, 2, 2, 2]),
        (torch.tensor(2), 2, [2, 2]),
        (torch.tensor([0, 1, 2]), 3, [0, 1, 2]),
        ([0, 2], 2, [0, 2]),
        (torch.eye(3)[[2, 0]], 2, [2, 0]),
        (torch.tensor([], dtype=torch.int64), 0, []),
        ([], 0, []),
        (torch.tensor([0.0, 2.0]), 2, [0, 2]),
        (torch.tensor([True, False]), 2, [1, 0]),
        (np.float32(2), None, [2]),
        ([[2], [0]], 2, [2, 0]),
        (torch.tensor([[1.0], [2.0]]), 2, [1, 2]),
    ],
)
def test_labels_that_are_read(label: Any, num_images: int | None, index: list[int]) -> None:
    found, weights = read_label(label, num_images, 3)
    assert found.dtype == np.int64
    assert found.tolist() == index
    if weights is not None:
        assert weights.argmax(1).tolist() == index
        assert np.allclose(weights.sum(1), 1)


@pytest.mark.parametrize(
    ("label", "num_images", "message"),
    [
        (3, None, "label 3 is out of range; allowed: 0 to 2"),
        (-1, None, "label -1 is out of range"),
        (10**30, None, f"label {10**30} is out of range"),
        (np.uint64(2**64 - 1), 4, f"label {2**64 - 1} is out of range"),  # -1 as some write it
        (torch.tensor([0, 3]), 2, "label 3 is out of range"),
        (
            torch.tensor(0.5),
            None,
            r"label of float64 \[\]; allowed: a whole number or one-hot \[3\]",
        ),
        (torch.tensor([0, 1]), None, r"label of int64 \[2\]"),
        (torch.zeros(4, 4), None, r"label of float64 \[4, 4\]"),
        (torch.tensor([0.0, 0.5]), 2, r"whole numbers \[2\] or one-hot \[2, 3\]"),
        (torch.tensor([0.0, 1.0]), 3, r"whole numbers \[3\] or one-hot \[3, 3\]"),
        (3.0, None, "label 3 is out of range"),
        (torch.tensor([[0], [3]]), 2, "label 3 is out of range"),
        (torch.tensor([0, 1, 2]), 2, r"label of int64 \[3\]"),
        (torch.zeros(3), None, r"label \[0.0, 0.0, 0.0\] for one of 3 classes; allowed: one-hot"),
        (torch.tensor([-1.0, 2.0, 0.0]), None, "weights of at least 0 that sum to 1"),
        ((0, 7, 0), None, r"label \[0, 7, 0\] for one of 3 classes"),
        (torch.tensor([1, 1, 0]), None, r"label \[1, 1, 0\] for"),
        (torch.tensor([True, True, False]), None, r"label \[True, True, False\] for"),
        (torch.tensor([0.5, 0.4, 0.0]), None, r"label \[0.5, 0.4"),
        (torch.tensor([[0, 1, 0], [0, 2, 1]]), 2, r"label \[0, 2, 1\] for"),
    ],
)
def test_labels_that_are_refused(label: Any, num_images: int | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_label(label, num_images, 3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_soft_labels_sum_to_1_up_to_rounding(dtype: torch.dtype) -> None:
    smoothed = torch.full((1000,), 0.1 / 1000, dtype=dtype)
    smoothed[7] += 0.9
    index, weights = read_label(smoothed, None, 1000)
    assert weights is not None
    assert index.tolist() == [7]
    assert np.isclose(weights.sum(), 1)


@pytest.mark.parametrize("label", [0, [0], torch.tensor([0]), torch.tensor([[0]]), [1], [1.0]])
def test_a_label_of_a_single_class_is_a_number_or_one_hot(label: Any) -> None:
    assert read_label(label, None, 1)[0].tolist() == [0]


@pytest.mark.parametrize(
    "label",
    [
        "ant",
        object(),
        [[1], [1, 2]],
        np.ma.masked_array([1], mask=[True]),
        torch.tensor(1, device="meta"),
        torch.eye(3)[1].to_sparse(),
    ],
)
def test_what_is_no_number_is_refused(label: Any) -> None:
    with pytest.raises(ConfigError, match="labels_getter"):
        read_label(label, None, 3)


@pytest.mark.parametrize("form", [list, tuple, np.array, torch.tensor])
@pytest.mark.parametrize("single", [True, False], ids=["[N]", "[N, 1]"])
def test_as_many_labels_as_images_are_one_for_each(
    form: Any, single: bool, variation: Path
) -> None:
    """As many as there are classes, too: [0, 0, 1] would be one-hot."""
    transform = GANAugment(variation, p={"ant": 1.0})
    images = [Image.new("RGB", (8, 8), "grey") for _ in range(3)]
    made, _ = transform(images, form([0, 0, 1] if single else [[0], [0], [1]]))
    assert [new is old for new, old in zip(made, images, strict=True)] == [False, False, True]


def test_labels_of_rows_and_weights_are_those_of_all_images(variation: Path) -> None:
    transform = GANAugment(variation, p={"cat": 1.0})
    views = [Image.new("RGB", (8, 8), "grey") for _ in range(3)]
    made, _ = transform(views, torch.tensor([0.0, 0.0, 1.0]))
    assert all(new is not old for new, old in zip(made, views, strict=True))
    batches = [tv_tensors.Image(torch.full((2, 3, 8, 8), 0.5)) for _ in range(2)]
    made, _ = transform(batches, torch.tensor([0, 2]))
    for new, old in zip(made, batches, strict=True):
        assert [torch.equal(a, b) for a, b in zip(new, old, strict=True)] == [True, False]


@pytest.mark.parametrize("weights", [torch.tensor([0.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0])])
def test_weights_beside_several_views_are_of_all_in_any_structure(
    weights: Any, variation: Path
) -> None:
    views = [Image.new("RGB", (8, 8), "grey") for _ in range(3)]
    for p, changed in ({"cat": 1.0}, True), ({"ant": 1.0, "bee": 1.0}, False):
        transform = GANAugment(variation, p=p)
        for made in (
            transform(views, weights)[0],
            transform({"image": views, "label": weights})["image"],
        ):
            assert [new is not old for new, old in zip(made, views, strict=True)] == [changed] * 3


def test_labels_getter_can_be_a_function(variation: Path) -> None:
    transform = GANAugment(
        variation, p={"cat": 1.0}, labels_getter=lambda sample: sample["what"]["is"]
    )
    for label, varied in ((2, True), (torch.tensor(0), False)):
        sample = {"photo": IMAGE, "what": {"is": label}}
        after = transform(sample)
        assert torch.equal(after["photo"], IMAGE) is not varied
        assert after["what"]["is"] is label


def test_labels_getter_may_find_none(variation: Path) -> None:
    transform = GANAugment(variation, p=1.0, labels_getter=lambda sample: None)
    assert not torch.equal(transform(IMAGE, "x")[0], IMAGE)


def test_a_mask_as_plain_tensor_is_no_silent_label(variation: Path) -> None:
    """(image, [H, W] mask): warping the image alone would spoil the pair, so it is refused."""
    with pytest.raises(DataError, match="labels_getter=None"):
        GANAugment(variation, p=1.0)(IMAGE, torch.zeros(4, 4, dtype=torch.int64))


PLACED = tv_tensors.Image(IMAGE)
MASK = tv_tensors.Mask(torch.zeros(4, 4, dtype=torch.int64))


@pytest.mark.parametrize("label", [2, 2.0, "cat", np.int64(2), torch.tensor(2), np.array(2)])
@pytest.mark.parametrize(
    "sample",
    [
        (PLACED, MASK, ...),
        [PLACED, PLACED, ...],
        (PLACED, {"mask": MASK}, ...),
        (IMAGE, IMAGE, ...),
    ],
    ids=["image, mask", "two views", "target", "tensors"],
)
def test_a_label_behind_the_second_place_is_refused_where_p_differs(
    sample: Any, label: Any, variation: Path
) -> None:
    given = type(sample)(label if each is ... else each for each in sample)
    differs = GANAugment(variation, p={"cat": 1.0})
    for transform in (differs, differs.for_classes(["cat", "ant"])):
        with pytest.raises(ConfigError, match=r"labels_getter=lambda s: s\[2\]") as caught:
            transform(given)
        assert "\n" not in str(caught.value)
    GANAugment(variation, p=0.5)(given)
    GANAugment(variation, p={"cat": 1.0}, labels_getter=None)(given)
    told = GANAugment(variation, p={"cat": 1.0}, labels_getter=lambda s: s[2])
    assert not torch.equal(told(given)[0], IMAGE)


@pytest.mark.parametrize("later", [True, None, np.bool_(True), torch.ones(2), {"id": 3}, [1, 2]])
def test_what_else_stands_behind_the_second_place_is_left_alone(
    later: Any, variation: Path
) -> None:
    transform = GANAugment(variation, p={"cat": 1.0})
    assert len(transform(PLACED, MASK, later)) == 3
    assert transform(PLACED, None, 3)[1:] == (None, 3)  # it says that there is no label
    assert torch.equal(transform(PLACED, 0, 2)[0], IMAGE)


def test_a_label_under_an_unknown_key_beside_marks_is_refused(variation: Path) -> None:
    transform = GANAugment(variation, p={"cat": 1.0})
    known = transform.for_classes(["ant", "bee", "cat"])
    image = Image.new("RGB", (4, 4))
    rows = {"image": [image] * 2, "mask": [MASK] * 2, "cls": [2, 0]}
    for sample in ({"image": PLACED, "mask": MASK, "cls": 2}, rows):
        with pytest.raises(ConfigError, match=r"among the keys of .* \('image', 'mask', 'cls'\)"):
            known(sample)
        transform(sample)
        GANAugment(variation, p=1.0).for_classes(["ant", "bee", "cat"])(sample)
    assert "ids" in known({"image": PLACED, "mask": MASK, "ids": torch.tensor([1, 2])})


@pytest.mark.parametrize(
    "told", [True, np.bool_(True), torch.tensor([True]), [True, False], np.array([True])]
)
def test_whether_there_is_a_label_is_not_the_label(told: Any) -> None:
    assert find_label({"is_labeled": told, "target": 2}) == 2
    assert find_label({"is_labeled": told, "my_label": 2}) == 2
    assert find_label({"my_label": told}) is told


def test_truth_values_are_the_classes_0_and_1(variation: Path) -> None:
    images = [torch.full((3, 8, 8), 0.5) for _ in range(3)]
    for given in ([False, True, True], np.array([False, True, True]), [*map(np.bool_, (0, 1, 1))]):
        dataset = Pairs(images, list(given), targets=given)
        train = AugmentedDataset(dataset, GANAugment(variation, p={"bee": 1.0}))
        assert train.targets == [0, 1, 1]
        assert [torch.equal(train[i][0], images[i]) for i in range(3)] == [True, False, False]


def test_p_in_an_array_of_no_axis_is_a_number(variation: Path) -> None:
    always = GANAugment(variation, p=np.array(1.0)).for_classes(["cat", "bee", "ant"])
    assert not torch.equal(always(IMAGE, 1)[0], IMAGE)
    with pytest.raises(ConfigError, match=r"^p='0[.]5'; allowed"):
        GANAugment(variation, p="0.5")
