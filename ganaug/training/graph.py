"""The exported graph, rewritten into what onnxruntime computes faster on a CPU: the same function.

At 32 px the blur and the sampling as exported take onnxruntime longer than all convolutions, and
little after this. `export` compares the result with torch, as ever.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray
from onnx_ir.passes.common import RemoveUnusedNodesPass
from onnxscript.rewriter import MatchResult, RewriteRuleClassBase, RewriteRuleSet

__all__ = ["rewrite"]


def rewrite(model: ir.Model) -> None:
    """Replace in place what has a faster equal; what is not found stays as it is."""
    rules = [_Blur.rule(), _Sample.rule(), _Size.rule()]
    RewriteRuleSet(rules).apply_to_model(model)
    RemoveUnusedNodesPass()(model)


class _Blur(RewriteRuleClassBase):
    """Two 3x3 means with repeated borders: one product with a fixed matrix along each axis."""

    def pattern(self, op: Any, image: ir.Value, pads: ir.Value) -> Any:
        once = op.AveragePool(op.Pad(image, pads, mode="edge"), kernel_shape=[3, 3])
        padded = op.Pad(once, pads, mode="edge")
        return op.AveragePool(padded, kernel_shape=[3, 3], _outputs=["blurred"])

    def check(self, op: Any, *_: Any, **found: Any) -> MatchResult:
        result, pads = MatchResult(), found["pads"].const_value
        sides = _sides(found["image"])
        if pads is None or pads.numpy().tolist() != [0, 0, 1, 1] * 2:
            result.fail("not padded by one pixel")
        elif sides is None or sides != _sides(found["blurred"]):  # equal: not strided
            result.fail("not of one known size")
        return result

    def rewrite(self, op: Any, image: ir.Value, **_: Any) -> Any:
        height, width = _sides(image) or (0, 0)
        across = op.MatMul(image, _constant(op, _two_means(width).T))
        return op.MatMul(_constant(op, _two_means(height)), across)


class _Sample(RewriteRuleClassBase):
    """Positions are clamped before GridSample, which then need not look for borders itself.

    A position beyond the centre of a border pixel shows that pixel. On the centre, the neighbour
    outside, taken for 0, has the weight 0.
    """

    def pattern(self, op: Any, image: ir.Value, across: ir.Value, down: ir.Value) -> Any:
        grid = op.Concat(across, down, axis=3)
        return op.GridSample(image, grid, align_corners=0, mode="linear", padding_mode="border")

    def rewrite(self, op: Any, image: ir.Value, across: ir.Value, down: ir.Value) -> Any:
        across, down = _clamped(op, image, 3, across), _clamped(op, image, 2, down)
        grid = op.Concat(across, down, axis=3)
        return op.GridSample(image, grid, align_corners=0, mode="linear", padding_mode="zeros")


class _Size(RewriteRuleClassBase):
    """Resize names height and width alone, instead of reading the other two sides off its input."""

    def pattern(self, op: Any, image: ir.Value, sides: ir.Value) -> Any:
        size = op.Concat(op.Shape(image, start=0, end=2), sides, axis=0)
        return op.Resize(image, None, None, size, _outputs=["resized"])

    def check(self, op: Any, *_: Any, **found: Any) -> MatchResult:
        result, shape = MatchResult(), found["sides"].shape
        if shape is None or list(shape) != [2]:
            result.fail("not height and width")
        return result

    def rewrite(self, op: Any, image: ir.Value, sides: ir.Value, resized: ir.Value) -> Any:
        node = resized.producer()
        if node is None:
            raise ValueError("a match has a node")
        return op.Resize(image, None, None, sides, **node.attributes, axes=[2, 3])


def _sides(image: ir.Value) -> tuple[int, int] | None:
    """Return height and width of [N, C, H, W] where they are fixed."""
    shape = image.shape
    if shape is None or len(shape) != 4:
        return None
    height, width = shape[2], shape[3]
    return (height, width) if isinstance(height, int) and isinstance(width, int) else None


def _clamped(op: Any, image: ir.Value, axis: int, positions: ir.Value) -> Any:
    """Clamp to the centres of the first and the last pixel, -(1 - 1 / side) and 1 - 1 / side."""
    side = op.Squeeze(op.Shape(image, start=axis, end=axis + 1))
    last = op.Sub(_constant(op, 1), op.Reciprocal(op.Cast(side, to=ir.DataType.FLOAT)))
    return op.Clip(positions, op.Neg(last), last)


def _constant(op: Any, value: Any) -> Any:
    return op.Constant(value=ir.tensor(np.array(value, np.float32)))


def _two_means(side: int) -> NDArray[np.float64]:
    """float64 [side, side]: twice the mean of three neighbours, borders repeated."""
    once, at = np.zeros((side, side)), np.arange(side)
    for shift in (-1, 0, 1):
        np.add.at(once, (at, np.clip(at + shift, 0, side - 1)), 1 / 3)
    return once @ once
