"""The lift tells classes that share what varies from classes that do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from ganaug import check
from ganaug.checking.lift import BORDER, measure_lift
from ganaug.errors import DataError
from ganaug.images import ImageSet

SIDE = 12
COUNTS = (24, 23, 22, 21, 20, 19, 18, 17)  # so that the halves are every other class
STEPS = 40


def upscaled(coarse: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(coarse).resize((SIDE, SIDE)), np.float32)


def stripes(rng: np.random.Generator, angle: float, hue: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Stripes at `angle` in the colour `hue`, at a random phase."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    wave = np.sin(9 * (x * np.cos(angle) + y * np.sin(angle)) + rng.uniform(0, 6.3))
    noise = 30 * rng.standard_normal((SIDE, SIDE, 1))
    return np.clip((0.5 + 0.4 * wave[..., None]) * hue + noise, 0, 255).astype(np.uint8)


def shared(label: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A class is an angle; in all classes colour, phase and noise vary alike."""
    return stripes(rng, np.pi * label / len(COUNTS), rng.uniform(60, 250, 3).astype(np.float32))


def unshared(label: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Even classes are angles in any colour, odd ones are colours at any angle."""
    hues = np.array([[250, 60, 60], [60, 250, 60], [60, 60, 250], [250, 250, 60]], np.float32)
    if label % 2:
        return stripes(rng, rng.uniform(0, np.pi), hues[label // 2])
    return stripes(rng, np.pi * label / len(COUNTS), rng.uniform(60, 250, 3).astype(np.float32))


def made(draw: object) -> ImageSet:
    rng = np.random.default_rng(4)
    labels = np.repeat(np.arange(len(COUNTS)), COUNTS)
    images = np.stack([draw(int(label), rng) for label in labels])  # type: ignore[operator]
    return ImageSet(images, labels, tuple("abcdefgh"))


def test_shared_variation_is_told_from_unshared() -> None:
    before = torch.get_rng_state()
    helped = measure_lift(made(shared), steps=STEPS)
    assert helped.points > 10
    assert helped.points == pytest.approx(helped.taught - helped.alone, abs=0.11)
    against = measure_lift(made(unshared), steps=STEPS)
    assert against.points < 5
    assert torch.equal(torch.get_rng_state(), before)


def test_too_few_classes_say_nothing() -> None:
    few = made(shared).take(np.arange(sum(COUNTS[:3])))
    with pytest.raises(DataError, match="lift: 3 classes with 4 images or more"):
        measure_lift(few)


def test_check_says_what_is_likely_and_what_nobody_can_tell() -> None:
    report = check(made(shared), times=False, outlook=True)
    assert report.outlook is not None
    assert report.outlook.likely
    assert report.outlook.lift is not None
    assert report.outlook.lift > BORDER
    assert "\noutlook: likely helps a network from scratch (what classes teach each other: " in str(
        report
    )
    few = check(made(shared).take(np.arange(sum(COUNTS[:3]))), times=False, outlook=True)
    assert few.outlook is not None
    assert (few.outlook.lift, few.outlook.likely) == (None, False)
    assert "\noutlook: cannot tell (lift: 3 classes with 4 images or more; allowed: at" in str(few)
    assert "): tune and evaluate decide" in str(few)


def test_check_has_no_outlook_for_a_class_generator_or_unasked() -> None:
    options = {"kind": "class"}
    report = check(made(unshared), times=False, outlook=True, fit_options=options)
    assert "\noutlook: cannot tell (it is asked for generators of the kind variation)" in str(
        report
    )
    assert check(made(unshared), times=False).outlook is None
