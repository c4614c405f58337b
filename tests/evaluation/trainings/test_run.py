"""What the arms do to labels, losses, training sets and images, beside plain augmentation."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import MakeArtifact
from helpers.small_images import bars

from ganaug.artifact.runtime import Generator
from ganaug.errors import ConfigError
from ganaug.evaluation.arms.grammar import parse_arm
from ganaug.evaluation.arms.losses import LOSSES, make_objective, mix
from ganaug.evaluation.arms.random_warp import RandomWarp, matched_strength, mean_absolute_change
from ganaug.evaluation.arms.smote import with_smote
from ganaug.evaluation.arms.variation import make_variation
from ganaug.evaluation.classifiers.network import Schedule
from ganaug.evaluation.trainings.run import Job, Outcome, run_job
from ganaug.images import ImageSet

COUNTS = np.array([24, 12, 6])


def logits_and_labels() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(42, 3), torch.from_numpy(np.repeat([0, 1, 2], COUNTS))


def test_no_loss_is_cross_entropy() -> None:
    logits, labels = logits_and_labels()
    objective = make_objective(None, COUNTS, 10)
    assert torch.equal(objective(logits, labels, 0), F.cross_entropy(logits, labels))


def test_weighted_classes_count_alike() -> None:
    logits, labels = logits_and_labels()
    found = make_objective("weighted", COUNTS, 10)(logits, labels, 0)
    by_class = [F.cross_entropy(logits[labels == k], labels[labels == k]) for k in range(3)]
    assert torch.allclose(found, torch.stack(by_class).mean())


def test_logit_adjustment_adds_the_log_of_the_frequencies() -> None:
    logits, labels = logits_and_labels()
    objective = make_objective("logits", COUNTS, 10)
    shifted = logits + torch.log(torch.tensor([24, 12, 6]) / 42)
    assert torch.allclose(objective(logits, labels, 0), F.cross_entropy(shifted, labels))


def test_deferred_weights_begin_in_the_last_fifth() -> None:
    logits, labels = logits_and_labels()
    objective = make_objective("drw", COUNTS, 10)
    assert torch.equal(objective(logits, labels, 7), F.cross_entropy(logits, labels))
    # At these numbers the effective number of images is nearly the number itself.
    weighted = make_objective("weighted", COUNTS, 10)(logits, labels, 0)
    assert torch.allclose(objective(logits, labels, 8), weighted, rtol=2e-3)


@pytest.mark.parametrize("name", [None, *LOSSES])
def test_losses_take_mixed_labels(name: str | None) -> None:
    logits, labels = logits_and_labels()
    objective = make_objective(name, COUNTS, 10)
    one_hot = F.one_hot(labels, 3).float()
    for step in (0, 9):
        hard, soft = objective(logits, labels, step), objective(logits, one_hot, step)
        assert torch.allclose(hard, soft)


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_mixing_keeps_type_and_mixes_labels_alike(name: str) -> None:
    torch.manual_seed(0)
    images = torch.full((8, 1, 16, 16), 200, dtype=torch.uint8)
    images[::2] = 0
    mixed, labels = mix(images, torch.tensor([0, 1] * 4), name, 3)
    assert mixed.dtype == torch.uint8
    assert mixed.shape == images.shape
    assert torch.allclose(labels.sum(1), torch.ones(8))
    assert (labels[:, 2] == 0).all()
    # Class 1 is white: its share of the label is its share of the light.
    assert torch.allclose(mixed.float().mean((1, 2, 3)) / 200, labels[:, 1], atol=0.01)


def test_smote_fills_up_between_neighbours() -> None:
    images = bars((20, 6, 1))
    filled = with_smote(images, seed=3)
    assert filled.counts.tolist() == [20, 20, 1]
    assert np.array_equal(filled.images[:27], images.images)
    real, made = images.images[images.labels == 1], filled.images[27:]
    assert (made >= real.min(0)).all()
    assert (made <= real.max(0)).all()
    assert len(np.unique(made, axis=0)) > 10
    assert with_smote(images, seed=3).fingerprint == filled.fingerprint


def test_smote_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imblearn.over_sampling", None)
    with pytest.raises(ConfigError, match=r"pip install 'ganaug\[imbalanced\]'"):
        with_smote(bars((4, 2)), seed=0)


def test_a_warp_is_matched_in_how_much_it_changes() -> None:
    torch.manual_seed(0)
    pixels = torch.from_numpy(bars((40,)).images).permute(0, 3, 1, 2)
    for wanted in (3.0, 12.0):
        strength = matched_strength(pixels, wanted, seed=1)
        torch.manual_seed(2)  # other draws than those it was matched on
        found = mean_absolute_change(pixels.repeat(4, 1, 1, 1), RandomWarp(strength))
        assert found == pytest.approx(wanted, rel=0.15)
    assert torch.equal(RandomWarp(0.0)(pixels), pixels)


def trained(arm: str, images: ImageSet, path: Path | None = None, steps: int = 3) -> Outcome:
    assert images.test is not None
    schedule = Schedule(steps, batch=8)
    job = Job(3, parse_arm(arm), images, images.test, schedule, artifact=path)
    return run_job(job)


def test_options_take_the_place_of_the_policy(images: ImageSet, artifact: MakeArtifact) -> None:
    path = artifact()
    free = trained("balanced+shift", images).probabilities
    for never in ("ganaug@p=0+shift", "ganaug@top=0+shift", "warp@p=0+shift"):
        assert np.array_equal(trained(never, images, path).probabilities, free)
    often = [
        trained(arm, images, path).probabilities
        for arm in ("ganaug@p=1", "ganaug@p=1@scale=0.2", "ganaug@p=1@until=0.4", "warp@p=1")
    ]
    for place, mine in enumerate(often):
        assert not any(np.array_equal(mine, other) for other in often[:place])


def test_p_rises_from_a_share_of_the_largest_class(
    images: ImageSet, artifact: MakeArtifact
) -> None:
    pixels = torch.from_numpy(images.images).permute(0, 3, 1, 2)
    labels = torch.from_numpy(np.repeat([0, 1, 2], 400))
    batch = pixels[:1].repeat(1200, 1, 1, 1)
    arm = parse_arm("ganaug@top=0.9@from=1")
    vary = make_variation(arm, artifact(), images, pixels, 0)
    assert vary is not None
    torch.manual_seed(0)
    changed = (vary(batch, labels) != batch).flatten(1).any(1).view(3, 400).float().mean(1)
    # 24, 12 and 6 images: none, two thirds of the way, and all of it.
    assert changed.numpy() == pytest.approx([0.0, 0.6, 0.9], abs=0.07)


def test_a_warp_needs_a_generator_that_varies(images: ImageSet, artifact: MakeArtifact) -> None:
    pixels = torch.from_numpy(images.images).permute(0, 3, 1, 2)
    with pytest.raises(ConfigError, match="the generator's kind is 'class'"):
        make_variation(parse_arm("warp@p=1"), artifact("class"), images, pixels, 0)


def test_a_warp_changes_the_images_that_the_generator_would(
    images: ImageSet, artifact: MakeArtifact
) -> None:
    pixels = torch.from_numpy(images.images).permute(0, 3, 1, 2).contiguous()
    labels = torch.from_numpy(images.labels)
    assert Generator(artifact()).info.kind == "variation"
    changed = []
    for head in ("ganaug", "warp"):
        vary = make_variation(parse_arm(f"{head}@p=0.5"), artifact(), images, pixels, 0)
        assert vary is not None
        torch.manual_seed(1)
        changed.append((vary(pixels, labels) != pixels).flatten(1).any(1))
    assert torch.equal(changed[0], changed[1])
    assert 0 < changed[0].sum() < len(pixels)


@pytest.mark.parametrize(
    "arm",
    ["balanced+mixup", "plain+cutmix+drw", "plain+logits", "balanced+smote"],
)
def test_free_arms_train(arm: str, images: ImageSet) -> None:
    first = trained(arm, images)
    assert first.probabilities.shape == (24, 3)
    assert np.array_equal(first.probabilities, trained(arm, images).probabilities)
    under = "plain" if arm.startswith("plain") else "balanced"
    assert not np.array_equal(first.probabilities, trained(under, images).probabilities)


def test_an_equalised_view_is_shown_at_training_and_test() -> None:
    size = (20, 20)  # torchvision leaves images of fewer than 256 pixels as they are
    images = replace(bars((12, 6), size), test=bars((8, 8), size, seed=1))
    equalised, plain = trained("balanced+equalise", images), trained("balanced", images)
    assert not np.array_equal(equalised.probabilities, plain.probabilities)


def test_a_standardised_view_forgets_the_light_of_test_images(images: ImageSet) -> None:
    assert images.test is not None
    darker = replace(images.test, images=(images.test.images // 2).astype(np.uint8))
    halved = replace(images, test=darker)
    for arm, alike in (("plain+standardise", True), ("plain", False)):
        pair = [trained(arm, each, steps=12).probabilities for each in (images, halved)]
        assert np.allclose(*[each.astype(float) for each in pair], atol=0.05) == alike
