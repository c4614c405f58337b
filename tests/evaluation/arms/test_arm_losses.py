"""Losses against class imbalance, and mixed labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ganaug.evaluation.arms.losses import LOSSES, make_objective, mix

COUNTS = np.array([24, 12, 6])


def logits_and_labels() -> tuple[torch.Tensor, torch.Tensor]:
    torch.default_generator.manual_seed(0)
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
    torch.default_generator.manual_seed(0)
    images = torch.full((8, 1, 16, 16), 200, dtype=torch.uint8)
    images[::2] = 0
    mixed, labels = mix(images, torch.tensor([0, 1] * 4), name, 3)
    assert mixed.dtype == torch.uint8
    assert mixed.shape == images.shape
    assert torch.allclose(labels.sum(1), torch.ones(8))
    assert (labels[:, 2] == 0).all()
    # Class 1 is white: its share of the label is its share of the light.
    assert torch.allclose(mixed.float().mean((1, 2, 3)) / 200, labels[:, 1], atol=0.01)
