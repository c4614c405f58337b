"""What a graph may hold: the operators that our own export writes, one row of a table each.

A row says which attributes an operator may have, and a function that gives the shapes of its
outputs for shapes of its inputs, or says what does not fit. Everything else is refused: an
attribute, a value or a rank that no generator of ganaug has is one that nobody has tried in
onnxruntime's kernels, some of which end the process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["MAX_RANK", "OPERATORS", "Call", "MisfitError", "Operator", "Value"]

MAX_RANK = 6
MAX_KNOWN = 64  # numbers of a shape; Split has the most


class MisfitError(Exception):
    """An operator is not used as a generator of ganaug uses it; the text says why."""


@dataclass(frozen=True)
class Value:
    """What is known of a tensor: float32, or int64 where `whole`.

    Attributes:
        shape: its sides.
        whole: whole numbers (shapes, labels) instead of floats.
        numbers: the whole numbers, where they are known.
        weight: it is stored in the file.
    """

    shape: tuple[int, ...]
    whole: bool = False
    numbers: tuple[int, ...] | None = None
    weight: bool = False

    @property
    def size(self) -> int:
        """The number of its elements."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Call:
    """An operator with its inputs (None: left out), attributes and number of outputs."""

    inputs: tuple[Value | None, ...]
    attributes: Mapping[str, Any]
    outputs: int = 1

    def floats(self, *ranks: int) -> tuple[tuple[int, ...], ...]:
        """Return the shapes of the inputs, all float32 and as many as `ranks` (-1: any)."""
        if len(self.inputs) != len(ranks):
            raise MisfitError(f"{len(self.inputs)} inputs")
        shapes = []
        for value, rank in zip(self.inputs, ranks, strict=True):
            if value is None or value.whole:
                raise MisfitError("an input that is not float32")
            if rank not in (-1, len(value.shape)):
                raise MisfitError(f"an input with {len(value.shape)} axes")
            shapes.append(value.shape)
        return tuple(shapes)

    def take(self, count: int) -> Call:
        """Return the call with the first `count` inputs alone."""
        return Call(self.inputs[:count], self.attributes, self.outputs)

    def only(self, most: int) -> Value:
        """Return the first input, of one to `most`."""
        first = self.inputs[0] if 1 <= len(self.inputs) <= most else None
        if first is None:
            raise MisfitError(f"{len(self.inputs)} inputs")
        return first

    def numbers(self, at: int) -> tuple[int, ...]:
        """Return the whole numbers of input `at`, which have to be known."""
        value = self.inputs[at] if at < len(self.inputs) else None
        if value is None or value.numbers is None or len(value.shape) != 1:
            raise MisfitError(f"input {at} that is no list of known whole numbers")
        return value.numbers


Rule = Callable[[Call], Sequence[Value]]
Allowed = tuple[Any, ...] | type


@dataclass(frozen=True)
class Operator:
    """A row of the table.

    Attributes:
        rule: from a call to its outputs; raises `MisfitError`.
        always: attributes that have to be there, with the values that they may have, or their type.
        maybe: attributes that may be left out.
        work: operations for each element of the output, from a call.
        scratch: elements that the kernel itself needs, from a call.
    """

    rule: Rule
    always: Mapping[str, Allowed] = field(default_factory=dict)
    maybe: Mapping[str, Allowed] = field(default_factory=dict)
    work: Callable[[Call], int] = lambda _: 1
    scratch: Callable[[Call], int] = lambda _: 0


def _together(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of an operation element by element."""
    rank = max(map(len, shapes))
    sides = []
    for each in zip(*((1,) * (rank - len(shape)) + shape for shape in shapes), strict=True):
        larger = {side for side in each if side != 1}
        if len(larger) > 1:
            raise MisfitError(f"shapes that do not fit together, {shapes}")
        sides.append(larger.pop() if larger else 1)
    return tuple(sides)


def _one(call: Call) -> list[Value]:
    return [Value(call.floats(-1)[0])]


def _two(call: Call) -> list[Value]:
    return [Value(_together(*call.floats(-1, -1)))]


def _clip(call: Call) -> list[Value]:
    return [Value(call.floats(-1, 0, 0)[0])]


def _cast(call: Call) -> list[Value]:
    value = call.only(1)
    if not value.whole:
        raise MisfitError("an input that is not int64")
    return [Value(value.shape)]


def _axis(call: Call, rank: int) -> int:
    axis: int = call.attributes["axis"]
    if not 0 <= axis < rank:
        raise MisfitError(f"axis {axis} of {rank}")
    return axis


def _concat(call: Call) -> list[Value]:
    values = [value for value in call.inputs if value is not None]
    if len(values) != len(call.inputs) or not values or len({v.whole for v in values}) > 1:
        raise MisfitError("inputs of two types")
    axis = _axis(call, len(values[0].shape))
    others = {v.shape[:axis] + v.shape[axis + 1 :] for v in values}
    if len(others) > 1 or len({len(v.shape) for v in values}) > 1:
        raise MisfitError("inputs whose shapes do not fit together")
    shape = list(values[0].shape)
    shape[axis] = sum(value.shape[axis] for value in values)
    known = [value.numbers for value in values if value.numbers is not None]
    joined = tuple(n for numbers in known for n in numbers) if len(shape) == 1 else None
    whole = values[0].whole
    return [Value(tuple(shape), whole, joined if len(known) == len(values) else None)]


def _conv(call: Call) -> list[Value]:
    if len(call.inputs) == 3:
        image, weight, bias = call.floats(4, 4, 1)
    else:
        (image, weight), bias = call.floats(4, 4), ()
    kernel, pads, strides = (call.attributes[name] for name in ("kernel_shape", "pads", "strides"))
    stored = call.inputs[1]
    if stored is None or not stored.weight:
        raise MisfitError("a kernel that is not stored in the file")
    if kernel != weight[2:] or image[1] != weight[1] or bias not in ((), weight[:1]):
        raise MisfitError("a kernel that does not fit")
    if len(pads) != 4 or len(strides) != 2 or not all(1 <= each <= 2 for each in strides):
        raise MisfitError(f"pads {pads[:8]}, strides {strides[:8]}")
    if pads[:2] != pads[2:] or any(2 * p + 1 != k for p, k in zip(pads[:2], kernel, strict=True)):
        raise MisfitError(f"pads {pads[:8]} that do not keep the size")
    sides = [-(-side // stride) for side, stride in zip(image[2:], strides, strict=True)]
    return [Value((image[0], weight[0], *sides))]


def _conv_work(call: Call) -> int:
    _, weight = call.take(2).floats(4, 4)
    return 2 * math.prod(weight[1:])


def _gemm(call: Call) -> list[Value]:
    rows, weight = call.take(2).floats(2, 2)
    if len(call.inputs) == 3 and call.floats(2, 2, 1)[2] != weight[:1]:
        raise MisfitError("a bias that does not fit")
    if len(call.inputs) > 3 or rows[1] != weight[1]:
        raise MisfitError(f"shapes that do not fit together, {rows} and {weight}")
    return [Value((rows[0], weight[0]))]


def _matmul(call: Call) -> list[Value]:
    left, right = call.floats(-1, -1)
    if min(len(left), len(right)) < 2 or left[-1] != right[-2]:
        raise MisfitError(f"shapes that do not fit together, {left} and {right}")
    return [Value((*_together(left[:-2], right[:-2]), left[-2], right[-1]))]


def _inner(call: Call) -> int:
    return 2 * call.take(1).floats(-1)[0][-1]


def _gather(call: Call) -> list[Value]:
    rows, index = call.inputs if len(call.inputs) == 2 else (None, None)
    if rows is None or rows.whole or not rows.weight or not rows.shape:
        raise MisfitError("rows that are not stored in the file")
    if index is None or not index.whole or len(index.shape) != 1:
        raise MisfitError("an index that is no list of labels")
    return [Value(index.shape + rows.shape[1:])]


def _grid_sample(call: Call) -> list[Value]:
    image, grid = call.floats(4, 4)
    if grid[3] != 2 or grid[0] != image[0]:
        raise MisfitError(f"positions {grid} for images {image}")
    return [Value((*image[:2], *grid[1:3]))]


def _reduce_mean(call: Call) -> list[Value]:
    (shape,), axes = call.take(1).floats(4), call.numbers(1)
    if len(call.inputs) != 2 or axes != (2, 3):
        raise MisfitError(f"axes {axes[:8]}")
    return [Value(shape[:2])]


def _reshape(call: Call) -> list[Value]:
    (shape,), wanted = call.take(1).floats(-1), call.numbers(1)
    if len(call.inputs) != 2 or wanted[:1] != (-1,) or any(side < 1 for side in wanted[1:]):
        raise MisfitError(f"the shape {wanted[:8]}")
    first, rest = divmod(math.prod(shape), math.prod(wanted[1:]))
    if rest or not first:
        raise MisfitError(f"the shape {wanted[:8]} from {shape}")
    return [Value((first, *wanted[1:]))]


def _resize(call: Call) -> list[Value]:
    (shape,) = call.take(1).floats(4)
    if len(call.inputs) != 4 or call.inputs[1:3] != (None, None):
        raise MisfitError("other inputs than sizes")
    sizes = call.numbers(3)
    axes = call.attributes.get("axes", (0, 1, 2, 3))
    if axes not in ((2,), (3,), (2, 3), (0, 1, 2, 3)) or len(sizes) != len(axes):
        raise MisfitError(f"axes {axes[:8]} for {len(sizes)} sizes")
    if call.attributes.get("antialias") and len(axes) == 1:  # torch has it for both sides alone
        raise MisfitError(f"antialias along the axis {axes[0]}")
    result = list(shape)
    for axis, side in zip(axes, sizes, strict=True):
        result[axis] = side
    if result[:2] != list(shape[:2]) or min(result) < 1:
        raise MisfitError(f"sizes {sizes[:8]} for {shape}")
    return [Value(tuple(result))]


def _resize_scratch(call: Call) -> int:
    """With antialias, the image resized along one axis; and each input is read."""
    (shape,) = call.take(1).floats(4)
    (result,) = _resize(call)
    return math.prod(shape) + math.prod(shape[:3]) * result.shape[3]


def _shape(call: Call) -> list[Value]:
    ((shape,), start, end) = call.floats(-1), call.attributes["start"], call.attributes["end"]
    if not 0 <= start < end <= len(shape):
        raise MisfitError(f"sides {start} to {end} of {len(shape)}")
    return [Value((end - start,), whole=True, numbers=shape[start:end])]


def _split(call: Call) -> list[Value]:
    value = call.only(2)
    axis = _axis(call, len(value.shape))
    side = value.shape[axis]
    if "num_outputs" in call.attributes:
        count = call.attributes["num_outputs"]
        if len(call.inputs) != 1 or count != call.outputs or side % count:
            raise MisfitError(f"{count} parts of {side}, {call.outputs} outputs")
        sizes = (side // count,) * count
    else:
        sizes = call.numbers(1)
    if len(sizes) != call.outputs or sum(sizes) != side or min(sizes) < 1:
        raise MisfitError(f"parts {sizes[:8]} of {side}, {call.outputs} outputs")
    parts, at = [], 0
    for size in sizes:
        shape = (*value.shape[:axis], size, *value.shape[axis + 1 :])
        numbers = value.numbers[at : at + size] if value.numbers is not None else None
        parts.append(Value(shape, value.whole, numbers))
        at += size
    return parts


def _transpose(call: Call) -> list[Value]:
    (shape,), order = call.floats(-1), call.attributes["perm"]
    if sorted(order) != list(range(len(shape))):
        raise MisfitError(f"the order {order[:8]} of {len(shape)} axes")
    return [Value(tuple(shape[at] for at in order))]


def _unsqueeze(call: Call) -> list[Value]:
    (shape,), axes = call.take(1).floats(-1), call.numbers(1)
    rank = len(shape) + len(axes)
    if len(call.inputs) != 2 or list(axes) != sorted({a for a in axes if 0 <= a < rank}):
        raise MisfitError(f"axes {axes[:8]}")
    sides = iter(shape)
    return [Value(tuple(1 if at in axes else next(sides) for at in range(rank)))]


OPERATORS: dict[str, Operator] = {
    **dict.fromkeys(("Add", "Max", "Min", "Mul", "Sub"), Operator(_two)),
    **dict.fromkeys(("Exp", "Neg", "Reciprocal", "Sigmoid", "Tanh"), Operator(_one)),
    "Cast": Operator(_cast, {"to": (1,)}),
    "Clip": Operator(_clip),
    "Concat": Operator(_concat, {"axis": int}),
    "Conv": Operator(
        _conv,
        {"kernel_shape": tuple, "pads": tuple, "strides": tuple},
        {"auto_pad": ("NOTSET",), "dilations": ((1, 1),), "group": (1,)},
        work=_conv_work,
    ),
    "Gather": Operator(_gather, maybe={"axis": (0,)}),
    "Gemm": Operator(
        _gemm,
        {"transB": (1,)},
        {"transA": (0,), "alpha": (1.0,), "beta": (1.0,)},
        work=_inner,
    ),
    "GridSample": Operator(
        _grid_sample,
        {"align_corners": (0,), "mode": ("linear",), "padding_mode": ("reflection", "zeros")},
        work=lambda _: 16,
    ),
    "LeakyRelu": Operator(_one, {"alpha": float}),
    "MatMul": Operator(_matmul, work=_inner),
    "ReduceMean": Operator(_reduce_mean, {"keepdims": (0,)}),
    "Reshape": Operator(_reshape, maybe={"allowzero": (0, 1)}),
    "Resize": Operator(
        _resize,
        {
            "mode": ("linear",),
            "coordinate_transformation_mode": ("align_corners", "half_pixel"),
        },
        {
            "antialias": (0, 1),
            "axes": tuple,
            "cubic_coeff_a": (-0.75,),
            "exclude_outside": (0, 1),
            "extrapolation_value": (0.0,),
            "keep_aspect_ratio_policy": ("stretch",),
            "nearest_mode": ("floor",),
        },
        work=lambda _: 8,
        scratch=_resize_scratch,
    ),
    "Shape": Operator(_shape, {"start": int, "end": int}),
    "Split": Operator(_split, {"axis": int}, {"num_outputs": int}),
    "Transpose": Operator(_transpose, {"perm": tuple}),
    "Unsqueeze": Operator(_unsqueeze),
}
