"""What a report shows of single images: the nearest pairs and the map."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.small_images import bars
from helpers.small_models import table, write_class_model

from ganaug import Generator
from ganaug.artifact.format import Policy
from ganaug.evaluation.diversity.suspects import look_at
from ganaug.images import ImageSet

MakeArtifact = Callable[..., Path]


def test_the_nearest_training_image_of_a_variation_is_not_its_source(
    artifact: MakeArtifact, images: ImageSet
) -> None:
    still = artifact(policy=Policy(p=((1, 0.5),), scale=1e-4))  # varies nothing to speak of
    look = look_at(Generator(still), images, per_class=6)
    assert look.classes == images.classes
    assert look.synthetic.shape == (18, 2)
    assert np.bincount(look.synthetic_labels).tolist() == [6, 6, 6]
    assert look.real.shape == (42, 2)
    assert 0 < look.explained <= 1
    assert len(look.suspects) == 8
    ratios = [suspect.ratio for suspect in look.suspects]
    assert ratios == sorted(ratios)
    for suspect in look.suspects:
        assert suspect.source is not None
        assert np.abs(suspect.image.astype(int) - suspect.source).max() <= 1
        assert not np.array_equal(suspect.neighbour, suspect.source)
    # a source that is hardly changed lies as far from the next image as real images do
    assert 0.3 < np.median(ratios) < 1.5


def test_a_copy_of_a_class_generator_is_the_first_suspect(tmp_path: Path) -> None:
    images = bars((5, 3), size=(8, 8))
    made = np.rint(table(2, 1, (8, 8)).transpose(0, 2, 3, 1) * 255).astype(np.uint8)
    pixels = images.images.copy()
    pixels[6] = made[1]  # what the class model makes for class 1, but for the latent
    known = ImageSet(pixels, images.labels, images.classes, source="bars")
    policy = Policy(p=((1, 0.5),), scale=1e-4)
    file = write_class_model(tmp_path / "m.onnx", classes=images.classes, policy=policy)
    first, *others = look_at(Generator(file), known, per_class=4).suspects
    assert first.ratio < 0.02
    assert first.source is None
    assert (first.name, first.neighbour_name) == (images.classes[1],) * 2
    assert np.array_equal(first.neighbour, pixels[6])
    assert all(other.ratio > first.ratio for other in others)


def test_the_look_is_a_function_of_its_arguments(artifact: MakeArtifact, images: ImageSet) -> None:
    looks = [look_at(Generator(artifact()), images, per_class=3) for _ in range(2)]
    assert np.array_equal(looks[0].synthetic, looks[1].synthetic)
    assert [s.ratio for s in looks[0].suspects] == pytest.approx(
        [s.ratio for s in looks[1].suspects]
    )
