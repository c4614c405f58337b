"""`keep_best`: of each group of generated images the best ones, by the diversity record's measures.

A group is 50 candidates of one class, in their order, and does not depend on who makes it. Each is
compared with the real images of the source other than the one that it varies. Worst is one that is
taken for another class; then a near copy; then the one that lies farthest from the real images of
its class.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganaug.errors import ConfigError
from ganaug.metrics.consistency import LabelJudge
from ganaug.metrics.features import PixelPCA
from ganaug.metrics.memorisation import neighbour_distances, neighbour_ratio
from ganaug.metrics.neighbours import neighbour_radius
from ganaug.randomness import stream
from ganaug.use._items import item_image
from ganaug.use._pictures import picture_of, small_pixels
from ganaug.use._sources import describe_item, labels_of, named, refuse_nothing
from ganaug.use._synthetic import SyntheticDataset, check_source_image
from ganaug.values import is_real

__all__ = ["REASONS", "Best"]

GROUP = 50  # candidates
FITTED, COMPARED = 2000, 500  # real images: for the features; of a class, for its classifier
NEIGHBOURS = 5
COPIED = 0.05  # share of the real images of a class that are as near to one other
DIGITS = 6  # of a distance: what differs in the last ones is no reason
BLOCK = 500  # real images that are read at a time

# Why a candidate is left out, the worst first; and how it is told.
REASONS = {
    "class": "taken for another class",
    "copied": "near copies of one real image",
    "far": "far from the real images of their class",
    "rest": "the farthest of the others",
}
STILL = "kept_although"  # candidates that are kept and have one of the first three
Tally = dict[str, dict[str, int]]


class Best:
    """Items of a synthetic data set, each one of the best of its group of candidates.

    Args:
        wanted: how many of which class; a source is needed.
        share: of the candidates that are kept, rounded down to fiftieths.

    Raises:
        ConfigError: a share that is not allowed.
    """

    def __init__(self, wanted: SyntheticDataset, share: float) -> None:
        allowed = is_real(share) and 0 < share < 1 - 0.5 / GROUP
        self.kept = int(GROUP * share + 1e-9) if allowed else 0
        if not self.kept:
            raise ConfigError(
                f"keep_best: {share!r} is not allowed; give a share of {1 / GROUP} to"
                f" {1 - 1 / GROUP}, such as 0.8"
            )
        self.wanted = wanted
        counts = {
            name: self._candidates(int(count))
            for name, count in zip(wanted.classes, wanted.counts, strict=True)
        }
        self.candidates = SyntheticDataset(wanted.generator, wanted.source, counts, wanted.seed)
        self.firsts = np.cumsum(wanted.counts) - wanted.counts
        made = self.candidates.counts
        self.first_candidates = np.cumsum(made) - made
        self.real = _RealImages(self.candidates)
        self._tally: Tally = {}

    def _candidates(self, count: int) -> int:
        groups, rest = divmod(count, self.kept)
        return groups * GROUP + -(-rest * GROUP // self.kept)

    def items(self, indices: Sequence[int]) -> Iterator[tuple[int, int, Image.Image, int]]:
        """Yield (index, label, image, what it varies) of the items at `indices`, a run of them."""
        made, images = (-1, -1), list[tuple[Image.Image, int]]()
        self._tally = {}
        for index in indices:
            label = self.wanted.label_of(index)
            group, place = divmod(index - int(self.firsts[label]), self.kept)
            if made != (label, group):
                # what several blocks make is counted where it begins
                made, images = (label, group), self._group(label, group, counted=place == 0)
            yield index, label, *images[place]

    def tally(self) -> Tally:
        """Return by class what the groups that began in the last `items` left out, and why."""
        return self._tally

    def summed(self, tallies: Sequence[Tally]) -> Tally:
        """Return the sum of tallies, in the order of the classes."""
        names = [name for name in self.wanted.classes if any(name in each for each in tallies)]
        keys = ("candidates", "kept", *REASONS, STILL)
        return {
            name: {key: sum(each[name][key] for each in tallies if name in each) for key in keys}
            for name in names
        }

    def line(self, summed: Tally) -> str:
        """Return a sum in words."""
        keys = next(iter(summed.values()))
        total = {key: sum(each[key] for each in summed.values()) for key in keys}
        reasons = ", ".join(f"{total[key]:,} {text}" for key, text in REASONS.items())
        return (
            f"kept {total['kept']:,} of {total['candidates']:,} generated images; left out:"
            f" {reasons}; {total[STILL]:,} of those kept have one of the first three faults"
        )

    def _group(self, label: int, group: int, *, counted: bool) -> list[tuple[Image.Image, int]]:
        """Return the kept images of a group, in the order of the candidates, and what they vary."""
        data, start = self.candidates, group * GROUP
        end = min(start + GROUP, int(data.counts[label]))
        kept = min(self.kept, int(self.wanted.counts[label]) - group * self.kept)
        indices = [int(self.first_candidates[label]) + at for at in range(start, end)]
        images = [item_image(item) for item in data.items_at(indices)]
        sources = np.array([data.source_of(index) for index in indices], np.int64)
        lost, copied, away = self.real.faults(label, images, sources)
        order = np.lexsort((away, copied, lost))
        chosen, out = np.sort(order[:kept]), order[kept:]
        if counted:
            faults = np.stack([lost, copied, away > 1], 1)
            worst = np.where(faults.any(1), faults.argmax(1), len(REASONS) - 1)
            tally = {"candidates": len(images), "kept": kept}
            tally |= {key: int((worst[out] == at).sum()) for at, key in enumerate(REASONS)}
            tally[STILL] = int(faults[chosen].any(1).sum())
            before = self._tally.setdefault(data.classes[label], dict.fromkeys(tally, 0))
            for key, value in tally.items():
                before[key] += value
        return [(picture_of(images[at]), int(sources[at])) for at in chosen]


class _RealImages:
    """What generated images are compared with: features of all images of the source."""

    def __init__(self, data: SyntheticDataset) -> None:
        self.data, self.source = data, data.source
        info = data.generator.info
        self.size, self.channels = info.size, info.channels
        self.varies = info.kind == "variation"  # else an image is made of no real one
        self.labels = labels_of(self.source)
        rows = np.arange(len(self.labels))
        shown = rows[np.linspace(0, len(rows) - 1, min(FITTED, len(rows))).astype(int)]
        self.features_of = PixelPCA(self._read(shown))
        self.features = np.concatenate(
            [
                self.features_of(self._read(rows[at : at + BLOCK]))
                for at in range(0, len(rows), BLOCK)
            ]
        )
        rng = stream(0, "best of generated images")
        shuffled = rng.permutation(rows)
        self.rows = [
            np.sort(shuffled[self.labels[shuffled] == label][:COMPARED])
            for label in range(len(data.classes))
        ]
        compared = np.concatenate(self.rows)
        self.judge = None
        if len(np.unique(self.labels[compared])) > 1:
            self.judge = LabelJudge(self.features[compared], self.labels[compared], compared, rng)
        self.near: dict[int, tuple[NDArray[np.float64] | None, float]] = {}

    def faults(
        self, label: int, images: Sequence[object], sources: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float64]]:
        """Return of candidates of one class what speaks against each.

        Args:
            label: of the class.
            images: as the source yields them.
            sources: int64 [N], which item of the source each varies; not read of a generator
                that makes images from noise.

        Returns:
            bool [N], taken for another class; bool [N], near copies; float64 [N], the distance to
            the real image of the class that reaches farthest, by its reach: over 1 is outside.
        """
        pixels = np.stack([small_pixels(each, self.size, self.channels) for each in images])
        found, rows = self.features_of(pixels), self.rows[label]
        sources = sources if self.varies else np.full_like(sources, -1)
        lost = np.zeros(len(found), bool)
        if self.judge is not None and len(rows):
            lost = self.judge.taken_for(found) != label
        reach, least = self._of_class(label)
        copied = np.zeros(len(found), bool)
        if len(self.features) > 1:
            units = np.arange(len(self.features))
            copied = self._ratio(found, sources, units) < least
        away = np.zeros(len(found))
        if reach is not None:
            near = self.features[rows]
            distances = np.linalg.norm(found[:, None] - near[None], axis=2)
            distances[sources[:, None] == rows[None]] = np.inf
            away = np.divide(
                distances, reach, out=np.where(distances > 0, np.inf, 0.0), where=reach > 0
            ).min(1)
        return lost, copied, np.round(away, DIGITS)

    def _of_class(self, label: int) -> tuple[NDArray[np.float64] | None, float]:
        """Return how far each real image of the class reaches, and below which ratio copies are."""
        if label not in self.near:
            rows = self.rows[label]
            reach = None
            if len(rows) > 2:
                reach = neighbour_radius(self.features[rows], min(NEIGHBOURS, len(rows) - 1))
            least = 0.0
            if len(rows) and len(self.features) > 1:
                ratios = self._ratio(self.features[rows], rows, np.arange(len(self.features)))
                least = float(np.quantile(ratios, COPIED))
            self.near[label] = reach, least
        return self.near[label]

    def _ratio(
        self, found: NDArray[np.float32], own: NDArray[np.int64], units: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        return neighbour_ratio(neighbour_distances(found, self.features, own, units))

    def _read(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        return np.stack([self._small(int(at)) for at in rows])

    def _small(self, at: int) -> NDArray[np.uint8]:
        source: Any = self.source
        with named(lambda: describe_item(source, at)):
            item = source[at]
            refuse_nothing(item, source, at)
            image = item_image(item)
            check_source_image(image)
            return small_pixels(image, self.size, self.channels)
