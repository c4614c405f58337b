"""The numbers of one class: subsamples of generated images beside as many real ones.

The real images are cut into halves A and B again and again, whole units on one side. What stands
for the generated images, as many as B has, is compared with A; and so is B, which is the reference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from ganaug.evaluation.diversity.beyond import lost, strayed
from ganaug.evaluation.diversity.cuts import NEIGHBOURS, halves, summary
from ganaug.evaluation.diversity.features import InFeatures
from ganaug.evaluation.diversity.labels import NO_CLASS, Taken
from ganaug.evaluation.diversity.measures import MEASURES, Measure
from ganaug.evaluation.diversity.two_sample import similarities, told_apart
from ganaug.metrics.distances import energy_of_means
from ganaug.metrics.memorisation import neighbour_ratio
from ganaug.metrics.neighbours import covered, inside, radius_within
from ganaug.metrics.spread import mean_pair
from ganaug.randomness import stream

__all__ = ["NEIGHBOURS", "ClassDistances", "ClassImages", "Near", "Subsamples", "subsamples"]

DUPLICATE = 0.1  # of the median distance of a real image to the next: closer ones count as one
Array = NDArray[np.float64]
Rows = NDArray[np.int64]
Pair = tuple[float, float]  # of generated images, and of real ones in their place


@dataclass(frozen=True, eq=False)
class Near:
    """Distances float64 [., k] to the nearest training images, rising.

    Attributes:
        real: of the real images of a class that are compared.
        unseen: of all real images of the class that no generator has seen.
        synthetic: of its generated images.
    """

    real: Array
    unseen: Array
    synthetic: Array


@dataclass(frozen=True, eq=False)
class ClassImages:
    """One class, n real and m generated images.

    Attributes:
        label: of the class.
        real, synthetic: the images.
        units: int64 [n], equal for real images that stay on one side.
        sources: int64 [m], the row of `real` that each generated image came from, or None.
        taken: the class that each real and each generated image is taken for, see `taken_for`; or
            None.
        near, near_pixels: neighbours among the training images, in features and in pixels.
    """

    label: int
    real: InFeatures
    synthetic: InFeatures
    units: Rows
    sources: Rows | None
    taken: Taken | None
    near: Near
    near_pixels: Near


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
        images = {"images": self.size, "distinct images": min(self.size, self.distinct)}
        return {
            name: summary(both, images.get(MEASURES[name].share_of or ""))
            for name, both in self.found.items()
        }


def subsamples(images: ClassImages, cuts: int, seed: int) -> Subsamples:
    """Return the numbers of one class; none where there are too few images, or all alike.

    Args:
        images: of the class.
        cuts: into halves, 2 or more.
        seed: of the cuts.
    """
    distances = ClassDistances(images)
    rows: list[dict[str, Pair]] = []
    size = 0
    for cut in range(cuts):
        rng = stream(seed, "diversity/halves", cut, images.label)
        half_a, half_b = halves(images.units, rng)
        chosen = _of_generated(images, half_b, rng)
        size = min(len(half_b), len(chosen))
        if len(half_a) <= NEIGHBOURS or size < 2 or not distances.differ(half_a):
            return Subsamples({}, size, distances.distinct)
        rows.append(distances.compare(half_a, half_b[:size], chosen[:size]))
    found = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return Subsamples(found, size, distances.distinct)


class ClassDistances:
    """All distances inside one class, computed once; a subsample is a choice of rows.

    Attributes:
        distinct: different images among all generated ones.
    """

    def __init__(self, images: ClassImages) -> None:
        self.images = images
        real, made = images.real, images.synthetic
        self.real = cdist(real.features, real.features)
        self.between = cdist(real.features, made.features)
        self.synthetic = cdist(made.features, made.features)
        self.texture_real = cdist(real.texture, real.texture)
        self.texture_between = cdist(real.texture, made.texture)
        nearest = radius_within(self.real, 1)
        self.close = float(np.quantile(nearest, 0.05))
        same = self.synthetic <= DUPLICATE * float(np.median(nearest))
        self.distinct, self.component = connected_components(same, directed=False)
        near, near_pixels = images.near, images.near_pixels
        below = np.quantile(_ratios(near.unseen, near_pixels.unseen), 0.05, axis=0)
        self.real_copied = np.any(_ratios(near.real, near_pixels.real) < below, axis=1)
        self.synthetic_copied = np.any(
            _ratios(near.synthetic, near_pixels.synthetic) < below, axis=1
        )
        self.similar = similarities([(real.features, made.features), (real.pixels, made.pixels)])
        self.rival = images.label
        if images.taken is not None:
            self.rival = _rival(images.taken[1], images.label)

    def differ(self, rows: Rows) -> bool:
        """Whether these real images are not all alike."""
        real = self.images.real.features
        return bool((real[rows] != real[rows[0]]).any())

    def compare(self, half_a: Rows, half_b: Rows, made: Rows) -> dict[str, Pair]:
        """Return by measure what generated images give against half A, and what half B gives.

        Args:
            half_a, half_b: rows of real images.
            made: rows of generated images, as many as half B has.
        """
        # Each distinct generated image once: a repeated one is one piece of evidence.
        single = made[np.unique(self.component[made], return_index=True)[1]]
        real, synthetic, near = self.images.real, self.images.synthetic, self.images.near
        base, detail = real.features[half_a], real.texture
        return {
            **self._near(half_a, half_b, made, single),
            **self._distances(half_a, half_b, made),
            "lost": (
                lost(base, synthetic.features[made]),
                lost(base, real.features[half_b]),
            ),
            "strayed": (
                strayed(detail[half_a], synthetic.texture[single]),
                strayed(detail[half_a], detail[half_b]),
            ),
            "copied": (
                float(self.synthetic_copied[single].mean()),
                float(self.real_copied[half_b].mean()),
            ),
            "nearest": (
                float(np.median(near.synthetic[made, 0])),
                float(np.median(near.real[half_b, 0])),
            ),
            **self._told_apart(half_a, half_b, made),
            **self._taken(half_b, single),
        }

    def _near(self, half_a: Rows, half_b: Rows, made: Rows, single: Rows) -> dict[str, Pair]:
        """Coverage, and precision in features and in texture: who lies in whose k-NN ball."""
        radius = radius_within(self.real[np.ix_(half_a, half_a)], NEIGHBOURS)
        to_made, to_b = self.between[np.ix_(half_a, made)], self.real[np.ix_(half_a, half_b)]
        to_single = self.between[np.ix_(half_a, single)]
        texture_radius = radius_within(self.texture_real[np.ix_(half_a, half_a)], NEIGHBOURS)
        texture_single = self.texture_between[np.ix_(half_a, single)]
        texture_b = self.texture_real[np.ix_(half_a, half_b)]
        return {
            "coverage": (_share(covered(to_made, radius)), _share(covered(to_b, radius))),
            "precision": (_share(inside(to_single, radius)), _share(inside(to_b, radius))),
            "texture": (
                _share(inside(texture_single, texture_radius)),
                _share(inside(texture_b, texture_radius)),
            ),
        }

    def _distances(self, half_a: Rows, half_b: Rows, made: Rows) -> dict[str, Pair]:
        """What follows from the distances inside a set, and between it and half A."""
        base = _mean_within(self.real[np.ix_(half_a, half_a)])
        within = (self.synthetic[np.ix_(made, made)], self.real[np.ix_(half_b, half_b)])
        spreads = [_mean_within(each) for each in within]
        between = (self.between[np.ix_(half_a, made)], self.real[np.ix_(half_a, half_b)])
        energies = [
            energy_of_means(float(each.mean()), base, spread)
            for each, spread in zip(between, spreads, strict=True)
        ]
        close = [_share(radius_within(each, 1) <= self.close) for each in within]
        return {
            "kernel": (energies[0], energies[1]),
            "spread": (spreads[0] / base, spreads[1] / base),
            "near_duplicates": (close[0], close[1]),
        }

    def _told_apart(self, half_a: Rows, half_b: Rows, made: Rows) -> dict[str, Pair]:
        """How well a classifier tells each from half A, and what it finds missing."""
        of_made, of_b = (
            told_apart(self.similar[np.ix_(rows, rows)], len(half_a))
            for rows in (
                np.concatenate([half_a, len(self.real) + made]),
                np.concatenate([half_a, half_b]),
            )
        )
        return {"apart": (of_made[0], of_b[0]), "missing": (of_made[1], of_b[1])}

    def _taken(self, half_b: Rows, single: Rows) -> dict[str, Pair]:
        """Which class the images are taken for; nothing where there is one class alone."""
        if self.images.taken is None:
            return {}
        real, synthetic = self.images.taken
        ours, theirs, own = synthetic[single], real[half_b], self.images.label
        return {
            "labels": (_right(ours, own), _right(theirs, own)),
            "mistaken": (_mistaken(ours, own, self.rival), _mistaken(theirs, own, self.rival)),
        }


def _of_generated(images: ClassImages, half_b: Rows, rng: np.random.Generator) -> Rows:
    """Rows of generated images that stand in for half B: made from it, or any."""
    order = rng.permutation(len(images.synthetic.features))
    if images.sources is not None:
        order = order[np.isin(images.sources[order], half_b)]
    return order[: len(half_b)]


def _rival(taken: Rows, own: int) -> int:
    """The other class that most of the generated images are taken for; `own` where none is."""
    others = taken[(taken != own) & (taken != NO_CLASS)]
    return int(np.bincount(others).argmax()) if len(others) else own


def _right(taken: Rows, own: int) -> float:
    """Share of images that are not taken for another class."""
    return _share((taken == own) | (taken == NO_CLASS))


def _mistaken(taken: Rows, own: int, rival: int) -> float:
    """How much larger the share taken for the rival is than that taken for the class."""
    return max(0.0, _share(taken == rival) - _share(taken == own))


def _mean_within(distances: Array) -> float:
    """Mean distance of two different images, of the distances [n, n] of a set to itself."""
    return mean_pair(float(distances.sum()), len(distances))


def _ratios(*distances: Array) -> Array:
    """Neighbour ratios, a column each."""
    return np.stack([neighbour_ratio(each) for each in distances], 1)


def _share(found: NDArray[np.bool_]) -> float:
    return float(found.mean())
