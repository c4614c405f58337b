"""Drawn letters and digits: how an image depends on the seed, and what the strength does."""

from __future__ import annotations

import numpy as np
import pytest

from ganaug.demo.glyphs import CLASSES, FACES, render_glyphs
from ganaug.images import ImageSet


def few(strength: float = 1.0, seed: int = 0, n: int = 3, part: str = "train") -> ImageSet:
    return render_glyphs(part, [n] * len(CLASSES), strength, seed, "glyphs")


def test_parts_have_faces_of_their_own() -> None:
    faces = [name for part in FACES.values() for name in part]
    assert len(set(faces)) == len(faces) == 21


@pytest.mark.parametrize("part", sorted(FACES))
def test_no_two_glyphs_of_a_face_look_alike(part: str) -> None:
    faces = len(FACES[part])
    clean = few(strength=0.0, n=faces, part=part)
    assert clean.groups is not None
    for face in range(faces):
        glyphs = clean.images[clean.groups % faces == face].astype(float)
        assert len(glyphs) == len(CLASSES)
        apart = np.abs(glyphs[:, None] - glyphs[None]).mean((2, 3, 4))
        assert apart[~np.eye(len(glyphs), dtype=bool)].min() > 1.8  # of 255; O and Q


def test_without_nuisance_a_glyph_of_a_face_is_one_image() -> None:
    clean, other = few(0.0, seed=0, n=11), few(0.0, seed=1, n=11)
    assert clean.groups is not None
    assert other.groups is not None
    assert len(np.unique(clean.images, axis=0)) == len(np.unique(clean.groups)) == 36 * 11
    first = clean.images[np.argsort(clean.groups)]
    second = other.images[np.argsort(other.groups)]
    assert np.abs(first.astype(int) - second).max() <= 1
    assert clean.images[:, 0, 0].min() == 255  # the corner is white
    assert clean.images.std(axis=3).max() == 0


def test_the_strength_scales_the_nuisances() -> None:
    clean = few(0.0).images.astype(float)
    change = [np.abs(few(s).images - clean).mean() for s in (0.25, 0.5, 1.0)]
    assert 0 < change[0] < change[1] < change[2]
    assert few(1.0).images.std(axis=3).mean() > 5  # coloured


def test_an_image_depends_on_seed_class_and_place_alone() -> None:
    some = few(n=3)
    counts = np.full(len(CLASSES), 2)
    counts[5] = 3
    fewer = render_glyphs("train", counts, 1.0, 0, "glyphs")
    for label in (0, 5, 35):
        mine, theirs = some.labels == label, fewer.labels == label
        both = min(mine.sum(), theirs.sum())
        assert np.array_equal(some.images[mine][:both], fewer.images[theirs][:both])
    assert few(seed=1).fingerprint != some.fingerprint
    assert few(part="validation").fingerprint != some.fingerprint


def test_one_face_may_be_chosen_and_the_nuisances_stay() -> None:
    counts = [3] * len(CLASSES)
    clean = render_glyphs("train", counts, 0.0, 0, "glyphs", face="DejaVuSans-Bold")
    assert len(np.unique(clean.images, axis=0)) == len(CLASSES)
    name = FACES["train"][4]
    some = few()
    assert some.groups is not None
    same = some.groups % len(FACES["train"]) == 4
    chosen = render_glyphs("train", counts, 1.0, 0, "glyphs", face=name)
    assert np.array_equal(chosen.images[same], some.images[same])
    assert 0 < same.sum() < len(same)
