"""`evaluate_diversity`: do generated images cover their class, or do they collapse or copy?

Every number stands beside a reference: what as many real images give in the place of the generated
ones. `diversity_class` takes the numbers, `diversity_words` turns them into words.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganaug.artifact.runtime import Generator
from ganaug.errors import ConfigError, DataError
from ganaug.evaluation.diversity.generated import Made, Maker, from_arrays, from_generator
from ganaug.evaluation.diversity.labels import taken_for
from ganaug.evaluation.diversity.overall import overall_distances
from ganaug.evaluation.diversity.report import (
    MEASURES,
    TOO_FEW,
    ClassDiversity,
    DiversityReport,
    Measure,
)
from ganaug.evaluation.diversity.subsamples import (
    NEIGHBOURS,
    ClassImages,
    Subsamples,
    rounded,
    subsamples,
    summary,
)
from ganaug.evaluation.diversity.words import FEWEST_FOR_OK, words_of
from ganaug.evaluation.splits import load_at
from ganaug.images import ImageSet, units
from ganaug.metrics.encoder import FEWEST_TO_LEARN_FROM, SmallEncoder
from ganaug.metrics.features import (
    FeatureMap,
    JointFeatures,
    ModuleFeatures,
    PixelPCA,
    torchvision_features,
)
from ganaug.metrics.memorisation import (
    combined_ct,
    ct_statistic,
    neighbour_distances,
    neighbour_ratio,
)
from ganaug.metrics.spread import mean_pairwise_distance
from ganaug.metrics.texture import detail_by_scale
from ganaug.randomness import stream

if TYPE_CHECKING:
    from torch import nn

__all__ = ["MEASURES", "ClassDiversity", "DiversityReport", "Measure", "evaluate_diversity"]

FEWEST_IMAGES = 2 * (NEIGHBOURS + 1)
PER_CLASS = 1000
CUTS = 20
STEPS = 200  # of the encoder
QUICK_IMAGES, QUICK_CUTS, QUICK_STEPS = 60, 5, 50
KEPT_FOR_REFERENCE = 60  # of a class; features are fitted on a quarter of what it has, beyond that
MOST_TO_LEARN_FROM = 2000
BLOCK = 2048  # images that are put into features at once


def evaluate_diversity(
    artifact: str | os.PathLike[str] | Generator | None = None,
    *,
    real: Any,
    synthetic: tuple[NDArray[np.uint8], NDArray[np.int64]] | None = None,
    per_class: int = PER_CLASS,
    features: FeatureMap | nn.Module | tuple[str, str | os.PathLike[str]] | None = None,
    seed: int = 0,
    quick: bool = False,
) -> DiversityReport:
    """Compare generated images with real ones, class by class.

    Args:
        artifact: the exported file, or a `Generator`; or give `synthetic`.
        real: the images the generator was trained on: an `ImageSet` (its training part; images
            of its test part serve as unseen ones in the search for copies), or anything that
            `load_images` takes. Where `fit` held out a fifth, the same fifth is unseen.
        synthetic: generated images uint8 [N, H, W, C] and labels int64 [N] by `real`'s classes.
        per_class: at most so many real and generated images of a class are compared; copies are
            searched among all.
        features: a map from uint8 [N, H, W, C] to float [N, D]; a torch module; a torchvision
            model and the file of its weights, ("resnet18", "weights.pth"); None = `PixelPCA` and
            `SmallEncoder` side by side, fitted on a part of the real images that is not compared.
        seed: of cuts, latents and the encoder.
        quick: five cuts into halves instead of twenty, at most 60 images of a class, and 50 steps
            of the encoder instead of 200.

    Raises:
        ArtifactError: the file cannot be used or does not know a class.
        ConfigError: neither or both of `artifact` and `synthetic`, or features of another kind.
        DataError: the images cannot be used.

    Example:
        >>> print(evaluate_diversity("defects.onnx", real="photos/"))  # doctest: +SKIP
    """
    if (artifact is None) == (synthetic is None):
        given = "neither" if artifact is None else "both"
        raise ConfigError(
            f"artifact, synthetic: {given} given; allowed: exactly one; name the file, or give"
            " images with labels"
        )
    if per_class < FEWEST_IMAGES:
        raise ConfigError(
            f"per_class: {per_class}; allowed: {FEWEST_IMAGES} or more; leave it out for"
            f" {PER_CLASS}"
        )
    most = min(per_class, QUICK_IMAGES) if quick else per_class
    cuts = QUICK_CUTS if quick else CUTS
    generator = Generator(artifact) if isinstance(artifact, str | os.PathLike) else artifact
    images = _training_images(real, generator)
    if generator is not None:
        make = from_generator(generator, images, seed)
    elif synthetic is not None:
        make = from_arrays(synthetic, images, seed, most)
    steps = QUICK_STEPS if quick else STEPS
    chosen, pixels, compared, name = _features(features, images, steps, seed)
    parts = [_rows(images, label, compared, most, seed) for label in range(len(images.classes))]
    comparison = _Comparison(images, chosen, pixels, make, parts, seed)
    records, samples = [], []
    for label in range(len(images.classes)):
        record, found = comparison.record(label, cuts)
        records.append(record)
        samples.append(found)
    return DiversityReport(
        dataset=images.data_name,
        kind="images" if generator is None else generator.info.kind,
        classes=tuple(records),
        macro=_macro(records, samples),
        rule=(
            f"a class has too few images where half of them are {NEIGHBOURS} or fewer, or all"
            f" alike, or fewer than 2 were generated; OK needs {FEWEST_FOR_OK} of both"
        ),
        settings={
            "neighbours": NEIGHBOURS,
            "features": name,
            "fitted_on": int((~compared).sum()),
            "per_class": most,
            "halves": cuts,
            "seed": seed,
        },
        overall=comparison.overall(),
    )


@dataclass(frozen=True, eq=False)
class _Near:
    """Distances float64 [., k] to the nearest training images, rising.

    Of the real images of a class that are compared, of all unseen ones, and of generated ones.
    """

    real: NDArray[np.float64]
    unseen: NDArray[np.float64]
    synthetic: NDArray[np.float64]


def _ratios(*distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Neighbour ratios, a column each."""
    return np.stack([neighbour_ratio(each) for each in distances], 1)


class _Comparison:
    """Real and generated images in features, and what is compared of each class."""

    def __init__(
        self,
        images: ImageSet,
        features: FeatureMap,
        pixels: FeatureMap,
        make: Maker,
        parts: list[NDArray[np.int64]],
        seed: int,
    ) -> None:
        self.images, self.features, self.parts, self.seed = images, features, parts, seed
        self.real = _in(features, images.images)
        self.units = units(images.keys, images.groups)
        self.made: list[Made] = []
        self.ours: list[NDArray[np.float32]] = []
        empty = Made(images.images[:0])
        for label, rows in enumerate(parts):
            made = make(rows, label) if len(rows) else empty
            self.made.append(made)
            self.ours.append(_in(features, made.images).reshape(-1, self.real.shape[1]))
        self.texture = [detail_by_scale(images.images[rows]) for rows in parts]
        self.our_texture = [detail_by_scale(made.images) for made in self.made]
        self.pixels = _in(pixels, images.images)
        self.our_pixels = [_in(pixels, made.images) for made in self.made]
        self.taken = taken_for(
            [self.real[rows] for rows in parts],
            [self.units[rows] for rows in parts],
            self.ours,
            self.texture,
            self.our_texture,
            NEIGHBOURS,
            stream(seed, "diversity/folds"),
        )
        test = images.test
        self.unseen = None if test is None else _in(features, test.images)
        self.unseen_pixels = None if test is None else _in(pixels, test.images)
        deviation = self.pixels.std(0)
        # Smooth differences have most of the variance of pixels; copies are alike in all the rest.
        self.fine = 1 / np.maximum(deviation + deviation.max(), 1e-6)
        self.real_fine = self.pixels * self.fine

    def record(self, label: int, cuts: int) -> tuple[ClassDiversity, Subsamples | None]:
        """Measure one class."""
        rows, made, ours = self.parts[label], self.made[label], self.ours[label]
        name = self.images.classes[label]
        if len(rows) < FEWEST_IMAGES or len(ours) < 2:
            return ClassDiversity(name, len(rows), len(ours), TOO_FEW), None
        near, fine = self._neighbours(label), self._neighbours(label, pixels=True)
        taken = None if self.taken is None else self.taken[label]
        found = subsamples(
            ClassImages(
                label=label,
                real=self.real[rows],
                synthetic=ours,
                real_texture=self.texture[label],
                synthetic_texture=self.our_texture[label],
                real_pixels=self.pixels[rows],
                synthetic_pixels=self.our_pixels[label],
                units=self.units[rows],
                sources=None if made.sources is None else np.searchsorted(rows, made.sources),
                real_taken=None if taken is None else taken[0],
                synthetic_taken=None if taken is None else taken[1],
                real_near=_ratios(near.real, fine.real),
                synthetic_near=_ratios(near.synthetic, fine.synthetic),
                unseen_near=_ratios(near.unseen, fine.unseen),
                real_nearest=near.real[:, 0],
                synthetic_nearest=near.synthetic[:, 0],
            ),
            cuts,
            self.seed,
        )
        if not found.found:
            return ClassDiversity(name, len(rows), len(ours), TOO_FEW), None
        measures = found.measures()
        z = rounded(ct_statistic(near.unseen[:, 0], near.synthetic[:, 0]))
        measures["ct"] = Measure(z, 0.0, z=z)
        if made.again is not None:
            measures["latent"] = self._latent(label)
        words = words_of(measures, len(rows), len(ours), found.distinct)
        return (
            ClassDiversity(name, len(rows), len(ours), "measured", words[0], words, **measures),
            replace(found, unseen=len(near.unseen)),
        )

    def overall(self) -> dict[str, Measure]:
        """Compare all classes together."""
        rows = np.concatenate(self.parts)
        return overall_distances(
            self.real[rows], self.units[rows], np.concatenate(self.ours), self.seed
        )

    def _neighbours(self, label: int, *, pixels: bool = False) -> _Near:
        """Search the training images for neighbours, in features or in finely weighted pixels."""
        rows, sources = self.parts[label], self.made[label].sources
        real, ours, unseen = self.real, self.ours[label], self.unseen
        if pixels:
            real, ours = self.real_fine, self.our_pixels[label] * self.fine
            unseen = None if self.unseen_pixels is None else self.unseen_pixels * self.fine
        near = neighbour_distances(real[rows], real, self.units[rows], self.units)
        own = (None, None) if sources is None else (self.units[sources], self.units)
        not_seen = near
        if unseen is not None and self.images.test is not None:
            held_out = unseen[self.images.test.labels == label]
            not_seen = np.concatenate([near, neighbour_distances(held_out, real)])
        return _Near(near, not_seen, neighbour_distances(ours, real, *own))

    def _latent(self, label: int) -> Measure:
        again = self.made[label].again
        other = _in(self.features, self.images.images[:0] if again is None else again)
        first = self.ours[label][: len(other)]
        moved = np.sqrt(((first - other) ** 2).sum(1)) / max(
            mean_pairwise_distance(self.real[self.parts[label]]), 1e-12
        )
        draws = stream(self.seed, "diversity/latent", index=label).integers(
            len(moved), size=(1000, len(moved))
        )
        low, high = np.quantile(moved[draws].mean(1), (0.025, 0.975))
        return Measure(*(rounded(each) for each in (float(moved.mean()), 1.0, low, high)))


def _training_images(real: Any, generator: Generator | None) -> ImageSet:
    """Return what the generator was trained on; the test part holds what it was not."""
    if generator is None:
        images = load_at(real, None, None)
    else:
        info = generator.info
        images = load_at(real, info.size, info.channels)
        if info.data.get("held_out"):
            images = images.hold_out()
        if not info.config.get("conditional", True):
            images = images.merged()
    if len(images) < 2:
        raise DataError(f"{images.source}: {len(images)} training images; allowed: 2 or more")
    return images


def _features(
    wanted: Any, images: ImageSet, steps: int, seed: int
) -> tuple[FeatureMap, FeatureMap, NDArray[np.bool_], str]:
    """Return features, those of pixels, bool [N]: which images may be compared, and a name."""
    every = np.ones(len(images), bool)
    if wanted is None:
        part = _part_to_learn_from(images, seed)
        if part.sum() < FEWEST_TO_LEARN_FROM:
            pixels = PixelPCA(images.images)
            return pixels, pixels, every, "PixelPCA"
        learnt = images.images[part]
        pixels = PixelPCA(learnt)
        maps = (pixels, SmallEncoder(learnt, steps=steps, seed=seed))
        return JointFeatures(maps, learnt), pixels, ~part, "PixelPCA and SmallEncoder"
    pixels = PixelPCA(images.images[:: len(images) // MOST_TO_LEARN_FROM + 1])
    if isinstance(wanted, tuple) and len(wanted) == 2:
        return torchvision_features(*wanted), pixels, every, str(wanted[0])
    from torch import nn

    if isinstance(wanted, nn.Module):
        return ModuleFeatures(wanted), pixels, every, type(wanted).__name__
    if not callable(wanted):
        raise ConfigError(
            f"features: a {type(wanted).__name__}; allowed: a function of uint8 [N, H, W, C], a"
            " torch module, or (torchvision model, file of weights); leave it out for the default"
        )
    return wanted, pixels, every, type(wanted).__name__


def _part_to_learn_from(images: ImageSet, seed: int) -> NDArray[np.bool_]:
    """bool [N]: at most a quarter of each class, whole units, only of classes with many images."""
    unit = units(images.keys, images.groups)
    spare = np.minimum(images.counts // 4, images.counts - KEPT_FOR_REFERENCE).clip(0)
    spare = (spare * min(1.0, MOST_TO_LEARN_FROM / max(int(spare.sum()), 1))).astype(np.int64)
    part = np.zeros(len(images), bool)
    order = stream(seed, "diversity/features").permutation(int(unit.max(initial=-1)) + 1)
    for label in np.flatnonzero(spare):
        rows = np.flatnonzero(images.labels == label)
        rows = rows[np.argsort(order[unit[rows]], kind="stable")]
        sizes = np.cumsum(np.unique(order[unit[rows]], return_counts=True)[1])
        whole = int(sizes[sizes <= spare[label]].max(initial=0))
        part[rows[:whole]] = True
    return part & ~np.isin(unit, unit[~part])  # a unit of two classes may not be torn


def _rows(
    images: ImageSet, label: int, compared: NDArray[np.bool_], most: int, seed: int
) -> NDArray[np.int64]:
    """int64, rising: the real images of a class that are compared, whole units, at most `most`."""
    rows = np.flatnonzero((images.labels == label) & compared)
    if len(rows) <= most:
        return rows
    unit = units(images.keys[rows], None if images.groups is None else images.groups[rows])
    order = stream(seed, "diversity/rows", index=label).permutation(int(unit.max()) + 1)
    return np.sort(rows[np.argsort(order[unit], kind="stable")][:most])


def _macro(records: list[ClassDiversity], samples: list[Subsamples | None]) -> dict[str, Measure]:
    """Means over the classes that could be measured; each cut into halves is one subsample."""
    measured = [found for found in samples if found is not None]
    macro: dict[str, Measure] = {}
    for name in MEASURES:
        both = [found.found[name] for found in measured if name in found.found]
        taken = [m for m in (getattr(record, name) for record in records) if m is not None]
        if both:
            macro[name] = summary(np.mean(both, axis=0))
        elif name == "ct" and taken:
            unseen = np.array([found.unseen for found in measured])
            z = rounded(combined_ct(np.array([m.value for m in taken]), unseen))
            macro[name] = Measure(z, 0.0, z=z)
        elif taken:
            macro[name] = Measure(rounded(float(np.mean([m.value for m in taken]))), 1.0)
    return macro


def _in(features: FeatureMap, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32 [N, D], computed in blocks: pixels in floating point need many times the memory."""
    blocks = range(0, max(len(images), 1), BLOCK)
    parts = [np.asarray(features(images[at : at + BLOCK]), np.float32) for at in blocks]
    return np.concatenate(parts)
