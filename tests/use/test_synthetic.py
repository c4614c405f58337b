"""`SyntheticDataset`: what each item is, how many there are, and which sources are refused."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_datasets import Pairs, as_bytes, tensors
from helpers.small_models import (
    expected_class,
    expected_variation,
    metadata_of,
    variation_model,
    write_model,
)
from onnx import helper, numpy_helper
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from ganaug import Generator, SyntheticDataset
from ganaug.errors import ConfigError
from ganaug.randomness import stream

pytestmark = pytest.mark.filterwarnings("ignore:two passes over the generated images")


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


def test_a_seed_of_numpy_is_that_number(variation: Path, real: ImageFolder) -> None:
    def drawn(seed: Any) -> list[bytes]:
        made = SyntheticDataset(
            variation, source=real, counts={"bee": 2}, seed=seed, transform=v2.RandomCrop(4)
        )
        return [as_bytes(made[i]) for i in range(2)]

    assert drawn(np.int64(7)) == drawn(7)
    with pytest.raises(ConfigError, match=r"^seed: None; allowed: a whole number"):
        drawn(None)


def test_seed_epoch_and_index_all_matter(variation: Path, real: ImageFolder) -> None:
    def drawn(seed: int, epoch: int) -> list[bytes]:
        made = SyntheticDataset(variation, source=real, counts={"bee": 4}, seed=seed)
        made.set_epoch(epoch)
        return [as_bytes(item) for item in items(made)]

    assert drawn(0, 0) == drawn(0, 0)
    assert len({*drawn(0, 0), *drawn(0, 1), *drawn(1, 0), *drawn(1, 1)}) == 16


@pytest.mark.parametrize("exact", [True, False])
def test_a_graph_that_depends_on_the_batch_runs_singly(
    exact: bool, real: ImageFolder, tmp_path: Path
) -> None:
    """The graph takes the mean of its batch; only `batch_exact` says what to do with it."""
    metadata = metadata_of(
        "variation", channels=3, classes=real.classes, counts=(8, 4, 2), batch_exact=exact
    )
    model = variation_model(metadata)
    nodes = [
        helper.make_node("Unsqueeze", ["change", "first"], ["as_pixels"]),
        helper.make_node("ReduceMean", ["as_pixels", "axes"], ["pooled"], keepdims=0),
    ]
    model.graph.initializer.append(numpy_helper.from_array(np.array([0, 1]), "first"))
    model.graph.node.insert(1, nodes[1])
    model.graph.node.insert(1, nodes[0])
    model.graph.node[3].input[0] = "pooled"
    path = write_model(tmp_path / "a.onnx", model)
    made = SyntheticDataset(path, source=real, counts=6)
    together = [as_bytes(item) for item in made.__getitems__(list(range(6)))]
    assert (together == [as_bytes(made[i]) for i in range(6)]) is not exact


def test_labels_as_image_folder_has_them(variation: Path, real: ImageFolder) -> None:
    made = SyntheticDataset(variation, source=real, counts={"ant": 1, "cat": 2})
    assert made.classes == real.classes
    assert made.class_to_idx == real.class_to_idx
    assert made.targets == [0, 2, 2]
    assert made.counts.tolist() == [1, 0, 2]


def test_labels_in_a_column(variation: Path) -> None:
    column = np.array([[0], [2], [2]])  # as in MedMNIST's data sets
    source = Pairs(tensors(3), list(column), labels=column)
    made = SyntheticDataset(variation, source=source, counts={"ant": 1, "cat": 2})
    assert made.targets == [0, 2, 2]


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


@pytest.mark.filterwarnings("default:two passes over the generated images")
@pytest.mark.parametrize("epoch", [-1, 0.5, True, 2**70])
def test_epochs_that_are_refused(by_class: Path, epoch: Any) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"epoch={epoch!r}; allowed: a whole number")):
        SyntheticDataset(by_class, counts=2).set_epoch(epoch)


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
    assert warned_of(SyntheticDataset(by_class, counts=6), [range(6)] * 3) == [0, 1, 0]


@pytest.mark.filterwarnings("default:two passes over the generated images")
@pytest.mark.parametrize("shorter", [0, 1, 8])
def test_who_sets_each_epoch_is_not_warned_however_long_a_pass_is(
    by_class: Path, shorter: int
) -> None:
    """A sampler with replacement draws more than there are; a first look may stop early."""
    made = SyntheticDataset(by_class, counts=10)
    draws = [i * 7 % 10 for i in range(30)]
    passes = [draws[:shorter], draws, draws, draws]
    assert warned_of(made, passes, epochs=True) == [0, 0, 0, 0]
    assert warned_of(made, [draws, draws]) == [1, 0]  # the first of these is the second of epoch 3


def warned_of(
    made: SyntheticDataset, passes: list[Sequence[int]], *, epochs: bool = False
) -> list[int]:
    """How often each pass warns, where each has an epoch of its own, or none has."""
    found = []
    for epoch, draws in enumerate(passes):
        if epochs:
            made.set_epoch(epoch)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            list(DataLoader(made, batch_size=4, sampler=draws))
        found.append(sum("call set_epoch" in str(entry.message) for entry in caught))
    return found


def test_a_generator_object_can_be_given(variation: Path, real: ImageFolder) -> None:
    generator = Generator(variation, providers="cpu")
    made = SyntheticDataset(generator, source=real, counts=1)
    assert made.generator is generator
    assert as_bytes(made[0]) == as_bytes(SyntheticDataset(variation, source=real, counts=1)[0])
