"""Trainings that end with numbers that are none: refused, and never kept or used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_comparisons import files, linear, run
from torch import Tensor, nn

from ganaug import Pretrained, TrainingLoop
from ganaug.errors import ConfigError
from ganaug.evaluation.classifiers.interface import as_probabilities
from ganaug.evaluation.trainings.batches import ArmImages
from ganaug.images import ImageSet


def runs_away(channels: int, classes: int, size: tuple[int, int]) -> nn.Module:
    network = linear(channels, classes, size)
    with torch.no_grad():
        next(network.parameters()).fill_(1e38)
    return network


def without_numbers() -> nn.Module:
    layer = nn.Linear(3, 5)
    nn.init.constant_(layer.weight, torch.nan)
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), layer)


def own_loop(images: ArmImages, seed: int) -> Callable[[Tensor], Tensor]:
    return lambda tested: torch.full((len(tested), len(images.classes)), torch.nan)


@pytest.mark.parametrize(
    "classifier",
    [
        runs_away,
        Pretrained(without_numbers),
        Pretrained(without_numbers, frozen=True),
        TrainingLoop(own_loop),
    ],
    ids=["network", "fine-tuned", "frozen", "loop"],
)
def test_a_training_that_diverged_is_refused_and_not_kept(
    classifier: object, images: ImageSet, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"training diverged in arm 'plain', seed 0") as refused:
        run(None, images, classifier=classifier, baseline="plain", out=tmp_path)
    assert len(str(refused.value).splitlines()) == 1
    assert files(tmp_path) == {}


def test_numbers_that_are_none_and_were_kept_are_not_used(images: ImageSet, tmp_path: Path) -> None:
    """As version 0.1.0 kept them."""
    first = run(None, images, seeds=1, baseline="plain", out=tmp_path)
    for path in (tmp_path / "outcomes").iterdir():
        with np.load(path) as content:
            kept = dict(content)
        np.savez(path, **{**kept, "probabilities": np.full_like(kept["probabilities"], np.nan)})
    again = run(None, images, seeds=1, baseline="plain", out=tmp_path)
    assert [arm.recall for arm in again.arms.values()] == [
        arm.recall for arm in first.arms.values()
    ]


def test_rows_that_do_not_add_up_are_refused_beside_some_that_are_no_numbers() -> None:
    found = np.array([[np.nan, np.nan], [0.5, 0.5]])
    assert np.isnan(as_probabilities(found, 2, 2, "it")[0]).all()
    with pytest.raises(ConfigError, match="rows that add up to 1"):
        as_probabilities([*found, [1.0, 1.0]], 3, 2, "it")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, r"returned \[\] of object"),
        (["a", "b", "a"], r"returned \[3\] of <U1"),
        ([[0.5, 0.5], [1.0]], r"returned \[\] of object"),
        ({"labels": [0, 1, 1]}, r"returned \[\] of object"),
        ([0, 1, 2], r"returned \[3\] with the label 2"),
        ([0.0, 1.0, np.nan], r"returned \[3\] with the label nan"),
        ([[2.0, -1.0]] * 3, r"returned \[3, 2\] with other rows"),
        ([0, 1], r"returned \[2\]; allowed: labels \[3\] from 0 to 1"),
    ],
)
def test_what_is_no_prediction_is_refused_by_name(found: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        as_probabilities(found, 3, 2, "it")
