"""A variation generator that was not trained and changes much, and its file."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from helpers.small_models import metadata_of, write_model
from torch import nn

from ganaug.artifact.format import KEY
from ganaug.training.graph import variation_graph
from ganaug.training.networks import VariationGenerator

SIZE, LATENT = (12, 20), 5


def untrained(channels: int) -> VariationGenerator:
    """A generator whose heads do not start near zero."""
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(0)
        made = VariationGenerator(channels, SIZE, width=8, latent_dim=LATENT)
        for head in (made.whole_out, made.local, made.residual_out):
            nn.init.normal_(head.weight, 0, 0.4)
    return made.eval().requires_grad_(False)


def write_untrained(path: Path, channels: int, schema: str = "2.0") -> Path:
    """Write the file of such a generator."""
    model = variation_graph(untrained(channels))
    metadata = metadata_of(
        "variation", channels=channels, size=SIZE, latent_dim=LATENT, schema=schema
    )
    del model.graph.output[len(metadata.outputs) :]
    onnx.helper.set_model_props(model, {KEY: metadata.to_json()})
    return write_model(path, model)
