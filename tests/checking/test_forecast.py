"""The forecast tells classes that share what varies from classes that do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.photos import write_pngs
from numpy.typing import NDArray
from PIL import Image

from ganaug import check
from ganaug.checking.forecast import forecast
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
    calls: list[tuple[int, int]] = []
    helped = forecast(made(shared), steps=STEPS, progress=lambda *done: calls.append(done))
    assert helped.word == "likely helps"
    assert helped.lift == pytest.approx(helped.taught - helped.alone, abs=0.11)
    assert calls == [(step + 1, 4 * STEPS) for step in range(4 * STEPS)]
    against = forecast(made(unshared), steps=STEPS)
    assert against.word == "likely not"
    assert forecast(made(unshared), steps=STEPS) == against
    assert torch.equal(torch.get_rng_state(), before)


def test_too_few_classes_say_nothing() -> None:
    few = made(shared).take(np.arange(sum(COUNTS[:3])))
    with pytest.raises(DataError, match="forecast: 3 classes with 4 images or more"):
        forecast(few)


def test_check_shows_it_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.concatenate([np.flatnonzero(made(shared).labels == k)[:6] for k in range(5)])
    source = write_pngs(tmp_path / "photos", made(shared).take(rows))
    assert check(source, times=False).forecast is None
    monkeypatch.setattr("ganaug.checking.forecast.STEPS", 8)
    report = check(source, times=False, forecast=True)
    assert report.forecast is not None
    assert f"forecast: {report.forecast.word}; unseen classes" in str(report)
    assert report.to_dict()["forecast"]["word"] == report.forecast.word
