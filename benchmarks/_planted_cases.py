"""Planted failures: what stands for the generated images, and which word belongs to which class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ganaug.evaluation.diversity.report import DiversityReport

__all__ = ["FAILURES", "HONEST", "LIMITS", "Draw", "Planted", "named"]

Images = NDArray[np.uint8]
FIXED = (1, 3, 10)  # images of a class that a collapsed generator knows, in turn
AVERAGED = 8  # training images whose mean is one blurred image
CLUSTERS = 4


@dataclass(frozen=True, eq=False)
class Draw:
    """One draw of data.

    Attributes:
        training, fresh: by class, uint8 [n, H, W, C]; no image is in both.
        size: generated images of each class.
        run: number of the draw.
        rng: of the planted failure.
    """

    training: list[Images]
    fresh: list[Images]
    size: int
    run: int
    rng: np.random.Generator

    @property
    def honest(self) -> list[Images]:
        """Real images that are not training images, as many as are generated."""
        return [images[: self.size] for images in self.fresh]


@dataclass(frozen=True, eq=False)
class Planted:
    """Training and generated images by class, and the words that belong to the classes."""

    training: list[Images]
    generated: list[Images]
    words: list[str]


def named(planted: Planted, report: DiversityReport) -> bool:
    """Whether the right word stands at every class, also where nothing was planted."""
    return [each.word for each in report.classes] == planted.words


def held_out(draw: Draw) -> Planted:
    """Real images that the generator was not trained on."""
    return _all(draw, draw.honest, "OK")


def augmented(draw: Draw) -> Planted:
    """The same, a little turned, shifted and relit."""
    return _all(draw, [_jitter(images, draw.rng, noise=0) for images in draw.honest], "OK")


def subsampled(draw: Draw) -> Planted:
    """Half as many, or 50 of each class where that is more."""
    fewer = max(draw.size // 2, 50)
    return _all(draw, [images[:fewer] for images in draw.honest], "OK")


def fixed_images(draw: Draw) -> Planted:
    """1, 3 or 10 real images a class, again and again."""
    k = FIXED[draw.run % len(FIXED)]
    return _all(draw, [_repeat(images[:k], draw) for images in draw.fresh], "COLLAPSED")


def one_class(draw: Draw) -> Planted:
    """One class has 3 images again and again, the others are fine."""
    at = int(draw.rng.integers(len(draw.fresh)))
    generated = draw.honest
    generated[at] = _repeat(draw.fresh[at][:3], draw)
    return _one(draw, generated, at, "COLLAPSED")


def copies(draw: Draw) -> Planted:
    """Training images, drawn with replacement."""
    return _all(draw, _training_again(draw), "COPYING")


def jittered_copies(draw: Draw) -> Planted:
    """Training images, a little turned, shifted, relit and roughened."""
    made = [_jitter(images, draw.rng, noise=0.02) for images in _training_again(draw)]
    return _all(draw, made, "COPYING")


def half_modes(draw: Draw) -> Planted:
    """Classes are joined in pairs, and of each pair one kind of image is never generated."""
    pairs = range(len(draw.training) // 2)
    kept = [2 * pair + int(draw.rng.integers(2)) for pair in pairs]
    training = [np.concatenate(draw.training[2 * pair : 2 * pair + 2]) for pair in pairs]
    generated = [draw.honest[label] for label in kept]
    return Planted(training, generated, ["COLLAPSED"] * len(training))


def half_clusters(draw: Draw) -> Planted:
    """Of 4 clusters of a class's pixels two, about half of its images, are never generated."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    generated = []
    for training, fresh in zip(draw.training, draw.fresh, strict=True):
        pixels = np.concatenate([training, fresh]).reshape(len(training) + len(fresh), -1)
        components = PCA(20, random_state=0).fit_transform(pixels.astype(np.float32))
        seed = int(draw.rng.integers(2**31))
        found = KMeans(CLUSTERS, n_init=3, random_state=seed).fit(components).labels_
        share = np.bincount(found, minlength=CLUSTERS) / len(found)
        partner = 1 + int(np.argmin([abs(share[0] + share[i] - 0.5) for i in (1, 2, 3)]))
        kept = np.isin(found[len(training) :], (0, partner)) == bool(draw.rng.integers(2))
        generated.append(fresh[kept][: draw.size])
    return _all(draw, generated, "COLLAPSED")


def swapped_labels(draw: Draw) -> Planted:
    """One class shows the images of another, the others are fine."""
    count = len(draw.fresh)
    at = int(draw.rng.integers(count))
    other = (at + 1 + int(draw.rng.integers(count - 1))) % count
    generated = draw.honest
    generated[at] = draw.fresh[other][-draw.size :]
    return _one(draw, generated, at, "MISLABELLED")


def blurred_means(draw: Draw) -> Planted:
    """Means of 8 training images of the class, blurred."""
    generated = []
    for images in draw.training:
        side = images.shape[1] / 14
        made = np.empty((draw.size, *images.shape[1:]), np.uint8)
        for i in range(draw.size):
            chosen = images[draw.rng.choice(len(images), AVERAGED, replace=False)]
            mean = ndimage.gaussian_filter(chosen.mean(0, dtype=np.float32), (side, side, 0))
            made[i] = np.rint(mean)
        generated.append(made)
    return _all(draw, generated, "UNFAITHFUL")


Plant = Callable[[Draw], Planted]
FAILURES: dict[str, Plant] = {
    "fixed images": fixed_images,
    "one class collapsed": one_class,
    "half the modes": half_modes,
    "copies": copies,
    "jittered copies": jittered_copies,
    "swapped labels": swapped_labels,
    "blurred means": blurred_means,
}
# Beyond what the bounds were made for: a class's images are one cloud, and no gap marks a cluster.
LIMITS: dict[str, Plant] = {"half the clusters": half_clusters}
HONEST: dict[str, Plant] = {
    "held-out": held_out,
    "held-out, augmented": augmented,
    "held-out, subsampled": subsampled,
}


def _all(draw: Draw, generated: list[Images], word: str) -> Planted:
    return Planted(draw.training, generated, [word] * len(generated))


def _one(draw: Draw, generated: list[Images], at: int, word: str) -> Planted:
    words = ["OK"] * len(generated)
    words[at] = word
    return Planted(draw.training, generated, words)


def _repeat(images: Images, draw: Draw) -> Images:
    again: Images = images[draw.rng.integers(len(images), size=draw.size)]
    return again


def _training_again(draw: Draw) -> list[Images]:
    return [_repeat(images, draw) for images in draw.training]


def _jitter(images: Images, rng: np.random.Generator, noise: float) -> Images:
    """Turn by up to 3 degrees, shift by up to 1% of the side, relight by up to 5%, add noise."""
    made = np.empty_like(images)
    centre = (np.array(images.shape[1:3]) - 1) / 2
    for i, image in enumerate(images):
        angle = np.deg2rad(rng.uniform(-3, 3))
        shift = rng.uniform(-0.01, 0.01, 2) * images.shape[1:3]
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        light, offset = rng.uniform(0.95, 1.05), centre - turn @ (centre + shift)
        for channel in range(images.shape[3]):
            moved = ndimage.affine_transform(
                image[..., channel].astype(np.float32), turn, offset, order=3, mode="nearest"
            )
            rough = light * moved + 255 * noise * rng.standard_normal(moved.shape)
            made[i, ..., channel] = np.clip(np.rint(rough), 0, 255)
    return made
