"""Trainings of `benchmarks.stability`: planted failures, and healthy ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ganaug.images import ImageSet, load_images, long_tailed
from ganaug.randomness import stream

__all__ = ["HEALTHY", "PLANTED", "Case"]

RARE = 5  # images of an odd digit
NEU_COUNTS = (200, 100, 60, 30, 15, 8)
# A failure that is planted shows within a few hundred steps. Images from noise are still blurs
# then, whatever the settings, so that these trainings have all the steps of their preset.
SHORT = {"preset": "tiny", "steps": 400, "checkpoint_every": 100, "sample_every": 400}
CLASS = SHORT | {"kind": "class", "steps": 1200}
CLASSIC = SHORT | {"preset": "classic", "width": 16}
FREE = {"r1": 0.0, "r2": 0.0}


@dataclass(frozen=True)
class Case:
    """One kind of training.

    Attributes:
        images: of a seed; the folder of the data files is given, too.
        options: of `fit`.
        sound: the same without what is planted; None where the images are what is planted.
        empty: there is nothing to learn.
    """

    images: Callable[[int, Path], ImageSet]
    options: Mapping[str, Any]
    sound: Mapping[str, Any] | None = None
    empty: bool = False


def _digits(seed: int, data: Path) -> ImageSet:
    """Even digits: all; odd digits: five each."""
    pool = load_images("digits")
    counts = [int(n) if label % 2 == 0 else RARE for label, n in enumerate(pool.counts)]
    return long_tailed(pool, counts=counts, seed=seed)


def _two(seed: int, data: Path) -> ImageSet:
    return long_tailed(load_images("digits"), counts=[2] * 10, seed=seed)


def _constant(seed: int, data: Path) -> ImageSet:
    """200 times the same image, of one grey."""
    images = load_images("digits").take(range(200))
    return replace(images, images=np.full_like(images.images, 40 + 20 * (seed % 10)))


def _mnist(seed: int, data: Path) -> ImageSet:
    """100 images of each digit, at 28 px: at 8 px the discriminator of `classic` does not win."""
    pool = load_images(data / "mnist.npz")
    return replace(long_tailed(pool, counts=[100] * 10, seed=seed), test=None)


def _steel(seed: int, data: Path) -> ImageSet:
    pool = load_images(data / "neu-defects", size=16)
    dealt = stream(seed, "steel of stability").permutation(NEU_COUNTS)
    return replace(long_tailed(pool, counts=[int(n) for n in dealt], seed=seed), test=None)


PLANTED = {
    "learning rate x 30": Case(_digits, SHORT | {"learning_rate": 0.03}, SHORT),
    "no penalty": Case(_digits, CLASS | FREE, CLASS),
    "one constant image": Case(_constant, SHORT, empty=True),
    "two images a class": Case(_two, SHORT),
    "classic without R1": Case(_mnist, CLASSIC | {"r1": 0.0}, CLASSIC),
    "saturated discriminator": Case(
        _digits, CLASS | FREE | {"loss": "minimax", "augment": []}, CLASS
    ),
}
HEALTHY = {
    "digits": Case(_digits, {"preset": "base"}),
    "digits of tiny": Case(_digits, {"preset": "tiny"}),
    "digits of the class kind": Case(_digits, {"preset": "tiny", "kind": "class"}),
    "steel at 16 px": Case(_steel, {"preset": "tiny"}),
}
