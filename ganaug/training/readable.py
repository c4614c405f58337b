"""Refuse a training whose file could not be read: told before its first step, not by `export`."""

from __future__ import annotations

import torch

from ganaug.artifact.format import MAX_FILE_BYTES, Metadata
from ganaug.artifact.shapes import check_graph
from ganaug.errors import ArtifactError, ConfigError
from ganaug.images import ImageSet
from ganaug.training.config import FitConfig
from ganaug.training.graph import variation_graph
from ganaug.training.networks import VariationGenerator, build_generator

__all__ = ["refuse_unreadable"]

FILE_REST = 2**20  # bytes of a generator's file beside its weights
SURE_PIXELS = 512 * 512  # up to here an image costs less than any limit that is the default


def refuse_unreadable(images: ImageSet, config: FitConfig) -> None:
    """Raise `ConfigError` where the file of the generator would be larger than any that is read.

    So too where an image of it would cost more than a reader allows.

    Args:
        images: what is trained on, at the size of the generator.
        config: of the training.
    """
    height, width = images.size
    with torch.device("meta"):  # no memory is taken
        generator = build_generator(config, images.channels, len(images.classes))
    needed = 4 * sum(weights.numel() for weights in generator.parameters())
    if needed + FILE_REST > MAX_FILE_BYTES:
        raise ConfigError(
            f"size: {height}x{width}; the generator would have {needed:,} bytes of weights;"
            f" allowed: {MAX_FILE_BYTES - FILE_REST:,}, since no larger file is read; use a smaller"
            " --size, or --preset tiny"
        )
    # A check of seconds, before a training of hours.
    if config.kind == "variation" and height * width > SURE_PIXELS:
        with torch.random.fork_rng(devices=[]):  # its weights are drawn, and not used
            untrained = VariationGenerator(
                images.channels, images.size, config.width, config.latent_dim
            )
        try:
            check_graph(variation_graph(untrained).graph, _stand_in(images, config))
        except ArtifactError as error:
            raise ConfigError(
                f"size: {height}x{width}; the file could not be read: {error}; or use a smaller"
                " --size"
            ) from error


def _stand_in(images: ImageSet, config: FitConfig) -> Metadata:
    """Return what the check of a graph asks of its metadata."""
    return Metadata(
        kind=config.kind,
        classes=images.classes,
        channels=images.channels,
        size=images.size,
        latent_dim=config.latent_dim,
        counts=tuple(images.counts.tolist()),
        fingerprint=images.fingerprint,
        data={"source": "", "held_out": None, "held_out_fingerprint": None, "groups": False},
        config=config.to_dict(),
        steps=0,
        seed=0,
        versions={},
        parity={},
        batch_exact=False,
    )
