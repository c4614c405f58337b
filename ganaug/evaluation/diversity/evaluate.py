"""`evaluate_diversity`: do generated images cover their class, or do they collapse or copy?

Every number stands beside a reference: what as many real images give in the place of the generated
ones. `subsamples` takes the numbers, `words` turns them into words.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, count
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganaug.artifact.runtime import Generator, opened
from ganaug.devices import usual_settings
from ganaug.errors import ConfigError, DataError, checked_count
from ganaug.evaluation.diversity.classes import ClassRecords
from ganaug.evaluation.diversity.cuts import FEWEST_IMAGES, can_be_halved, rounded, summary
from ganaug.evaluation.diversity.features import choose_features, learnt_from
from ganaug.evaluation.diversity.generated import Given, Made, from_generator, from_given
from ganaug.evaluation.diversity.measures import MEASURES, Measure
from ganaug.evaluation.diversity.report import ClassDiversity, DiversityReport
from ganaug.evaluation.diversity.subsamples import NEIGHBOURS, Subsamples
from ganaug.evaluation.diversity.words import FEWEST_FOR_OK
from ganaug.evaluation.splits import as_trained, load_at
from ganaug.images import ImageSet
from ganaug.metrics.features import FeatureMap
from ganaug.progress import Pace, Progress, told
from ganaug.randomness import stream

if TYPE_CHECKING:
    from torch import nn

__all__ = ["evaluate_diversity", "in_classifier_steps"]

PER_CLASS = 1000
CUTS = 20
STEPS = 200  # of the encoder
QUICK_IMAGES, QUICK_CUTS, QUICK_STEPS = 60, 5, 50
# Images of a class that cost as much as a step of the encoder: to make, and to measure, each. Seen
# at 32 pixels on one core (a profile of 1,440 images); larger images change both alike.
IMAGES_A_STEP = 50
# A step of the encoder, in steps of a classifier, each on one core: 123 and 57 ms at 32 pixels.
ENCODER_STEP = 2.2


@usual_settings()
def evaluate_diversity(
    artifact: str | os.PathLike[str] | Generator | None = None,
    *,
    real: Any,
    synthetic: Given | None = None,
    per_class: int = PER_CLASS,
    features: FeatureMap | nn.Module | tuple[str, str | os.PathLike[str]] | None = None,
    seed: int = 0,
    quick: bool = False,
    exif: bool = True,
    skip_corrupt: bool = False,
    progress: Progress | bool | None = None,
) -> DiversityReport:
    """Compare generated images with real ones, class by class.

    Args:
        artifact: the exported file, or a `Generator`; or give `synthetic`.
        real: the images that the generator was trained on: an `ImageSet`, or anything that
            `load_images` takes. Its training part is compared. Its test part, or the fifth that
            `fit` held out, is what no generator has seen in the search for copies.
        synthetic: generated images uint8 [N, H, W, C] and labels int64 [N], indices of the classes
            of `real`; or an `ImageSet` of such classes, or the path of images that any tool made,
            in a folder for each class.
        per_class: how many real and how many generated images of a class are compared at most;
            copies are searched among all.
        features: a map from uint8 [N, H, W, C] to float [N, D]; a torch module; a torchvision
            model and the file of its weights, ("resnet18", "weights.pth"); None = `PixelPCA` and
            `SmallEncoder` side by side, fitted on a part of the real images that is not compared.
        seed: of cuts, latents and the encoder.
        quick: five cuts into halves instead of twenty, at most 60 images of a class, and 50 steps
            of the encoder instead of 200.
        exif, skip_corrupt: as for `load_images`, where `synthetic` is a path.
        progress: called as `progress(done, total, seconds_left)`, in steps of the encoder and parts
            of the classes that cost as much; True writes lines to stderr.

    Returns:
        the record: `print` it, or take `classes`, one for each; `to_dict` gives JSON values.

    Raises:
        ArtifactError: the file cannot be used or does not know a class.
        ConfigError: neither or both of `artifact` and `synthetic`, or features of another kind
            or that are no finite numbers.
        DataError: the images cannot be used.

    Examples:
        >>> print(evaluate_diversity("photos.onnx", real="photos/"))  # doctest: +SKIP
    """
    if (artifact is None) == (synthetic is None):
        given = "neither" if artifact is None else "both"
        raise ConfigError(
            f"artifact, synthetic: {given} given; allowed: exactly one; name the file, or give"
            " images with labels"
        )
    per_class = checked_count("per_class", per_class, f"leave it out for {PER_CLASS}")
    if per_class < FEWEST_IMAGES:
        raise ConfigError(
            f"per_class: {per_class}; allowed: {FEWEST_IMAGES} or more; leave it out for"
            f" {PER_CLASS}"
        )
    most = min(per_class, QUICK_IMAGES) if quick else per_class
    cuts = QUICK_CUTS if quick else CUTS
    generator = opened(artifact)
    told(progress is True and not isinstance(real, ImageSet), "reading images")
    images = _training_images(real, generator)
    if generator is not None:
        make = from_generator(generator, images, seed)
    elif synthetic is not None:
        make = from_given(synthetic, images, seed, most, exif=exif, skip_corrupt=skip_corrupt)
    learnt = np.zeros(len(images), np.bool_)
    if features is None:
        learnt = learnt_from(images, seed)
    steps = (QUICK_STEPS if quick else STEPS) if learnt.any() else 0
    labels = range(len(images.classes))
    sizes = _steps_of_classes(images, most)
    # Each class is made, the encoder trained, each class measured: the steps done after each.
    *made_at, encoded_at = accumulate([*sizes, steps])
    measured_at = list(accumulate(sizes, initial=encoded_at))[1:]
    whole = measured_at[-1]
    tell, pace, encoded = told(progress, "measuring diversity", " parts"), Pace(), count(1)
    pace.left(0, whole)

    def reach(done: int) -> None:
        if tell is not None:
            tell(done, whole, pace.left(done, whole))

    parts = [_rows(images, label, ~learnt, most, seed) for label in labels]
    made = []
    for label, rows in enumerate(parts):
        made.append(make(rows, label) if len(rows) else Made(images.images[:0]))
        reach(made_at[label])
    every = np.concatenate([each.images for each in made])
    chosen = choose_features(
        features, images, learnt, every, steps, seed, lambda: reach(made_at[-1] + next(encoded))
    )
    measured = ClassRecords(images, chosen, made, parts, seed)
    found = []
    for label in labels:
        found.append(measured.record(label, cuts))
        reach(measured_at[label])
    records, samples = zip(*found, strict=True)
    look = f"; a quick look compares at most {most} images of a class, so that words may differ"
    return DiversityReport(
        dataset=images.data_name,
        kind="images" if generator is None else generator.info.kind,
        classes=records,
        macro=_macro(records, samples),
        rule=(
            f"a class has too few images where half of them are {NEIGHBOURS} or fewer (groups stay"
            " whole), or all alike, or fewer than 2 were generated; OK needs"
            f" {FEWEST_FOR_OK} of both"
            f"{look if quick else ''}"
        ),
        settings={
            "neighbours": NEIGHBOURS,
            "features": chosen.name,
            "fitted_on": int(learnt.sum()),
            "per_class": most,
            "halves": cuts,
            "seed": seed,
        },
        overall=measured.overall(),
    )


def in_classifier_steps(images: ImageSet, workers: int, *, quick: bool = False) -> float:
    """Return about how long `evaluate_diversity` takes on `images`.

    Args:
        images: as in `evaluate_diversity`.
        workers: processes that train classifiers at once; the unit is the time from one of their
            steps to the next, whoever makes it: a step of one core over `workers`. The record is
            made by one process, whose torch has as many threads.
        quick: as in `evaluate_diversity`.
    """
    most, steps = (QUICK_IMAGES, QUICK_STEPS) if quick else (PER_CLASS, STEPS)
    steps = steps if learnt_from(images, 0).any() else 0
    of_one_core = ENCODER_STEP * (steps + 2 * sum(_steps_of_classes(images, most)))
    faster = workers**0.5  # the geometric mean of 1, where threads are of no use, and `workers`
    return of_one_core * workers / faster


def _steps_of_classes(images: ImageSet, most: int) -> list[int]:
    return [min(int(count), most) // IMAGES_A_STEP + 1 for count in images.counts]


def _training_images(real: Any, generator: Generator | None) -> ImageSet:
    """Return what the generator was trained on; the test part holds what it was not."""
    if generator is None:
        images = load_at(real, None, None)
    else:
        info = generator.info
        images = as_trained(load_at(real, info.size, info.channels, info), info)
    if len(images) < 2:
        raise DataError(f"{images.source}: {len(images)} training images; allowed: 2 or more")
    return _in_memory(images)


def _in_memory(images: ImageSet) -> ImageSet:
    """Return the set with arrays in the place of images that stay in a cache's file."""
    test = None if images.test is None else _in_memory(images.test)
    return replace(images, images=np.asarray(images.images), test=test)


def _rows(
    images: ImageSet, label: int, compared: NDArray[np.bool_], most: int, seed: int
) -> NDArray[np.int64]:
    """int64, rising: the real images of a class that are compared, at most `most`.

    Whole units where these can be halved, else some images of each.
    """
    rows = np.flatnonzero((images.labels == label) & compared)
    if len(rows) <= most:
        return rows
    unit = np.unique(images.units[rows], return_inverse=True)[1]
    rng = stream(seed, "diversity/rows", index=label)
    order = rng.permutation(int(unit.max()) + 1)
    chosen = np.argsort(order[unit], kind="stable")[:most]
    if not can_be_halved(unit[chosen]):
        shuffled = rng.permutation(len(rows))
        by_unit = shuffled[np.argsort(unit[shuffled], kind="stable")]
        place = np.arange(len(rows)) - np.searchsorted(unit[by_unit], unit[by_unit])
        chosen = by_unit[np.argsort(place, kind="stable")][:most]
    return np.sort(rows[chosen])


def _macro(
    records: Sequence[ClassDiversity], samples: Sequence[Subsamples | None]
) -> dict[str, Measure]:
    """Means over the classes that could be measured; each cut into halves is one subsample."""
    measured = [found for found in samples if found is not None]
    macro: dict[str, Measure] = {}
    for name in MEASURES:
        both = [found.found[name] for found in measured if name in found.found]
        measures = [each.measures[name] for each in records if name in each.measures]
        taken = [measure.value for measure in measures]
        if both:
            macro[name] = summary(np.mean(both, axis=0))
        elif name == "ct" and taken:
            # Meehan et al. 2020, equation 3; the classes are the cells.
            z = rounded(float(np.average(taken, weights=[found.unseen for found in measured])))
            macro[name] = Measure(z, 0.0, z=z)
        elif taken:
            reference = float(np.mean([measure.reference for measure in measures]))
            macro[name] = Measure(rounded(float(np.mean(taken))), rounded(reference))
    return macro
