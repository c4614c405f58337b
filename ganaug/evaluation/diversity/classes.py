"""The record of each class: its images in features, its subsamples, its nearest training images."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ganaug.evaluation.diversity.cuts import can_be_halved, rounded
from ganaug.evaluation.diversity.features import ChosenFeatures, InFeatures, in_blocks
from ganaug.evaluation.diversity.generated import Made
from ganaug.evaluation.diversity.labels import taken_for
from ganaug.evaluation.diversity.measures import Measure
from ganaug.evaluation.diversity.overall import overall_distances
from ganaug.evaluation.diversity.report import TOO_FEW, ClassDiversity
from ganaug.evaluation.diversity.subsamples import (
    NEIGHBOURS,
    ClassImages,
    Near,
    Subsamples,
    subsamples,
)
from ganaug.evaluation.diversity.words import words_of
from ganaug.images import ImageSet
from ganaug.images.image_set import content_key
from ganaug.metrics.memorisation import ct_statistic, neighbour_distances
from ganaug.metrics.spread import mean_pairwise_distance
from ganaug.metrics.texture import detail_by_scale
from ganaug.randomness import stream

__all__ = ["ClassRecords"]


def _repeated(images: NDArray[np.uint8]) -> float:
    """Share of the images that equal another one."""
    found = Counter(content_key(image.tobytes()) for image in images)
    return sum(times for times in found.values() if times > 1) / len(images)


class ClassRecords:
    """Real and generated images of all classes in features, and the record of each class.

    Args:
        images: the real images; those of the test part are unseen ones.
        chosen: the features.
        made: the generated images of each class.
        parts: by class, int64, rising: the rows of `images` that are compared.
        seed: of folds, cuts and latents.
    """

    def __init__(
        self,
        images: ImageSet,
        chosen: ChosenFeatures,
        made: list[Made],
        parts: list[NDArray[np.int64]],
        seed: int,
    ) -> None:
        self.images, self.made, self.parts, self.seed = images, made, parts, seed
        self.features, pixels = chosen.features, chosen.pixels
        self.real = in_blocks(self.features, images.images)
        self.units = images.units
        self.pixels = in_blocks(pixels, images.images)
        self.theirs = [
            InFeatures(self.real[rows], detail_by_scale(images.images[rows]), self.pixels[rows])
            for rows in parts
        ]
        self.ours: list[InFeatures] = []
        for each in made:
            features = in_blocks(self.features, each.images).reshape(-1, self.real.shape[1])
            texture, own_pixels = detail_by_scale(each.images), in_blocks(pixels, each.images)
            self.ours.append(InFeatures(features, texture, own_pixels))
        units = [self.units[rows] for rows in parts]
        rng = stream(seed, "diversity/folds")
        self.taken = taken_for(self.theirs, units, self.ours, NEIGHBOURS, rng)
        test = images.test if images.test else None  # one without images tells nothing
        self.unseen = None if test is None else in_blocks(self.features, test.images)
        self.unseen_pixels = None if test is None else in_blocks(pixels, test.images)
        deviation = self.pixels.std(0)
        # Smooth differences have most of the variance of pixels; copies are alike in all the rest.
        self.fine = 1 / np.maximum(deviation + deviation.max(), 1e-6)
        self.real_fine = self.pixels * self.fine

    def record(self, label: int, cuts: int) -> tuple[ClassDiversity, Subsamples | None]:
        """Measure one class."""
        rows, made, ours = self.parts[label], self.made[label], self.ours[label]
        name, generated = self.images.classes[label], len(ours.features)
        if generated < 2 or not can_be_halved(self.units[rows]):
            return ClassDiversity(name, len(rows), generated, TOO_FEW), None
        near = self._neighbours(label)
        found = subsamples(
            ClassImages(
                label=label,
                real=self.theirs[label],
                synthetic=ours,
                units=self.units[rows],
                sources=None if made.sources is None else np.searchsorted(rows, made.sources),
                taken=None if self.taken is None else self.taken[label],
                near=near,
                near_pixels=self._neighbours(label, pixels=True),
            ),
            cuts,
            self.seed,
        )
        if not found.found:
            return ClassDiversity(name, len(rows), generated, TOO_FEW), None
        z = rounded(ct_statistic(near.unseen[:, 0], near.synthetic[:, 0]))
        equal = [_repeated(each) for each in (made.images, self.images.images[rows])]
        measures = {
            **found.measures(),
            "ct": Measure(z, 0.0, z=z),
            "repeated": Measure(*map(rounded, equal)),
        }
        if made.again is not None:
            measures["latent"] = self._latent(label)
        words = words_of(measures, len(rows), generated, found.distinct)
        record = ClassDiversity(name, len(rows), generated, "measured", words[0], words, measures)
        return record, replace(found, unseen=len(near.unseen))

    def overall(self) -> dict[str, Measure]:
        """Compare all classes together."""
        rows = np.concatenate(self.parts)
        place = np.empty(len(self.real), np.int64)
        place[rows] = np.arange(len(rows))
        sources = [made.sources for made in self.made if len(made.images)]
        return overall_distances(
            self.real[rows],
            self.units[rows],
            np.concatenate([each.features for each in self.ours]),
            None
            if not sources or any(each is None for each in sources)
            else np.concatenate([place[each] for each in sources if each is not None]),
            self.seed,
        )

    def _neighbours(self, label: int, *, pixels: bool = False) -> Near:
        """Search the training images for neighbours, in features or in finely weighted pixels."""
        rows, sources = self.parts[label], self.made[label].sources
        real, ours, unseen = self.real, self.ours[label].features, self.unseen
        if pixels:
            real, ours = self.real_fine, self.ours[label].pixels * self.fine
            unseen = None if self.unseen_pixels is None else self.unseen_pixels * self.fine
        near = neighbour_distances(real[rows], real, self.units[rows], self.units)
        own = (None, None) if sources is None else (self.units[sources], self.units)
        not_seen = near
        if unseen is not None and self.images.test is not None:
            held_out = unseen[self.images.test.labels == label]
            not_seen = np.concatenate([near, neighbour_distances(held_out, real)])
        return Near(near, not_seen, neighbour_distances(ours, real, *own))

    def _latent(self, label: int) -> Measure:
        again = self.made[label].again
        other = in_blocks(self.features, self.images.images[:0] if again is None else again)
        first = self.ours[label].features[: len(other)]
        moved = np.sqrt(((first - other) ** 2).sum(1)) / max(
            mean_pairwise_distance(self.real[self.parts[label]]), 1e-12
        )
        draws = stream(self.seed, "diversity/latent", index=label).integers(
            len(moved), size=(1000, len(moved))
        )
        low, high = np.quantile(moved[draws].mean(1), (0.025, 0.975))
        return Measure(*(rounded(each) for each in (float(moved.mean()), 1.0, low, high)))
