"""What goes into a file where other commands wrote into it during the measurement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.small_comparisons import run
from helpers.small_models import write_variation_model

from ganaug import Generator, evaluate_diversity
from ganaug.artifact.policy import Policy
from ganaug.artifact.rewrite import rewrite_metadata
from ganaug.errors import ArtifactError
from ganaug.evaluation.diversity.report import DiversityReport
from ganaug.evaluation.gain import GainReport
from ganaug.evaluation.write_back import write_back
from ganaug.images import ImageSet

Measured = tuple[Generator, GainReport, DiversityReport]


@pytest.fixture
def measured(artifact: Callable[..., Path], images: ImageSet) -> Measured:
    generator = Generator(artifact())
    gain = run(generator.path, images, arms=["balanced", "ganaug"], seeds=1)
    return generator, gain, evaluate_diversity(generator, real=images, quick=True)


def test_what_another_evaluation_wrote_is_no_hindrance(measured: Measured) -> None:
    generator, gain, diversity = measured
    policy = generator.info.policy
    assert policy is not None
    rewrite_metadata(
        generator.path,
        diversity={"words": {}},
        warnings=["noted meanwhile"],
        policy=Policy(policy.p, policy.scale, source="tune", evidence={"again": True}),
    )
    assert write_back(generator, gain, diversity) == ""
    info = Generator(generator.path).info
    assert info.gain is not None
    assert info.gain["chosen"] == "ganaug"
    assert info.gain["classes"] == list(gain.classes)
    assert info.diversity is not None
    assert info.diversity["kind"] == "variation"
    assert info.warnings[0] == "noted meanwhile"
    assert info.policy is not None
    assert info.policy.source == "tune"


def test_a_gain_of_another_policy_stays_out(measured: Measured) -> None:
    generator, gain, diversity = measured
    rewrite_metadata(generator.path, policy=Policy(((0, 0.1),)), gain=None)
    assert write_back(generator, gain, diversity).startswith("the file has another policy by now")
    info = Generator(generator.path).info
    assert info.gain is None
    assert info.diversity is not None
    assert info.policy == Policy(((0, 0.1),))


def test_a_gain_of_something_else_leaves_that_of_the_file(
    measured: Measured, images: ImageSet
) -> None:
    generator, gain, _ = measured
    write_back(generator, gain, None)
    before = Generator(generator.path).info.gain
    assert before is not None
    without = run(generator.path, images, arms=["plain", "balanced"], seeds=1)
    other = run(generator.path, images, arms=["balanced", "ganaug@p=1@scale=2"], seeds=1)
    policy = Policy(((0, 0.0),), source="tune", evidence={"method": "none"})
    refit = replace(gain, settings=replace(gain.settings, refit={"preset": "tiny"}, tuned=False))
    for report, why in (
        (without, "it was not compared"),
        (other, "ganaug@p=1@scale=2 leaves the file's policy aside"),
    ):
        assert write_back(Generator(generator.path), report, None) == why
        assert Generator(generator.path).info.gain == before
    rewrite_metadata(generator.path, policy=policy)
    why = "the new generators had policies of another kind"
    assert write_back(Generator(generator.path), refit, None) == why
    assert Generator(generator.path).info.gain == before


def test_a_gain_of_tuned_generators_is_not_that_of_one_without_a_policy(
    artifact: Callable[..., Path], images: ImageSet
) -> None:
    generator = Generator(artifact("class"))
    gain = run(generator.path, images, arms=["balanced", "mixed"], seeds=1)
    for tuned, why in ((True, "the new generators had policies of another kind"), (False, "")):
        settings = replace(gain.settings, artifact=None, refit={"kind": "class"}, tuned=tuned)
        refitted = replace(gain, claim="for the method", settings=settings)
        assert write_back(generator, refitted, None) == why
        assert (Generator(generator.path).info.gain is None) == tuned


def test_another_generator_is_left_alone(measured: Measured, images: ImageSet) -> None:
    generator, gain, diversity = measured
    write_variation_model(generator.path, size=images.size, latent_dim=3, classes=images.classes,
                          counts=(1, 1, 1))  # fmt: skip
    before = generator.path.read_bytes()
    with pytest.raises(ArtifactError, match="replaced by another generator while it was measured"):
        write_back(generator, gain, diversity)
    assert generator.path.read_bytes() == before
