"""Generated images looked at one by one: the nearest pairs and the map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.small_images import bars
from helpers.small_models import table, write_class_model

from ganaug import Generator
from ganaug.artifact.policy import Policy
from ganaug.evaluation.diversity.inspection import inspect_samples
from ganaug.images import ImageSet

MakeArtifact = Callable[..., Path]


def test_the_nearest_training_image_of_a_variation_is_not_its_source(
    artifact: MakeArtifact, images: ImageSet
) -> None:
    still = artifact(policy=Policy(p=((1, 0.5),), scale=1e-4))  # varies nothing to speak of
    found = inspect_samples(Generator(still), images, per_class=6)
    assert found.classes == images.classes
    assert found.synthetic.shape == (18, 2)
    assert np.bincount(found.synthetic_labels).tolist() == [6, 6, 6]
    assert found.real.shape == (42, 2)
    assert 0 < found.explained <= 1
    assert len(found.suspects) == 8
    ratios = [suspect.ratio for suspect in found.suspects]
    assert ratios == sorted(ratios)
    for suspect in found.suspects:
        assert suspect.source is not None
        assert np.abs(suspect.image.astype(int) - suspect.source).max() <= 1
        assert not np.array_equal(suspect.neighbour, suspect.source)
    # a source that is hardly changed lies as far from the next image as real images do
    assert 0.3 < np.median(ratios) < 1.5


def test_the_source_in_another_file_is_still_the_source(
    artifact: MakeArtifact, images: ImageSet
) -> None:
    """A photograph as PNG and as BMP: other files, equal pixels."""
    still = artifact(policy=Policy(p=((1, 0.5),), scale=1e-4))
    once = inspect_samples(Generator(still), images, per_class=6)
    rows = np.repeat(np.arange(len(images)), 2)
    twice = replace(
        images.take(rows),
        keys=np.arange(len(rows), dtype=np.uint64),
        pixel_keys=np.repeat(images.keys, 2),
        test=None,
    )
    found = inspect_samples(Generator(still), twice, per_class=6)
    assert found.suspects[0].ratio > 0.5 * once.suspects[0].ratio


def test_two_training_images_have_a_map(artifact: MakeArtifact, images: ImageSet) -> None:
    two = replace(images.take(np.array([0, 30])), test=None)
    found = inspect_samples(Generator(artifact()), two, per_class=2)
    assert found.real.shape[1] == found.synthetic.shape[1] == 2


def test_a_copy_of_a_class_generator_is_the_first_suspect(tmp_path: Path) -> None:
    images = bars((5, 3), size=(8, 8))
    made = np.rint(table(2, 1, (8, 8)).transpose(0, 2, 3, 1) * 255).astype(np.uint8)
    pixels = images.images.copy()
    pixels[6] = made[1]  # what the class model makes for class 1, but for the latent
    known = ImageSet(pixels, images.labels, images.classes, source="bars")
    policy = Policy(p=((1, 0.5),), scale=1e-4)
    file = write_class_model(tmp_path / "m.onnx", classes=images.classes, policy=policy)
    first, *others = inspect_samples(Generator(file), known, per_class=4).suspects
    assert first.ratio < 0.02
    assert first.source is None
    assert (first.name, first.neighbour_name) == (images.classes[1],) * 2
    assert np.array_equal(first.neighbour, pixels[6])
    assert all(other.ratio > first.ratio for other in others)


def test_it_is_a_function_of_its_arguments(artifact: MakeArtifact, images: ImageSet) -> None:
    first, again = (inspect_samples(Generator(artifact()), images, per_class=3) for _ in range(2))
    assert np.array_equal(first.synthetic, again.synthetic)
    assert [s.ratio for s in first.suspects] == pytest.approx([s.ratio for s in again.suspects])


def test_what_the_generator_has_not_seen_is_left_out(
    artifact: MakeArtifact, images: ImageSet
) -> None:
    given = replace(images, test=None)
    part = given.hold_out()
    data = {"source": "bars", "held_out": "a rule", "held_out_fingerprint": "0", "groups": False}
    file = artifact(data=data, fingerprint=part.fingerprint, counts=part.counts.tolist())
    found = inspect_samples(Generator(file), given, per_class=3)
    assert np.bincount(found.real_labels).tolist() == part.counts.tolist()
