"""Records the operators of a graph, and writes it as an ONNX model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray

from ganaug._version import __version__

__all__ = ["Tape"]

OPSET = 20  # the first with GridSample in the form of torch
IR_VERSION = 10  # of ONNX at that operator set
SLOPE = 0.2  # of the networks' leaky ReLU

_Array = NDArray[Any]


class Tape(ir.tape.Tape):
    """Records operators; an argument that is no value of the graph becomes a constant of it."""

    def value(self, content: ir.Value | _Array | Sequence[int] | float | None) -> ir.Value | None:
        """Return `content` as a value: whole numbers are int64, other constants float32."""
        if content is None or isinstance(content, ir.Value):
            return content
        array = np.asarray(content)
        dtype = np.int64 if array.dtype.kind == "i" else np.float32
        tensor = ir.tensor(np.ascontiguousarray(array, dtype).reshape(array.shape))
        return self.initializer(tensor, f"constant_{len(self.initializers)}")

    def add(self, kind: str, *inputs: Any, **attributes: Any) -> ir.Value:
        """Append an operator."""
        return self.op(kind, [self.value(each) for each in inputs], attributes)

    def split(self, value: ir.Value, *sizes: int, axis: int = 1) -> Sequence[ir.Value]:
        """Cut `value` into parts of these sizes."""
        inputs = [value, self.value(sizes)]
        return self.op_multi_out("Split", inputs, {"axis": axis}, num_outputs=len(sizes))

    def linear(self, value: ir.Value, weight: Any, bias: Any = None) -> ir.Value:
        """Append a fully connected layer with weights [out, in]."""
        parameters = [weight] if bias is None else [weight, bias]
        return self.add("Gemm", value, *parameters, transB=1)

    def convolve(self, value: ir.Value, weight: Any, bias: Any = None, stride: int = 1) -> ir.Value:
        """Append a convolution that keeps the size but for its stride."""
        side = weight.shape[2]
        shape = {"kernel_shape": [side] * 2, "pads": [side // 2] * 4, "strides": [stride] * 2}
        parameters = [weight] if bias is None else [weight, bias]
        return self.add("Conv", value, *parameters, **shape)

    def act(self, value: ir.Value) -> ir.Value:
        """Append the activation of the network."""
        return self.add("LeakyRelu", value, alpha=SLOPE)

    def spread(self, value: ir.Value) -> ir.Value:
        """Turn [N, K] into [N, K, 1, 1]."""
        return self.add("Unsqueeze", value, [2, 3])

    def resize(self, value: Any, sides: Any, axes: Sequence[int] = (2, 3), **how: Any) -> ir.Value:
        """Resize linearly along `axes` to `sides`."""
        how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"} | how
        return self.add("Resize", value, None, None, sides, axes=list(axes), **how)

    def shrink(self, image: ir.Value, size: tuple[int, int]) -> ir.Value:
        """Resize with antialias."""
        return self.resize(image, size, antialias=1, exclude_outside=1)

    def product(self, left: Any, value: ir.Value, right: Any) -> ir.Value:
        """Multiply the last two axes of `value` from both sides."""
        return self.add("MatMul", left, self.add("MatMul", value, right))

    def model(self, inputs: Sequence[ir.Value], outputs: Sequence[ir.Value]) -> onnx.ModelProto:
        """Return what was recorded, without metadata."""
        graph = ir.Graph(
            inputs,
            outputs,
            nodes=self.nodes,
            initializers=self.initializers,
            opset_imports={"": OPSET},
            name="generator",
        )
        made = ir.Model(
            graph, ir_version=IR_VERSION, producer_name="ganaug", producer_version=__version__
        )
        model: onnx.ModelProto = ir.to_proto(made)
        return model
