"""`SyntheticDataset`: what each item is, how many there are, and which sources are refused."""

from __future__ import annotations

import copy
import io
import logging
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from small_models import (
    expected_class,
    expected_variation,
    write_class_model,
    write_variation_model,
)
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset, TensorDataset
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from ganaug import Generator, SyntheticDataset
from ganaug.artifact.format import Policy
from ganaug.errors import ArtifactError, ConfigError, DataError
from ganaug.randomness import stream

pytestmark = pytest.mark.filterwarnings("ignore:two passes over the generated images")


class Pairs(Dataset[Any]):
    """Images and labels, with what `attributes` says about them."""

    def __init__(self, images: list[Any], given: list[Any], **attributes: Any) -> None:
        self.images, self.given = images, given
        self.__dict__.update(attributes)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Any:
        return self.images[index], self.given[index]


def tensors(n: int, dtype: torch.dtype = torch.float32, channels: int = 3) -> list[torch.Tensor]:
    levels = np.random.default_rng(5).integers(60, 200, (n, channels, 8, 8), np.uint8)
    images = torch.from_numpy(levels)
    return list(images if dtype == torch.uint8 else (images / 255).to(dtype))


def as_bytes(item: Any) -> bytes:
    image, label = item
    content = image.tobytes() if isinstance(image, Image.Image) else image.numpy().tobytes()
    return content + str(int(label)).encode()


def items(made: SyntheticDataset) -> list[Any]:
    return [made[i] for i in range(len(made))]


# What an item is


def test_an_item_is_a_variation_of_an_image_of_its_class(
    variation_policy: Path, real: ImageFolder
) -> None:
    made = SyntheticDataset(variation_policy, source=real, counts={"bee": 3, "cat": 2}, seed=9)
    made.set_epoch(4)
    assert len(made) == 5
    for i in range(5):
        image, label = made[i]
        assert label == made.targets[i] == (1 if i < 3 else 2)
        random = stream(9, "synthetic", 4, i)
        at = [j for j, each in enumerate(real.targets) if each == label]
        source = np.asarray(real[at[random.integers(len(at))]][0], np.float32)
        latent = 0.5 * random.standard_normal(4, np.float32)
        pixels = np.moveaxis(source, 2, 0)[None] / np.float32(255)
        expected = expected_variation(pixels, latent[None])[0]
        difference = np.abs(np.moveaxis(np.asarray(image), 2, 0) / 255 - expected).max()
        assert difference <= 0.51 / 255


def test_a_class_item_without_a_source(by_class: Path) -> None:
    made = SyntheticDataset(by_class, counts={"cat": 2}, seed=1)
    assert made.classes == ["ant", "bee", "cat"]
    image, label = made[1]
    assert isinstance(label, int)
    assert label == 2
    assert image.dtype == torch.uint8
    latent = stream(1, "synthetic", 0, 1).standard_normal(4, np.float32)
    expected = expected_class(np.array([2]), latent[None], classes=3, channels=3)[0]
    assert np.abs(image.numpy() / 255 - expected).max() <= 0.51 / 255


def test_a_class_item_with_a_source_takes_its_type_and_size(by_class: Path) -> None:
    source = Pairs([Image.new("RGB", (12, 20))], [0], classes=["cat"])
    image, label = SyntheticDataset(by_class, source=source, counts=1)[0]
    assert (image.mode, image.size, label) == ("RGB", (12, 20), 0)
    assert np.asarray(image).any()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float16])
def test_items_have_the_type_of_the_source(dtype: torch.dtype, variation: Path) -> None:
    labels = [torch.tensor(0), torch.tensor(1)]
    source = Pairs(tensors(2, dtype), labels, targets=[0, 1])
    image, label = SyntheticDataset(variation, source=source, counts=4)[0]
    assert image.dtype == dtype
    assert image.shape == (3, 8, 8)
    assert isinstance(label, torch.Tensor)


def test_what_else_is_in_an_item_is_kept(variation: Path) -> None:
    class Triples(Pairs):
        def __getitem__(self, index: int) -> Any:
            return [*super().__getitem__(index), f"image {index}"]

    made = SyntheticDataset(variation, source=Triples(tensors(2), [0, 0]), counts=6)
    assert {note for _, _, note in items(made)} == {"image 0", "image 1"}


def test_sources_are_drawn_uniformly_from_the_class(variation: Path) -> None:
    images = [torch.full((3, 2, 2), value) for value in (0.2, 0.5, 0.8, 0.0)]
    source = Pairs(images, [1, 1, 1, 0], classes=["ant", "bee"])
    made = SyntheticDataset(variation, source=source, counts={"bee": 600})
    made.enabled = False
    drawn = torch.stack([image.max() for image, _ in made.__getitems__(list(range(600)))])
    for value in (0.2, 0.5, 0.8):
        assert int((drawn == value).sum()) == pytest.approx(200, abs=40)


def test_seed_epoch_and_index_all_matter(variation: Path, real: ImageFolder) -> None:
    def drawn(seed: int, epoch: int) -> list[bytes]:
        made = SyntheticDataset(variation, source=real, counts={"bee": 4}, seed=seed)
        made.set_epoch(epoch)
        return [as_bytes(item) for item in items(made)]

    assert drawn(0, 0) == drawn(0, 0)
    assert len({*drawn(0, 0), *drawn(0, 1), *drawn(1, 0), *drawn(1, 1)}) == 16


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("kind", ["variation", "class"])
def test_items_do_not_depend_on_batch_or_order(kind: str, exact: bool, tmp_path: Path) -> None:
    write = write_variation_model if kind == "variation" else write_class_model
    path = write(
        tmp_path / "a.onnx", channels=3, latent_dim=19, classes=("a", "b", "c"), counts=(9, 5, 2),
        batch_exact=exact,
    )  # fmt: skip
    odd = torch.rand(3, 5, 13, generator=torch.Generator().manual_seed(0))
    source = Pairs([*tensors(15), odd], [0] * 9 + [1] * 5 + [2] * 2)
    made = SyntheticDataset(path, source=source, counts=40)
    singly = [as_bytes(made[i]) for i in range(40)]
    order = np.random.default_rng(0).permutation(40)
    for size in (1, 7, 40):
        for start in range(0, 40, size):
            indices = [int(i) for i in order[start : start + size]]
            assert [as_bytes(item) for item in made.__getitems__(indices)] == [
                singly[i] for i in indices
            ]


def test_negative_and_numpy_indices(variation: Path, real: ImageFolder) -> None:
    made = SyntheticDataset(variation, source=real, counts=3)
    of_numpy: Any = np.int64(2)
    assert as_bytes(made[-1]) == as_bytes(made[of_numpy]) == as_bytes(made[2])
    for index in (3, -4):
        with pytest.raises(IndexError):
            made[index]


def test_labels_as_image_folder_has_them(variation: Path, real: ImageFolder) -> None:
    made = SyntheticDataset(variation, source=real, counts={"ant": 1, "cat": 2})
    assert made.classes == real.classes
    assert made.class_to_idx == real.class_to_idx
    assert made.targets == [0, 2, 2]
    assert made.counts.tolist() == [1, 0, 2]


def test_classes_in_another_order_keep_their_names(by_class: Path) -> None:
    source = Pairs(tensors(3), [0, 0, 1], classes=["cat", "ant"])
    made = SyntheticDataset(by_class, source=source, counts={"cat": 1})
    assert made.targets == [0]
    latent = stream(0, "synthetic", 0, 0)
    latent.integers(2)
    expected = expected_class(
        np.array([2]), latent.standard_normal((1, 4), np.float32), classes=3, channels=3
    )
    assert np.allclose(made[0][0].numpy(), expected[0], atol=1e-6)


# transform


def test_transform_runs_after_generation(variation: Path, real: ImageFolder) -> None:
    plain = SyntheticDataset(variation, source=real, counts=2)
    changed = SyntheticDataset(variation, source=real, counts=2, transform=v2.ToImage())
    assert torch.equal(changed[0][0], v2.functional.to_image(plain[0][0]))
    assert changed[0][1] == plain[0][1]


def test_a_random_transform_is_repeatable_and_leaves_torchs_generator_alone(
    variation: Path, real: ImageFolder
) -> None:
    transform = v2.Compose([v2.RandAugment(), v2.RandomHorizontalFlip()])
    made = SyntheticDataset(variation, source=real, counts=12, transform=transform)
    torch.manual_seed(0)
    first = [as_bytes(made[i]) for i in range(12)]
    state = torch.get_rng_state()
    torch.manual_seed(1)
    assert [as_bytes(item) for item in made.__getitems__(list(range(12)))] == first
    torch.manual_seed(0)
    assert torch.equal(torch.get_rng_state(), state)


# counts: the source has 8, 4 and 2 images


@pytest.mark.parametrize(
    ("counts", "added"),
    [
        ("auto", [0, round(4 * 0.25 / 0.75), 2]),
        ("balance", [0, 4, 6]),
        (0, [0, 0, 0]),
        (1, [0, 0, 1]),
        (3, [0, 1, 2]),
        (10, [0, 4, 6]),
        (12, [1, 5, 6]),
        (100, [30, 34, 36]),
        (np.int64(3), [0, 1, 2]),
        ({"cat": 5}, [0, 0, 5]),
        ({0: 1, 2: 4}, [1, 0, 4]),
        ({}, [0, 0, 0]),
    ],
)
def test_counts(counts: Any, added: list[int], variation_policy: Path, real: ImageFolder) -> None:
    made = SyntheticDataset(variation_policy, source=real, counts=counts)
    assert made.counts.tolist() == added
    assert len(made) == sum(added)
    assert made.targets == [label for label in range(3) for _ in range(added[label])]


def test_auto_takes_p_at_the_training_counts_and_n_from_the_source(tmp_path: Path) -> None:
    path = write_variation_model(
        tmp_path / "a.onnx", channels=3, counts=(100, 10), policy=Policy(p=((10, 0.5), (100, 0.2)))
    )
    source = Pairs(tensors(12), [0] * 8 + [1] * 4)
    assert SyntheticDataset(path, source=source).counts.tolist() == [2, 4]


def test_without_a_policy_auto_adds_none_and_says_so(
    variation: Path, real: ImageFolder, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="ganaug"):
        made = SyntheticDataset(variation, source=real)
    assert len(made) == 0
    assert "no policy" in caplog.text
    assert list(DataLoader(made, batch_size=2)) == []
    assert made.__getitems__([]) == []


def test_a_class_without_source_images_gets_none(variation: Path) -> None:
    source = Pairs(tensors(4), [0, 0, 0, 2], classes=["ant", "bee", "cat"])
    assert SyntheticDataset(variation, source=source, counts="balance").counts.tolist() == [0, 0, 2]
    assert SyntheticDataset(variation, source=source, counts=4).counts.tolist() == [1, 0, 3]
    with pytest.raises(DataError, match="'bee', of which the source has none"):
        SyntheticDataset(variation, source=source, counts={"bee": 1})


def test_balance_without_a_source_takes_the_training_counts(by_class: Path) -> None:
    assert SyntheticDataset(by_class, counts="balance").counts.tolist() == [0, 4, 6]


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ("balanced", "did you mean 'balance'"),
        (-1, "counts=-1"),
        (1.5, r"counts=1\.5"),
        (True, "counts=True"),
        (None, "counts=None"),
        ({"cats": 1}, "no class 'cats' .did you mean 'cat'"),
        ({3: 1}, "no class 3"),
        ({"cat": -1}, "-1 for the class 'cat'"),
        ({"cat": 0.5}, "0.5 for the class 'cat'"),
    ],
)
def test_counts_that_are_refused(
    counts: Any, message: str, variation: Path, real: ImageFolder
) -> None:
    with pytest.raises(ConfigError, match=message):
        SyntheticDataset(variation, source=real, counts=counts)


def test_a_policy_of_one_has_no_finite_count(tmp_path: Path, real: ImageFolder) -> None:
    classes, policy = ("ant", "bee", "cat"), Policy(p=((2, 1.0), (8, 0.0)))
    path = write_variation_model(
        tmp_path / "a.onnx", channels=3, classes=classes, counts=(8, 4, 2), policy=policy
    )
    with pytest.raises(ConfigError, match="p = 1 for the class 'cat'"):
        SyntheticDataset(path, source=real)


# Sources


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


class Flipping(Pairs):
    """Every second read of an item shows it mirrored."""

    reads = 0

    def __getitem__(self, index: int) -> Any:
        self.reads += 1
        image, label = super().__getitem__(index)
        return (image.flip(-1) if self.reads % 2 else image), label


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (Flipping(tensors(4), [0, 1, 1, 2]), DataError, "changes between two reads.*Augmented"),
        (Pairs(tensors(2), [0, 1], targets=[1, 1]), DataError, "label 0, but .targets says 1"),
        (Pairs(tensors(2), [0, 3]), DataError, "label 3; allowed: 0 to 2"),
        (Pairs(tensors(2), [0, -1]), DataError, "go down to -1"),
        (Pairs(tensors(2), [0, 0.5]), DataError, "has the label 0.5"),
        (Pairs(tensors(2), [0, torch.eye(3)[1]]), DataError, "has the label tensor"),
        (Pairs(tensors(2), [0, 1], targets=[0]), DataError, r"int64 \[1\]"),
        (Pairs(tensors(2), [0, 1], targets=["a", "b"]), DataError, "allowed: one whole number"),
        (tensors(2), DataError, "is Tensor; allowed: .image, label."),
        (Pairs(tensors(2), [0, 1], classes=["ant", "dog"]), ArtifactError, "'dog' is not in"),
        (TensorDataset(torch.stack(tensors(2))), DataError, r"allowed: .image, label."),
        (iter([]), DataError, "map-style"),
    ],
)
def test_sources_that_are_refused(
    source: Any, error: type[Exception], message: str, variation: Path
) -> None:
    with pytest.raises(error, match=message):
        SyntheticDataset(variation, source=source, counts=1)


def test_a_folder_with_a_random_transform_is_refused(photos: Path, variation: Path) -> None:
    torch.manual_seed(0)
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


# Epoch, switch, copies


def test_enabled_false_shows_the_source(variation: Path, real: ImageFolder) -> None:
    made = SyntheticDataset(variation, source=real, counts=6)
    made.enabled = False
    originals = {as_bytes(real[i]) for i in range(len(real))}
    shown = [as_bytes(item) for item in items(made)]
    assert len(shown) == 6
    assert set(shown) <= originals
    made.enabled = True
    assert made.enabled
    assert not {as_bytes(item) for item in items(made)} & originals


def test_enabled_false_without_a_source_is_refused(by_class: Path) -> None:
    made = SyntheticDataset(by_class, counts=1)
    with pytest.raises(ConfigError, match="no real image to show"):
        made.enabled = False
    assert made.enabled


@pytest.mark.parametrize("epoch", [-1, 1.0, True, "1"])
def test_epochs_that_are_refused(epoch: Any, by_class: Path) -> None:
    with pytest.raises(ConfigError, match="epoch="):
        SyntheticDataset(by_class, counts=1).set_epoch(epoch)


@pytest.mark.filterwarnings("default:two passes over the generated images")
def test_a_second_pass_without_set_epoch_warns_once(by_class: Path) -> None:
    made = SyntheticDataset(by_class, counts=6)
    loader = DataLoader(made, batch_size=4)

    def warned() -> int:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            list(loader)
        return sum("call set_epoch" in str(entry.message) for entry in caught)

    passes = []
    for epoch in range(3):
        made.set_epoch(epoch)
        passes.append(warned())
    assert passes == [0, 0, 0]
    assert [warned(), warned()] == [1, 0]


def test_copies_have_an_epoch_of_their_own(variation: Path, real: ImageFolder) -> None:
    made = SyntheticDataset(variation, source=real, counts=2)
    made.set_epoch(3)
    buffer = io.BytesIO()
    torch.save(made, buffer)
    buffer.seek(0)
    for twin in (
        pickle.loads(pickle.dumps(made)),
        copy.deepcopy(made),
        torch.load(buffer, weights_only=False),
    ):
        assert twin.epoch == 3
        assert as_bytes(twin[1]) == as_bytes(made[1])
        twin.set_epoch(5)
        assert (twin.epoch, made.epoch) == (5, 3)


def test_a_generator_object_can_be_given(variation: Path, real: ImageFolder) -> None:
    generator = Generator(variation, providers="cpu")
    made = SyntheticDataset(generator, source=real, counts=1)
    assert made.generator is generator
    assert as_bytes(made[0]) == as_bytes(SyntheticDataset(variation, source=real, counts=1)[0])


def test_a_subclass_that_overrides_getitem_is_not_bypassed(
    variation: Path, real: ImageFolder
) -> None:
    class Labelled(SyntheticDataset):
        def __getitem__(self, index: int) -> Any:
            image, label = super().__getitem__(index)
            return image, label + 100

    made = Labelled(variation, source=real, counts={"cat": 2})
    assert [label for _, label in made.__getitems__([0, 1])] == [102, 102]
