"""glyphs-lt: how many images of which class, which are judged, and the options of its name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks._glyphs import CLASSES, FACES, GlyphProtocol, glyph_counts, render_glyphs
from benchmarks._protocols import half_a, half_b, open_protocol
from ganaug.errors import ConfigError

NOWHERE = Path("nowhere")


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
