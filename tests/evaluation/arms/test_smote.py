from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.small_images import bars

from ganaug import TrainingLoop, evaluate_gain
from ganaug.errors import ConfigError
from ganaug.evaluation.arms.smote import with_smote


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
    words = r"pip install 'ganaug\[imbalanced\]'"
    with pytest.raises(ConfigError, match=words):
        with_smote(bars((4, 2)), seed=0)
    images, trained = replace(bars((6, 3)), test=bars((4, 4), seed=1)), []

    def train(items: object, seed: int) -> Callable[[torch.Tensor], torch.Tensor]:
        trained.append(seed)
        return lambda tested: torch.zeros(len(tested), dtype=torch.int64)

    for named in (
        {"arms": ["balanced", "balanced+smote"]},
        {"arms": ["balanced+smote+longer-2"], "baseline": "balanced"},
        {"arms": ["balanced"], "baseline": "balanced+smote"},
    ):
        with pytest.raises(ConfigError, match=words):
            evaluate_gain(None, train=images, jobs=1, classifier=TrainingLoop(train), **named)
    assert trained == []
