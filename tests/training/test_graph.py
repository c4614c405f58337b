"""The graph of the variation generator computes what the network does, at any size."""

from __future__ import annotations

import copy
from typing import Any

import onnx
import onnxruntime
import pytest
import torch
from torch import nn
from torch.nn.functional import grid_sample

from ganaug.artifact.format import OUTPUTS
from ganaug.training.graph import variation_graph
from ganaug.training.networks import VariationGenerator


def generator(channels: int, size: tuple[int, int]) -> VariationGenerator:
    """A generator that changes much: its heads do not start near zero."""
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(0)
        made = VariationGenerator(channels, size, width=8, latent_dim=5)
        for head in (made.whole_out, made.local, made.residual_out):
            nn.init.normal_(head.weight, 0, 0.4)
    return made.eval().requires_grad_(False)


def opened(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    providers = ["CPUExecutionProvider"]
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=providers)


def run(session: Any, image: torch.Tensor, latent: torch.Tensor) -> torch.Tensor:
    return parts(session, image, latent)[0]


def parts(session: Any, image: torch.Tensor, latent: torch.Tensor) -> list[torch.Tensor]:
    """Variation, positions, factor, offset."""
    made = session.run(OUTPUTS["variation"], {"image": image.numpy(), "latent": latent.numpy()})
    return [torch.from_numpy(values) for values in made]


@pytest.mark.parametrize("size", [(8, 8), (9, 13), (20, 36), (32, 32)])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_same_function(channels: int, size: tuple[int, int]) -> None:
    """The graph is as near to the function in float64 as the network in float32 is.

    What that rounds differs between processors, and grows with the size of the image.
    """
    network = generator(channels, size)
    exact = copy.deepcopy(network).double()
    model = variation_graph(network)
    onnx.checker.check_model(model, full_check=True)
    session = opened(model)
    random = torch.Generator().manual_seed(1)
    for sides in (size, (37, 44), (8, 40), (90, 70), (1, 5), (9, 1), (1, 1)):
        image = torch.rand(3, channels, *sides, generator=random)
        latent = torch.randn(3, 5, generator=random)
        expected = exact.vary_parts(image.double(), latent.double())
        rounded = network.vary_parts(image, latent)
        if sides == size:
            assert (expected[0] - image).abs().mean() > 0.1
        for found, wanted, near in zip(
            parts(session, image, latent), expected, rounded, strict=True
        ):
            off = float((near - wanted).abs().max())
            assert off < 1e-4
            torch.testing.assert_close(found.double(), wanted, atol=3 * off + 1e-6, rtol=0)


def test_what_the_other_outputs_say_is_how_the_image_was_made() -> None:
    """Without blur and residual, the image is what was read at the positions, recoloured."""
    network = generator(3, (16, 20))
    network.whole_out.weight[-1] = 0
    network.residual_out.weight.zero_()
    session = opened(variation_graph(network))
    for sides in ((16, 20), (40, 31)):
        image = torch.rand(2, 3, *sides, generator=torch.Generator().manual_seed(1))
        latent = torch.randn(2, 5, generator=torch.Generator().manual_seed(2))
        varied, positions, factor, offset = parts(session, image, latent)
        assert positions.shape == (2, *sides, 2)
        assert 1 < positions.abs().max() <= 3  # beyond the borders, where the image is mirrored
        read = grid_sample(image, positions, padding_mode="reflection", align_corners=False)
        expected = (read * factor + offset / 2).clamp(0, 1)
        torch.testing.assert_close(varied, expected, atol=1e-5, rtol=0)


def test_the_image_needs_every_operator() -> None:
    """The other outputs are values on the way to it, so that they cost nothing."""
    model = variation_graph(generator(3, (16, 16)))
    makers = {name: node for node in model.graph.node for name in node.output}
    pending, needed = ["variation"], set()
    while pending:
        node = makers.get(pending.pop())
        if node is not None and node.name not in needed:
            needed.add(node.name)
            pending.extend(node.input)
    assert needed == {node.name for node in model.graph.node}
    assert [value.name for value in model.graph.output] == list(OUTPUTS["variation"])


def test_positions_on_and_far_beyond_the_border() -> None:
    """Shifts alone, of which some end exactly on the centres of the border pixels."""
    network = generator(1, (8, 8))
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    session = opened(variation_graph(network))
    image = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    latent = torch.ones(1, 5)
    torch.testing.assert_close(run(session, image, latent), network.vary(image, latent))
    network.gates.weight.fill_(0.2)
    network.whole_in.bias[0] = 1
    network.whole_out.weight[2, 0] = network.whole_out.weight[5, 0] = 9  # 0.4 of the half width
    network.modulations[1].linear.bias[16] = 1  # the first hidden channel
    network.local.weight[:2, 0, 1, 1] = torch.tensor([9.0, -9.0])  # and 0.35 to one side
    session = opened(variation_graph(network))
    expected = network.vary(image, latent)
    torch.testing.assert_close(run(session, image, latent), expected, atol=1e-5, rtol=0)
