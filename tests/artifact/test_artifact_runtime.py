"""`Generator` on arrays: what it computes, what it refuses, what it says of itself."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from helpers.artifact_calls import images_of, latents_of, refused
from helpers.small_models import (
    Planted,
    expected_class,
    expected_variation,
    metadata_of,
    variation_model,
    write_class_model,
    write_model,
    write_variation_model,
)
from onnx import TensorProto, helper, numpy_helper

from ganaug.artifact import reader
from ganaug.artifact.operators import OPERATORS
from ganaug.artifact.reader import read_artifact
from ganaug.artifact.runtime import Generator
from ganaug.errors import ArtifactError, ConfigError, DataError

# --- values ---


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [1, 2, 7, 64])
@pytest.mark.parametrize("size", [(8, 8), (28, 36), (1, 1)])
def test_vary_computes_the_graph(
    tmp_path: Path, channels: int, count: int, size: tuple[int, int]
) -> None:
    generator = Generator(write_variation_model(tmp_path / "v.onnx", channels), providers="cpu")
    images, latents = images_of(count, channels, *size), latents_of(count)
    before = images.copy(), latents.copy()
    varied = generator.vary(images, latents)
    assert varied.dtype == np.float32
    assert varied.shape == images.shape
    np.testing.assert_allclose(varied, expected_variation(images, latents), atol=1e-6)
    np.testing.assert_array_equal(images, before[0])
    np.testing.assert_array_equal(latents, before[1])
    singly = generator.vary(images, latents, singly=True)
    np.testing.assert_allclose(singly, varied, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [1, 7])
def test_generate_computes_the_graph(tmp_path: Path, channels: int, count: int) -> None:
    path = write_class_model(
        tmp_path / "c.onnx", channels, (5, 6), classes=("a", "b", "c"), counts=(1, 2, 3)
    )
    generator = Generator(path, providers="cpu")
    labels, latents = np.arange(count) % 3, latents_of(count)
    made = generator.generate(labels, latents)
    assert made.dtype == np.float32
    expected = expected_class(labels, latents, classes=3, channels=channels, size=(5, 6))
    np.testing.assert_allclose(made, expected, atol=1e-6)
    singly = generator.generate(labels, latents, singly=True)
    np.testing.assert_allclose(singly, made, atol=1e-6)


def test_singly_gives_the_bytes_of_an_image_on_its_own(variation: Generator) -> None:
    images, latents = images_of(5, 1, 8, 8), latents_of(5)
    together = variation.vary(images, latents, singly=True)
    for place in range(5):
        alone = variation.vary(images[place : place + 1], latents[place : place + 1])
        np.testing.assert_array_equal(together[place], alone[0])


def test_arrays_need_not_be_contiguous(variation: Generator) -> None:
    images, latents = images_of(6, 9, 7, 1).transpose(0, 3, 2, 1)[::2], latents_of(6)[::-2]
    varied = variation.vary(images, latents)
    np.testing.assert_allclose(varied, expected_variation(images, latents), atol=1e-6)


def test_grey_pictures_in_rgb_come_back_in_rgb(variation: Generator) -> None:
    grey, latents = images_of(4, 1, 8, 9), latents_of(4)
    varied = variation.vary(np.repeat(grey, 3, axis=1), latents)
    np.testing.assert_array_equal(
        varied, np.repeat(variation.vary(grey, latents), 3, axis=1), strict=True
    )


def test_coloured_pictures_are_refused_by_a_grey_generator(variation: Generator) -> None:
    images = np.repeat(images_of(4, 1, 8, 8), 3, axis=1)
    images[2, 1, 3, 3] = 1 - images[2, 1, 3, 3]
    assert "image 2 is coloured" in refused(DataError, variation.vary, images, latents_of(4))


def test_empty_batches_need_no_session(tmp_path: Path) -> None:
    for channels in (1, 3):
        path = write_variation_model(tmp_path / "v.onnx", channels)
        generator = Generator(path)
        path.unlink()  # opening a session would fail now
        varied = generator.vary(images_of(0, 3, 30, 20), latents_of(0))
        assert (varied.shape, varied.dtype) == ((0, 3, 30, 20), np.float32)
    path = write_class_model(tmp_path / "c.onnx", 3, (5, 6))
    generator = Generator(path)
    path.unlink()
    made = generator.generate(np.zeros(0, np.int64), latents_of(0))
    assert (made.shape, made.dtype) == ((0, 3, 5, 6), np.float32)


# --- arguments ---


def test_the_other_kinds_call_is_refused(variation: Generator, class_kind: Generator) -> None:
    text = refused(ConfigError, variation.generate, np.zeros(1, np.int64), latents_of(1))
    assert "vary(images, latents)" in text
    text = refused(ConfigError, class_kind.vary, images_of(1, 1, 8, 8), latents_of(1))
    assert "generate(labels, latents)" in text


@pytest.mark.parametrize(
    ("images", "word"),
    [
        (np.zeros((2, 1, 8, 8)), "float64"),
        (np.zeros((2, 1, 8, 8), np.uint8), "uint8"),
        (np.zeros((2, 1, 8, 8), ">f4"), ">f4" if sys.byteorder == "little" else "float32"),
        (np.zeros((2, 8, 8), np.float32), "[2, 8, 8]"),
        ([[0.5]], "list"),
        (np.zeros((2, 2, 8, 8), np.float32), "2 channel(s)"),
        (np.zeros((2, 1, 0, 8), np.float32), "height"),
        (np.full((2, 1, 8, 8), 255, np.float32), "divide by 255"),
        (np.full((2, 1, 8, 8), -0.001, np.float32), "-0.001"),
        (np.full((2, 1, 8, 8), np.nan, np.float32), "NaN"),
        (np.full((2, 1, 8, 8), np.inf, np.float32), "infinity"),
    ],
)
def test_images_are_checked(variation: Generator, images: Any, word: str) -> None:
    assert word in refused(DataError, variation.vary, images, latents_of(2))


def test_one_bad_value_among_good_ones_is_found(variation: Generator) -> None:
    for bad in (np.nan, np.inf, -np.inf, -1e-6, 1.00001):
        images = images_of(2, 1, 8, 8)
        images[1, 0, 3, 4] = bad
        assert "images: " in refused(DataError, variation.vary, images, latents_of(2))


def test_grey_pictures_are_refused_by_an_rgb_generator(tmp_path: Path) -> None:
    generator = Generator(write_variation_model(tmp_path / "v.onnx", 3), providers="cpu")
    text = refused(DataError, generator.vary, images_of(1, 1, 8, 8), latents_of(1))
    assert "repeat the channel" in text


@pytest.mark.parametrize(
    ("latents", "word"),
    [
        (np.zeros((2, 4)), "float64"),
        (np.zeros((2, 5), np.float32), "[2, 5]; allowed: [2, 4]"),
        (np.zeros((1, 4), np.float32), "[1, 4]; allowed: [2, 4]"),
        (np.zeros(4, np.float32), "[4]"),
        (None, "NoneType"),
        (np.full((2, 4), np.nan, np.float32), "NaN"),
        (np.full((2, 4), -np.inf, np.float32), "infinity"),
        (np.full((2, 4), -2e4, np.float32), "hold -20000; allowed: -10,000 to 10,000; draw"),
    ],
)
def test_latents_are_checked(
    variation: Generator, class_kind: Generator, latents: Any, word: str
) -> None:
    assert word in refused(DataError, variation.vary, images_of(2, 1, 8, 8), latents)
    assert word in refused(DataError, class_kind.generate, np.zeros(2, np.int64), latents)


@pytest.mark.parametrize(
    ("labels", "word"),
    [
        (np.array([0, 2]), "labels: 2; allowed: 0 to 1"),
        (np.array([-1, 0]), "labels: -1"),
        (np.array([0, 1], np.int32), "int32"),
        (np.array([0.0, 1.0]), "float64"),
        (np.array([[0, 1]]), "[1, 2]"),
        ([0, 1], "list"),
    ],
)
def test_labels_are_checked(class_kind: Generator, labels: Any, word: str) -> None:
    assert word in refused(DataError, class_kind.generate, labels, latents_of(2))


@pytest.mark.parametrize("providers", ["gpu", "CUDA", None, ["cpu"], ""])
def test_unknown_providers_are_refused(tmp_path: Path, providers: Any) -> None:
    path = write_variation_model(tmp_path / "v.onnx")
    text = refused(ConfigError, Generator, path, providers=providers)
    assert "auto, cpu, cuda" in text


@pytest.mark.parametrize("threads", [0, -1, 1.0, True, "1", None])
def test_wrong_thread_counts_are_refused(tmp_path: Path, threads: Any) -> None:
    path = write_variation_model(tmp_path / "v.onnx")
    assert "threads: " in refused(ConfigError, Generator, path, threads=threads)


def test_what_is_no_path_is_refused() -> None:
    assert "NoneType" in refused(ConfigError, Generator, None)


# --- what it says of itself ---


def test_it_tells_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_variation_model(tmp_path / "v.onnx", 3, (28, 36))
    monkeypatch.chdir(tmp_path)
    generator = Generator("v.onnx", providers="cpu")
    assert generator.path == path
    assert generator.path.is_absolute()
    _, metadata, digest = read_artifact(path)
    assert generator.info == metadata
    assert generator.content_hash == digest
    assert generator.provider == "cpu"
    text = "Generator('v.onnx', kind='variation', 2 classes, 3x28x36)"
    assert repr(generator) == text


def test_the_session_leaves_the_cores_to_training(tmp_path: Path) -> None:
    path = write_variation_model(tmp_path / "v.onnx")
    for threads in (1, 2):
        generator = Generator(path, providers="cpu", threads=threads)
        options = generator._opened().session.get_session_options()
        assert options.intra_op_num_threads == threads
        assert options.inter_op_num_threads == 1
        for entry in ("intra_op", "inter_op"):
            assert options.get_session_config_entry(f"session.{entry}.allow_spinning") == "0"
        assert options.get_session_config_entry("session.load_model_format") == "ONNX"


# --- how a variation was made ---


@pytest.mark.parametrize("channels", [1, 3])
def test_outputs_by_name(channels: int, tmp_path: Path) -> None:
    path = write_variation_model(tmp_path / "v.onnx", channels=channels, planted=Planted(drift=0.1))
    generator = Generator(path, providers="cpu")
    images, latents = images_of(3, 3, 7, 10), latents_of(3)
    if channels == 1:
        images = np.repeat(images[:, :1], 3, axis=1)
    made = generator.outputs(images, latents)
    assert list(made) == ["variation", "positions"]
    np.testing.assert_array_equal(made["variation"], generator.vary(images, latents))
    x = (2 * np.arange(10) + 1) / 10 - 1 + 0.1 * latents[:, :1]
    np.testing.assert_allclose(made["positions"][:, 4, :, 0], x, atol=1e-6)
    y = (2 * np.arange(7) + 1) / 7 - 1
    np.testing.assert_allclose(made["positions"][2, :, 5, 1], y, atol=1e-6)
    for singly in (False, True):
        light = generator.outputs(images, latents, ["offset", "factor"], singly=singly)
        assert list(light) == ["offset", "factor"]
        assert {values.shape for values in light.values()} == {images.shape}
    assert generator.outputs(images, latents, []) == {}
    none = generator.outputs(images[:0], latents[:0], ["positions", "factor"])
    assert none["positions"].shape == (0, 7, 10, 2)
    assert none["factor"].shape == (0, 3, 7, 10)


def test_a_file_of_schema_1_has_the_image_alone(tmp_path: Path) -> None:
    path = write_variation_model(tmp_path / "old.onnx", schema="1.0")
    old = Generator(path, providers="cpu")
    new = Generator(write_variation_model(tmp_path / "new.onnx"), providers="cpu")
    images, latents = images_of(2, 1, 8, 8), latents_of(2)
    np.testing.assert_array_equal(old.vary(images, latents), new.vary(images, latents))
    text = refused(ConfigError, old.outputs, images, latents, ["positions"])
    assert text == (
        f"old.onnx: a file of schema 1.0 has no output 'positions'; allowed: variation; export it"
        f" anew with: ganaug export RUN {path}"
    )
    text = refused(ConfigError, new.outputs, images, latents, ["image"])
    assert text.endswith("name one of variation, positions, factor, offset")


# --- graphs that pass the reader and fail afterwards ---


def spoilt(folder: Path, change: Callable[[onnx.ModelProto], None]) -> Generator:
    model = variation_model(metadata_of("variation"))
    change(model)
    return Generator(write_model(folder / "spoilt.onnx", model), providers="cpu")


def test_a_model_that_onnxruntime_refuses(tmp_path: Path) -> None:
    def of_the_future(model: onnx.ModelProto) -> None:
        model.ir_version = 99

    generator = spoilt(tmp_path, of_the_future)
    with pytest.raises(ArtifactError, match="cannot load the model") as caught:
        generator.provider  # noqa: B018
    assert onnxruntime.__version__ in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_graph_that_fails_on_some_sizes(tmp_path: Path) -> None:
    def halve_the_pixels(model: onnx.ModelProto) -> None:
        """Add 0 times half of the number of pixels; that of the reader's own tries is even."""
        sides = numpy_helper.from_array(np.array([-1, 2], np.int64), "by_two")
        model.graph.initializer.append(sides)
        model.graph.node[2].input[0] = "sum"
        nodes = [
            helper.make_node("Reshape", ["image", "by_two"], ["pairs"]),
            helper.make_node("Shape", ["pairs"], ["count"], start=0, end=1),
            helper.make_node("Cast", ["count"], ["half_count"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["half_count", "low"], ["zero"]),
            helper.make_node("Add", ["image", "zero"], ["sum"]),
        ]
        for node in reversed(nodes):
            model.graph.node.insert(2, node)

    generator = spoilt(tmp_path, halve_the_pixels)
    assert generator.vary(images_of(2, 1, 8, 8), latents_of(2)).shape == (2, 1, 8, 8)
    with pytest.raises(ArtifactError, match=r"fails on 1 image.* 7 x 9") as caught:
        generator.vary(images_of(1, 1, 7, 9), latents_of(1))
    assert "\n" not in str(caught.value)


def _without_clip(model: onnx.ModelProto) -> None:
    model.graph.node[-1].CopyFrom(helper.make_node("Neg", ["moved"], ["variation"]))


def _not_a_number(model: onnx.ModelProto) -> None:
    model.graph.node[-1].CopyFrom(helper.make_node("Sub", ["moved", "nan"], ["variation"]))
    model.graph.initializer.append(numpy_helper.from_array(np.array(np.nan, np.float32), "nan"))


def _other_shape(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Concat", ["x", "x"], ["variation"], axis=3))
    model.graph.node[-2].output[0] = "x"


def _nothing(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.array([0], np.int64), "zero"))
    names = ["x", "zero", "zero", "zero"]
    model.graph.node.append(helper.make_node("Slice", names, ["variation"]))
    model.graph.node[-2].output[0] = "x"


@pytest.mark.parametrize("singly", [False, True])
@pytest.mark.parametrize("change", [_without_clip, _not_a_number, _other_shape, _nothing])
def test_a_graph_that_returns_something_else(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[onnx.ModelProto], None],
    singly: bool,
) -> None:
    # the reader refuses shapes that do not fit; should one get through, the run time does
    monkeypatch.setattr(reader, "check_graph", lambda graph, metadata: None)
    monkeypatch.setitem(OPERATORS, "Slice", OPERATORS["Neg"])
    call, latents = spoilt(tmp_path, change).vary, latents_of(2)
    text = refused(ArtifactError, call, images_of(2, 1, 8, 8), latents, singly=singly)
    by_value = change in (_without_clip, _not_a_number)
    assert f"its graph returned {'values' if by_value else '['}" in text
    assert f"[{1 if singly else 2}, 1, 8, 8] from 0 to 1" in text


def _added(name: str, value: float) -> Callable[[onnx.ModelProto], None]:
    """Return what adds `value` to the output `name` of a model."""

    def change(model: onnx.ModelProto) -> None:
        (node,) = (node for node in model.graph.node if name in node.output)
        node.output[0] = "near"
        tensor = numpy_helper.from_array(np.array(value, np.float32), "far")
        model.graph.initializer.append(tensor)
        model.graph.node.append(helper.make_node("Add", ["near", "far"], [name]))

    return change


@pytest.mark.parametrize(("name", "past"), [("offset", 1 + 1e-6), ("factor", 2 + 1e-6)])
def test_what_rounding_carries_past_a_bound_is_cut_off(
    name: str, past: float, tmp_path: Path
) -> None:
    # the factor of an image that is not varied is 1, its offset 0
    generator = spoilt(tmp_path, _added(name, past))
    images, latents = images_of(2, 1, 8, 8), np.zeros((2, 4), np.float32)
    assert (
        generator.outputs(images, latents, [name])[name] == {"offset": 1, "factor": 3}[name]
    ).all()


@pytest.mark.parametrize(
    ("name", "value", "bounds"),
    [("positions", 3.5, "-3 to 3"), ("positions", np.nan, "-3 to 3"), ("offset", -2, "-1 to 1")],
)
def test_an_output_beyond_its_bounds_is_refused_where_it_is_asked_for(
    name: str, value: float, bounds: str, tmp_path: Path
) -> None:
    generator = spoilt(tmp_path, _added(name, value))
    images, latents = images_of(2, 1, 8, 8), np.zeros((2, 4), np.float32)
    assert generator.vary(images, latents).shape == images.shape
    text = refused(ArtifactError, generator.outputs, images, latents, [name])
    assert f" as {name}; allowed: [2, " in text
    assert f"from {bounds}" in text


def test_an_input_that_the_graph_does_not_use_is_allowed(tmp_path: Path) -> None:
    def ignore_latent(model: onnx.ModelProto) -> None:
        model.graph.node[0].input[0] = "zero"
        tensor = numpy_helper.from_array(np.zeros((1, 4), np.float32), "zero")
        model.graph.initializer.append(tensor)

    images = images_of(2, 1, 8, 8)
    varied = spoilt(tmp_path, ignore_latent).vary(images, latents_of(2))
    np.testing.assert_array_equal(varied, images)
