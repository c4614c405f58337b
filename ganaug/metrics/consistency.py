"""Label consistency: are images of a class taken for that class by classifiers of real images?

The classifiers are cross-fitted: each is fitted on all folds of the real images but one and judges
that one, so that real images are judged as unseen ones, as the generated images are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganaug.errors import DataError
from ganaug.metrics.neighbours import Features

__all__ = ["LabelJudge", "cross_fitted_labels"]


def cross_fitted_labels(
    real: Features,
    labels: NDArray[np.int64],
    units: NDArray[np.int64],
    synthetic: Features,
    rng: np.random.Generator,
    folds: int = 5,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return int64 [N] and [M]: what real and generated images are taken for.

    Linear discriminants with one shrunk covariance (Ledoit and Wolf 2004), every class equally
    likely: no settings to tune, and fitted in an instant. A generated image gets the class with
    the largest mean probability over the folds' classifiers.

    Args:
        real: float [N, D].
        labels: int64 [N].
        units: int64 [N], equal for images that must stay in one fold.
        synthetic: float [M, D].
        rng: deals units to folds.
        folds: of 2 or more; fewer where there are fewer units.

    Raises:
        DataError: fewer than 2 classes or units.
    """
    judge = LabelJudge(real, labels, units, rng, folds)
    return judge.taken, judge.taken_for(synthetic)


class LabelJudge:
    """The classifiers of `cross_fitted_labels`, fitted once for any number of generated images.

    Arguments and errors are those of `cross_fitted_labels`.

    Attributes:
        taken: int64 [N], what the real images are taken for.
    """

    def __init__(
        self,
        real: Features,
        labels: NDArray[np.int64],
        units: NDArray[np.int64],
        rng: np.random.Generator,
        folds: int = 5,
    ) -> None:
        from sklearn.covariance import ledoit_wolf  # here: it takes a second to load

        names = rng.permutation(np.unique(units))
        self.classes = classes = np.unique(labels)
        if len(classes) < 2 or len(names) < 2:
            raise DataError(
                f"label consistency: {len(classes)} classes in {len(names)} units; allowed: 2 or"
                " more of each; give images of other classes"
            )
        count = min(folds, len(names))
        fold_of = np.empty(len(names), np.int64)
        fold_of[np.searchsorted(np.sort(names), names)] = np.arange(len(names)) % count
        fold = fold_of[np.searchsorted(np.sort(names), units)]
        theirs = np.asarray(real, np.float64)
        self.taken = np.empty(len(real), np.int64)
        self.fitted: list[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]] = []
        for number in range(count):
            seen, out = fold != number, np.flatnonzero(fold == number)
            known = np.flatnonzero([(labels[seen] == name).any() for name in classes])
            means = np.stack([theirs[seen & (labels == classes[i])].mean(0) for i in known])
            within = theirs[seen] - means[np.searchsorted(classes[known], labels[seen])]
            covariance, _ = ledoit_wolf(within, assume_centered=True)
            weights = np.linalg.lstsq(covariance, means.T, rcond=None)[0]  # equal images: singular
            offsets = 0.5 * (means * weights.T).sum(1)
            self.taken[out] = classes[known[(theirs[out] @ weights - offsets).argmax(1)]]
            self.fitted.append((known, weights, offsets))

    def taken_for(self, synthetic: Features) -> NDArray[np.int64]:
        """Return int64 [M]: what generated images, float [M, D], are taken for."""
        ours = np.asarray(synthetic, np.float64)
        votes = np.zeros((len(ours), len(self.classes)))
        for known, weights, offsets in self.fitted:
            scores = ours @ weights - offsets
            likely = np.exp(scores - scores.max(1, keepdims=True, initial=-np.inf))
            votes[:, known] += likely / likely.sum(1, keepdims=True)
        return np.asarray(self.classes[votes.argmax(1)])
