"""Run a graph on shapes alone, before a session exists: what fits, and what it would cost.

Each operator is one that our export writes, used as there (`operators.py`), its inputs have the
shapes that it needs, and the outputs those that the metadata tells. On the way the memory of all
results and the operations are counted for one image at the training size, and for more and larger
images, whose cost may grow no faster than their number and their pixels. So both are bounded for
any call.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ganaug.artifact.format import Metadata
from ganaug.artifact.operators import (
    MAX_KNOWN,
    MAX_RANK,
    OPERATORS,
    Call,
    MisfitError,
    Operator,
    Value,
)
from ganaug.errors import ArtifactError
from ganaug.limits import IMAGE_MEMORY, IMAGE_OPERATIONS
from ganaug.values import shown

if TYPE_CHECKING:
    import onnx

__all__ = ["Cost", "check_graph"]

_FLOAT, _INT64 = 1, 7  # TensorProto.DataType
_SIZES = {_FLOAT: 4, _INT64: 8}
_ATTRIBUTES = {1: "f", 2: "i", 3: "s", 7: "ints"}  # AttributeProto.AttributeType: its field
GROWTH = ((64, 1), (1, 32))  # (times as many images, times their sides)
SLACK = 1.01
MIB, GIGA = 2**20, 10**9
ADVICE = "allowed: what ganaug export writes; export the run again with this ganaug"


class Cost(NamedTuple):
    """What a call takes: bytes of all results between input and output, and operations."""

    memory: int
    operations: int


class _Node(NamedTuple):
    name: str
    row: Operator
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


def check_graph(graph: onnx.GraphProto, metadata: Metadata) -> Cost:
    """Return what one image at the training size costs.

    Raises:
        ArtifactError: an operator, an attribute, a weight or a shape is none that our export
            writes; or the cost is over its limit, or grows faster than images and pixels.
    """
    weights = dict(_weights(graph))
    if len(weights) != len(graph.initializer):
        raise ArtifactError(f"two weights have the same name; {ADVICE}")
    nodes = [_node(node) for node in graph.node]
    height, width = metadata.size
    cost = _cost(graph, nodes, weights, metadata, (1, height, width))
    for limit, needed, unit in (
        (IMAGE_MEMORY, cost.memory, MIB),
        (IMAGE_OPERATIONS, cost.operations, GIGA),
    ):
        if needed > limit.value * unit:
            more = -(-needed // unit)
            raise ArtifactError(
                f"one image of {height}x{width} needs {more:,}; allowed: {limit.value:,}"
                f" ({limit.meaning}); {limit.advice(more)}"
            )
    dynamic = metadata.kind == "variation"
    for images, times in GROWTH:
        if times > 1 and not dynamic:
            continue
        larger = _cost(graph, nodes, weights, metadata, (images, times * height, times * width))
        most = SLACK * images * times**2
        if larger.memory > most * cost.memory or larger.operations > most * cost.operations:
            raise ArtifactError(
                f"the cost of {images} image(s) of {times * height}x{times * width} is over"
                f" {images * times**2:,} times that of one of {height}x{width}; allowed: a cost in"
                " proportion to images and pixels; export the run again with this ganaug"
            )
    for size in ((3, height + 3, width + 8), (2, 1, 1)) if dynamic else ():
        _cost(graph, nodes, weights, metadata, size)
    return cost


def _weights(graph: onnx.GraphProto) -> Iterator[tuple[str, Value]]:
    for tensor in graph.initializer:
        shape, kind = tuple(tensor.dims), tensor.data_type
        fits = (
            kind in _SIZES
            and len(shape) <= MAX_RANK
            and all(side >= 1 for side in shape)
            and len(tensor.raw_data) == math.prod(shape) * _SIZES[kind]
        )
        if not fits or (kind == _INT64 and (len(shape) != 1 or shape[0] > MAX_KNOWN)):
            raise ArtifactError(
                f"weights {shown(tensor.name)} of the type {kind} and the shape"
                f" {shown(list(shape))} in {len(tensor.raw_data):,} bytes; allowed: float32, or a"
                f" list of up to {MAX_KNOWN} int64, as raw data; export the run again"
            )
        numbers = None
        if kind == _INT64:
            numbers = tuple(np.frombuffer(tensor.raw_data, "<i8").tolist())
        yield tensor.name, Value(shape, kind == _INT64, numbers, weight=True)


def _node(node: onnx.NodeProto) -> _Node:
    row = OPERATORS[node.op_type]
    attributes: dict[str, Any] = {}
    for attribute in node.attribute:
        allowed = row.always.get(attribute.name, row.maybe.get(attribute.name))
        value = _attribute(attribute)
        fits = isinstance(value, allowed) if isinstance(allowed, type) else value in (allowed or ())
        if not fits or attribute.name in attributes:
            raise ArtifactError(
                f"operator {node.op_type} with the attribute {shown(attribute.name)} ="
                f" {shown(value)}; {ADVICE}"
            )
        attributes[attribute.name] = value
    missing = [name for name in row.always if name not in attributes]
    if missing:
        raise ArtifactError(f"operator {node.op_type} without the attribute {missing[0]}; {ADVICE}")
    return _Node(node.op_type, row, tuple(node.input), tuple(node.output), attributes)


def _attribute(attribute: onnx.AttributeProto) -> Any:
    """Return the value of an attribute, or None where it is of another type or of several."""
    name = _ATTRIBUTES.get(attribute.type)
    others = {field.name for field, _ in attribute.ListFields()} - {"name", "type", "doc_string"}
    if name is None or others - {name}:
        return None
    value = getattr(attribute, name)
    if name == "ints":
        return tuple(value)
    return value.decode(errors="replace") if name == "s" else value


def _cost(
    graph: onnx.GraphProto,
    nodes: Sequence[_Node],
    weights: dict[str, Value],
    metadata: Metadata,
    sizes: tuple[int, int, int],
) -> Cost:
    """Return what a call with these (images, height, width) costs; check every shape in it."""
    count, height, width = sizes
    image = (count, metadata.channels, height, width)
    known = {
        **weights,
        "latent": Value((count, metadata.latent_dim)),
    }
    if metadata.kind == "variation":
        known["image"] = Value(image)
    else:
        known["label"] = Value((count,), whole=True)
    memory = operations = 0
    for node in nodes:
        call, results = _called(node, known)
        elements = sum(value.size for value in results)
        memory += 8 * sum(value.size for value in results if value.whole)
        memory += 4 * (elements + node.row.scratch(call))
        operations += node.row.work(call) * elements + node.row.scratch(call)
        known.update(zip(node.outputs, results, strict=True))
    _check_declared(graph, known)
    wanted = dict.fromkeys(metadata.outputs, image)
    if "positions" in wanted:
        wanted["positions"] = (count, height, width, 2)
    for name, shape in wanted.items():
        found = known.get(name)
        if found is None or found.whole or found.shape != shape:
            raise ArtifactError(
                f"output {shown(name)} would have the shape {shown(found and list(found.shape))};"
                f" allowed: {list(shape)} for {count} image(s) of {height}x{width}; {ADVICE}"
            )
    return Cost(memory, operations)


def _called(node: _Node, known: dict[str, Value]) -> tuple[Call, Sequence[Value]]:
    """Return the call of a node and its outputs."""
    try:
        for name in node.inputs:
            if name and name not in known:
                raise MisfitError(f"the input {shown(name)}, which nothing before it makes")
        for name in node.outputs:
            if not name or name in known or node.outputs.count(name) > 1:
                raise MisfitError(f"the output {shown(name)}, which is there already")
        inputs = tuple(known[name] if name else None for name in node.inputs)
        call = Call(inputs, node.attributes, len(node.outputs))
        results = node.row.rule(call)
        if len(results) != len(node.outputs) or any(len(v.shape) > MAX_RANK for v in results):
            raise MisfitError(f"{len(node.outputs)} outputs")
    except MisfitError as error:
        raise ArtifactError(f"operator {node.name} with {error}; {ADVICE}") from error
    return call, results


def _check_declared(graph: onnx.GraphProto, known: dict[str, Value]) -> None:
    """Compare the shapes that the file declares for results with those that they would have."""
    for declared in graph.value_info:
        value, tensor = known.get(declared.name), declared.type.tensor_type
        sides = [
            side.dim_value if side.HasField("dim_value") else None for side in tensor.shape.dim
        ]
        if (
            value is None
            or tensor.elem_type != (_INT64 if value.whole else _FLOAT)
            or (tensor.HasField("shape") and len(sides) != len(value.shape))
            or any(side not in (None, is_) for side, is_ in zip(sides, value.shape, strict=False))
        ):
            raise ArtifactError(
                f"the declared shape of {shown(declared.name)} is not that of its value; {ADVICE}"
            )
