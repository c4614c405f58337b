"""Photographs run in two sessions, torch's sampling between them: the same but for rounding."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from helpers.artifact_calls import images_of, latents_of
from helpers.small_models import write_bent, write_class_model, write_variation_model
from helpers.untrained import write_untrained

from ganaug import Generator
from ganaug.artifact.halves import LEAST_PIXELS, Halves, in_halves

SIZES = [(128, 128), (224, 160), (1, LEAST_PIXELS)]


FILES: dict[str, Callable[[Path], Path]] = {
    "RGB": lambda path: write_untrained(path, 3),
    "grey": lambda path: write_untrained(path, 1),
    "schema 1.0": lambda path: write_untrained(path, 3, "1.0"),
    "planted": write_bent,
}


def halves_of(path: Path) -> Halves | None:
    return in_halves(path.read_bytes(), onnxruntime.InferenceSession)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", FILES)
def test_they_agree_with_the_whole_graph(name: str, size: tuple[int, int], tmp_path: Path) -> None:
    generator = Generator(FILES[name](tmp_path / "v.onnx"), providers="cpu")
    info = generator.info
    images, latents = images_of(2, info.channels, *size), latents_of(2, info.latent_dim)
    images.flags.writeable = False
    made = generator.outputs(images, latents, info.outputs)
    for row in range(2):
        given = {"image": images[row : row + 1], "latent": latents[row : row + 1]}
        whole = generator.session.run(list(info.outputs), given)
        for output, expected in zip(info.outputs, whole, strict=True):
            rounding = 1e-4 if output == "variation" else 0
            np.testing.assert_allclose(made[output][row], expected[0], rtol=0, atol=rounding)
        alone = generator.vary(images[row : row + 1], latents[row : row + 1])
        assert alone.tobytes() == made["variation"][row].tobytes()


def test_photographs_take_them_and_small_images_do_not(tmp_path: Path) -> None:
    # torch's sampling rounds otherwise, so bytes tell which way was taken
    path = write_untrained(tmp_path / "v.onnx", 3)
    generator, halves = Generator(path, providers="cpu"), halves_of(path)
    assert halves is not None
    for height, in_two in ((127, False), (129, True)):
        given = {"image": images_of(1, 3, height, 128), "latent": latents_of(1, 5)}
        whole, two = (way.run(["variation"], given)[0] for way in (generator.session, halves))
        assert whole.tobytes() != two.tobytes()
        expected = two if in_two else whole
        assert generator.vary(*given.values()).tobytes() == expected.tobytes()


def test_positions_alone_need_only_the_first(tmp_path: Path) -> None:
    halves = halves_of(write_untrained(tmp_path / "v.onnx", 3))
    assert halves is not None
    given = {"image": images_of(1, 3, 20, 30), "latent": latents_of(1, 5)}
    (expected,) = halves.run(["positions"], given)
    first = dataclasses.replace(halves, second=None)
    assert first.run(["positions"], given)[0].tobytes() == expected.tobytes()


def test_a_graph_that_reads_no_image_stays_whole(tmp_path: Path) -> None:
    assert halves_of(write_class_model(tmp_path / "c.onnx")) is None
    assert halves_of(write_variation_model(tmp_path / "v.onnx")) is None
