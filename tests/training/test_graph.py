"""The rewritten graph computes what the graph before it did, and leaves alone what is different."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, parser

from ganaug.training.graph import rewrite

HEAD = '<ir_version: 10, opset_import: ["" : 20]>\n'
BLUR = """agraph (float[N, 2, 5, 7] image) => (float[N, 2, 5, 7] blurred)
<int64[8] pads = {0, 0, 1, 1, 0, 0, 1, 1}> {
    a = Pad <mode = "edge"> (image, pads)
    b = AveragePool <kernel_shape = [3, 3]> (a)
    c = Pad <mode = "edge"> (b, pads)
    blurred = AveragePool <kernel_shape = [3, 3]> (c)
}"""
SAMPLE = """agraph (float[N, 2, H, W] image, float[N, H, W, 1] x, float[N, H, W, 1] y)
=> (float[N, 2, H, W] moved) {
    grid = Concat <axis = 3> (x, y)
    moved = GridSample <align_corners = 0, mode = "linear", padding_mode = "border"> (image, grid)
}"""
RESIZE = """agraph (float[N, 2, H, W] image) => (float[N, 2, 6, 9] resized)
<int64[2] sides = {6, 9}> {
    before = Shape <start = 0, end = 2> (image)
    size = Concat <axis = 0> (before, sides)
    resized = Resize <antialias = 1, coordinate_transformation_mode = "half_pixel",
        mode = "linear"> (image, , , size)
}"""


def built(text: str) -> ModelProto:
    return parser.parse_model(HEAD + text)


def rewritten(model: ModelProto) -> ModelProto:
    inner = ir.from_proto(model)
    rewrite(inner)
    return ir.to_proto(inner)


def operators(model: ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def run(model: ModelProto, inputs: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    result: NDArray[np.float32] = session.run(None, inputs)[0]
    return result


def inputs_of(model: ModelProto, height: int, width: int) -> dict[str, Any]:
    """Images in 0..1, and positions far beyond the borders."""
    random = np.random.default_rng(0)
    inputs: dict[str, Any] = {"image": random.random((3, 2, height, width), np.float32)}
    for name in {node.name for node in model.graph.input} - {"image"}:
        inputs[name] = random.uniform(-2.5, 2.5, (3, height, width, 1)).astype(np.float32)
    return inputs


@pytest.mark.parametrize(
    ("text", "gone", "size"),
    [
        (BLUR, "AveragePool", (5, 7)),
        (SAMPLE, "", (5, 7)),
        (SAMPLE, "", (1, 40)),
        (RESIZE, "Concat", (8, 4)),
    ],
)
def test_the_same_function(text: str, gone: str, size: tuple[int, int]) -> None:
    before = built(text)
    after = rewritten(before)
    assert operators(after) != operators(before)
    assert gone not in operators(after)
    inputs = inputs_of(before, *size)
    np.testing.assert_allclose(run(after, inputs), run(before, inputs), atol=2e-6, rtol=0)


def test_positions_on_the_border_pixels_are_kept() -> None:
    """The centres of the first and last pixel, where the clamp begins."""
    before = built(SAMPLE)
    inputs = inputs_of(before, 6, 6)
    edge = np.float32(1 - 1 / 6)
    for name in ("x", "y"):
        inputs[name] = np.random.default_rng(1).choice([-edge, 0, edge], (3, 6, 6, 1))
        inputs[name] = inputs[name].astype(np.float32)
    np.testing.assert_allclose(
        run(rewritten(before), inputs), run(before, inputs), atol=2e-6, rtol=0
    )


@pytest.mark.parametrize(
    "text",
    [
        BLUR.replace('"edge"', '"reflect"'),
        BLUR.replace("[N, 2, 5, 7]", "[N, 2, H, W]"),
        BLUR.replace("[3, 3]", "[3, 3], strides = [2, 2]").replace(
            "5, 7] blurred", "2, 2] blurred"
        ),
        BLUR.replace("{0, 0, 1, 1, 0, 0, 1, 1}", "{0, 0, 2, 1, 0, 0, 0, 1}"),
        SAMPLE.replace('"border"', '"reflection"'),
        RESIZE.replace("end = 2", "end = 1").replace("int64[2] sides = {", "int64[3] sides = {2, "),
    ],
)
def test_what_is_different_is_left_alone(text: str) -> None:
    before = built(text)
    assert operators(rewritten(before)) == operators(before)
