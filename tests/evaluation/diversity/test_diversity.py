"""The diversity record: its numbers, its sources of images, what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.photos import write_pngs
from helpers.small_images import bars
from numpy.typing import NDArray

from ganaug import evaluate_diversity
from ganaug.artifact.policy import Policy
from ganaug.errors import ArtifactError, ConfigError, DataError
from ganaug.evaluation.diversity.evaluate import ENCODER_STEP, in_classifier_steps
from ganaug.evaluation.diversity.measures import MEASURES, Measure
from ganaug.evaluation.diversity.report import TOO_FEW, DiversityReport
from ganaug.images import ImageSet, load_images

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]
MakeArtifact = Callable[..., Path]
GIVEN = tuple(name for name in MEASURES if name != "latent")  # images that are given have no latent


@pytest.fixture(scope="module")
def real() -> ImageSet:
    return bars((60, 50))


def honest() -> Arrays:
    other = bars((60, 50), seed=1)
    return other.images, other.labels


def changed(images: ImageSet, make: Callable[[NDArray[np.int64]], Any], label: int = 0) -> Arrays:
    """The honest images, but those of one class as `make` gives them from the class's rows."""
    pixels, labels = honest()
    pixels = pixels.copy()
    made = make(np.flatnonzero(images.labels == label))
    pixels[labels == label] = np.resize(made, pixels[labels == label].shape)
    return pixels, labels


def row(report: DiversityReport, label: int = 0) -> dict[str, tuple[float, float]]:
    found = {m: getattr(report.classes[label], m) for m in MEASURES}
    return {name: (m.value, m.reference) for name, m in found.items() if m is not None}


def words(report: DiversityReport) -> list[str]:
    return [each.word for each in report.classes]


def test_other_real_images_look_like_their_reference(real: ImageSet) -> None:
    report = evaluate_diversity(real=real, synthetic=honest())
    found = row(report)
    assert tuple(found) == GIVEN
    for measure in ("coverage", "precision", "texture", "spread", "labels"):
        value, reference = found[measure]
        assert value == pytest.approx(reference, abs=0.15)
    assert found["near_duplicates"][0] < 0.3
    assert found["nearest"][0] == pytest.approx(found["nearest"][1], rel=0.25)
    assert abs(found["ct"][0]) < 3
    assert words(report) == ["OK", "OK"]
    assert abs(report.overall["cubic_kernel"].z or 9) < 4
    assert report.overall["frechet"].value == pytest.approx(
        report.overall["frechet"].reference, rel=0.5
    )
    assert found["repeated"] == (0, 0)
    for measure in (
        getattr(report.classes[0], name) for name in GIVEN if name not in ("ct", "repeated")
    ):
        assert measure.low <= measure.value <= measure.high
        assert abs(measure.z) < 4


def test_few_repeated_images_are_called_collapsed(real: ImageSet) -> None:
    few = changed(real, lambda rows: bars((2,), seed=9).images)
    report = evaluate_diversity(real=real, synthetic=few)
    found, other = row(report), row(report, 1)
    assert found["coverage"][0] < 0.5 * found["coverage"][1]
    assert found["near_duplicates"][0] == 1.0
    assert found["spread"][0] < 0.75
    assert other["coverage"][0] > 0.7 * other["coverage"][1]
    assert words(report) == ["COLLAPSED", "OK"]


def test_one_image_among_fresh_ones_is_called_collapsed(real: ImageSet) -> None:
    """Half of the images are one, the rest is fine."""

    def half(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        made, labels = honest()
        return np.concatenate([made[labels == 0][:30], np.repeat(made[:1], 30, 0)])

    report = evaluate_diversity(real=real, synthetic=changed(real, half))
    assert row(report)["repeated"] == (pytest.approx(31 / 60, abs=1e-4), 0)
    assert row(report)["near_duplicates"][0] < 0.6
    assert words(report) == ["COLLAPSED", "OK"]
    assert report.classes[0].words == ("COLLAPSED",)
    assert "\nbar 0 is COLLAPSED by repeated 0.52 (0.00" in str(report)
    assert report.macro["repeated"] == Measure(0.25833, 0.0)
    made = changed(real, half)
    value, reference = row(evaluate_diversity(real=replace(real, images=made[0]), synthetic=made))[
        "repeated"
    ]
    assert value == reference > 0.5


def test_copies_of_training_images_are_called_copying(real: ImageSet) -> None:
    copies = changed(real, lambda rows: real.images[rows])
    report = evaluate_diversity(real=real, synthetic=copies)
    found = row(report)
    assert found["nearest"][0] == 0 < found["nearest"][1]
    assert found["copied"][0] == 1.0
    assert found["ct"][0] < -8
    assert words(report) == ["COPYING", "OK"]


def test_a_folder_of_images_is_judged_as_their_arrays_are(
    real: ImageSet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pixels, labels = changed(real, lambda rows: real.images[rows])
    order = np.argsort(-labels, kind="stable")  # classes are matched by name, in any order
    turned = ImageSet(pixels[order], 1 - labels[order], real.classes[::-1])
    folder = write_pngs(tmp_path / "made", turned)
    report = evaluate_diversity(real=real, synthetic=folder)
    assert report == evaluate_diversity(real=real, synthetic=(pixels, labels))
    assert words(report) == ["COPYING", "OK"]
    (folder / "bar 0" / "none.png").write_bytes(b"")
    with caplog.at_level("INFO", "ganaug"):
        assert evaluate_diversity(real=real, synthetic=str(folder), skip_corrupt=True) == report
    assert "made: skipped bar 0/none.png: not recognised as an image" in caplog.messages
    (folder / "bar 0" / "none.png").unlink()
    (folder / "bar 1").rename(folder / "barr 1")
    with pytest.raises(DataError, match=r"class 'barr 1' .*did you mean 'bar 1'"):
        evaluate_diversity(real=real, synthetic=folder)


def test_copies_are_found_among_images_that_are_not_compared(real: ImageSet) -> None:
    """Few images of a class are compared, and those of other classes are no less copies."""
    other = changed(real, lambda rows: real.images[real.labels == 1], label=0)
    report = evaluate_diversity(real=real, synthetic=other, per_class=20)
    assert report.classes[0].images == report.classes[0].synthetic == 20
    assert row(report)["copied"][0] == 1.0
    assert "COPYING" in report.classes[0].words


def test_noise_is_called_unfaithful_and_images_of_another_class_mislabelled(real: ImageSet) -> None:
    noise = changed(real, lambda rows: np.random.default_rng(0).integers(0, 256, (60, 12, 12, 1)))
    report = evaluate_diversity(real=real, synthetic=noise)
    assert row(report)["precision"][0] == row(report)["texture"][0] == 0
    assert row(report)["labels"][0] == 1.0  # it looks like no class
    assert report.overall["frechet"].value > 2 * report.overall["frechet"].reference
    assert words(report) == ["UNFAITHFUL", "OK"]
    assert "\nbar 0 is UNFAITHFUL by precision 0.00 (" in str(report)
    assert "\nbar 1 is" not in str(report)
    swapped = changed(real, lambda rows: bars((1, 60), seed=3).images[1:])
    report = evaluate_diversity(real=real, synthetic=swapped)
    assert row(report)["labels"][0] < 0.2
    assert words(report) == ["MISLABELLED", "OK"]


def test_names_cannot_rewrite_the_terminal(real: ImageSet) -> None:
    hostile = replace(real, classes=("a\x1b[2Jb", "ok"))
    text = str(evaluate_diversity(real=hostile, synthetic=honest(), quick=True))
    assert "\x1b" not in text
    assert "a\ufffd[2Jb" in text
    for measure in ("missing", "mistaken", "latent"):
        assert f" {measure}" in text
    assert "all classes together, the lower the more alike: cubic kernel " in text


def test_a_class_that_as_a_whole_looks_like_another_is_mistaken(real: ImageSet) -> None:
    """What counts is by how many more images the other class wins, in each of its cuts."""
    other = bars((1, 60), seed=3).images[1:]
    mixed = changed(real, lambda rows: np.concatenate([honest()[0][:12], other[:48]]))
    report = evaluate_diversity(real=real, synthetic=mixed)
    assert row(report)["mistaken"][0] == pytest.approx(0.6, abs=0.1)
    assert row(report, 1)["mistaken"][0] == 0.0
    fewer = changed(real, lambda rows: np.concatenate([honest()[0][:36], other[:24]]))
    report = evaluate_diversity(real=real, synthetic=fewer)
    assert row(report)["mistaken"][0] < 0.05
    assert row(report)["labels"][0] == pytest.approx(0.6, abs=0.1)


def test_held_out_images_take_part_in_the_search_for_copies(real: ImageSet) -> None:
    judged = replace(bars((30, 30), seed=5), source="test")
    alone = evaluate_diversity(real=real, synthetic=honest())
    beside = evaluate_diversity(real=replace(real, test=judged), synthetic=honest())
    assert row(alone)["ct"] != row(beside)["ct"]
    assert row(alone)["coverage"] == row(beside)["coverage"]


def test_the_source_of_a_variation_is_left_out(artifact: MakeArtifact, real: ImageSet) -> None:
    """A generator that returns its source would copy, if its source counted."""
    policy = Policy(p=((1, 0.5),), scale=1e-9)
    still = artifact(classes=real.classes, counts=(60, 50), policy=policy)
    report = evaluate_diversity(still, real=real)
    assert report.kind == "variation"
    found = row(report)
    for measure in ("coverage", "precision", "spread", "near_duplicates", "copied", "nearest"):
        assert found[measure][0] == pytest.approx(found[measure][1], rel=1e-4)
    assert abs(found["ct"][0]) < 0.1
    assert found["latent"][0] < 1e-3  # and what it returns does not depend on the latent
    assert words(report) == ["COLLAPSED", "COLLAPSED"]


def test_the_latent_of_a_variation_moves_the_image(artifact: MakeArtifact, real: ImageSet) -> None:
    report = evaluate_diversity(artifact(classes=real.classes, counts=(60, 50)), real=real)
    latent = report.classes[0].latent
    assert latent is not None
    assert latent.low is not None
    assert 0.02 < latent.low < latent.value
    assert report.macro["latent"].value > 0.02


def test_a_class_generator_makes_images_of_each_class(
    artifact: MakeArtifact, real: ImageSet
) -> None:
    report = evaluate_diversity(artifact("class", classes=real.classes, counts=(60, 50)), real=real)
    assert report.kind == "class"
    assert row(report)["precision"][0] == 0  # the small model draws noise
    assert report.classes[0].synthetic == 60


def test_small_classes_are_not_called_ok(real: ImageSet) -> None:
    mixed = bars((50, 10, 12))
    other = bars((50, 20, 20), seed=1)
    report = evaluate_diversity(real=mixed, synthetic=(other.images, other.labels))
    assert [each.status for each in report.classes] == ["measured", TOO_FEW, "measured"]
    assert words(report) == ["OK", "TOO FEW IMAGES TO TELL", "TOO FEW IMAGES TO TELL"]
    assert report.words == {"OK": ["bar 0"], "TOO FEW IMAGES TO TELL": ["bar 1", "bar 2"]}
    assert report.classes[1].coverage is None
    scores = [each.coverage.value for each in report.classes if each.coverage is not None]
    assert report.macro["coverage"].value == pytest.approx(np.mean(scores), abs=1e-4)
    assert "bar 1  10      TOO FEW IMAGES TO TELL" in str(report)
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
    assert [each.status for each in report.classes] == ["measured", TOO_FEW]
    none = evaluate_diversity(real=bars((20, 20)), synthetic=(other.images, other.labels))
    assert [each.status for each in none.classes] == ["measured", TOO_FEW]


def test_one_class_has_no_labels_to_mistake() -> None:
    other = bars((50,), seed=1)
    report = evaluate_diversity(real=bars((50,)), synthetic=(other.images, other.labels))
    assert "labels" not in row(report)
    assert words(report) == ["OK"]


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
    assert row(grouped)["coverage"][1] < row(torn)["coverage"][1]
    assert row(grouped)["nearest"][1] > 0 == row(torn)["nearest"][1]


def test_the_same_call_gives_the_same_record(artifact: MakeArtifact, real: ImageSet) -> None:
    path = artifact(classes=real.classes, counts=(60, 50))
    first = evaluate_diversity(path, real=real)
    assert evaluate_diversity(path, real=real) == first
    assert evaluate_diversity(path, real=real, seed=1) != first
    text = json.dumps(first.to_dict(), allow_nan=False)
    assert DiversityReport.from_dict(json.loads(text)) == first
    assert len(text) < 2000 * (len(real.classes) + 1)  # 200 kB for 100 classes
    quick = evaluate_diversity(path, real=real, quick=True, per_class=30)
    assert (quick.settings["halves"], quick.settings["per_class"]) == (5, 30)
    assert "; a quick look compares at most 30 images of a class, so that" in quick.rule
    assert "quick" not in first.rule
    broken = {**first.to_dict(), "classes": [{"name": "x"}]}
    with pytest.raises(ConfigError, match="diversity record"):
        DiversityReport.from_dict(broken)


def test_what_a_record_takes_is_told_in_steps_of_the_trainings_before_it(real: ImageSet) -> None:
    """Of one process as many as its own progress has, and less than in proportion to more."""
    told: list[tuple[int, int]] = []
    evaluate_diversity(
        real=real,
        synthetic=(real.images, real.labels),
        quick=True,
        progress=lambda done, total, left: told.append((done, total)),
    )
    done, steps = zip(*told, strict=True)
    assert list(done) == sorted(done)
    assert done[-1] == steps[-1]
    alone = in_classifier_steps(real, 1, quick=True)
    assert alone == pytest.approx(ENCODER_STEP * steps[-1])
    assert in_classifier_steps(real, 4, quick=True) == pytest.approx(2 * alone)
    more = bars((400, 300))
    assert in_classifier_steps(more, 1) > in_classifier_steps(more, 1, quick=True)


def test_features_are_learnt_from_images_that_are_not_compared() -> None:
    images, other = bars((300, 300, 50)), bars((60, 60, 60), seed=1)
    report = evaluate_diversity(real=images, synthetic=(other.images, other.labels), quick=True)
    assert report.settings["features"] == "PixelPCA and SmallEncoder"
    assert [each.images for each in report.classes] == [60, 60, 50]
    assert report.settings["fitted_on"] == 150
    assert words(report) == ["OK"] * 3


def test_features_of_the_user(real: ImageSet) -> None:
    module = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(6), torch.nn.Flatten())
    report = evaluate_diversity(real=real, synthetic=honest(), features=module)
    assert report.settings["features"] == "Sequential"
    again = evaluate_diversity(
        real=real,
        synthetic=honest(),
        features=lambda x: x.reshape(len(x), 6, 2, 6, 2).mean((2, 4)).reshape(len(x), -1) / 255,
    )
    assert row(again)["coverage"] == pytest.approx(row(report)["coverage"], abs=0.02)


def test_the_held_out_fifth_is_no_training_image(artifact: MakeArtifact, real: ImageSet) -> None:
    data = {"source": "bars", "held_out": "a rule", "held_out_fingerprint": "0", "groups": False}
    path = artifact(classes=real.classes, counts=(60, 50), data=data)
    report = evaluate_diversity(path, real=real)
    assert [each.images for each in report.classes] == real.hold_out().counts.tolist()


def test_images_of_a_cache_are_judged_as_those_in_memory(tmp_path: Path, real: ImageSet) -> None:
    photos = write_pngs(tmp_path / "photos", replace(real, test=bars((8, 8), seed=4)))
    plain, cached = (
        evaluate_diversity(
            real=load_images(photos, size=real.size, cache=cache),
            synthetic=honest(),
            per_class=12,
            quick=True,
        )
        for cache in (None, tmp_path / "cache")
    )
    assert cached.to_dict() == plain.to_dict()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ConfigError, "neither given"),
        ({"artifact": "x.onnx", "synthetic": honest()}, ConfigError, "both given"),
        ({"synthetic": honest(), "per_class": 3}, ConfigError, "per_class: 3; allowed: 12"),
        (
            {"synthetic": honest(), "per_class": "x"},
            ConfigError,
            "per_class: 'x'; allowed: a whole",
        ),
        ({"artifact": 5}, ConfigError, "artifact: 5; allowed: the path of an exported file"),
        ({"synthetic": honest()[0]}, ConfigError, "synthetic: a ndarray; allowed: "),
        ({"synthetic": (*honest(), 0)}, ConfigError, "synthetic: a tuple; allowed: "),
        ({"synthetic": (None, None)}, ConfigError, "synthetic: a tuple; allowed: "),
        (
            {"synthetic": (honest()[0][:0], honest()[1][:0])},
            DataError,
            "synthetic: no images; allowed: some of each class",
        ),
        (
            {"synthetic": honest(), "features": lambda x: np.full((len(x), 2), np.nan)},
            ConfigError,
            "features: gave NaN or infinity for ",
        ),
        (
            {"synthetic": honest(), "features": lambda x: np.zeros((3, 2))},
            ConfigError,
            r"features: gave a ndarray \[3, 2\] for ",
        ),
        (
            {"synthetic": honest(), "features": lambda x: None},
            ConfigError,
            "features: gave a NoneType ",
        ),
        ({"synthetic": honest(), "features": 3}, ConfigError, "features: a int; allowed"),
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


def test_an_image_set_is_matched_by_the_names_of_its_classes(real: ImageSet) -> None:
    images, labels = honest()
    last = len(real.classes) - 1
    turned = ImageSet(images, last - labels, real.classes[::-1])
    assert evaluate_diversity(real=real, synthetic=turned, quick=True) == evaluate_diversity(
        real=real, synthetic=(images, labels), quick=True
    )


def test_an_artifact_of_other_classes_is_refused(artifact: MakeArtifact, real: ImageSet) -> None:
    with pytest.raises(ArtifactError, match="class 'bar 0' is unknown"):
        evaluate_diversity(artifact(classes=("a", "b", "c")), real=real)


def test_class_generators_need_images_of_their_size(artifact: MakeArtifact) -> None:
    images = bars((20, 20, 20), size=(14, 14))
    with pytest.raises(DataError, match="generated ones are 12x12"):
        evaluate_diversity(artifact("class"), real=images)


@pytest.mark.parametrize("form", [np.array, list, torch.tensor])
def test_truth_values_are_no_labels_of_three_classes(form: Any) -> None:
    three = bars((12, 12, 12))
    given = form((three.labels > 0).tolist())
    with pytest.raises(DataError, match="truth values, of 3 classes; allowed: whole numbers from"):
        evaluate_diversity(real=three, synthetic=(three.images, given), quick=True)


def test_progress_that_cannot_be_told_is_refused(real: ImageSet) -> None:
    with pytest.raises(ConfigError, match="progress: 'yes'; allowed: a function"):
        evaluate_diversity(real=real, synthetic=honest(), quick=True, progress="yes")  # type: ignore[arg-type]
