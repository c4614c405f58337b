"""glyphs-lt: what is drawn, how it depends on the seed, and what the strength does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks._glyphs import CLASSES, FACES, GlyphProtocol, glyph_counts, render_glyphs
from benchmarks._protocols import half_a, half_b, open_protocol
from ganaug.errors import ConfigError
from ganaug.images import ImageSet

NOWHERE = Path("nowhere")


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


def test_counts_fall_from_200_to_4_and_are_dealt_by_the_seed() -> None:
    protocol = open_protocol("glyphs-lt", NOWHERE)
    assert isinstance(protocol, GlyphProtocol)
    assert protocol.counts[0] == 200
    assert protocol.counts[-1] == 4
    assert list(protocol.counts) == sorted(protocol.counts, reverse=True)
    small = GlyphProtocol("glyphs", (14,) + (3,) * 35)
    draws = [small.draw(seed) for seed in (0, 1)]
    assert sorted(draws[0].counts) == sorted(draws[1].counts) == sorted(small.counts)
    assert draws[0].counts.argmax() != draws[1].counts.argmax()
    assert draws[0].test is None
    # As many faces as a class has images, up to all of them.
    assert draws[0].groups is not None
    for label in range(len(CLASSES)):
        shown = np.unique(draws[0].groups[draws[0].labels == label])
        assert len(shown) == min(draws[0].counts[label], len(FACES["train"]))


def test_the_test_part_is_split_by_whole_faces_of_a_class() -> None:
    test = render_glyphs("test", [12] * len(CLASSES), 1.0, 0, "glyphs")
    first, second = half_a(test), half_b(test)
    assert first.groups is not None
    assert second.groups is not None
    assert set(first.keys) | set(second.keys) == set(test.keys)
    assert not set(first.keys) & set(second.keys)
    assert first.counts.tolist() == second.counts.tolist() == [6] * len(CLASSES)


def test_options_of_the_name() -> None:
    few_classes = open_protocol("glyphs-lt:frequent=4,strength=0.5", NOWHERE)
    assert isinstance(few_classes, GlyphProtocol)
    assert few_classes.strength == 0.5
    assert few_classes.counts == (200,) * 4 + (8,) * 32
    assert glyph_counts(1)[1:] == (8,) * 35
    for name in ("glyphs-lt:strength=3", "glyphs-lt:frequent=36", "glyphs-lt:x=1"):
        with pytest.raises(ConfigError, match=r"strength=0 to strength=1\.25, frequent=1 to"):
            open_protocol(name, NOWHERE)
