"""The graph of an artifact, run by torch: on any device, compiled, and with gradients.

An interpreter of the operators that the reader allows (`operators.py`), and of nothing else. The
bytes have to be checked by the reader before they come here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F

from ganaug.artifact.format import INPUTS
from ganaug.errors import ArtifactError

__all__ = ["OPERATIONS", "TorchGraph", "TorchSession"]

_Shape = list[int]  # whole numbers stay numbers: sides of images, sizes, axes


def _concat(*values: Any, axis: int) -> Any:
    if isinstance(values[0], Tensor):
        return torch.cat(values, axis)
    return [number for each in values for number in each]


def _conv(
    image: Tensor, weight: Tensor, bias: Tensor | None = None, *, pads: _Shape, strides: _Shape,
    **_: Any,
) -> Tensor:  # fmt: skip
    return F.conv2d(image, weight, bias, strides, pads[:2])


def _resize(
    value: Tensor, _roi: None, _scales: None, sizes: _Shape, *,
    coordinate_transformation_mode: str, axes: Sequence[int] = (0, 1, 2, 3), antialias: int = 0,
    **_: Any,
) -> Tensor:  # fmt: skip
    wanted = dict(zip(axes, sizes, strict=True))
    sides = [wanted.get(axis, value.shape[axis]) for axis in (2, 3)]
    aligned = coordinate_transformation_mode == "align_corners"
    return F.interpolate(
        value, sides, mode="bilinear", align_corners=aligned, antialias=bool(antialias)
    )


def _split(
    value: Any, sizes: _Shape | None = None, *, axis: int, num_outputs: int = 0
) -> Sequence[Any]:
    if isinstance(value, Tensor):
        return value.split(sizes or value.shape[axis] // num_outputs, axis)
    parts, at = [], 0
    for size in sizes or [len(value) // num_outputs] * num_outputs:
        parts.append(value[at : at + size])
        at += size
    return parts


def _unsqueeze(value: Tensor, axes: _Shape) -> Tensor:
    for axis in axes:  # in rising order, as the reader checks
        value = value.unsqueeze(axis)
    return value


def _cast(value: Any, *, like: Tensor, **_: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value.to(torch.float32)
    return torch.cat([like.new_full((1,), number, dtype=torch.float32) for number in value])


OPERATIONS: dict[str, Callable[..., Any]] = {
    "Add": torch.add,
    "Cast": _cast,
    "Clip": torch.clamp,
    "Concat": _concat,
    "Conv": _conv,
    "Exp": torch.exp,
    "Gather": lambda rows, index, axis=0: rows[index],
    "Gemm": lambda rows, weight, bias=None, **_: F.linear(rows, weight, bias),
    "GridSample": lambda image, grid, *, padding_mode, **_: F.grid_sample(
        image, grid, "bilinear", padding_mode, align_corners=False
    ),
    "LeakyRelu": lambda value, *, alpha: F.leaky_relu(value, alpha),
    "MatMul": torch.matmul,
    "Max": torch.maximum,
    "Min": torch.minimum,
    "Mul": torch.mul,
    "Neg": torch.neg,
    "Reciprocal": torch.reciprocal,
    "ReduceMean": lambda value, axes, **_: value.mean(axes),
    "Reshape": lambda value, shape, **_: value.reshape(shape),
    "Resize": _resize,
    "Shape": lambda value, *, start, end: list(value.shape[start:end]),
    "Sigmoid": torch.sigmoid,
    "Split": _split,
    "Sub": torch.sub,
    "Tanh": torch.tanh,
    "Transpose": lambda value, *, perm: value.permute(perm),
    "Unsqueeze": _unsqueeze,
}


class TorchGraph(nn.Module):
    """A generator as a module of torch: (image or label, latent) -> its outputs by name.

    Its weights are buffers, so that `.to(device)` moves them and no optimiser changes them.
    Gradients reach the image and the latent. Nothing is checked when it is called: see the shapes,
    dtypes and ranges of `Generator.outputs` and `Generator.generate`.

    Args:
        content: the checked bytes of an artifact.

    Raises:
        ArtifactError: an operator is used in a way that torch computes otherwise.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__()
        graph = onnx.ModelProto.FromString(content).graph
        self.given = INPUTS["class" if "label" in {v.name for v in graph.input} else "variation"]
        self._names = tuple(value.name for value in graph.output)
        self._numbers: dict[str, _Shape] = {}
        self._weights: dict[str, str] = {}
        for at, tensor in enumerate(graph.initializer):
            values = numpy_helper.to_array(tensor)
            if values.dtype == np.int64:
                self._numbers[tensor.name] = values.tolist()
            else:
                self._weights[tensor.name] = f"weight_{at}"
                self.register_buffer(f"weight_{at}", torch.from_numpy(values.copy()))
        self._steps = [_step(node) for node in graph.node]

    def forward(self, given: Tensor, latent: Tensor) -> dict[str, Tensor]:
        """Return the outputs by name, in float32 inside `torch.autocast`, too.

        Args:
            given: image float32 [N, C, H, W] in 0..1, or label int64 [N].
            latent: float32 [N, Z].
        """
        given = given.float() if given.is_floating_point() else given
        device = latent.device.type
        if not torch.amp.is_autocast_available(device):  # as for "meta"
            return self._computed(given, latent.float())
        with torch.autocast(device, enabled=False):  # in bfloat16 an image would move
            return self._computed(given, latent.float())

    def _computed(self, given: Tensor, latent: Tensor) -> dict[str, Tensor]:
        values: dict[str, Any] = {"": None, **self._numbers}
        values |= {name: getattr(self, buffer) for name, buffer in self._weights.items()}
        values |= zip(self.given, (given, latent), strict=True)
        for kind, inputs, outputs, attributes in self._steps:
            like = {"like": latent} if kind == "Cast" else {}
            made = OPERATIONS[kind](*[values[name] for name in inputs], **attributes, **like)
            values |= zip(outputs, made if kind == "Split" else [made], strict=True)
        return {name: values[name] for name in self._names}


def _step(node: onnx.NodeProto) -> tuple[str, list[str], list[str], dict[str, Any]]:
    attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
    attributes = {k: v.decode() if isinstance(v, bytes) else v for k, v in attributes.items()}
    if attributes.get("antialias") and (
        not attributes.get("exclude_outside")
        or attributes["coordinate_transformation_mode"] != "half_pixel"
    ):
        raise ArtifactError(
            "operator Resize with antialias, but without exclude_outside or half_pixel; allowed for"
            ' torch: what ganaug export writes; use providers="cpu", or export the run again'
        )
    return node.op_type, list(node.input), list(node.output), attributes


class TorchSession:
    """Runs a graph as onnxruntime's session does, on numpy arrays; and on tensors of any device."""

    def __init__(self, content: bytes) -> None:
        self._by_device = {torch.device("cpu"): TorchGraph(content)}
        self._content = content

    def on(self, device: torch.device) -> TorchGraph:
        """Return the graph on a device; each has one of its own."""
        if device not in self._by_device:
            self._by_device[device] = TorchGraph(self._content).to(device)
        return self._by_device[device]

    def run(
        self, names: Sequence[str], inputs: dict[str, NDArray[Any]]
    ) -> list[NDArray[np.float32]]:
        """Return the named outputs for arrays."""
        graph = self.on(torch.device("cpu"))
        with torch.inference_mode():
            made = graph(*(torch.from_numpy(np.require(inputs[n], None, "W")) for n in graph.given))
        return [made[name].numpy() for name in names]
