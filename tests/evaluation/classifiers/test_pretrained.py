"""Pretrained networks, fine-tuned and frozen: trainings, comparisons, refusals."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_images import bars
from helpers.small_weights import NETWORK
from torch import nn

from ganaug import Pretrained, evaluate_gain, tune
from ganaug.errors import ConfigError, DataError
from ganaug.evaluation.arms import parse_arm
from ganaug.evaluation.classifiers.fine_tuning import adam_w, with_new_layer
from ganaug.evaluation.classifiers.given import as_classifier
from ganaug.evaluation.classifiers.interface import Outcome
from ganaug.evaluation.gain import GainReport
from ganaug.evaluation.trainings import Job, run_job
from ganaug.images import ImageSet, resized
from ganaug.training.config import make_config

MakeArtifact = Callable[..., Path]


def filters() -> nn.Module:
    """A trunk whose weights are the same each time: bars at eight angles, rectified, pooled."""
    bank = torch.from_numpy(bars((1,) * 8, (5, 5), seed=3).images.transpose(0, 3, 1, 2))
    layer = nn.Conv2d(3, 8, 5, padding=2, bias=False)
    with torch.no_grad():
        layer.weight.copy_((bank / 255 - (bank / 255).mean((2, 3), keepdim=True)) / 3)
    return nn.Sequential(layer, nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())


def grey_only() -> nn.Module:
    return nn.Conv2d(1, 1, 3)


def two_maps() -> nn.Module:
    return nn.Identity()


def outcome(classifier: Pretrained, images: ImageSet, arm: str = "balanced", **job: Any) -> Outcome:
    schedule = classifier.schedule(len(images), images.size, steps=job.pop("steps", 20), quick=True)
    test = images.test
    assert test is not None
    train = replace(images, test=None)
    return run_job(Job(job.pop("seed", 0), parse_arm(arm), train, test, schedule, classifier))


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize(
    "arm", ["balanced", "plain+randaugment+logits", "plain+mixup", "plain+lda"]
)
def test_it_learns_and_repeats_itself(images: ImageSet, frozen: bool, arm: str) -> None:
    classifier = Pretrained(filters, frozen=frozen)
    if arm == "plain+lda" and not frozen:
        assert classifier.ignored(parse_arm(arm)) == "lda"
        return
    steps = 300 if "mixup" in arm else 60  # mixed labels are learned late
    found = outcome(classifier, images, arm, steps=steps)
    assert images.test is not None
    assert (found.predicted == images.test.labels).mean() >= 0.75
    assert np.allclose(found.probabilities.sum(1), 1, atol=5e-3)
    again = outcome(pickle.loads(pickle.dumps(classifier)), images, arm, steps=steps)
    assert np.array_equal(found.probabilities, again.probabilities)


def test_seeds_differ(images: ImageSet) -> None:
    arm = "balanced+affine"
    for frozen in (True, False):
        classifier = Pretrained(filters, frozen=frozen)
        first, second = (outcome(classifier, images, arm, seed=seed) for seed in (0, 1))
        assert not np.array_equal(first.probabilities, second.probabilities)


def test_features_of_the_test_part_are_those_of_its_network(images: ImageSet) -> None:
    """They are kept from arm to arm; another network or another test part has others."""
    assert images.test is not None
    first = outcome(Pretrained(filters, frozen=True, title="one name"), images)
    other = Pretrained(filters, mean=(0.2, 0.2, 0.2), frozen=True, title="one name")
    assert not np.array_equal(outcome(other, images).probabilities, first.probabilities)
    turned = replace(images, test=images.test.take(np.arange(len(images.test))[::-1]))
    back = outcome(Pretrained(filters, frozen=True), turned).probabilities[::-1]
    assert np.allclose(back, first.probabilities, atol=2e-3)


def test_images_are_shown_as_the_weights_saw_them() -> None:
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.25, 0.2)
    classifier = Pretrained(filters, mean, std, size=(8, 12))
    image = torch.full((1, 1, 16, 24), 51, dtype=torch.uint8)
    shown = classifier.normalise(image)
    assert shown.shape == (1, 3, 8, 12)
    for channel in range(3):
        assert shown[0, channel] == pytest.approx((0.2 - mean[channel]) / std[channel])
    own = Pretrained(filters, mean, std).normalise(image.expand(1, 3, 16, 24))
    assert own.shape == (1, 3, 16, 24)


def test_the_trunk_learns_at_half_the_rate() -> None:
    trunk = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten())
    model = with_new_layer(lambda: trunk, torch.zeros(1, 3, 3, 3), 5)
    schedule = Pretrained(filters).schedule(100, (8, 8), steps=None, quick=False)
    groups = adam_w(model, schedule).param_groups
    found = [(g["scale"], g["weight_decay"], len(g["params"])) for g in groups]
    # Biases and the weights of norms do not decay.
    assert found == [(0.5, 0.05, 1), (0.5, 0.0, 3), (1.0, 0.05, 1), (1.0, 0.0, 1)]


def test_a_name_says_what_results_depend_on() -> None:
    plain = Pretrained(filters)
    assert plain.name == "test_pretrained.filters"
    others = [
        Pretrained(filters, frozen=True),
        Pretrained(filters, size=(16, 16)),
        Pretrained(filters, mean=(0.5, 0.5, 0.5)),
        Pretrained(filters, std=(0.5, 0.5, 0.5)),
    ]
    assert len({plain.name, *(other.name for other in others)}) == 5


@pytest.mark.parametrize("frozen", [True, False])
def test_the_usual_length(frozen: bool) -> None:
    def steps(images: int, quick: bool = False) -> int:
        classifier = Pretrained(filters, frozen=frozen)
        return classifier.schedule(images, (8, 8), steps=None, quick=quick).steps

    if frozen:
        assert [steps(64), steps(65), steps(64, quick=True)] == [5, 6, 1]
    else:
        assert [steps(100), steps(640), steps(10**5)] == [900, 1800, 3000]
        assert steps(640, quick=True) == 50
    with pytest.raises(ConfigError, match="steps: 0"):
        Pretrained(filters, frozen=frozen).schedule(10, (8, 8), steps=0, quick=False)


def unlike_each_time() -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(6), nn.Flatten(), nn.Linear(108, 12))


def test_untrained_networks_of_two_seeds_are_judged_with_their_own_features(
    images: ImageSet,
) -> None:
    classifier = Pretrained(unlike_each_time, frozen=True)
    together = [outcome(classifier, images, seed=seed) for seed in (0, 1)][1]
    outcome(Pretrained(filters, frozen=True), images)  # its features take the place
    alone = outcome(classifier, images, seed=1)
    assert np.array_equal(together.probabilities, alone.probabilities)


@pytest.mark.parametrize(
    ("load", "message"),
    [(grey_only, "fails on images of 12x12"), (two_maps, r"returns \[2, 3, 12, 12\]")],
)
def test_what_is_no_trunk_is_refused(load: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Pretrained(load).check(3, 4, (12, 12))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"load": nn.Identity()}, "load: a Identity"),
        ({"load": filters, "mean": (0.5,)}, r"mean: \(0.5,\); allowed: three numbers"),
        ({"load": filters, "mean": None}, "mean: None"),
        ({"load": filters, "std": ("a", 1, 1)}, "std: .*three numbers"),
        ({"load": filters, "std": (0.5, 0.0, 1.0)}, "three numbers above 0"),
        ({"load": filters, "size": (96,)}, r"size: \(96,\)"),
        ({"load": filters, "size": "96"}, "size: '96'"),
        ({"load": filters, "size": (0, 0)}, r"size: \(0, 0\)"),
    ],
)
def test_bad_fields_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Pretrained(**fields)


def test_arms_that_a_pretrained_network_cannot_honour() -> None:
    whole, probe = Pretrained(filters), Pretrained(filters, frozen=True)
    assert whole.ignored(parse_arm("plain+randaugment+drw")) is None
    assert whole.ignored(parse_arm("balanced+standardise")) == "standardise"
    assert probe.ignored(parse_arm("plain+drw")) == "drw"
    assert probe.ignored(parse_arm("ganaug@until=0.5")) == "until"
    assert probe.ignored(parse_arm("balanced+randaugment")) is None


def test_a_comparison_with_it(artifact: MakeArtifact, images: ImageSet, tmp_path: Path) -> None:
    """That it can be sent to workers is tested above; trainings/test_kept.py starts some."""

    def report() -> GainReport:
        return evaluate_gain(
            artifact(),
            train=images,
            seeds=2,
            arms=["balanced", "ganaug"],
            baseline="balanced",
            classifier=Pretrained(filters, frozen=True),
            quick=True,
            jobs=1,
            out=tmp_path / "out",
        )

    first = report()
    assert first.settings.classifier == "probe:test_pretrained.filters"
    assert first.settings.steps == 1  # one copy of 42 images
    assert min(first.arms["balanced"].balanced_accuracy) > 1 / 3
    kept = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").rglob("*.npz")}
    assert len(kept) == 4
    assert report().arms["ganaug"].recall == first.arms["ganaug"].recall
    assert kept == {file: file.stat().st_mtime_ns for file in (tmp_path / "out").rglob("*.npz")}


def test_images_are_loaded_at_the_size_of_the_network(
    artifact: MakeArtifact, images: ImageSet, tmp_path: Path
) -> None:
    from torchvision.transforms.v2.functional import to_pil_image

    for part, shown in (("train", bars((12, 6, 4), (24, 24))), ("test", images.test)):
        assert shown is not None
        for at, (image, label) in enumerate(zip(shown.images, shown.labels, strict=True)):
            folder = tmp_path / "photos" / part / shown.classes[int(label)]
            folder.mkdir(parents=True, exist_ok=True)
            to_pil_image(image).save(folder / f"{at}.png")
    seen: list[tuple[int, ...]] = []

    class Sized(Pretrained):
        def check(self, channels: int, num_classes: int, image_size: tuple[int, int]) -> None:
            seen.append((channels, num_classes, *image_size))

    evaluate_gain(
        artifact(),
        train=tmp_path / "photos",
        seeds=1,
        arms=["balanced", "ganaug"],
        baseline="balanced",
        classifier=Sized(filters, size=(20, 18), frozen=True, title="sized"),
        quick=True,
        jobs=1,
    )
    assert seen == [(1, 3, 20, 18)]


@pytest.mark.parametrize("larger", [False, True], ids=["images of its size", "larger images"])
def test_tune_takes_it(artifact: MakeArtifact, tmp_path: Path, larger: bool) -> None:
    images = bars((60, 50, 45, 40, 6, 5, 4), (8, 8))
    small = {"preset": "tiny", "width": 4, "latent_dim": 4, "batch_size": 4, "steps": 1}
    file = artifact(
        size=images.size,
        classes=images.classes,
        counts=[int(n) for n in images.counts],
        fingerprint=images.fingerprint,
        config=make_config(size=images.size, **small).to_dict(),
    )
    evidence = tune(
        file,
        resized(images, (16, 12)) if larger else images,
        steps=2,
        fit_steps=None if larger else 2,
        classifier=Pretrained(filters, frozen=True),
        jobs=1,
        out=tmp_path / "tune",
    ).policy.evidence
    assert evidence is not None
    assert evidence["classifier"] == "probe:test_pretrained.filters"
    assert len(evidence["candidates"]) > 0
    made = list((tmp_path / "tune").rglob("config.json"))
    sizes = [json.loads(config.read_text())["config"]["size"] for config in made]
    assert sizes == 3 * [[8, 8]]  # generators keep the size of the artifact


def test_tune_refuses_smaller_images(artifact: MakeArtifact, images: ImageSet) -> None:
    with pytest.raises(DataError, match="images of 8x8; allowed: 12x12"):
        tune(artifact(), resized(images, 8))


def test_names_stand_for_pretrained_networks() -> None:
    given = Pretrained(filters)
    assert as_classifier(given) is given
    with pytest.raises(ConfigError, match="no library of networks"):
        as_classifier("probe:keras:resnet50")


def test_a_network_of_torchvision_is_trained(weights: Path, images: ImageSet) -> None:
    named = Pretrained.named(f"probe:torchvision:{NETWORK}", str(weights), size=(32, 32))
    assert outcome(named, images, steps=2).probabilities.shape == (24, 3)
