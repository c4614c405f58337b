"""`evaluate_diversity`: do generated images cover their class, or do they collapse or copy?

Every number stands beside a reference: what other real images of the class give in the place of
the generated ones, in the same number. For that the real images of a class are cut into halves A
and B (whole groups on one side). Generated images, as many as B has, are compared with A; and so
is B. A variation generator starts from the images of B, so that no image it compares with was its
source.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganaug.artifact.runtime import Generator
from ganaug.errors import ArtifactError, ConfigError, DataError, did_you_mean
from ganaug.evaluation.data import data_name, load_part
from ganaug.images import ImageSet, units
from ganaug.metrics.features import FeatureMap, PixelPCA
from ganaug.metrics.neighbours import coverage, nearest_distance, precision
from ganaug.metrics.spread import near_duplicates, spread_ratio
from ganaug.randomness import stream

__all__ = ["ClassDiversity", "DiversityReport", "Measure", "evaluate_diversity"]

NEIGHBOURS = 5
FEWEST_IMAGES = 2 * (NEIGHBOURS + 1)
QUICK_IMAGES = 60
HALVES = 5  # cuts into halves over which the numbers are averaged
MEASURES = ("coverage", "precision", "spread", "near_duplicates", "nearest")
TOO_FEW = "too few images"


@dataclass(frozen=True)
class Measure:
    """A number and what real images give in the place of the generated ones."""

    value: float
    reference: float


@dataclass(frozen=True)
class ClassDiversity:
    """The record of one class; the measures are None where there are too few images.

    Attributes:
        name: of the class.
        images: real images of it.
        synthetic: generated images that were compared, in each cut into halves.
        status: "measured", or "too few images".
        coverage: fraction of the real images that have a generated one near them, in 0..1.
        precision: fraction of the generated images that lie near a real one, in 0..1.
        spread: mean pairwise distance over that of the real images of half A.
        near_duplicates: fraction of the generated images that have another one nearer than 95% of
            the real images have a real one; in 0..1.
        nearest: median distance to the nearest training image of any class, the source left out;
            the reference is that of real images to the nearest other one.
    """

    name: str
    images: int
    synthetic: int
    status: str
    coverage: Measure | None = None
    precision: Measure | None = None
    spread: Measure | None = None
    near_duplicates: Measure | None = None
    nearest: Measure | None = None


@dataclass(frozen=True)
class DiversityReport:
    """The diversity record. `print` shows a table, `to_dict` gives JSON values.

    Attributes:
        dataset: what the generated images are compared with.
        kind: "variation", "class", or "images" where they were given.
        classes: one record for each class.
        macro: by measure, the mean over the classes that could be measured.
        rule: which classes have too few images.
        settings: features, neighbours, seed.
    """

    dataset: str
    kind: str
    classes: tuple[ClassDiversity, ...]
    macro: dict[str, Measure]
    rule: str
    settings: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        return {**asdict(self), "classes": [asdict(each) for each in self.classes]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DiversityReport:
        """Return the record that `to_dict` gave.

        Raises:
            ConfigError: a field is missing.
        """
        try:
            classes = tuple(
                ClassDiversity(**{key: _measure(value) for key, value in each.items()})
                for each in values["classes"]
            )
            macro = {name: Measure(**each) for name, each in values["macro"].items()}
            names = ("dataset", "kind", "rule", "settings")
            return cls(classes=classes, macro=macro, **{name: values[name] for name in names})
        except (KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"diversity record: {error} is missing or unknown; allowed: what"
                " DiversityReport.to_dict gave; make the record again"
            ) from error

    def __str__(self) -> str:
        titles = ("coverage", "precision", "spread", "near-duplicates", "nearest")
        rows: list[tuple[str, ...]] = [("class", "images", *titles)]
        for each in self.classes:
            cells = [_cell(getattr(each, name)) for name in MEASURES]
            if each.status == TOO_FEW:
                cells = [TOO_FEW, "", "", "", ""]
            rows.append((each.name, str(each.images), *cells))
        rows.append(("macro", "", *(_cell(self.macro.get(name)) for name in MEASURES)))
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) for r in rows]
        lines.insert(1, "  ".join("-" * width for width in widths))
        lines.append("each: generated images (real images in their place); " + self.rule)
        return "\n".join(line.rstrip() for line in lines)


def evaluate_diversity(
    artifact: str | os.PathLike[str] | Generator | None = None,
    *,
    real: Any,
    synthetic: tuple[NDArray[np.uint8], NDArray[np.int64]] | None = None,
    per_class: int = 200,
    features: FeatureMap | None = None,
    seed: int = 0,
    quick: bool = False,
) -> DiversityReport:
    """Compare generated images with real ones, class by class.

    Args:
        artifact: the exported file, or a `Generator`; or give `synthetic`.
        real: the images the generator was trained on: an `ImageSet` (its training part counts),
            or anything that `load_images` takes. Where `fit` held out a fifth, the same fifth is
            left out.
        synthetic: generated images uint8 [N, H, W, C] and labels int64 [N] by `real`'s classes.
        per_class: at most so many real images of a class are compared.
        features: maps uint8 [N, H, W, C] to float [N, D]; None = `PixelPCA` of `real`.
        seed: of halves and latents.
        quick: one cut into halves instead of five, and at most 60 images of a class.

    Raises:
        ArtifactError: the file cannot be used or does not know a class.
        ConfigError: neither or both of `artifact` and `synthetic`.
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
            f"per_class: {per_class}; allowed: {FEWEST_IMAGES} or more; leave it out for 200"
        )
    generator = Generator(artifact) if isinstance(artifact, str | os.PathLike) else artifact
    images = _training_images(real, generator)
    make = _from_arrays(synthetic, images) if generator is None else _by(generator, images)
    comparison = _Comparison(
        images=images,
        features=features or PixelPCA(images.images),
        make=make,
        most=min(per_class, QUICK_IMAGES) if quick else per_class,
        cuts=1 if quick else HALVES,
        seed=seed,
    )
    records = tuple(comparison.record(label) for label in range(len(images.classes)))
    measured = [record for record in records if record.status != TOO_FEW]
    return DiversityReport(
        dataset=data_name(images),
        kind="images" if generator is None else generator.info.kind,
        classes=records,
        macro={
            name: _mean([getattr(record, name) for record in measured])
            for name in MEASURES
            if measured
        },
        rule=(
            f"a class has too few images where half of them are {NEIGHBOURS} or fewer, or all"
            " alike, or fewer than 2 were generated"
        ),
        settings={
            "neighbours": NEIGHBOURS,
            "features": type(comparison.features).__name__,
            "per_class": comparison.most,
            "halves": comparison.cuts,
            "seed": seed,
        },
    )


@dataclass(frozen=True, eq=False)
class _Made:
    """Generated images uint8 [M, H, W, C], and the rows of the real images they came from."""

    images: NDArray[np.uint8]
    sources: NDArray[np.int64] | None


# (rows of half B, label, a stream) -> as many generated images, or fewer where there are no more
_Maker = Callable[[NDArray[np.int64], int, np.random.Generator], _Made]


class _Comparison:
    """The real images in features, and what is compared with them."""

    def __init__(
        self,
        images: ImageSet,
        features: FeatureMap,
        make: _Maker,
        most: int,
        cuts: int,
        seed: int,
    ) -> None:
        self.images, self.features, self.make = images, features, make
        self.most, self.cuts, self.seed = most, cuts, seed
        self.real = np.asarray(features(images.images), np.float32)
        self.groups = units(images.keys, images.groups)

    def record(self, label: int) -> ClassDiversity:
        """Measure one class over all cuts into halves."""
        rows = np.flatnonzero(self.images.labels == label)
        name = self.images.classes[label]
        pairs = []
        threshold = own_nearest = 0.0
        made = 0
        for cut in range(self.cuts):
            rng = stream(self.seed, "diversity/halves", cut, label)
            half_a, half_b = _halves(rows, self.groups, self.most, rng)
            if len(half_a) <= NEIGHBOURS or len(half_b) < 2 or not self._differ(half_a):
                return ClassDiversity(name, len(rows), 0, TOO_FEW)
            part = self.make(half_b, label, stream(self.seed, "diversity/make", cut, label))
            made = len(part.images)
            if made < 2:
                return ClassDiversity(name, len(rows), made, TOO_FEW)
            if not cut:
                within = np.arange(len(rows), dtype=np.int64)
                near = nearest_distance(self.real[rows], self.real[rows], within)
                threshold = float(np.quantile(near, 0.05))
                own_nearest = float(np.median(nearest_distance(self.real[rows], self.real, rows)))
            ours = np.asarray(self.features(part.images), np.float32)
            theirs, base = self.real[half_b[:made]], self.real[half_a]
            nearest = nearest_distance(ours, self.real, part.sources)
            pairs.append(
                [
                    (coverage(base, ours, NEIGHBOURS), coverage(base, theirs, NEIGHBOURS)),
                    (precision(base, ours, NEIGHBOURS), precision(base, theirs, NEIGHBOURS)),
                    (spread_ratio(base, ours), spread_ratio(base, theirs)),
                    (near_duplicates(ours, threshold), near_duplicates(theirs, threshold)),
                    (float(np.median(nearest)), own_nearest),
                ]
            )
        means = np.mean(pairs, axis=0)  # [measures, 2]
        measures = {
            measure: Measure(float(value), float(reference))
            for measure, (value, reference) in zip(MEASURES, means, strict=True)
        }
        return ClassDiversity(name, len(rows), made, "measured", **measures)

    def _differ(self, rows: NDArray[np.int64]) -> bool:
        return bool((self.real[rows] != self.real[rows[0]]).any())


def _halves(
    rows: NDArray[np.int64], groups: NDArray[np.int64], most: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut at most `most` of the rows into two halves, whole groups on one side where it has two."""
    group = groups[rows]
    names = rng.permutation(np.unique(group))
    if len(names) < 2:
        group = np.arange(len(rows))  # one group: there is no other way
        names = rng.permutation(len(rows))
    sizes = [0, 0]
    side = {}
    for name in names.tolist():  # the smaller side takes the next group
        side[name] = int(sizes[1] < sizes[0])
        sizes[side[name]] += int((group == name).sum())
    on_b = np.array([side[name] for name in group.tolist()], dtype=bool)
    half_a, half_b = rng.permutation(rows[~on_b]), rng.permutation(rows[on_b])
    return half_a[: (most + 1) // 2], half_b[: most // 2]


def _training_images(real: Any, generator: Generator | None) -> ImageSet:
    """Return what the generator was trained on: `real` without its test part."""
    if generator is None:
        images = load_part(real, None, None)
    else:
        info = generator.info
        images = load_part(real, info.size, info.channels)
        if info.data.get("held_out"):
            images = images.hold_out()
        if not info.config.get("conditional", True):
            images = images.merged()
    if len(images) < 2:
        raise DataError(f"{images.source}: {len(images)} training images; allowed: 2 or more")
    return images


def _by(generator: Generator, images: ImageSet) -> _Maker:
    """Let the generator make them: variations of half B, or images of the class."""
    info = generator.info
    for name in images.classes:
        if name not in info.classes:
            raise ArtifactError(
                f"class {name!r} is unknown to the artifact{did_you_mean(name, info.classes)};"
                f" allowed: {', '.join(info.classes)}; give the images it was fitted on"
            )
    if info.kind == "class" and images.size != info.size:
        raise DataError(
            f"{images.source}: images of {images.size[0]}x{images.size[1]}, generated ones are"
            f" {info.size[0]}x{info.size[1]}; load them at that size"
        )
    scale = 1.0 if info.policy is None else info.policy.scale

    def make(half_b: NDArray[np.int64], label: int, rng: np.random.Generator) -> _Made:
        shape = (len(half_b), info.latent_dim)
        latents = scale * rng.standard_normal(shape, dtype=np.float32)
        latents = latents.astype(np.float32)
        if info.kind == "variation":
            pixels = images.images[half_b].transpose(0, 3, 1, 2).astype(np.float32) / 255
            made = generator.vary(np.ascontiguousarray(pixels), latents)
        else:
            own = info.classes.index(images.classes[label])
            made = generator.generate(np.full(len(half_b), own, np.int64), latents)
        levels = np.rint(made.transpose(0, 2, 3, 1) * 255).clip(0, 255).astype(np.uint8)
        return _Made(levels, half_b if info.kind == "variation" else None)

    return make


def _from_arrays(
    synthetic: tuple[NDArray[np.uint8], NDArray[np.int64]] | None, images: ImageSet
) -> _Maker:
    """Take them from what was given."""
    if synthetic is None:
        raise ValueError("either a generator or images")
    given = ImageSet(synthetic[0], np.asarray(synthetic[1]), images.classes, source="synthetic")
    if given.images.shape[1:] != images.images.shape[1:]:
        raise DataError(
            f"synthetic: images {list(given.images.shape[1:])}; allowed:"
            f" {list(images.images.shape[1:])} (H, W, C), as the real ones; resize them"
        )

    def make(half_b: NDArray[np.int64], label: int, rng: np.random.Generator) -> _Made:
        rows = rng.permutation(np.flatnonzero(given.labels == label))[: len(half_b)]
        return _Made(given.images[rows], None)

    return make


def _mean(measures: list[Measure]) -> Measure:
    return Measure(
        float(np.mean([each.value for each in measures])),
        float(np.mean([each.reference for each in measures])),
    )


def _measure(value: Any) -> Any:
    return Measure(**value) if isinstance(value, Mapping) else value


def _cell(measure: Measure | None) -> str:
    return "-" if measure is None else f"{measure.value:.2f} ({measure.reference:.2f})"
