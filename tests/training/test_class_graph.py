"""The graphs of the class generators compute what the networks do; older files are still read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from helpers.small_models import metadata_of, write_model
from onnx import numpy_helper
from torch import nn

from ganaug.artifact.format import KEY
from ganaug.artifact.reader import read_artifact
from ganaug.artifact.runtime import Generator
from ganaug.training.class_graph import class_graph
from ganaug.training.graph_weights import graph_weights
from ganaug.training.networks import ClassGenerator, DenseGenerator

LATENT = 5
# What torch's exporter made of `ClassGenerator(1, (9, 12), 2, 4, LATENT)` for version 0.1.0, and
# its constants beside the parameters.
TRACED = Path(__file__).parent / "traced_class.txt"
CONSTANTS: dict[str, float | list[int]] = {
    "scalar_tensor_default": 1.0,
    "val_26": [3, 3],
    "val_41": [5, 6],
    "val_56": [9, 12],
    "val_68": [-1, 16, 2, 2],
    "val_69": [2, 3],
}

Network = ClassGenerator | DenseGenerator


def strong(network: Network) -> Network:
    """Return it with weights that are large, so that images differ much."""
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(0)
        for parameter in network.parameters():
            if parameter.dim() > 1:
                nn.init.kaiming_normal_(parameter, 0.2)
            else:
                nn.init.normal_(parameter, 0, 0.3)
    return network.eval().requires_grad_(False)


def check_the_images(path: Path, network: Network, classes: int) -> None:
    generator = Generator(path, providers="cpu")
    for count in (1, 3, 7):
        label = torch.arange(count) % classes
        latent = torch.randn(count, LATENT, generator=torch.Generator().manual_seed(count))
        expected = network(label, latent).numpy()
        made = generator.generate(label.numpy(), latent.numpy())
        np.testing.assert_allclose(made, expected, atol=1e-5, rtol=0)
        assert expected.std() > 0.02


def write(path: Path, model: onnx.ModelProto, network: Network, classes: int) -> Path:
    metadata = metadata_of(
        "class",
        classes=tuple("abcd"[:classes]),
        counts=(5,) * classes,
        channels=network.channels,
        size=network.size,
        latent_dim=LATENT,
    )
    onnx.helper.set_model_props(model, {KEY: metadata.to_json()})
    return write_model(path, model)


@pytest.mark.parametrize("size", [(8, 8), (9, 12), (20, 36), (28, 28)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dense", [False, True])
def test_the_same_function(
    tmp_path: Path, dense: bool, channels: int, size: tuple[int, int]
) -> None:
    network: Network = DenseGenerator(channels, size, LATENT)
    if not dense:
        network = ClassGenerator(channels, size, 3, 4, LATENT)
    model = class_graph(strong(network))
    onnx.checker.check_model(model, full_check=True)
    classes = 1 if dense else 3
    check_the_images(write(tmp_path / "c.onnx", model, network, classes), network, classes)
    found = graph_weights(model, network)
    assert found.keys() == dict(network.named_parameters()).keys()
    for name, weight in network.named_parameters():
        assert torch.equal(found[name], weight)


def test_the_file_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    network = ClassGenerator(1, (9, 12), 2, 4, LATENT)
    strong(network)
    model = onnx.parser.parse_model(TRACED.read_text(encoding="utf-8"))
    weights = {name: weight.numpy() for name, weight in network.named_parameters()}
    for name, number in CONSTANTS.items():
        weights[name] = np.array(number, np.float32 if isinstance(number, float) else np.int64)
    model.graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in weights.items()
    )
    path = write(tmp_path / "c.onnx", model, network, 2)
    check_the_images(path, network, 2)
    for name, weight in graph_weights(parsed(path), network).items():
        assert torch.equal(weight, network.get_parameter(name))


def parsed(path: Path) -> onnx.ModelProto:
    return onnx.load_from_string(read_artifact(path)[0])
