"""The images of the planted failures: pools from which each run draws, and their features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from benchmarks._glyphs import render_glyphs
from benchmarks._planted_cases import Draw
from ganaug.images import ImageSet, load_images
from ganaug.metrics.encoder import SmallEncoder
from ganaug.metrics.features import FeatureMap, JointFeatures, PixelPCA
from ganaug.randomness import stream

__all__ = ["POOLS", "Pool", "stacked"]

Images = NDArray[np.uint8]
MOST_IN_POOL = 1500  # images of a class
MOST_REMEMBERED = 50_000  # images; 25 MB


class Remembered:
    """Features that are computed once for each image, as runs draw the same ones again."""

    def __init__(self, features: FeatureMap) -> None:
        self.features = features
        self.known: dict[bytes, NDArray[np.float32]] = {}

    def __call__(self, images: Images) -> NDArray[np.float32]:
        """Return float32 [N, D] of uint8 images [N, H, W, C]."""
        keys = [image.tobytes() for image in images]
        new = [i for i, key in enumerate(keys) if key not in self.known]
        found = self.features(images[new])
        fresh = {keys[i]: row for i, row in zip(new, found, strict=True)}
        if len(self.known) < MOST_REMEMBERED:
            self.known |= fresh
        rows = [fresh[key] if key in fresh else self.known[key] for key in keys]
        return np.stack(rows) if rows else found


@dataclass(frozen=True, eq=False)
class Pool:
    """One data set.

    Attributes:
        name: of it.
        images: by class, uint8 [n, H, W, C]; what runs draw from.
        learnt_from: uint8 [L, H, W, C]; what the features are fitted on, in no draw.
        training, generated: images of a class in each run.
    """

    name: str
    images: list[Images]
    learnt_from: Images
    training: int
    generated: int

    def features(self, steps: int = 200) -> FeatureMap:
        """Return the default features of `evaluate_diversity`, fitted once for all runs."""
        maps = (PixelPCA(self.learnt_from), SmallEncoder(self.learnt_from, steps=steps))
        return Remembered(JointFeatures(maps, self.learnt_from))

    def draw(self, case: str, run: int, first_seed: int) -> Draw:
        """Return the draw of a run; the fresh images are all that are left, at most 4 times."""
        rng = stream(first_seed + run, f"planted/{self.name}/{case}")
        training, fresh = [], []
        for images in self.images:
            order = rng.permutation(len(images))
            training.append(images[order[: self.training]])
            fresh.append(images[order[self.training :][: 4 * self.generated]])
        return Draw(training, fresh, self.generated, run, rng)


def digits(data: Path) -> Pool:
    """scikit-learn's digits, 8x8: what the bounds were set on."""
    images = load_images("digits")
    both = images if images.test is None else _joined(images, images.test)
    return _pool("digits", both, learn=30, training=70, generated=70)


def mnist(data: Path) -> Pool:
    """The training part of MNIST, 28x28."""
    images = load_images(data / "mnist.npz")
    return _pool("mnist", images, learn=200, training=150, generated=150)


def neu(data: Path) -> Pool:
    """The training part of NEU, 6 classes of steel surface at 32x32.

    Single images are drawn: crops of one strip, which overlap, may fall on both sides, in the
    draws as in the reference.
    """
    images = load_images(data / "neu-defects", size=32, mode="grey")
    return _pool("neu", images, learn=40, training=100, generated=100)


def glyphs(data: Path) -> Pool:
    """Ten letters and digits, printed and photographed, 32x32 RGB."""
    counts = np.zeros(36, np.int64)
    shown = np.arange(0, 36, 4)[:10]
    counts[shown] = 900
    made = render_glyphs("train", counts, 1.0, 0, "glyphs")
    return _pool("glyphs", made, learn=200, training=300, generated=300)


def grain(data: Path) -> Pool:
    """Random textures of four scales, 28x28: images of a class differ in every place."""
    rng = stream(0, "planted/grain/images")
    found = []
    for scale in (0.5, 0.8, 1.2, 2.0):
        noise = gaussian_filter(rng.normal(size=(900, 28, 28, 1)), (0, scale, scale, 0))
        found.append(np.clip(128 + 40 * noise / noise.std(), 0, 255).astype(np.uint8))
    labels = np.repeat(np.arange(len(found)), 900)
    made = ImageSet(np.concatenate(found), labels, ("0.5", "0.8", "1.2", "2.0"))
    return _pool("grain", made, learn=200, training=150, generated=150)


def stacked(data: Path, quick: bool) -> tuple[list[Images], list[Images]]:
    """Return digits by class, those to fit features on and those to stack into colours."""
    pool = digits(data) if quick else mnist(data)
    learn = len(pool.learnt_from) // len(pool.images)
    return [pool.learnt_from[learn * c : learn * (c + 1)] for c in range(10)], pool.images


POOLS: dict[str, Callable[[Path], Pool]] = {
    "digits": digits,
    "mnist": mnist,
    "neu": neu,
    "glyphs": glyphs,
    "grain": grain,
}


def _pool(name: str, images: ImageSet, *, learn: int, training: int, generated: int) -> Pool:
    rng = stream(0, f"planted/{name}/pool")
    learnt, left = [], []
    for label in np.flatnonzero(images.counts):
        rows = rng.permutation(np.flatnonzero(images.labels == label))
        learnt.append(images.images[rows[:learn]])
        left.append(images.images[rows[learn : learn + MOST_IN_POOL]])
    return Pool(name, left, np.concatenate(learnt), training, generated)


def _joined(first: ImageSet, second: ImageSet) -> ImageSet:
    return ImageSet(
        np.concatenate([first.images, second.images]),
        np.concatenate([first.labels, second.labels]),
        first.classes,
    )
