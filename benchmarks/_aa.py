"""The verdict as a statistical instrument: arms that are equal, and a gain of 2 points.

Every comparison has 10 seeds, a test part of its own and, for each seed, a draw of its own, all
from MNIST's training images; the arms of a seed differ in the augmentation stream. The classifier
is scikit-learn's ridge classifier on products of principal components, 10 ms a training. No stream
is used twice, so that, given the images, the comparisons are independent of each other; only the
60,000 images behind the draws are shared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from ganaug.evaluation.classifiers.interface import Outcome
from ganaug.evaluation.gain.intervals import binomial_interval
from ganaug.evaluation.gain.judge import Evidence, Gain, judge
from ganaug.evaluation.gain.units import TestPart
from ganaug.images import ImageSet, load_images
from ganaug.randomness import stream

__all__ = ["a_against_a"]

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
COUNTS = (400, 320, 260, 200, 160, 120, 100, 80, 60, 40)
TEST_IMAGES = 100  # of each class
SEEDS = 10
MORE = 50  # further images of each rarer class give 2 points, measured on other streams
COMPONENTS = 20
BLOCK = 10_000  # images at a time, so that memory stays small
SHIFT = 2  # pixels, at most, in either direction
COMPARISONS = {False: (1000, 200), True: (40, 10)}  # by quick: equal arms, a planted gain


def a_against_a(quick: bool, data: Path | None = None) -> dict[str, Any]:
    """Return how often the shipped verdict is wrong about equal arms, and right about 2 points.

    Args:
        quick: 40 and 10 comparisons instead of 1,000 and 200.
        data: the folder with mnist.npz.

    Returns:
        comparisons: of equal arms; rejections: "helps" or "hurts" among them, with its interval;
        t_rejections: where the t interval over seeds alone leaves 0 out; planted: comparisons in
        which one arm had more training images; planted_gain: what that gave, over all of them,
        with its standard error; power_2_points: the fraction called "helps", with its interval.
        Fractions have 95% intervals (Wilson).
    """
    bench = _Bench(load_images((data or DATA) / "mnist.npz"))
    equal, planted = COMPARISONS[quick]
    gains = [bench.compare("equal", index, 0) for index in range(equal)]
    better = [bench.compare("planted", index, MORE) for index in range(planted)]
    wrong = sum(gain.verdict in ("helps", "hurts") for gain in gains)
    found = sum(gain.verdict == "helps" for gain in better)
    means = np.array([gain.mean for gain in better])
    return {
        "comparisons": equal,
        "rejections": wrong,
        "rejections_interval": list(binomial_interval(wrong, equal)),
        "t_rejections": sum(gain.t[0] > 0 or gain.t[1] < 0 for gain in gains),
        "bootstrap_rejections": sum(
            gain.bootstrap[0] > 0 or gain.bootstrap[1] < 0 for gain in gains
        ),
        "seeds": SEEDS,
        "planted": planted,
        "planted_gain": float(means.mean()),
        "planted_gain_error": float(means.std(ddof=1) / np.sqrt(planted)),
        "power_2_points": found / planted,
        "power_interval": list(binomial_interval(found, planted)),
    }


@dataclass
class _Bench:
    """MNIST's training images, and the features of each of them after each shift."""

    images: ImageSet
    members: list[NDArray[np.int64]] = field(init=False)
    table: NDArray[np.float32] = field(init=False)  # [down, across, image, component]

    def __post_init__(self) -> None:
        pixels = self.images.images[..., 0]
        count, height, width = pixels.shape
        classes = range(len(self.images.classes))
        self.members = [np.flatnonzero(self.images.labels == label) for label in classes]
        some = stream(0, "aa/components").permutation(count)[:4000]
        solver = PCA(COMPONENTS, svd_solver="randomized", random_state=0)
        axes = solver.fit(pixels[some].reshape(len(some), -1) / 255.0).components_.T / 255
        padded = np.pad(pixels, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
        side = 2 * SHIFT + 1
        self.table = np.empty((side, side, count, COMPONENTS), np.float32)
        for down, across in np.ndindex(side, side):
            moved = padded[:, down : down + height, across : across + width].reshape(count, -1)
            for start in range(0, count, BLOCK):
                part = slice(start, start + BLOCK)
                self.table[down, across, part] = moved[part].astype(np.float32) @ axes.astype(
                    np.float32
                )

    def compare(self, name: str, index: int, more: int) -> Gain:
        """Return the gain of one comparison; the second arm has `more` images of the rarer half."""
        rng = stream(0, f"aa/{name}/test", index)
        parts = [rng.permutation(rows) for rows in self.members]
        test = np.concatenate([rows[:TEST_IMAGES] for rows in parts])
        pool = [rows[TEST_IMAGES:] for rows in parts]
        labels = self.images.labels[test]
        features = self._features(test, None)
        outcomes = {}
        for seed in range(SEEDS):
            draws = stream(0, f"aa/{name}/draw", index, seed)
            drawn = [
                draws.choice(rows, count + more * (label >= len(pool) // 2), replace=False)
                for label, (rows, count) in enumerate(zip(pool, COUNTS, strict=True))
            ]
            plain = [rows[:count] for rows, count in zip(drawn, COUNTS, strict=True)]
            for arm, chosen in (
                ("balanced", np.concatenate(plain)),
                ("ganaug", np.concatenate(drawn)),
            ):
                augmentation = stream(0, f"aa/{name}/{arm}", index, seed)
                model = make_pipeline(
                    PolynomialFeatures(2), RidgeClassifier(alpha=100.0, class_weight="balanced")
                )
                model.fit(self._features(chosen, augmentation), self.images.labels[chosen])
                predicted = model.predict(features)
                certain = np.eye(len(self.members), dtype=np.float16)[predicted]
                outcomes[seed, arm] = Outcome(certain, 0.0)
        part = TestPart(labels, None, f"{name} {index}")
        found = judge(
            Evidence(
                outcomes,
                dict.fromkeys(range(SEEDS), part),
                dict.fromkeys(range(SEEDS), np.array(COUNTS)),
            ),
            seeds=range(SEEDS),
            arms=("balanced", "ganaug"),
            baseline="balanced",
            free_arms=(),
            num_classes=len(self.images.classes),
        )
        return found.gain["ganaug"]

    def _features(
        self, rows: NDArray[np.int64], shifts: np.random.Generator | None
    ) -> NDArray[np.float32]:
        """float32 [N, components] of images, each shifted at random, or not at all."""
        if shifts is None:
            offset = np.full((2, len(rows)), SHIFT)
        else:
            offset = shifts.integers(0, 2 * SHIFT + 1, (2, len(rows)))
        features: NDArray[np.float32] = self.table[offset[0], offset[1], rows]
        return features
