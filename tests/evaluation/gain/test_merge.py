"""Reports of one comparison with other seeds become one; those of other comparisons do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.small_comparisons import FREE, run
from helpers.small_images import bars

from ganaug import Refit
from ganaug.errors import ConfigError
from ganaug.evaluation.gain import GainReport
from ganaug.images import ImageSet, resized

MakeArtifact = Callable[..., Path]
FIT = {"preset": "tiny", "steps": 2, "width": 4, "latent_dim": 4, "batch_size": 4}


def test_reports_of_other_seeds_merge(artifact: MakeArtifact, images: ImageSet) -> None:
    path, arms = artifact(), ["balanced", "ganaug"]
    parts = [run(path, images, arms=arms, seeds=[seed]) for seed in (3, 4)]
    whole = run(path, images, arms=arms, seeds=[3, 4])
    merged = parts[0].merge(parts[1])
    assert merged.gain == whole.gain
    assert merged.arms["ganaug"].recall == whole.arms["ganaug"].recall
    with pytest.raises(ConfigError, match="seed 3 is in both"):
        merged.merge(parts[0])
    with pytest.raises(ConfigError, match=r"settings\.steps differs, 12 and 11; "):
        parts[0].merge(run(path, images, arms=arms, seeds=[5], steps=11))
    with pytest.raises(ConfigError, match="no predictions"):
        parts[0].merge(GainReport.from_dict(parts[1].to_dict()))


def test_reports_of_other_images_are_refused(images: ImageSet) -> None:
    first = run(None, images, arms=FREE, baseline=FREE[0], seeds=[0])
    test = images.test
    assert test is not None
    turned = test.take(range(len(test) - 1, -1, -1))
    large = replace(resized(images, (16, 16)), test=resized(test, (16, 16)))
    for other, what in (
        (replace(images, test=bars((8, 8, 8), seed=5)), "test"),
        (replace(images, test=turned), "test"),  # intervals pair images by their place
        (replace(bars((24, 12, 6), seed=7), test=test), "train"),
        (large, "size"),
    ):
        with pytest.raises(ConfigError, match=rf"merge: settings\.{what} differs, "):
            first.merge(run(None, other, arms=FREE, baseline=FREE[0], seeds=[1]))


def test_new_generators_are_of_draws_from_the_same_images(images: ImageSet) -> None:
    def part(images: ImageSet, seed: int, refit: Refit) -> GainReport:
        arms = ["balanced", "ganaug"]
        return run(None, images, arms=arms, seeds=[seed], refit=refit, device="cpu")

    parts = [part(images, seed, Refit(fit_options=FIT)) for seed in (0, 1)]
    assert parts[0].evidence is not None
    assert parts[0].settings.train == images.fingerprint[:16]
    merged = parts[0].merge(parts[1])
    assert merged.seeds == (0, 1)
    seconds = [each.environment["generator_seconds"] for each in parts]
    assert merged.environment["generator_seconds"] == [*seconds[0], *seconds[1]]
    assert len(merged.environment["policies"]) == 2
    others = replace(bars((24, 12, 6), seed=7), test=images.test)
    with pytest.raises(ConfigError, match=r"settings\.train differs"):
        parts[0].merge(part(others, 2, Refit(fit_options=FIT)))

    def own(seed: int) -> ImageSet:
        return bars((12, 8, 5), seed=seed)

    drawn = [part(images, seed, Refit(draw=own, fit_options=FIT)) for seed in (3, 4)]
    assert drawn[0].settings.train is None
    assert drawn[0].merge(drawn[1]).seeds == (3, 4)


def test_another_chosen_arm_is_refused_and_other_versions_are_told_of(
    artifact: MakeArtifact, images: ImageSet
) -> None:
    path = artifact()
    arms = ["balanced", "ganaug", "ganaug-plain"]
    first = run(path, images, arms=arms, seeds=[0])
    turned = run(path, images, arms=[arms[0], arms[2], arms[1]], seeds=[1])
    with pytest.raises(ConfigError, match="chosen differs, 'ganaug' and 'ganaug-plain'; allowed"):
        first.merge(turned)
    second = run(path, images, arms=arms, seeds=[1])
    assert "parts of other versions" not in " ".join(first.merge(second).notes)
    newer = first.environment["versions"] | {"torch": "9.9"}
    merged = first.merge(replace(second, environment={"versions": newer}))
    ours = first.environment["versions"]["torch"]
    assert merged.notes[-1] == f"parts of other versions: torch {ours} and 9.9"


def test_reports_of_before_say_less_of_their_images(images: ImageSet) -> None:
    report = run(None, images, seeds=[0])
    values = report.to_dict()
    for name in ("size", "train", "test"):
        assert values["settings"].pop(name)
    del values["choice"]["longer"]
    earlier = GainReport.from_dict(values)
    assert earlier.settings.train is None
    assert report.evidence is not None
    earlier = earlier.judged_on(report.evidence, report.seeds, tuple(report.arms))
    assert earlier.merge(run(None, images, seeds=[1])).seeds == (0, 1)
