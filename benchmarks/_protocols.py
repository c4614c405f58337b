"""The data sets of the benchmarks: draws, halves of the test part, validation images of pilots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganaug.errors import ConfigError, did_you_mean
from ganaug.evaluation.data import default_draw
from ganaug.images import ImageSet, load_images, long_tailed, units
from ganaug.randomness import stream

__all__ = ["NAMES", "Protocol", "half_a", "open_protocol"]

# Classes of GTSRB by their frequency in the full official training part.
GTSRB_ORDER = (
    *(2, 1, 13, 12, 38, 10, 4, 5, 25, 9, 7, 3, 8, 11, 18, 35, 17, 14, 31, 33, 15, 26, 28),
    *(23, 30, 6, 16, 34, 22, 36, 20, 40, 21, 39, 24, 29, 27, 32, 41, 42, 0, 19, 37),
)
MNIST_COUNTS = (1000, 600, 400, 250, 150, 100, 60, 30, 15, 8)
NEU_COUNTS = (200, 100, 60, 30, 15, 8)

# name -> (file or folder in the data folder, size at which it is loaded)
SOURCES: dict[str, tuple[str, int | None]] = {
    "digits-lt": ("digits", None),
    "mnist-lt": ("mnist.npz", None),
    "gtsrb-lt": ("gtsrb.npz", None),
    "neu-lt": ("neu-defects", 32),
    "x-sdd": ("x-sdd.npz", 32),
    "elpv": ("elpv.npz", None),
}
NAMES = tuple(SOURCES)
VALIDATION_IMAGES = 60  # of a class, at most


@dataclass(frozen=True)
class Protocol:
    """One data set as the benchmarks use it.

    Attributes:
        name: as on the command line.
        pool: the training images to draw from; its test part is split into halves.
        counts: training images of each class, by label; None draws 80%.
        permuted: the counts are dealt to the classes anew by each seed.
    """

    name: str
    pool: ImageSet
    counts: tuple[int, ...] | None
    permuted: bool = False

    def draw(self, seed: int) -> ImageSet:
        """Return the training images of `seed`, without a test part."""
        return replace(self._draw(self.pool, seed), test=None)

    def pilot(self, seed: int) -> ImageSet:
        """Return a draw whose test part are training images that it left over.

        Counts may need all images of a class, or touch all of its groups; so about a fifth of the
        groups (or images) of each class is set aside before the draw.
        """
        pool = replace(self.pool, test=None)
        spare = np.zeros(len(pool), bool) if self.counts is None else _spare(pool, seed)
        drawn = self._draw(pool.take(np.flatnonzero(~spare)), seed)
        left = spare | ~np.isin(units(pool.keys, pool.groups), _units_of(pool, drawn))
        return replace(drawn, test=pool.take(_capped(pool, left, seed)))

    def _draw(self, pool: ImageSet, seed: int) -> ImageSet:
        if self.counts is None:
            return default_draw(pool, seed)
        counts = np.asarray(self.counts)
        if self.permuted:
            counts = stream(seed, "benchmark/deal").permutation(counts)
        wanted = np.minimum(counts, pool.counts)  # a pilot sets some aside
        return long_tailed(pool, [int(n) for n in wanted], seed=seed)


def open_protocol(name: str, data: Path, counts: Sequence[int] | None = None) -> Protocol:
    """Return the protocol `name`, or that of a folder or .npz file of this path.

    Raises:
        ConfigError: neither a name nor a path.
        DataError: its images are missing or cannot be used.
    """
    if name in SOURCES:
        file, size = SOURCES[name]
        pool = load_images(file if file == "digits" else data / file, size=size)
    elif Path(name).exists():
        pool = load_images(name)
    else:
        raise ConfigError(
            f"{name}: no such data set{did_you_mean(name, NAMES)}; allowed: {', '.join(NAMES)}, a"
            " folder or an .npz file; check the path"
        )
    pool = replace(pool.hold_out(), source=name)
    if counts is not None:
        return Protocol(Path(name).name, pool, tuple(counts))
    if name == "digits-lt":
        return Protocol(name, pool, tuple(5 if d % 2 else int(pool.counts[d]) for d in range(10)))
    if name == "mnist-lt":
        return Protocol(name, pool, MNIST_COUNTS)
    if name == "gtsrb-lt":
        ranked = [round(200 * 20 ** (-rank / 42)) for rank in range(43)]
        by_label = sorted(zip(GTSRB_ORDER, ranked, strict=True))
        return Protocol(name, pool, tuple(n for _, n in by_label))
    if name == "neu-lt":
        return Protocol(name, pool, NEU_COUNTS, permuted=True)
    return Protocol(Path(name).name, pool, None)


def half_a(test: ImageSet) -> ImageSet:
    """Return half A of a test part: units in the order of a hash of their content, dealt in turn.

    The split depends on the images alone. Half B is what is left; only a release reads it.
    """
    unit = units(test.keys, test.groups)
    rank = np.zeros(int(unit.max(initial=-1)) + 1, np.uint64)
    np.add.at(rank, unit, test.keys)
    side = np.full(len(rank), -1)
    for label in range(len(test.classes)):
        members, sizes = np.unique(unit[test.labels == label], return_counts=True)
        filled = [int(sizes[side[members] == half].sum()) for half in (0, 1)]
        for at in np.argsort(rank[members], kind="stable"):
            if side[members[at]] < 0:
                side[members[at]] = half = int(filled[1] < filled[0])
                filled[half] += int(sizes[at])
    return test.take(np.flatnonzero(side[unit] == 0))


def _units_of(pool: ImageSet, drawn: ImageSet) -> NDArray[np.int64]:
    """int64: the units of `pool` of which `drawn` holds an image."""
    return np.unique(units(pool.keys, pool.groups)[np.isin(pool.keys, drawn.keys)])


def _spare(pool: ImageSet, seed: int) -> NDArray[np.bool_]:
    """bool [N]: about a fifth of the units of each class, at least one, never all."""
    unit = units(pool.keys, pool.groups)
    rng = stream(seed, "benchmark/spare")
    order = rng.permutation(int(unit.max(initial=-1)) + 1)
    spare = np.zeros(len(order), bool)
    for label in range(len(pool.classes)):
        members = np.unique(unit[pool.labels == label])
        members = members[np.argsort(order[members])]
        wanted = min(max(1, round(len(members) / 5)), len(members) - 1)
        missing = wanted - int(spare[members].sum())
        spare[members[~spare[members]][: max(0, missing)]] = True
    return spare[unit]


def _capped(pool: ImageSet, left: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    """int64: at most `VALIDATION_IMAGES` of each class among the images `left`."""
    rows = []
    for label in range(len(pool.classes)):
        members = np.flatnonzero(left & (pool.labels == label))
        rng = stream(seed, "benchmark/validation", index=label)
        rows.append(np.sort(rng.permutation(members)[:VALIDATION_IMAGES]))
    return np.concatenate(rows)
