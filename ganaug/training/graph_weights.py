"""The weights of a network, read back from the graph that `export` made of it."""

from __future__ import annotations

import copy

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx.numpy_helper import to_array
from torch import Tensor, nn

from ganaug.training.graph import variation_graph
from ganaug.training.networks import VariationGenerator

__all__ = ["graph_weights"]

DIGIT = 2**12  # numbers up to it, and twice them, are exact in float32
ROUNDING = 1e-6

_Array = NDArray[np.float64]


def graph_weights(model: onnx.ModelProto, network: nn.Module) -> dict[str, Tensor]:
    """Return the state dict that makes `network` the generator of the graph.

    Args:
        model: what `export` wrote, of a network of the same form.
        network: on the CPU; is left as it is.

    Raises:
        ValueError: the graph is another one.
    """
    if isinstance(network, VariationGenerator):
        return _of_variation(model, network)
    # a class graph keeps the names of parameters, as that of earlier versions did
    constants = {each.name: each for each in model.graph.initializer}
    found = {}
    for name, own in network.named_parameters():
        if name not in constants or tuple(constants[name].dims) != tuple(own.shape):
            raise ValueError(f"{name} is not in its graph")
        found[name] = torch.from_numpy(to_array(constants[name]).copy())
    return found


def _of_variation(model: onnx.ModelProto, network: VariationGenerator) -> dict[str, Tensor]:
    """Read the constants, each number of which is a factor times one weight, plus an offset.

    Which weight, factor and offset is asked of `variation_graph` itself: with weights that are 0,
    that are 1, and that are their own number, digit by digit. Then the graph of the weights that
    were found has to be the given one.
    """
    network = copy.deepcopy(network)
    weights = list(network.named_parameters())
    total = sum(weight.numel() for _, weight in weights)
    at = torch.arange(total)

    def constants(values: Tensor) -> _Array:
        _fill(network, values)
        return _numbers(variation_graph(network))

    offset = constants(torch.zeros(total))
    factor = constants(torch.ones(total)) - offset
    used = factor != 0
    low, high = (
        ((constants(digit.float()) - offset)[used] / factor[used]).astype(np.int64)
        for digit in (at % DIGIT, at // DIGIT)
    )
    given = _numbers(model)
    if given.shape != offset.shape or len(np.unique(low + DIGIT * high)) != total:
        raise ValueError("a graph of another form")
    values = np.empty(total)
    values[low + DIGIT * high] = (given - offset)[used] / factor[used]
    _fill(network, torch.from_numpy(values))
    again = variation_graph(network)
    same = _form(again) == _form(model)
    if not same or not np.allclose(_numbers(again), given, rtol=ROUNDING, atol=ROUNDING):
        raise ValueError("a graph of another form")
    return {name: weight.detach().clone() for name, weight in weights}


def _fill(network: nn.Module, values: Tensor) -> None:
    with torch.no_grad():
        start = 0
        for weight in network.parameters():
            weight.copy_(values[start : start + weight.numel()].view(weight.shape))
            start += weight.numel()


def _numbers(model: onnx.ModelProto) -> _Array:
    """Return all constants of the graph, one after the other."""
    parts = [to_array(each).astype(np.float64).ravel() for each in model.graph.initializer]
    return np.concatenate(parts)


def _form(model: onnx.ModelProto) -> list[object]:
    """Return the operators and the shapes of the constants."""
    operators = [
        (each.op_type, *each.input, *sorted(a.SerializeToString() for a in each.attribute))
        for each in model.graph.node
    ]
    return [*operators, *((each.name, *each.dims) for each in model.graph.initializer)]
