"""`glyphs-lt` as the benchmarks use it; the images are made by `ganaug.demo.glyphs`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ganaug.demo.glyphs import CLASSES, FACES, render_glyphs
from ganaug.images import ImageSet
from ganaug.randomness import stream

__all__ = ["CLASSES", "FACES", "GlyphProtocol", "glyph_counts", "render_glyphs", "small_glyphs"]

PER_FACE = {"validation": 15, "test": 20}  # images of each glyph
FREQUENT, RAREST, OTHERS = 200, 4, 8  # training images of a class


@dataclass(frozen=True)
class GlyphProtocol:
    """The data set as the benchmarks use it; every seed's training images are made anew.

    Attributes:
        name: as on the command line.
        counts: training images of a class; each seed deals them to the classes anew.
        strength: of all nuisances; 0 is none, 1 the default.
    """

    name: str
    counts: tuple[int, ...]
    strength: float = 1.0

    @cached_property
    def test(self) -> ImageSet:
        """The test part, the same for every seed."""
        return self._judged("test", 0)

    @property
    def flips(self) -> tuple[str, ...]:
        """None: mirrored letters are other letters, or none."""
        return ()

    def draw(self, seed: int) -> ImageSet:
        """Return the training images of `seed`, without a test part."""
        counts = stream(seed, "benchmark/deal").permutation(np.asarray(self.counts))
        return render_glyphs("train", counts, self.strength, seed, self.name)

    def pilot(self, seed: int) -> ImageSet:
        """Return the same draw; its test part are images of the validation faces."""
        return replace(self.draw(seed), test=self._judged("validation", seed))

    def _judged(self, part: str, seed: int) -> ImageSet:
        each = PER_FACE[part] * len(FACES[part])
        return render_glyphs(part, [each] * len(CLASSES), self.strength, seed, self.name)


def glyph_counts(frequent: int | None = None) -> tuple[int, ...]:
    """Return training images of 36 classes: 200 falling to 4, or `frequent` times 200, else 8."""
    if frequent is not None:
        return (FREQUENT,) * frequent + (OTHERS,) * (len(CLASSES) - frequent)
    last = len(CLASSES) - 1
    ratio = FREQUENT / RAREST
    return tuple(round(FREQUENT * ratio ** (-rank / last)) for rank in range(len(CLASSES)))


def small_glyphs(seed: int = 0) -> ImageSet:
    """Return 20 glyphs at 32 px in colour, 120 training images of ten of them, 8 of the others.

    Light, blur, perspective and background vary alike in all classes; the test faces are not among
    the training faces. The README's picture is of these.
    """
    test = render_glyphs("test", [10 * len(FACES["test"])] * 20, 1.0, seed, "glyphs")
    return replace(render_glyphs("train", [120, 8] * 10, 1.0, seed, "glyphs"), test=test)
