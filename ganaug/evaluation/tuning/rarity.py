"""Simulated rarity: what `tune` trains and judges on, cut out of the training images alone.

Frequent classes are cut down to the sizes of the rare ones; what was cut away says how well the
classifier knows them then, with far more images than the rare classes have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganaug.artifact.policy import RARE
from ganaug.images import ImageSet
from ganaug.images.long_tail import draw_indices
from ganaug.randomness import stream, stream_seed

__all__ = ["REPETITIONS", "Repetition", "Simulation", "is_measurable", "simulate"]

REPETITIONS = 3
FEWEST_FREQUENT = 3  # classes that can be cut, for simulated rarity
FEWEST_IN_ALL = 4  # or so many that can be cut, some of which are rare themselves
SPARE = 20  # images that a cut class leaves for judging, at least
FEWEST_RESERVED = 25  # images of a class of which a fifth is reserved beside the cut ones
FEWEST_FITTED = 20  # images of a class that is judged by cross-fitting
SMALL = 100  # images
RESERVED = (1 / 5, 1 / 5)  # share of a class under `SMALL` images, and of a larger one
FITTED = (1 / 3, 1 / 5)


@dataclass(frozen=True, eq=False)
class Repetition:
    """One draw: what generator and classifier are trained on, and what neither sees.

    Attributes:
        number: 0, 1 or 2.
        train: the images to train on.
        judged: the images to judge on; classes without any are not judged.
        cut: by label: (images that the class has, images that are left in `train`).
        rare: bool [classes], that count as rare: those that are rare in the data, and those cut.
    """

    number: int
    train: ImageSet
    judged: ImageSet
    cut: dict[int, tuple[int, int]]
    rare: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Simulation:
    """What can be learnt about the policy from the training images.

    Attributes:
        method: "simulated rarity", "cross-fitting", or "none" where neither is possible.
        reason: why it is that one, in a line.
        repetitions: three, or none.
        border: classes up to this size in the data count as rare; see `simulate`.
        rare_share: fraction of the classes with images that are rare in this sense.
    """

    method: str
    reason: str
    repetitions: tuple[Repetition, ...]
    border: int
    rare_share: float


def simulate(images: ImageSet, seed: int) -> Simulation:
    """Return three repetitions for `images` (its test part is not looked at).

    With three frequent classes that can be cut, or four classes: a quarter of the classes, of the
    frequent ones those cut least often so far, are cut to sizes drawn evenly from those of the rare
    ones, and a fifth of each other class of 25 images or more is reserved. With fewer: a third of
    each class of 20 images or more (a fifth from 100 on) is reserved, another one each time, if a
    rare class is among them. Whole groups, and images of equal content, stay on one side.

    Rare are the classes of the rarer half that have at most 60% of the images of the largest one,
    or all of this half where none of them is so small.
    """
    counts = images.counts
    present = np.flatnonzero(counts)
    by_size = present[np.argsort(counts[present], kind="stable")]
    half = len(by_size) // 2
    sizes = _rare_sizes(counts)
    border = int(sizes[-1])
    share = float((counts[present] <= border).mean())
    cutter = Cutter(images, seed, border)
    able = [
        int(label)
        for label in by_size[::-1]
        if counts[label] >= sizes[0] + SPARE and cutter.can_be_split(label)
    ]
    pool = able[: max(FEWEST_IN_ALL, int((counts > border).sum()))]
    frequent = sum(counts[label] > border for label in pool)
    enough = frequent >= FEWEST_FREQUENT or len(pool) >= FEWEST_IN_ALL
    if enough:
        number = max(1, min(len(pool), len(by_size) - half) // 2)
        times = dict.fromkeys(pool, 0)
        repetitions = []
        for r in range(REPETITIONS):
            order = stream(seed, "tune/classes", index=r).permutation(pool).tolist()
            cut = sorted(order, key=lambda label: times[label])[:number]
            for label in cut:
                times[label] += 1
            targets = _targets(counts, cut, sizes, seed, r)
            repetitions.append(cutter.repetition(r, targets, FEWEST_RESERVED, RESERVED))
        if all(part.cut for part in repetitions):
            how = f"{number} of {len(pool)} classes cut to the sizes of rare ones each time"
            return Simulation("simulated rarity", how, tuple(repetitions), border, share)
    rare = [
        label for label in by_size if counts[label] <= border and counts[label] >= FEWEST_FITTED
    ]
    if not enough:
        few = (
            f"classes large enough to be made rare for a trial: {frequent}; {FEWEST_FREQUENT} are"
            " needed"
        )
    else:
        few = "the groups of the frequent classes are too large to cut these to the rare sizes"
    fitted = tuple(cutter.repetition(r, {}, FEWEST_FITTED, FITTED) for r in range(REPETITIONS))
    if not all(np.isin(part.judged.labels, rare).any() for part in fitted):
        groups = " in groups that can be split" if rare else ""
        reason = f"{few}; and no rare class has {FEWEST_FITTED} images to judge on{groups}"
        return Simulation("none", reason, (), border, share)
    return Simulation("cross-fitting", few, fitted, border, share)


def is_measurable(counts: NDArray[np.int64]) -> bool:
    """Whether there is anything to judge a policy on, with so many images a class and no groups."""
    if (counts > 0).sum() < 2:
        return False
    sizes = _rare_sizes(counts)
    able, rare = counts >= sizes[0] + SPARE, counts <= sizes[-1]
    enough = (able & ~rare).sum() >= FEWEST_FREQUENT or able.sum() >= FEWEST_IN_ALL
    return bool(enough or (rare & (counts >= FEWEST_FITTED)).any())


def _rare_sizes(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the sizes of the classes that count as rare, rising; see `simulate`."""
    present = np.sort(counts[counts > 0])
    sizes = present[: len(present) // 2]
    small = sizes[sizes <= RARE * counts.max()]
    return small if len(small) else sizes


def _targets(
    counts: NDArray[np.int64],
    cut: Sequence[int],
    sizes: NDArray[np.int64],
    seed: int,
    repetition: int,
) -> dict[int, int]:
    """By label of `cut`: how many images are left, sizes spread over the rare ones."""
    rng = stream(seed, "tune/sizes", index=repetition)
    enough = np.sort(np.resize(sizes, max(len(sizes), len(cut))))  # fewer classes may be rare
    parts = np.array_split(enough, len(cut))
    drawn = sorted((int(rng.choice(part)) for part in parts), reverse=True)
    free = list(cut)
    targets = {}
    for size in drawn:
        fits = [label for label in free if counts[label] >= size + SPARE]
        label = int(rng.choice(fits or free))
        targets[label] = size if fits else int(sizes[0])
        free.remove(label)
    return targets


class Cutter:
    """Splits the images of each class into one part to train on and one to judge on."""

    def __init__(self, images: ImageSet, seed: int, border: int) -> None:
        self.images, self.seed, self.border = images, seed, border
        self.unit = images.units
        pairs = np.unique(np.stack([self.unit, images.labels], 1), axis=0)
        # a unit of several classes stays where it is trained on
        self.single = np.bincount(pairs[:, 0])[self.unit] == 1

    def can_be_split(self, label: int) -> bool:
        return len(self._units(label)) >= 2

    def _units(self, label: int) -> list[NDArray[np.int64]]:
        """The rows of each unit that holds this class alone."""
        rows = np.flatnonzero(self.single & (self.images.labels == label))
        rows = rows[np.argsort(self.unit[rows], kind="stable")]
        return np.split(rows, np.flatnonzero(np.diff(self.unit[rows])) + 1) if len(rows) else []

    def repetition(
        self, number: int, targets: dict[int, int], fewest: int, shares: tuple[float, float]
    ) -> Repetition:
        """Cut the classes in `targets`; of others with `fewest` images, reserve a share."""
        images = self.images
        judged, dropped = np.zeros(len(images), bool), np.zeros(len(images), bool)
        cut = {}
        for label, count in enumerate(images.counts.tolist()):
            away = self._cut_away(label, targets[label], number) if label in targets else []
            if away:
                judged[np.concatenate(away)] = True
                left = np.flatnonzero((images.labels == label) & ~judged)
                dropped[self._thinned(left, label, targets[label], number)] = True
                cut[label] = (count, targets[label])
            elif count >= fewest:
                share = shares[0] if count < SMALL else shares[1]
                for rows in self._reserved(label, share * count, count / 2, number):
                    judged[rows] = True
        train = images.take(np.flatnonzero(~judged & ~dropped))
        rare = images.counts <= self.border  # in the data: what is reserved makes no class rare
        rare[list(cut)] = True
        return Repetition(number, train, images.take(np.flatnonzero(judged)), cut, rare)

    def _cut_away(self, label: int, size: int, number: int) -> list[NDArray[np.int64]]:
        """Units to judge on, so that `size` images or more are left.

        With groups, half of them are left, so that the class keeps variety among its few images.
        """
        members = self._units(label)
        order = stream(self.seed, "tune/cut", number, label).permutation(len(members))
        most = len(members) - 1 if self.images.groups is None else len(members) // 2
        left = int(self.images.counts[label])
        taken: list[NDArray[np.int64]] = []
        for i in order:
            if len(taken) < most and left - len(members[i]) >= size:
                taken.append(members[i])
                left -= len(members[i])
        return taken

    def _thinned(
        self, rows: NDArray[np.int64], label: int, size: int, number: int
    ) -> NDArray[np.int64]:
        """What of `rows` is left out, so that `size` images of as many groups as can be stay."""
        kept = draw_indices(
            np.zeros(len(rows), np.int64),
            [size],
            seed=stream_seed(self.seed, "tune/draw", number, label),
            groups=None if self.images.groups is None else self.images.groups[rows],
        )
        return np.delete(rows, kept)

    def _reserved(
        self, label: int, wanted: float, most: float, number: int
    ) -> list[NDArray[np.int64]]:
        """Units to judge on, of about `wanted` images; other ones in each repetition."""
        members = self._units(label)
        order = stream(self.seed, "tune/reserve", index=label).permutation(len(members))
        order = np.roll(order, -round(number * len(members) / REPETITIONS))
        taken: list[NDArray[np.int64]] = []
        reached = 0
        for i in order:
            size = len(members[i])
            if reached + size / 2 <= wanted and reached + size <= most:
                taken.append(members[i])
                reached += size
        if not taken:  # all are larger than what is wanted: the first that leaves enough
            taken = [members[i] for i in order if len(members[i]) <= most][:1]
        return taken
