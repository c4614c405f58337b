"""The class generators as ONNX graphs, operator by operator as in `networks`.

Parameters keep their names, by which `graph_weights` reads them back. `export` compares the result
with torch.
"""

from __future__ import annotations

import onnx
import onnx_ir as ir

from ganaug.training.networks import ClassGenerator, DenseGenerator
from ganaug.training.tape import Tape

__all__ = ["class_graph"]

_Weights = dict[str, ir.Value]


def class_graph(generator: ClassGenerator | DenseGenerator) -> onnx.ModelProto:
    """Return a model that computes `generator.forward`.

    Inputs: label int64 [batch], latent float32 [batch, Z]. Output: image float32 [batch, C, H, W]
    in 0..1. A dense generator does not read the label.
    """
    label = ir.val("label", ir.DataType.INT64, ("batch",))
    latent = ir.val("latent", ir.DataType.FLOAT, ("batch", generator.latent_dim))
    tape = Tape()
    weights = {
        name: tape.initializer(ir.tensor(value.detach().cpu().numpy()), name)
        for name, value in generator.named_parameters()
    }
    if isinstance(generator, ClassGenerator):
        logits = _convolved(tape, generator, weights, label, latent)
    else:
        logits = _dense(tape, generator, weights, latent)
    image = tape.add("Sigmoid", logits)
    image.name, image.dtype = "image", ir.DataType.FLOAT
    image.shape = ir.Shape(("batch", generator.channels, *generator.size))
    return tape.model([label, latent], [image])


def _convolved(
    tape: Tape, generator: ClassGenerator, weights: _Weights, label: ir.Value, latent: ir.Value
) -> ir.Value:
    embedded = tape.add("Gather", weights["embedding.weight"], label)
    mapped = tape.add("Concat", latent, embedded, axis=1)
    for at in (0, 2):
        mapped = tape.act(tape.linear(mapped, *_layer(weights, f"mapping.{at}")))
    first = generator.sizes[0]
    hidden = tape.act(tape.linear(mapped, *_layer(weights, "start")))
    hidden = tape.add("Reshape", hidden, [-1, generator.widths[0], *first])
    counts = [*generator.widths[1:], generator.widths[-1]]
    for at, (size, count) in enumerate(zip(generator.sizes, counts, strict=True)):
        if size != first:
            hidden = tape.resize(hidden, size)
        hidden = tape.convolve(hidden, *_layer(weights, f"convolutions.{at}"))
        both = tape.linear(mapped, *_layer(weights, f"modulations.{at}.linear"))
        scale, shift = tape.split(tape.spread(both), count, count)
        hidden = tape.add("Mul", hidden, tape.add("Add", scale, 1.0))
        hidden = tape.act(tape.add("Add", hidden, shift))
    return tape.convolve(hidden, *_layer(weights, "image"))


def _dense(tape: Tape, generator: DenseGenerator, weights: _Weights, latent: ir.Value) -> ir.Value:
    values = latent
    for at in (0, 2, 4):
        values = tape.act(tape.linear(values, *_layer(weights, f"layers.{at}")))
    values = tape.linear(values, *_layer(weights, "layers.6"))
    return tape.add("Reshape", values, [-1, generator.channels, *generator.size])


def _layer(weights: _Weights, name: str) -> tuple[ir.Value, ir.Value]:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]
