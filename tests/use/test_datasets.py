"""`MixedDataset` and `AugmentedDataset`, alone, nested, and under samplers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_models import expected_class, write_variation_model
from PIL import Image
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    StackDataset,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
)
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from ganaug import (
    AugmentedDataset,
    ClassBalancedSampler,
    GANAugment,
    MixedDataset,
    SyntheticDataset,
)
from ganaug.errors import ArtifactError, ConfigError, DataError

pytestmark = pytest.mark.filterwarnings("ignore:two passes over the generated images")

TO_TENSOR = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])


@pytest.fixture
def mixed(real: ImageFolder, variation: Path) -> MixedDataset:
    """14 real items, and 10 generated ones that bring each class to 8."""
    return MixedDataset(real, SyntheticDataset(variation, source=real, counts="balance"))


def pixels(item: Any) -> bytes:
    image = item[0]
    return image.tobytes() if isinstance(image, Image.Image) else image.numpy().tobytes()


# MixedDataset


def test_a_pass_is_over_the_mixture_whatever_a_sampler_repeats(mixed: MixedDataset) -> None:
    """Balanced draws come back to the few generated images of a class within one epoch."""
    to_tensor = AugmentedDataset(mixed, TO_TENSOR)
    only_made = list(range(14, 24)) * 2 + [0, 1, 2, 3]
    loader = DataLoader(to_tensor, sampler=only_made, batch_size=4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for epoch in range(2):
            mixed.set_epoch(epoch)
            assert len(list(loader)) == 6
        with pytest.raises(UserWarning, match="call set_epoch"):
            list(loader)


def test_mixed_is_real_then_generated(mixed: MixedDataset, real: ImageFolder) -> None:
    assert len(mixed) == 24
    for i in range(14):
        assert pixels(mixed[i]) == pixels(real[i])
    for i in range(14, 24):
        assert pixels(mixed[i]) == pixels(mixed.synthetic[i - 14])
        assert mixed[i][1] == mixed.targets[i]
    assert np.bincount(mixed.targets).tolist() == [8, 8, 8]


def test_a_mixture_of_two_generators(
    mixed: MixedDataset, by_class: Path, real: ImageFolder
) -> None:
    more = SyntheticDataset(by_class, source=real, counts={"cat": 2}, seed=3)
    both = MixedDataset(mixed, more)
    assert len(both) == 26
    assert both.targets == [*mixed.targets, 2, 2]
    before = [pixels(item) for item in both.__getitems__(list(range(26)))]
    assert before == [pixels(both[i]) for i in range(26)]
    both.set_epoch(1)
    assert (mixed.synthetic.epoch, more.epoch) == (1, 1)
    after = [pixels(both[i]) for i in range(26)]
    assert [a == b for a, b in zip(after, before, strict=True)] == [True] * 14 + [False] * 12


def test_enabled_switches_the_generated_items(mixed: MixedDataset, real: ImageFolder) -> None:
    mixed.enabled = False
    assert not mixed.enabled
    assert len(mixed) == 24
    originals = {pixels(real[i]) for i in range(14)}
    assert all(pixels(mixed[i]) in originals for i in range(24))
    mixed.enabled = True
    assert not any(pixels(mixed[i]) in originals for i in range(14, 24))


def test_mixtures_that_are_refused(
    real: ImageFolder, variation: Path, by_class: Path, tmp_path: Path
) -> None:
    made = SyntheticDataset(variation, source=real, counts=1)
    with pytest.raises(ConfigError, match="allowed: a SyntheticDataset"):
        MixedDataset(made, real)
    with pytest.raises(DataError, match="yields PIL images, the generated one uint8 tensors"):
        MixedDataset(real, SyntheticDataset(by_class, counts=1))
    two = write_variation_model(tmp_path / "two.onnx", channels=3)
    plain = TensorDataset(torch.zeros(2, 3, 8, 8), torch.tensor([0, 1]))
    with pytest.raises(DataError, match=r"classes \['ant', 'bee', 'cat'\].*\['a', 'b'\]"):
        MixedDataset(real, SyntheticDataset(two, source=plain, counts=1))


@pytest.mark.parametrize(
    ("of_real", "options", "kinds"),
    [
        (TO_TENSOR, {"file": "by_class", "source": None}, "float32 tensors, .* uint8 tensors;"),
        (TO_TENSOR, {"source": v2.ToImage()}, "float32 tensors, .* uint8 tensors;"),
        (TO_TENSOR, {"transform": v2.ToImage()}, "float32 tensors, .* uint8 tensors;"),
        (None, {"transform": TO_TENSOR}, "PIL images, .* float32 tensors;"),
        (TO_TENSOR, {"transform": TO_TENSOR}, None),
        (TO_TENSOR, {"source": TO_TENSOR}, None),
    ],
)
def test_items_of_two_types_or_ranges_are_not_mixed(
    of_real: Any, options: dict[str, Any], kinds: str | None, photos: Path,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    given = {"file": "variation", "source": v2.Identity(), "transform": None, **options}
    real = ImageFolder(str(photos), of_real)
    source = given["source"] and ImageFolder(str(photos), given["source"])
    made = SyntheticDataset(
        request.getfixturevalue(given["file"]), source, counts=3, transform=given["transform"]
    )
    if kinds is None:
        assert MixedDataset(real, made)[14][0].dtype == torch.float32
    else:
        with pytest.raises(DataError, match=f"the real data set yields {kinds}"):
            MixedDataset(real, made)


def test_labels_in_tensors_are_not_mixed_with_numbers(by_class: Path) -> None:
    images = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)
    plain = TensorDataset(images, torch.tensor([0, 1, 2]))
    with pytest.raises(DataError, match=r"uint8 tensors with labels in tensors, .* uint8 tensors;"):
        MixedDataset(plain, SyntheticDataset(by_class, counts=2))


def test_the_types_are_compared_without_drawing(photos: Path, variation: Path) -> None:
    def noisy(image: Any) -> torch.Tensor:
        return torch.rand(()) * TO_TENSOR(image)

    made = SyntheticDataset(variation, ImageFolder(str(photos), TO_TENSOR), counts=1)
    before = torch.get_rng_state()
    MixedDataset(ImageFolder(str(photos), noisy), made)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_real_data_set_without_class_names(variation: Path) -> None:
    images = torch.randint(0, 255, (4, 3, 8, 8), dtype=torch.uint8)
    plain = TensorDataset(images, torch.tensor([0, 0, 0, 2]))
    mixed = MixedDataset(plain, SyntheticDataset(variation, source=plain, counts="balance"))
    assert mixed.classes == ["ant", "bee", "cat"]
    batch, labels = next(iter(DataLoader(mixed, batch_size=6)))
    assert batch.dtype == torch.uint8
    assert labels.tolist() == [0, 0, 0, 2, 2, 2]
    assert not torch.equal(batch[4], batch[3])


# AugmentedDataset


def test_the_transform_sees_image_and_label(real: ImageFolder) -> None:
    seen = []

    def transform(image: Any, label: int) -> Any:
        seen.append(label)
        return image.size, label + 1

    outer = AugmentedDataset(real, transform)
    assert outer[13] == ((8, 8), 3)
    assert outer.__getitems__([0, 8]) == [((8, 8), 1), ((8, 8), 2)]
    assert seen == [2, 0, 1]
    assert len(outer) == 14
    assert outer.classes == real.classes
    assert outer.class_to_idx == real.class_to_idx
    assert outer.targets == real.targets


@pytest.mark.parametrize(
    "stacked",
    [lambda *parts: StackDataset(*parts), lambda one, two: StackDataset(one=one, two=two)],
    ids=["tuple", "dict"],
)
def test_epochs_and_the_switch_reach_through_a_stack(
    stacked: Any, variation: Path, real: ImageFolder
) -> None:  # fmt: skip
    made = SyntheticDataset(variation, real, counts=3)
    outer = AugmentedDataset(stacked(made, list("abc")), v2.Identity())
    outer.set_epoch(4)
    assert made.epoch == 4
    assert outer.enabled
    outer.enabled = False
    assert not made.enabled


def test_a_dict_item_is_handed_over_whole(variation: Path) -> None:
    class Records(Dataset[Any]):
        targets = (2, 0)

        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> Any:
            return {"image": torch.full((3, 8, 8), 0.5), "label": self.targets[index]}

    outer = AugmentedDataset(Records(), GANAugment(variation, p={"cat": 1.0}))
    assert not (outer[0]["image"] == 0.5).all()
    assert (outer[1]["image"] == 0.5).all()
    assert outer.targets == [2, 0]
    assert not hasattr(outer, "classes")
    assert not hasattr(outer, "class_to_idx")


def test_augment_is_set_to_the_classes_of_the_data_set(photos: Path, by_class: Path) -> None:
    """The folder holds two of the three classes, so that its labels are others than the file's."""

    class Two(ImageFolder):
        def find_classes(self, directory: Any) -> tuple[list[str], dict[str, int]]:
            return ["bee", "cat"], {"bee": 0, "cat": 1}

    given = v2.Compose([GANAugment(by_class, p={"cat": 1.0}, scale=0.0), TO_TENSOR])
    outer = AugmentedDataset(Two(str(photos)), given)
    image, label = outer[5]
    assert label == 1
    expected = expected_class(np.array([2]), np.zeros((1, 4), np.float32), classes=3, channels=3)
    assert np.abs(image.numpy() - expected[0]).max() <= 0.51 / 255
    assert torch.equal(outer[0][0], TO_TENSOR(outer.dataset[0][0]))
    assert given.transforms[0]._labels.tolist() == [0, 1, 2], "the given transform was changed"


def test_a_class_that_the_file_does_not_know_is_refused_at_once(
    real: ImageFolder, tmp_path: Path
) -> None:
    path = write_variation_model(tmp_path / "a.onnx", channels=3, classes=("ant", "bees", "cat"),
                                 counts=(8, 4, 2))  # fmt: skip
    for transform in (GANAugment(path), v2.Compose([v2.RandomApply([GANAugment(path)])])):
        with pytest.raises(ArtifactError, match=r"'bee' is not in .*did you mean 'bees'"):
            AugmentedDataset(real, transform)


def test_what_is_inside_is_forwarded(mixed: MixedDataset) -> None:
    outer = AugmentedDataset(AugmentedDataset(mixed, v2.Identity()), TO_TENSOR)
    assert outer.classes == mixed.classes
    assert outer.class_to_idx == mixed.class_to_idx
    assert outer.targets == mixed.targets
    outer.set_epoch(6)
    assert mixed.synthetic.epoch == 6
    outer.enabled = False
    assert not mixed.enabled
    assert not outer.enabled


@pytest.mark.parametrize(
    "wrap",
    [
        lambda mixed, real: Subset(mixed, range(len(mixed))),
        lambda mixed, real: ConcatDataset([real, mixed]),
        lambda mixed, real: Subset(ConcatDataset([Subset(mixed, [0]), real, mixed.synthetic]), [0]),
        lambda mixed, real: Subset(AugmentedDataset(Subset(mixed, [0]), v2.Identity()), [0]),
    ],
)
def test_the_switch_reaches_data_sets_inside(
    wrap: Callable[..., Any], mixed: MixedDataset, real: ImageFolder
) -> None:
    outer = AugmentedDataset(wrap(mixed, real), v2.Identity())
    assert outer.enabled
    outer.enabled = False
    assert not mixed.synthetic.enabled
    assert not outer.enabled
    outer.enabled = True
    assert mixed.synthetic.enabled


def test_a_plain_data_set_has_no_switch_and_takes_any_epoch(real: ImageFolder) -> None:
    outer = AugmentedDataset(real, v2.Identity())
    outer.set_epoch(3)
    assert not hasattr(outer, "enabled")
    with pytest.raises(AttributeError, match="no generated items"):
        outer.enabled = False
    with pytest.raises(ConfigError, match="epoch=-1"):
        outer.set_epoch(-1)


def test_arguments_that_are_refused(real: ImageFolder) -> None:
    with pytest.raises(ConfigError, match="transform=None"):
        AugmentedDataset(real, None)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="map-style"):
        AugmentedDataset(iter([]), v2.Identity())  # type: ignore[arg-type]


def test_an_error_in_the_transform_names_item_and_file(
    mixed: MixedDataset, variation: Path
) -> None:
    to_float = v2.ToDtype(torch.float32, scale=True)
    behind = v2.Compose([v2.ToImage(), to_float, v2.Normalize([0.9], [0.1]), GANAugment(variation)])
    outer = AugmentedDataset(Subset(mixed, [13, 14]), behind)
    with pytest.raises(DataError, match=r"^item 0 of Subset \('.*cat.1\.png'\): float32 image"):
        outer[0]
    with pytest.raises(DataError, match=r"^item 1 of Subset \('.*variation\.onnx'\): float32"):
        outer[1]

    def broken(image: Any, label: int) -> Any:
        raise ValueError("no such luck")

    with pytest.raises(ValueError, match="no such luck") as caught:
        AugmentedDataset(ConcatDataset([mixed, mixed]), broken)[24 + 2]
    (note,) = caught.value.__notes__
    assert note.startswith("ganaug: this was item 26 of ConcatDataset ('")
    assert note.endswith("2.png')")


def test_readme_pipelines(photos: Path, variation_policy: Path) -> None:
    real = ImageFolder(str(photos))
    gan = GANAugment(variation_policy)
    train = AugmentedDataset(real, v2.Compose([gan, v2.RandAugment(), TO_TENSOR]))
    loader = DataLoader(train, batch_size=7, sampler=ClassBalancedSampler(real.targets))
    shapes = [(tuple(images.shape), len(labels)) for images, labels in loader]
    assert shapes == [((7, 3, 8, 8), 7)] * 2

    more = SyntheticDataset(variation_policy, source=real, counts="balance")
    train = AugmentedDataset(MixedDataset(real, more), v2.Compose([v2.RandAugment(), TO_TENSOR]))
    weights = (1 / np.bincount(train.targets))[train.targets]
    drawn = WeightedRandomSampler(weights.tolist(), 12)
    assert [len(labels) for _, labels in DataLoader(train, batch_size=6, sampler=drawn)] == [6, 6]
    loader = DataLoader(train, batch_size=24, sampler=ClassBalancedSampler(train.targets))
    _, labels = next(iter(loader))
    assert torch.bincount(labels).tolist() == [8, 8, 8]


def test_real_photographs_of_grey_steel(shared_data: Path, tmp_path: Path) -> None:
    """200 px JPEGs, grey but stored as RGB, through a one-channel generator of 32 px."""
    steel = ImageFolder(str(shared_data / "neu-defects" / "test"))
    path = write_variation_model(
        tmp_path / "a.onnx", size=(32, 32), classes=steel.classes, counts=[200, 100, 60, 30, 15, 8]
    )
    few = Subset(steel, [*range(0, 360, 60), 1, 2])
    mixed = MixedDataset(few, SyntheticDataset(path, source=few, counts="balance"))
    assert np.bincount(mixed.targets).tolist() == [3] * 6
    image, label = mixed[len(few)]
    assert (image.mode, image.size, label) == ("RGB", (200, 200), 1)
    levels = np.asarray(image)
    assert (levels == levels[:, :, :1]).all()
    assert not np.array_equal(levels, np.asarray(few[1][0]))
    train = AugmentedDataset(mixed, v2.Compose([GANAugment(path), TO_TENSOR]))
    loader = DataLoader(train, batch_size=6, sampler=ClassBalancedSampler(train.targets))
    assert [tuple(images.shape) for images, _ in loader] == [(6, 3, 200, 200)] * 3


def test_a_sequential_takes_the_item_whole(real: ImageFolder, variation: Path) -> None:
    """nn.Sequential has one argument; GANAugment finds image and label in it."""
    varied = AugmentedDataset(real, torch.nn.Sequential(GANAugment(variation, p=1.0), TO_TENSOR))
    image, label = varied[0]
    assert label == real[0][1]
    assert not torch.equal(image, TO_TENSOR(real[0][0]))


def test_names_match_in_any_unicode_form(variation: Path) -> None:
    transform = GANAugment(
        write_variation_model(variation.parent / "u.onnx", classes=("sch\u00f6n", "b"))
    )
    assert transform.for_classes(["b", "scho\u0308n"])._labels.tolist() == [1, 0]
