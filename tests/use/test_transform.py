"""`GANAugment`: how often, for which class, what it refuses, and where it stands in a pipeline."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_models import expected_class, write_class_model
from PIL import Image
from torch import nn
from torchvision import transforms as v1
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from ganaug import AugmentedDataset, GANAugment
from ganaug import once as module
from ganaug.artifact.policy import Policy
from ganaug.errors import ArtifactError, ConfigError, DataError
from ganaug.use._containers import for_classes


def image(channels: int = 3, size: tuple[int, int] = (8, 8)) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).random((channels, *size), np.float32))


def share_varied(transform: GANAugment, label: Any, n: int = 2000) -> float:
    """The share of a batch of one image, all of one label, that is varied."""
    before = image().expand(n, -1, -1, -1)
    torch.default_generator.manual_seed(0)
    after = transform((before, label))[0] if label is not None else transform(before)
    return float((after != before).flatten(1).any(1).float().mean())


def near(share: float) -> Any:
    """Within three standard deviations of a share of 2,000."""
    return pytest.approx(share, abs=0.035)


def test_p_follows_the_policy_at_the_training_counts(variation_policy: Path) -> None:
    transform = GANAugment(variation_policy)
    shares = [share_varied(transform, torch.full((2000,), label)) for label in range(3)]
    assert shares[0] == 0
    assert shares[1:] == [near(0.25), near(0.5)]


def test_without_a_label_p_is_the_mean_weighted_by_counts(variation_policy: Path) -> None:
    transform = GANAugment(variation_policy)
    assert transform.mean_p == pytest.approx((8 * 0 + 4 * 0.25 + 2 * 0.5) / 14)
    assert share_varied(transform, None) == near(2 / 14)
    blind = GANAugment(variation_policy, labels_getter=None)
    assert share_varied(blind, torch.zeros(2000, dtype=torch.int64)) == near(2 / 14)


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        (0.3, [0.3, 0.3, 0.3]),
        (1, [1.0, 1.0, 1.0]),
        ({"cat": 0.8, "bee": 0.1}, [0.0, 0.1, 0.8]),
        ([0.1, 0.0, 0.4], [0.1, 0.0, 0.4]),
        (np.array([0.1, 0.0, 0.4]), [0.1, 0.0, 0.4]),
        (None, [0.0, 0.25, 0.5]),
    ],
)
def test_p_as_given(p: Any, expected: list[float], variation_policy: Path) -> None:
    transform = GANAugment(variation_policy, p=p)
    for label, wanted in enumerate(expected):
        assert share_varied(transform, label) == near(wanted)


def test_soft_labels_weigh_p(variation: Path) -> None:
    transform = GANAugment(variation, p=[0.0, 0.2, 0.8])
    soft = torch.tensor([[0.0, 0.5, 0.5]]).expand(2000, -1)
    assert share_varied(transform, soft) == near(0.5)


def test_each_image_of_a_batch_is_decided_on_by_itself(variation: Path) -> None:
    before = image().expand(6, -1, -1, -1).clone()
    transform = GANAugment(variation, p=[0.0, 1.0, 0.0])
    after, labels = transform(before, torch.tensor([0, 1, 2, 1, 0, 1]))
    varied = (after != before).flatten(1).any(1)
    assert varied.tolist() == [False, True, False, True, False, True]
    rows = after[varied]
    assert not torch.equal(rows[0], rows[1]), "one latent for two images"
    assert labels.tolist() == [0, 1, 2, 1, 0, 1]


def test_scale_multiplies_the_latents(variation: Path, variation_policy: Path) -> None:
    def moved(transform: GANAugment) -> torch.Tensor:
        torch.default_generator.manual_seed(1)
        return transform(torch.full((3, 8, 8), 0.5)) - 0.5

    whole = moved(GANAugment(variation, p=1.0))
    for transform, factor in [
        (GANAugment(variation, p=1.0, scale=0.25), 0.25),
        (GANAugment(variation_policy, p=1.0), 0.5),
        (GANAugment(variation_policy, p=1.0, policy=None), 1.0),
        (GANAugment(variation_policy, p=1.0, scale=0.0), 0.0),
    ]:
        assert torch.allclose(moved(transform), factor * whole, atol=1e-6)


@pytest.mark.parametrize("scale", [-1.0, float("nan"), float("inf"), 1001])
def test_a_scale_far_from_one_is_refused(variation: Path, scale: float) -> None:
    with pytest.raises(ConfigError, match="allowed: a number from 0 to 1,000"):
        GANAugment(variation, scale=scale)
    with pytest.raises(ConfigError, match=r"policy scale: .* allowed: a number above 0, at most"):
        Policy(p=((2, 0.5),), scale=scale)


def test_one_log_line_says_which_p(
    variation_policy: Path,
    variation: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_said", set())
    with caplog.at_level(logging.INFO, logger="ganaug"):
        for _ in range(2):
            GANAugment(variation_policy)
            GANAugment(variation)
            GANAugment(variation, p=0.1)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert "p from its policy, 0.00 to 0.50" in lines[0]
    assert "policy.onnx" in lines[0]
    assert "p = 0.5 for all images" in lines[1]


def test_repr_shows_what_it_does(variation_policy: Path, variation: Path) -> None:
    shown = repr(GANAugment(variation_policy))
    assert "policy.onnx" in shown
    assert "kind='variation', p=0..0.5 (policy), scale=0.5" in shown
    assert "p=0.5 (no policy)" in repr(GANAugment(variation))
    assert "p=0.2 (given), scale=1, mean=(0.5,), std=(0.1,)" in repr(
        GANAugment(variation, p=0.2, mean=0.5, std=0.1)
    )


# Classes by name


def test_classes_are_matched_by_name(variation: Path, by_class: Path) -> None:
    transform = GANAugment(variation, p={"cat": 1.0}).for_classes(["cat", "ant"])
    assert share_varied(transform, 0) == 1
    assert share_varied(transform, 1) == 0
    with pytest.raises(DataError, match="label 2 is out of range; allowed: 0 to 1"):
        transform(image(), 2)

    swapped = GANAugment(by_class, p=1.0, scale=0.0).for_classes(["cat", "ant"])
    made = swapped(image(), 0)[0].numpy()
    expected = expected_class(np.array([2]), np.zeros((1, 4), np.float32), classes=3, channels=3)
    assert np.allclose(made, expected[0], atol=1e-6)


def test_an_unknown_class_is_refused(variation: Path) -> None:
    with pytest.raises(ArtifactError, match=r"class 'bees' is not in .*did you mean 'bee'"):
        GANAugment(variation).for_classes(["ant", "bees"])


def test_p_by_label_is_refused_where_the_order_differs(variation: Path) -> None:
    transform = GANAugment(variation, p=[0.1, 0.2, 0.3])
    assert share_varied(transform.for_classes(["ant", "bee", "cat"]), 2) == near(0.3)
    with pytest.raises(ConfigError, match=r"allowed: \{class name: p\}"):
        transform.for_classes(["cat", "bee", "ant"])


@pytest.mark.parametrize(
    "wrap",
    [
        lambda t: v2.Compose([v2.Identity(), t]),
        lambda t: v1.Compose([t]),
        lambda t: v2.RandomApply([t], p=1.0),
        lambda t: v2.RandomApply(nn.ModuleList([t]), p=1.0),
        lambda t: v2.RandomChoice([t, v2.Compose([t])]),
        lambda t: nn.Sequential(nn.Identity(), t),
    ],
)
def test_for_classes_reaches_into_containers(wrap: Callable[[Any], Any], variation: Path) -> None:
    outer = wrap(GANAugment(variation, p={"cat": 1.0}))
    inner = for_classes(outer, ["cat"])
    assert type(inner) is type(outer)
    before = image()
    label = {"label": 0}
    assert not torch.equal(inner((before, label))[0], before)
    assert torch.equal(outer((before, label))[0], before), "the given transform was changed"


class Pipeline(nn.Sequential):
    """A container with arguments of its own."""

    def __init__(self, first: Any, last: Any, *, size: int) -> None:
        super().__init__(OrderedDict(first=first, last=last, again=last))
        self.size = size


def test_for_classes_copies_a_container_with_all_that_it_has(variation: Path) -> None:
    outer = Pipeline(nn.Identity(), GANAugment(variation, p={"cat": 1.0}), size=3)
    called = []
    outer.register_forward_hook(lambda *_: called.append(1))
    inner = for_classes(outer, ["cat"])
    assert (type(inner), inner.size, list(inner._modules)) == (Pipeline, 3, list(outer._modules))
    assert inner.first is outer.first
    before = image()
    assert not torch.equal(inner((before, {"label": 0}))[0], before)
    assert called == [1]
    assert torch.equal(outer((before, {"label": 0}))[0], before), "the given one was changed"


def test_for_classes_leaves_what_holds_no_generator() -> None:
    for outer in (v2.Compose([v2.Identity()]), nn.Sequential(nn.Identity()), print):
        assert for_classes(outer, ["a"]) is outer


# The class kind


def test_a_number_is_no_name_of_a_class(tmp_path: Path) -> None:
    """Label 0 and the class "0" need not be the same."""
    path = write_class_model(tmp_path / "m.onnx", classes=("1", "0"), counts=(5, 5))
    with pytest.raises(ConfigError, match="p= has the class 0"):
        GANAugment(path, p={0: 0.5})


def test_a_generator_without_labels_is_refused_by_data_with_classes(tmp_path: Path) -> None:
    path = write_class_model(
        tmp_path / "all.onnx", classes=("all",), counts=(9,), config={"conditional": False}
    )
    transform = GANAugment(path, p=1.0)
    with pytest.raises(ArtifactError, match=r"without labels.*2 classes.*labels_getter=None"):
        transform.for_classes(["ant", "bee"])
    assert transform.for_classes(["ant"])._labels.tolist() == [0]


def test_without_labels_any_classes_fit(
    tmp_path: Path, variation_policy: Path, real: ImageFolder
) -> None:
    """p is then the mean over the classes that the generator was trained on."""
    blind = GANAugment(variation_policy, labels_getter=None)
    other = blind.for_classes(["x", "y", "z", "w"])
    assert other is blind
    assert share_varied(other, torch.full((2000,), 3)) == near(2 / 14)
    by_order = GANAugment(variation_policy, p=[0.1, 0.2, 0.3], labels_getter=None)
    assert by_order.for_classes(["cat", "bee", "ant"]) is by_order

    path = write_class_model(
        tmp_path / "all.onnx", 3, classes=("all",), counts=(9,), config={"conditional": False}
    )
    pipeline = v2.Compose([GANAugment(path, p=1.0, labels_getter=None), v2.Identity()])
    varied, label = AugmentedDataset(real, pipeline)[13]
    assert label == 2
    assert varied.tobytes() != real[13][0].tobytes()


def test_a_class_generator_needs_a_label(by_class: Path) -> None:
    for sample in (image(), (image(), None), {"image": image()}):
        with pytest.raises(ConfigError, match="no label in the sample"):
            GANAugment(by_class)(sample)


def test_a_generator_of_one_class_needs_none(tmp_path: Path) -> None:
    path = write_class_model(tmp_path / "one.onnx", classes=("all",), counts=(9,))
    made = GANAugment(path, p=1.0, scale=0.0)(torch.zeros(1, 8, 8))
    expected = expected_class(np.array([0]), np.zeros((1, 4), np.float32), classes=1)
    assert np.allclose(made.numpy(), expected[0], atol=1e-6)


def test_a_mixed_label_is_refused_by_a_class_generator(by_class: Path) -> None:
    with pytest.raises(ConfigError, match="before MixUp and CutMix"):
        GANAugment(by_class)(image(), torch.tensor([0.5, 0.5, 0.0]))
    GANAugment(by_class)(image(), torch.tensor([0.9, 0.1, 0.0]))  # smoothed is not mixed


def test_a_generated_image_has_the_size_of_the_one_it_replaces(by_class: Path) -> None:
    made = GANAugment(by_class, p=1.0, scale=0.0)(image(size=(20, 12)), 1)[0]
    whole = expected_class(np.array([1]), np.zeros((1, 4), np.float32), classes=3, channels=3)
    expected = v2.functional.resize(torch.from_numpy(whole[0]), [20, 12], antialias=True)
    assert torch.allclose(made, expected.clamp(0, 1), atol=1e-5)


# Channels


def test_a_grey_generator_takes_grey_rgb(grey: Path, grey_by_class: Path) -> None:
    rgb = Image.fromarray(np.random.default_rng(0).integers(0, 255, (8, 8), np.uint8)).convert(
        "RGB"
    )
    for path in (grey, grey_by_class):
        after = GANAugment(path, p=1.0)(rgb, 1)[0]
        assert after.mode == "RGB"
        levels = np.asarray(after)
        assert (levels == levels[:, :, :1]).all()
        assert not np.array_equal(levels, np.asarray(rgb))


def test_a_grey_generator_behind_normalize(grey: Path) -> None:
    """Undoing each channel's own mean and std leaves traces of colour in a grey image."""
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    normalise = v2.Normalize(mean, std)
    before = image(1).expand(3, -1, -1)
    torch.default_generator.manual_seed(0)
    plain = normalise(GANAugment(grey, p=1.0)(before))
    torch.default_generator.manual_seed(0)
    behind = GANAugment(grey, p=1.0, mean=mean, std=std)(normalise(before))
    assert torch.allclose(plain, behind, atol=1e-5)


def test_channels_that_do_not_fit_are_refused(grey: Path, variation: Path, by_class: Path) -> None:
    with pytest.raises(DataError, match="is coloured"):
        GANAugment(grey, p=1.0)(image())
    for path in (variation, by_class):
        with pytest.raises(DataError, match=r"grey image .*makes RGB.*v2.RGB"):
            GANAugment(path, p=1.0)(image(1), 0)
