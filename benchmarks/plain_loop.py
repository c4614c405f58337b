"""The yardstick of training speed: the same GAN, trained as public GAN trainers do it.

Same networks, losses, batches and optimisers as `ganaug fit`. But in fp32, in torch's default
memory format, with R1 and R2 by double backward at every step, one call of the discriminator for
each kind of input, and a value of each loss read at every step. Ratios of `benchmarks.training` are
to this loop, so it does not change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from ganaug.images import ImageSet
from ganaug.training import losses
from ganaug.training.batches import Batch, Batches, Pixels
from ganaug.training.config import FitConfig
from ganaug.training.state import State, build_state
from ganaug.training.step import average_decay, discriminator_inputs, learning_rate

__all__ = ["train_plain"]


def train_plain(
    images: ImageSet,
    config: FitConfig,
    seed: int,
    device: torch.device,
    on_step: Callable[[int], None] | None = None,
) -> State:
    """Train for `config.steps` steps and return the networks.

    Args:
        images: what is trained on; all of it.
        config: its size is set. `penalty_every` and `precision` are not honoured.
        seed: of weights, batches, latents and augmentation.
        device: where everything is computed.
        on_step: called with the number of steps done.
    """
    batches, state = Batches(images, config, seed), build_state(config, images, seed, device)
    for network in (state.generator, state.discriminator, state.average):
        network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    pixels = Pixels(images, device)
    for step in range(config.steps):
        _step(state, _contiguous(batches.batch(step, pixels)), config, step)
        if on_step is not None:
            on_step(step + 1)
    return state


def _step(state: State, batch: Batch, config: FitConfig, step: int) -> dict[str, float]:
    generator, discriminator = state.generator, state.discriminator
    for optimizer in (state.optimizer_g, state.optimizer_d):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config, step)
    fake = generator(batch.labels if batch.source is None else batch.source, batch.latent)

    given = (batch.real, fake.detach(), batch.stranger)
    shown = discriminator_inputs(batch.source, given, batch.draws[0])
    real_shown, fake_shown = (images.requires_grad_() for images in shown[:2])
    real, real_match = discriminator(real_shown, batch.labels)
    made, _ = discriminator(fake_shown, batch.labels)
    loss_d = losses.discriminator_loss(config.loss, real, made)
    for stranger in shown[2:]:
        _, match = discriminator(stranger, batch.labels)
        loss_d = loss_d + losses.class_match_loss(real_match, match)
    loss_d = loss_d + config.r1 / 2 * losses.gradient_penalty(real, real_shown)
    loss_d = loss_d + config.r2 / 2 * losses.gradient_penalty(made, fake_shown)
    state.optimizer_d.zero_grad()
    loss_d.backward()
    state.optimizer_d.step()

    discriminator.requires_grad_(False)  # its gradients would be thrown away
    real_shown, fake_shown = discriminator_inputs(batch.source, (batch.real, fake), batch.draws[1])
    real, real_match = discriminator(real_shown, batch.labels)
    made, fake_match = discriminator(fake_shown, batch.labels)
    loss_g = losses.generator_loss(config.loss, real, made)
    if config.class_match > 0:
        loss_g = loss_g + config.class_match * losses.lost_class_loss(real_match, fake_match)
    state.optimizer_g.zero_grad()
    loss_g.backward()
    state.optimizer_g.step()
    discriminator.requires_grad_(True)

    with torch.no_grad():
        decay = average_decay(config, step)
        weights = state.average.parameters(), generator.parameters()
        for mean, value in zip(*weights, strict=True):
            mean.lerp_(value, 1 - decay)
    return {"loss_d": loss_d.item(), "loss_g": loss_g.item()}


def _contiguous(batch: Batch) -> Batch:
    given: dict[str, Any] = {each.name: getattr(batch, each.name) for each in fields(batch)}
    parts = {name: value.contiguous() for name, value in given.items() if isinstance(value, Tensor)}
    return replace(batch, **parts)
