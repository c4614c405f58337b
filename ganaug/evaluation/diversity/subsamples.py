"""The numbers of one class: subsamples of generated images beside as many real ones.

The real images are cut into halves A and B again and again, whole units on one side. What stands
for the generated images, as many as B has, is compared with A; and so is B, which is the reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from ganaug.evaluation.diversity.report import Measure
from ganaug.evaluation.diversity.two_sample import similarities, told_apart
from ganaug.randomness import stream

__all__ = [
    "NEIGHBOURS",
    "NO_CLASS",
    "ClassImages",
    "Subsamples",
    "halves",
    "rounded",
    "strayed",
    "subsamples",
    "summary",
]

NEIGHBOURS = 5
NO_CLASS = -1  # of an image that is taken for another class, and not like it
DUPLICATE = 0.1  # of the median distance of a real image to the next: closer ones count as one
COUNTED = ("coverage", "near_duplicates")  # fractions of all images
# Fractions of those that differ.
COUNTED_ONCE = ("precision", "texture", "strayed", "copied", "labels", "mistaken")
Array = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ClassImages:
    """One class, n real and m generated images.

    Attributes:
        label: of the class.
        real, synthetic: features, float [n, D] and [m, D].
        real_texture, synthetic_texture: float [n, E] and [m, E].
        real_pixels, synthetic_pixels: components of the pixels, float [n, P] and [m, P].
        units: int64 [n], equal for real images that stay on one side.
        sources: int64 [m], the row of `real` that each generated image came from, or None.
        real_taken, synthetic_taken: int64 [n] and [m], the class each is taken for, see
            `taken_for`; or None.
        real_near, synthetic_near: float64 [n, 2] and [m, 2], neighbour ratio among the training
            images, in features and in pixels.
        unseen_near: float64 [u, 2], the same of all unseen real images of the class.
        real_nearest, synthetic_nearest: float64 [n] and [m], distance to the nearest of them.
    """

    label: int
    real: NDArray[np.float32]
    synthetic: NDArray[np.float32]
    real_texture: NDArray[np.float32]
    synthetic_texture: NDArray[np.float32]
    real_pixels: NDArray[np.float32]
    synthetic_pixels: NDArray[np.float32]
    units: Rows
    sources: Rows | None
    real_taken: Rows | None
    synthetic_taken: Rows | None
    real_near: Array
    synthetic_near: Array
    unseen_near: Array
    real_nearest: Array
    synthetic_nearest: Array


@dataclass(frozen=True, eq=False)
class Subsamples:
    """What the cuts of one class gave.

    Attributes:
        found: by measure, float64 [cuts, 2]: of generated images, and of real ones in their place.
        size: generated images compared in each cut.
        distinct: different images among all generated ones.
        unseen: real images of the class in the search for copies.
    """

    found: dict[str, Array]
    size: int
    distinct: int
    unseen: int = 0

    def measures(self) -> dict[str, Measure]:
        """Return the mean over the cuts, with interval and z."""
        images = dict.fromkeys(COUNTED, self.size) | {
            name: min(self.size, self.distinct) for name in COUNTED_ONCE
        }
        return {name: summary(both, images.get(name)) for name, both in self.found.items()}


def subsamples(images: ClassImages, cuts: int, seed: int) -> Subsamples:
    """Return the numbers of one class; none where there are too few images, or all alike.

    Args:
        images: of the class.
        cuts: into halves, 2 or more.
        seed: of the cuts.
    """
    distances = _Distances(images)
    rows: list[list[tuple[float, float]]] = []
    size = 0
    for cut in range(cuts):
        rng = stream(seed, "diversity/halves", cut, images.label)
        half_a, half_b = halves(images.units, rng)
        chosen = _of_generated(images, half_b, rng)
        size = min(len(half_b), len(chosen))
        if len(half_a) <= NEIGHBOURS or size < 2 or not distances.differ(half_a):
            return Subsamples({}, size, distances.distinct)
        rows.append(distances.compare(half_a, half_b[:size], chosen[:size]))
    table = np.array(rows)  # [cuts, measures, 2]
    found = {name: table[:, place] for place, name in enumerate(distances.names)}
    return Subsamples(found, size, distances.distinct)


class _Distances:
    """All distances inside one class, computed once; a subsample is a choice of rows."""

    def __init__(self, images: ClassImages) -> None:
        self.images = images
        self.real = cdist(images.real, images.real)
        self.between = cdist(images.real, images.synthetic)
        self.synthetic = cdist(images.synthetic, images.synthetic)
        self.texture_real = cdist(images.real_texture, images.real_texture)
        self.texture_between = cdist(images.real_texture, images.synthetic_texture)
        nearest = _nearest(self.real)
        self.close = float(np.quantile(nearest, 0.05))
        same = self.synthetic <= DUPLICATE * float(np.median(nearest))
        self.distinct, self.component = connected_components(same, directed=False)
        below = np.quantile(images.unseen_near, 0.05, axis=0)
        self.real_copied = np.any(images.real_near < below, axis=1)
        self.synthetic_copied = np.any(images.synthetic_near < below, axis=1)
        self.names = ["coverage", "precision", "texture", "kernel", "spread", "near_duplicates"]
        self.names += ["lost", "strayed", "copied", "nearest", "apart", "missing"]
        self.similar = similarities(
            [(images.real, images.synthetic), (images.real_pixels, images.synthetic_pixels)]
        )
        if images.synthetic_taken is not None:
            self.names += ["labels", "mistaken"]
            self.rival = _rival(images.synthetic_taken, images.label)

    def differ(self, rows: Rows) -> bool:
        return bool((self.images.real[rows] != self.images.real[rows[0]]).any())

    def compare(self, half_a: Rows, half_b: Rows, made: Rows) -> list[tuple[float, float]]:
        """Return (generated, real) for each of `names`."""
        images = self.images
        within = self.real[np.ix_(half_a, half_a)]
        radius = _radius(within)
        texture_radius = _radius(self.texture_real[np.ix_(half_a, half_a)])
        spread = _mean_pair(within)
        # Each distinct generated image once: a repeated one is one piece of evidence.
        single = made[np.unique(self.component[made], return_index=True)[1]]
        to_made, to_b = self.between[np.ix_(half_a, made)], self.real[np.ix_(half_a, half_b)]
        to_single = self.between[np.ix_(half_a, single)]
        made_within = self.synthetic[np.ix_(made, made)]
        b_within = self.real[np.ix_(half_b, half_b)]
        texture_single = self.texture_between[np.ix_(half_a, single)]
        texture_b = self.texture_real[np.ix_(half_a, half_b)]
        made_spread, b_spread = _mean_pair(made_within), _mean_pair(b_within)
        found = [
            (_covered(to_made, radius), _covered(to_b, radius)),
            (_inside(to_single, radius), _inside(to_b, radius)),
            (_inside(texture_single, texture_radius), _inside(texture_b, texture_radius)),
            (
                (2 * float(to_made.mean()) - spread - made_spread) / spread,
                (2 * float(to_b.mean()) - spread - b_spread) / spread,
            ),
            (made_spread / spread, b_spread / spread),
            (
                float((_nearest(made_within) <= self.close).mean()),
                float((_nearest(b_within) <= self.close).mean()),
            ),
            (
                _lost(images.real[half_a], images.synthetic[made]),
                _lost(images.real[half_a], images.real[half_b]),
            ),
            (
                strayed(images.real_texture[half_a], images.synthetic_texture[single]),
                strayed(images.real_texture[half_a], images.real_texture[half_b]),
            ),
            (
                float(self.synthetic_copied[single].mean()),
                float(self.real_copied[half_b].mean()),
            ),
            (
                float(np.median(images.synthetic_nearest[made])),
                float(np.median(images.real_nearest[half_b])),
            ),
            *zip(
                self._told_apart(half_a, len(images.real) + made),
                self._told_apart(half_a, half_b),
                strict=True,
            ),
        ]
        if images.real_taken is not None and images.synthetic_taken is not None:
            both = images.synthetic_taken[single], images.real_taken[half_b]
            for share in (self._right, self._mistaken):
                found.append((share(both[0]), share(both[1])))
        return found

    def _right(self, taken: Rows) -> float:
        """Share of images that are not taken for another class."""
        return float(((taken == self.images.label) | (taken == NO_CLASS)).mean())

    def _mistaken(self, taken: Rows) -> float:
        """How much larger the share taken for the rival is than that taken for the class."""
        rival, own = (taken == self.rival).mean(), (taken == self.images.label).mean()
        return max(0.0, float(rival - own))

    def _told_apart(self, half_a: Rows, others: Rows) -> tuple[float, float]:
        rows = np.concatenate([half_a, others])
        return told_apart(self.similar[np.ix_(rows, rows)], len(half_a))


def halves(units: Rows, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Cut rows 0..n-1 into two halves, whole units on one side where there are two or more."""
    names, unit = np.unique(units, return_inverse=True)
    if len(names) < 2:
        unit, names = np.arange(len(units)), np.arange(len(units))  # there is no other way
    counts = np.bincount(unit).tolist()
    sizes = [0, 0]
    side = np.zeros(len(names), np.int64)
    for name in rng.permutation(len(names)).tolist():  # the smaller side takes the next unit
        side[name] = int(sizes[1] < sizes[0])
        sizes[side[name]] += counts[name]
    on_b = side[unit] == 1
    return rng.permutation(np.flatnonzero(~on_b)), rng.permutation(np.flatnonzero(on_b))


def _of_generated(images: ClassImages, half_b: Rows, rng: np.random.Generator) -> Rows:
    """Rows of generated images that stand in for half B: made from it, or any."""
    order = rng.permutation(len(images.synthetic))
    if images.sources is not None:
        order = order[np.isin(images.sources[order], half_b)]
    return order[: len(half_b)]


def summary(both: Array, images: int | None = None) -> Measure:
    """Return the mean over cuts of float64 [cuts, 2], with interval and z.

    `images`: of how many images the numbers are fractions; None where they are no fractions.
    """
    value, reference = (float(mean) for mean in both.mean(0))
    deviation = float(both[:, 1].std(ddof=1))
    if images is not None:  # where all or none are counted there is no deviation to see
        share = (min(max(reference, 0.0), 1.0) * images + 1) / (images + 2)
        deviation = max(deviation, float(np.sqrt(share * (1 - share) / images)))
    z = (value - reference) / max(deviation, 1e-9)
    low, high = np.quantile(both[:, 0], (0.025, 0.975))
    return Measure(*(rounded(each) for each in (value, reference, low, high, z)))


def rounded(value: float) -> float:
    """Five digits: the record is written into files."""
    return float(f"{float(np.clip(value, -1e6, 1e6)):.5g}")


def _lost(real: NDArray[np.float32], made: NDArray[np.float32]) -> float:
    """Share of the real images beyond the generated ones, less that of generated beyond real ones.

    A shift of all images cancels out; what the generator leaves out does not.
    """
    return float(np.mean([lost - strayed for lost, strayed in _beyond(real, made)]))


def strayed(real: NDArray[np.float32], made: NDArray[np.float32]) -> float:
    """Return the share of generated images [m, E] beyond real ones [n, E], see `_beyond`."""
    if len(made) < 2:
        return 0.0  # one image has no halves
    return float(np.mean([strayed for _, strayed in _beyond(real, made)]))


def _beyond(real: NDArray[Any], made: NDArray[Any]) -> list[tuple[float, float]]:
    """Return (real beyond generated, generated beyond real), twice.

    "Beyond" is past nine tenths of the others, in the direction from the mean of the generated
    images to that of the real ones. The direction comes from one half of the images (odd or even
    rows, in random order), the shares from the other.
    """
    shares = []
    for first in (0, 1):
        direction = real[first::2].mean(0) - made[first::2].mean(0)
        theirs, ours = real[1 - first :: 2] @ direction, made[1 - first :: 2] @ direction
        lost = float((theirs > np.quantile(ours, 0.9)).mean())
        shares.append((lost, float((ours < np.quantile(theirs, 0.1)).mean())))
    return shares


def _nearest(within: Array) -> Array:
    others = within.copy()
    np.fill_diagonal(others, np.inf)
    return np.asarray(others.min(1))


def _rival(taken: Rows, own: int) -> int:
    """The other class that most of the generated images are taken for; `own` where none is."""
    others = taken[(taken != own) & (taken != NO_CLASS)]
    return int(np.bincount(others).argmax()) if len(others) else own


def _radius(within: Array) -> Array:
    others = within.copy()
    np.fill_diagonal(others, np.inf)
    return np.asarray(np.partition(others, NEIGHBOURS - 1, axis=1)[:, NEIGHBOURS - 1])


def _mean_pair(within: Array) -> float:
    return float(within.sum() / (len(within) * (len(within) - 1)))


def _covered(distances: Array, radius: Array) -> float:
    return float((distances.min(1) <= radius).mean())


def _inside(distances: Array, radius: Array) -> float:
    return float((distances <= radius[:, None]).any(0).mean())
