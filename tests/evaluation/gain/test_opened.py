"""A comparison judges the generator that was opened, whatever is written over its file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.small_comparisons import run
from helpers.small_images import bars

from ganaug import Generator, tune
from ganaug.artifact.policy import Policy
from ganaug.artifact.rewrite import as_opened, rewrite_metadata
from ganaug.errors import ArtifactError
from ganaug.evaluation.gain import GainReport
from ganaug.images import ImageSet

MakeArtifact = Callable[..., Path]
ARMS = ["balanced", "ganaug"]


def of_ours(report: GainReport) -> np.ndarray:
    outcomes = report.evidence.outcomes if report.evidence is not None else {}
    return np.stack([outcomes[seed, "ganaug"].probabilities for seed in report.seeds])


def test_a_policy_that_is_written_meanwhile_is_not_judged(
    artifact: MakeArtifact, images: ImageSet, tmp_path: Path
) -> None:
    file = artifact()
    before, opened = run(file, images, arms=ARMS), Generator(file)
    rewrite_metadata(file, policy=Policy(((0, 1.0),), scale=3.0, source="tune"))
    after = run(opened, images, arms=ARMS, out=tmp_path)
    assert after.settings.artifact == before.settings.artifact
    assert np.array_equal(of_ours(after), of_ours(before))
    other = run(file, images, arms=ARMS, out=tmp_path)  # what was kept is of another policy
    assert other.settings.artifact != before.settings.artifact
    assert not np.array_equal(of_ours(other), of_ours(before))


def test_the_copy_has_the_policy_of_then_and_goes(artifact: MakeArtifact) -> None:
    file = artifact()
    opened = Generator(file)
    with as_opened(opened) as copy:
        assert copy.read_bytes() == file.read_bytes()
    assert not copy.exists()
    rewrite_metadata(file, policy=Policy(((0, 1.0),)))
    with as_opened(opened) as copy:
        assert Generator(copy).info == opened.info


def test_another_generator_in_its_place_is_refused(
    artifact: MakeArtifact, images: ImageSet
) -> None:
    opened = Generator(artifact(fingerprint=images.fingerprint))
    changed = artifact(fingerprint=images.fingerprint, latent_dim=7).read_bytes()
    opened.path.write_bytes(changed)
    with pytest.raises(ArtifactError, match="was replaced since it was opened"):
        run(opened, images, arms=ARMS)
    with pytest.raises(ArtifactError, match="was replaced since it was opened"):
        tune(opened, replace(bars((24, 12, 6)), test=None))
    assert opened.path.read_bytes() == changed
