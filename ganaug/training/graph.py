"""The variation generator as an ONNX graph: the same function in fewer, larger operators.

At 32 px and batch 1 most operators cost more than what they compute. Here linear steps in a row are
one product, and what only the weights and the training size decide is computed beforehand. `export`
compares the result with torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate, pad

from ganaug.artifact.format import OUTPUTS
from ganaug.training.networks import AFFINE, FLOW, RESIDUAL, VariationGenerator
from ganaug.training.tape import Tape

__all__ = ["variation_graph"]

_Array = NDArray[Any]


def variation_graph(generator: VariationGenerator) -> onnx.ModelProto:
    """Return a model that computes `generator.vary_parts`.

    Inputs: image float32 [batch, C, height, width] in 0..1, latent float32 [batch, Z]. Outputs:
    variation, factor, offset float32 like the image; positions float32 [batch, height, width, 2].
    The last three are values that the first needs anyway: to leave them out saves nothing.
    """
    dtype, shape = ir.DataType.FLOAT, ("batch", generator.channels, "height", "width")
    image = ir.val("image", dtype, shape)
    latent = ir.val("latent", dtype, ("batch", generator.latent_dim))
    tape = Tape()
    outputs = _vary(tape, generator, image, latent)
    of_positions = ir.Shape(("batch", "height", "width", 2))
    for output, name in zip(outputs, OUTPUTS["variation"], strict=True):
        output.name, output.dtype = name, dtype
        output.shape = of_positions if name == "positions" else ir.Shape(shape)
    return tape.model([image, latent], outputs)


def _vary(
    tape: Tape, generator: VariationGenerator, image: ir.Value, latent: ir.Value
) -> Sequence[ir.Value]:
    """Apply the maps to the image: warp, blur, recolour, add the residual.

    Returns variation, positions, factor, offset.
    """
    size = generator.size
    weights = {name: value.detach().cpu().numpy() for name, value in generator.named_parameters()}
    sides = tape.add("Shape", image, start=2, end=4)
    height, width = tape.split(sides, 1, 1, axis=0)
    mapped, of_whole, *of_maps = _latent(tape, generator, weights, latent)
    hidden, whole = _hidden(tape, weights, tape.shrink(image, size), mapped)
    affine, (blur, sharp), tint = _whole(tape, weights, tape.add("Mul", whole, of_whole))
    flow, gain, bias, residual = _maps(tape, weights, hidden, of_maps, tint, size, (height, width))
    last = _last_centres(tape, (height, width))
    positions = _positions(tape, affine, flow, last, (height, width))
    read = _mirrored(tape, positions, last, width)
    warped = tape.add(
        "GridSample", image, read, align_corners=0, mode="linear", padding_mode="zeros"
    )
    small = tape.add("Mul", tape.shrink(warped, size), blur)
    blurred = _stretched(tape, small, _two_means(size[0]), _two_means(size[1]), (height, width))
    warped = tape.add("Add", tape.add("Mul", warped, sharp), blurred)
    factor = tape.add("Exp", gain)
    tinted = tape.add("Mul", warped, factor)
    added = tape.add("Mul", tape.add("Add", bias, residual), RESIDUAL)  # half of each
    varied = tape.add("Clip", tape.add("Add", tinted, added), 0.0, 1.0)
    return varied, positions, factor, bias


def _latent(
    tape: Tape, generator: VariationGenerator, weights: dict[str, _Array], latent: ir.Value
) -> Sequence[ir.Value]:
    """Return the mapped latent and the gates of the three heads, each [N, K]."""
    weight, bias = _layer(weights, "mapping.0")
    gates = weights["gates.weight"]
    both = tape.linear(
        latent, np.concatenate([weight, gates]), np.concatenate([bias, np.zeros(len(gates))])
    )
    mapped, *parts = tape.split(both, len(bias), *generator.gated)
    return tape.act(tape.linear(tape.act(mapped), *_layer(weights, "mapping.2"))), *parts


def _hidden(
    tape: Tape, weights: dict[str, _Array], small: ir.Value, mapped: ir.Value
) -> tuple[ir.Value, ir.Value]:
    """Return the hidden channels at a quarter of the size, and those of the whole image."""
    layers = [_layer(weights, f"modulations.{at}.linear") for at in range(4)]
    counts = [len(bias) // 2 for _, bias in layers]
    offsets = [np.repeat([1, 0], count) for count in counts]  # scales are around 1
    modulations = tape.linear(
        mapped,
        np.concatenate([weight for weight, _ in layers]),
        np.concatenate([bias + offset for (_, bias), offset in zip(layers, offsets, strict=True)]),
    )
    parts = tape.split(tape.spread(modulations), *np.repeat(counts, 2).tolist())

    def modulated(values: ir.Value, at: int) -> ir.Value:
        scaled = tape.add("Mul", values, parts[2 * at])
        return tape.act(tape.add("Add", scaled, parts[2 * at + 1]))

    weight, bias = _layer(weights, "to_half")
    centred = tape.add("Sub", small, 0.5)  # the factor 2 is in the weights, without rounding
    hidden = modulated(tape.convolve(centred, 2 * weight, bias, stride=2), 0)
    hidden = modulated(tape.convolve(hidden, *_layer(weights, "to_quarter"), stride=2), 1)
    for at in range(2):
        inner = tape.convolve(hidden, *_layer(weights, f"blocks.{at}"))
        hidden = tape.add("Add", hidden, modulated(inner, 2 + at))
    mean = tape.add("ReduceMean", hidden, [2, 3], keepdims=0)
    pooled = tape.add("Concat", mean, mapped, axis=1)
    return hidden, tape.act(tape.linear(pooled, *_layer(weights, "whole_in")))


def _whole(
    tape: Tape, weights: dict[str, _Array], whole: ir.Value
) -> tuple[Sequence[ir.Value], tuple[ir.Value, ir.Value], ir.Value]:
    """Return affine parameters by their factors (x, y, 1), each [N, 2, 1, 1]; blur; tint.

    The blur is two shares, of the blurred image and of the sharp one, each [N, 1, 1, 1].
    """
    weight = weights["whole_out.weight"]
    # The layer gives the affine matrix, 2 x 3, row by row, then tint and blur. Here its columns
    # follow one another, each what x, y or 1 is multiplied with, so that one split cuts them apart;
    # the blur b is there twice, for the shares b and 1 - b. The tint is added to the local maps, of
    # which the first two are the flow: it has none.
    columns, blur_twice = [0, 3, 1, 4, 2, 5], [-1, -1]
    of_flow, of_colours = np.zeros_like(weight[:2]), weight[6:-1]
    weight = np.concatenate([weight[columns + blur_twice], of_flow, of_colours])
    both = tape.spread(tape.linear(whole, weight))
    limited, tint = tape.split(both, 8, len(weight) - 8)
    identity = [1.0, 0, 0, 1, 0, 0]  # as `columns`
    factor, offset = [*[AFFINE] * 6, 1.0, -1.0], [*identity, 0, 1]
    limited = tape.add("Mul", tape.add("Tanh", limited), _column(factor))
    *affine, blur, sharp = tape.split(tape.add("Add", limited, _column(offset)), 2, 2, 2, 1, 1)
    return affine, (blur, sharp), tint


def _maps(
    tape: Tape,
    weights: dict[str, _Array],
    hidden: ir.Value,
    gates: Sequence[ir.Value],
    tint: ir.Value,
    size: tuple[int, int],
    sides: tuple[ir.Value, ir.Value],
) -> Sequence[ir.Value]:
    """Return flow [N, 2, H, W], gain and bias with tint, and residual, [N, C, H, W], after tanh.

    Resizing is linear, a product with a matrix along each axis. The residual's convolution at half
    of the size is one too: its kernel first, as [C, 3, 3] channels at a quarter of the size, then
    for each axis one matrix that doubles, shifts, sums up and resizes.
    """
    of_local, of_residual = (tape.spread(gate) for gate in gates)
    weight = weights["residual_out.weight"]
    channels = len(weight)
    local = tape.convolve(tape.add("Mul", hidden, of_local), weights["local.weight"])
    local = tape.add("Add", local, tint)
    height, width = (-(-side // 4) for side in size)
    # cut while they are small: at the size of a photograph it would cost a copy of all of them
    maps = [
        tape.add("Tanh", _stretched(tape, part, np.eye(height), np.eye(width), sides))
        for part in tape.split(local, 2, channels, channels)
    ]

    detail = tape.act(tape.convolve(hidden, *_layer(weights, "residual_in")))
    inner = weight.shape[1]
    taps = weight.transpose(0, 2, 3, 1).reshape(-1, inner, 1, 1)
    detail = tape.convolve(tape.add("Mul", detail, of_residual), taps)
    detail = tape.add("Reshape", detail, [-1, channels, 3, 3, height, width])
    detail = tape.add("Transpose", detail, perm=[0, 1, 2, 4, 3, 5])
    detail = tape.add("Reshape", detail, [-1, channels, 3 * height, 3 * width])
    detail = _stretched(tape, detail, _doubled_taps(height), _doubled_taps(width), sides)
    return *maps, tape.add("Tanh", detail)


def _stretched(
    tape: Tape, maps: ir.Value, rows: _Array, columns: _Array, sides: tuple[ir.Value, ir.Value]
) -> ir.Value:
    """Return rows @ maps @ columns.T, resized to `sides`: the two matrices are, not the maps."""
    left = tape.resize(rows[None, None], sides[0], [2])
    right = tape.resize(columns.T[None, None], sides[1], [3])
    return tape.product(left, maps, right)


def _last_centres(tape: Tape, sides: tuple[ir.Value, ir.Value]) -> ir.Value:
    """Return where the centres of the last column and row are, [2]: 1 - 1 / side."""
    height, width = sides
    across_down = tape.add("Cast", tape.add("Concat", width, height, axis=0), to=ir.DataType.FLOAT)
    return tape.add("Sub", 1.0, tape.add("Reciprocal", across_down))


def _positions(
    tape: Tape,
    affine: Sequence[ir.Value],
    flow: ir.Value,
    last: ir.Value,
    sides: tuple[ir.Value, ir.Value],
) -> ir.Value:
    """Return the positions [N, H, W, 2] where the image is read; none is beyond -3 or 3."""
    height, width = sides
    centres = []
    for side, end, axis in zip(
        (width, height), tape.split(last, 1, 1, axis=0), (3, 2), strict=True
    ):
        ends = np.expand_dims([-1.0, 1.0], [at for at in range(4) if at != axis])
        ramp = tape.resize(ends, side, [axis], coordinate_transformation_mode="align_corners")
        centres.append(tape.add("Mul", ramp, end))
    by_x, by_y, offset = affine
    across, down = (
        tape.add("Mul", factor, centre)
        for factor, centre in zip((by_x, by_y), centres, strict=True)
    )
    moved = tape.add("Add", across, tape.add("Add", down, offset))
    moved = tape.add("Add", moved, tape.add("Mul", flow, FLOW))
    return tape.add("Transpose", moved, perm=[0, 2, 3, 1])


def _mirrored(tape: Tape, positions: ir.Value, last: ir.Value, width: ir.Value) -> ir.Value:
    """Return positions mirrored at the borders, -1 and 1, and no farther out than the pixels.

    The centres of the pixels lie from -(1 - 1 / side) to 1 - 1 / side, and between a border and
    the last centre there is the last pixel. GridSample then need not look for borders itself.
    """
    within = tape.add("Clip", positions, -1.0, 1.0)
    mirrored = tape.add("Sub", tape.add("Add", within, within), positions)
    # [1, 1, W, 2], so that rows are compared at once; [2] would be compared pixel by pixel
    last = tape.add("Unsqueeze", last, [0, 1, 2])
    last = tape.resize(last, width, [2], coordinate_transformation_mode="align_corners")
    return tape.add("Max", tape.add("Min", mirrored, last), tape.add("Neg", last))


def _layer(weights: dict[str, _Array], name: str) -> tuple[_Array, _Array]:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]


def _column(values: Sequence[float]) -> _Array:
    return np.array(values)[:, None, None]


def _two_means(side: int) -> _Array:
    """float64 [side, side]: twice the mean of three neighbours, borders repeated."""
    once, at = np.zeros((side, side), np.int64), np.arange(side)
    for shift in (-1, 0, 1):
        np.add.at(once, (at, np.clip(at + shift, 0, side - 1)), 1)
    return once @ once / 9


def _doubled_taps(side: int) -> _Array:
    """float32 [2 side, 3 side]: what each of three taps reads of the side, doubled linearly.

    Beyond the borders the doubled side is 0.
    """
    doubled = interpolate(torch.eye(side)[None], scale_factor=2, mode="linear")[0].T
    padded = pad(doubled, (0, 0, 1, 1))
    taps = torch.cat([padded[tap : tap + 2 * side] for tap in range(3)], 1)
    return np.asarray(taps.numpy())
