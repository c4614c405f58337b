"""What tells the classes of frozen features apart: a regression, or a discriminant analysis."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from ganaug.errors import ConfigError
from ganaug.evaluation.classifiers.probe import (
    SHRINKAGE,
    WEIGHT,
    fit_lda,
    fit_regression,
    within_class_whitening,
)


def test_the_regression_is_that_of_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 200)
    features = rng.normal(size=(200, 6)) + 1.5 * np.eye(3, 6)[labels]
    weights, bias = fit_regression(
        torch.from_numpy(features).float(),
        torch.from_numpy(labels),
        3,
        nn.functional.cross_entropy,
    )
    theirs = LogisticRegression(C=1 / (WEIGHT * 200), tol=1e-8, max_iter=1000).fit(features, labels)
    assert np.allclose(weights.T, theirs.coef_, atol=2e-3)
    assert np.allclose(bias - bias.mean(), theirs.intercept_ - theirs.intercept_.mean(), atol=2e-3)


def test_whitened_features_vary_equally_inside_classes() -> None:
    rng = np.random.default_rng(2)
    labels = np.repeat(np.arange(3), [400, 100, 20])
    noise = rng.normal(size=(520, 5)) @ rng.normal(size=(5, 5))
    features = 9 * rng.normal(size=(3, 5))[labels] + noise
    targets = torch.from_numpy(labels)
    found = within_class_whitening(torch.from_numpy(features).float(), targets, 4).numpy()
    inside = features - np.stack([features[labels == c].mean(0) for c in range(3)])[labels]
    covariance = inside.T @ inside / 520
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.trace(covariance) / 5 * np.eye(5)
    assert np.allclose(found @ shrunk @ found.T, np.eye(5), atol=1e-4)
    assert np.allclose(found, found.T)


def test_an_image_of_two_classes_counts_for_both() -> None:
    features, labels = torch.randn(30, 4), torch.arange(3).repeat_interleave(10)
    certain = nn.functional.one_hot(labels, 3).float()
    hard = within_class_whitening(features, labels, 3)
    assert torch.equal(within_class_whitening(features, certain, 3), hard)
    twice = torch.cat([features, features]), torch.cat([labels, (labels + 1) % 3])
    halves = (certain + certain.roll(1, 1)) / 2
    assert torch.allclose(
        within_class_whitening(features, halves, 3), within_class_whitening(*twice, 3), atol=1e-5
    )


@pytest.mark.parametrize("classes", [2, 4])
def test_discriminants_of_planted_classes(classes: int) -> None:
    """Equal covariances, far from round: then the best rule is known."""
    rng = np.random.default_rng(1)
    mix = rng.normal(size=(5, 5))
    means = 2 * rng.normal(size=(classes, 5))
    labels = np.repeat(np.arange(classes), [4000, *(classes - 1) * [200]])
    features = means[labels] + rng.normal(size=(len(labels), 5)) @ mix
    weights, bias = fit_lda(
        torch.from_numpy(features).float(), torch.from_numpy(labels), classes + 1
    )
    shown = rng.normal(size=(2000, 5)) @ mix + means.mean(0)
    inverse = np.linalg.inv(mix.T @ mix)
    best = shown @ inverse @ means.T - 0.5 * np.einsum("ki,ij,kj->k", means, inverse, means)
    found = (torch.from_numpy(shown).float() @ weights + bias).argmax(1).numpy()
    assert (found == best.argmax(1)).mean() > 0.95  # whatever the classes' sizes
    assert bias[classes] == -np.inf  # a class without images


def test_discriminants_need_more_images_than_classes() -> None:
    with pytest.raises(ConfigError, match="3 images of 3 classes were seen"):
        fit_lda(torch.rand(3, 4), torch.arange(3), 3)
