from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from small_images import bars

from ganaug import evaluate_diversity
from ganaug.artifact.format import Policy
from ganaug.errors import ArtifactError, ConfigError, DataError
from ganaug.evaluation.diversity import MEASURES, DiversityReport
from ganaug.images import ImageSet

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]
MakeArtifact = Callable[..., Path]


@pytest.fixture(scope="module")
def real() -> ImageSet:
    return bars((60, 40))


def honest() -> Arrays:
    other = bars((60, 40), seed=1)
    return other.images, other.labels


def changed(images: ImageSet, make: Callable[[NDArray[np.int64]], Any], label: int = 0) -> Arrays:
    """The honest images, but those of one class as `make` gives them from the class's rows."""
    pixels, labels = honest()
    pixels = pixels.copy()
    made = make(np.flatnonzero(images.labels == label))
    pixels[labels == label] = np.resize(made, pixels[labels == label].shape)
    return pixels, labels


def row(report: DiversityReport, label: int = 0) -> dict[str, tuple[float, float]]:
    record = report.classes[label]
    return {m: (getattr(record, m).value, getattr(record, m).reference) for m in MEASURES}


def test_other_real_images_look_like_their_reference(real: ImageSet) -> None:
    found = row(evaluate_diversity(real=real, synthetic=honest()))
    for measure in ("coverage", "precision", "spread"):
        value, reference = found[measure]
        assert value == pytest.approx(reference, abs=0.2)
    assert found["near_duplicates"][0] < 0.2
    assert found["nearest"][0] == pytest.approx(found["nearest"][1], rel=0.25)


def test_few_repeated_images_lack_coverage_and_spread(real: ImageSet) -> None:
    few = changed(real, lambda rows: bars((2,), seed=9).images)
    report = evaluate_diversity(real=real, synthetic=few)
    found, other = row(report), row(report, 1)
    assert found["coverage"][0] < 0.5 * found["coverage"][1]
    assert found["near_duplicates"][0] == 1.0
    assert found["spread"][0] < 0.75
    assert other["coverage"][0] > 0.7 * other["coverage"][1]
    assert other["near_duplicates"][0] < 0.2


def test_copies_of_training_images_lie_at_distance_nothing(real: ImageSet) -> None:
    copies = changed(real, lambda rows: real.images[rows])
    report = evaluate_diversity(real=real, synthetic=copies)
    value, reference = row(report)["nearest"]
    assert value == 0 < reference
    assert row(report, 1)["nearest"][0] > 0.5 * row(report, 1)["nearest"][1]


def test_noise_is_imprecise(real: ImageSet) -> None:
    noise = changed(real, lambda rows: np.random.default_rng(0).integers(0, 256, (60, 12, 12, 1)))
    found = row(evaluate_diversity(real=real, synthetic=noise))
    assert found["precision"][0] == 0 < found["precision"][1]


def test_the_source_of_a_variation_is_left_out(artifact: MakeArtifact, real: ImageSet) -> None:
    """A generator that returns its source would copy, if its source counted."""
    policy = Policy(p=((1, 0.5),), scale=1e-9)
    still = artifact(classes=real.classes, counts=(60, 40), policy=policy)
    report = evaluate_diversity(still, real=real)
    assert report.kind == "variation"
    found = row(report)
    assert found["nearest"][0] == pytest.approx(found["nearest"][1], rel=0.2)
    for measure in ("coverage", "precision", "spread", "near_duplicates"):
        assert found[measure][0] == found[measure][1]


def test_a_class_generator_makes_images_of_each_class(
    artifact: MakeArtifact, real: ImageSet
) -> None:
    report = evaluate_diversity(artifact("class", classes=real.classes, counts=(60, 40)), real=real)
    assert report.kind == "class"
    assert row(report)["precision"][0] == 0  # the small model draws noise
    assert report.classes[0].synthetic == 30


def test_small_classes_are_not_judged(real: ImageSet) -> None:
    mixed = bars((40, 10, 12))
    other = bars((40, 20, 20), seed=1)
    report = evaluate_diversity(real=mixed, synthetic=(other.images, other.labels))
    assert [each.status for each in report.classes] == ["measured", "too few images", "measured"]
    assert report.classes[1].coverage is None
    scores = [each.coverage.value for each in report.classes if each.coverage is not None]
    assert report.macro["coverage"].value == pytest.approx(np.mean(scores))
    assert "bar 1  10      too few images" in str(report)
    assert "half of them are 5 or fewer" in str(report)


def test_classes_without_generated_images_or_all_alike_are_not_judged() -> None:
    flat = np.zeros((20, 12, 12, 1), np.uint8)
    images = bars((20, 20))
    images = replace(
        images,
        images=np.concatenate([images.images[:20], flat]),
        keys=images.keys,
    )
    other = bars((20,), seed=1)
    report = evaluate_diversity(real=images, synthetic=(other.images, other.labels))
    assert [each.status for each in report.classes] == ["measured", "too few images"]
    none = evaluate_diversity(real=bars((20, 20)), synthetic=(other.images, other.labels))
    assert [each.status for each in none.classes] == ["measured", "too few images"]


def test_whole_groups_stay_on_one_side() -> None:
    """Each image stands twice, as two frames of one object: cut apart, every half is covered."""
    once = bars((30, 30))
    twice = np.repeat(np.arange(60), 2)
    images = replace(
        once.take(twice),
        keys=np.arange(120, dtype=np.uint64),
        groups=twice,
    )
    other = bars((30, 30), seed=1)
    grouped = evaluate_diversity(real=images, synthetic=(other.images, other.labels))
    torn = evaluate_diversity(
        real=replace(images, groups=None), synthetic=(other.images, other.labels)
    )
    assert grouped.classes[0].nearest is not None
    assert grouped.classes[0].coverage is not None
    assert torn.classes[0].coverage is not None
    assert grouped.classes[0].coverage.reference < torn.classes[0].coverage.reference


def test_the_same_call_gives_the_same_record(artifact: MakeArtifact, real: ImageSet) -> None:
    path = artifact(classes=real.classes, counts=(60, 40))
    first = evaluate_diversity(path, real=real)
    assert evaluate_diversity(path, real=real) == first
    assert evaluate_diversity(path, real=real, seed=1) != first
    text = json.dumps(first.to_dict(), allow_nan=False)
    assert DiversityReport.from_dict(json.loads(text)) == first
    assert evaluate_diversity(path, real=real, quick=True).settings["halves"] == 1


def test_the_held_out_fifth_is_no_training_image(artifact: MakeArtifact, real: ImageSet) -> None:
    data = {"source": "bars", "held_out": "a rule", "held_out_fingerprint": "0", "groups": False}
    path = artifact(classes=real.classes, counts=(60, 40), data=data)
    report = evaluate_diversity(path, real=real)
    assert [each.images for each in report.classes] == real.hold_out().counts.tolist()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ConfigError, "neither given"),
        ({"artifact": "x.onnx", "synthetic": honest()}, ConfigError, "both given"),
        ({"synthetic": honest(), "per_class": 3}, ConfigError, "per_class: 3; allowed: 12"),
        (
            {"synthetic": (np.zeros((2, 8, 8, 1), np.uint8), np.zeros(2, np.int64))},
            DataError,
            r"allowed: \[12, 12, 1\]",
        ),
        (
            {"synthetic": (np.zeros((1, 12, 12, 1), np.uint8), np.array([7]))},
            DataError,
            "label 7 is out of range",
        ),
    ],
)
def test_wrong_arguments_are_refused(
    real: ImageSet, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        evaluate_diversity(arguments.pop("artifact", None), real=real, **arguments)


def test_an_artifact_of_other_classes_is_refused(artifact: MakeArtifact, real: ImageSet) -> None:
    with pytest.raises(ArtifactError, match="class 'bar 0' is unknown"):
        evaluate_diversity(artifact(classes=("a", "b", "c")), real=real)


def test_class_generators_need_images_of_their_size(artifact: MakeArtifact) -> None:
    images = bars((20, 20, 20), size=(14, 14))
    with pytest.raises(DataError, match="generated ones are 12x12"):
        evaluate_diversity(artifact("class"), real=images)
