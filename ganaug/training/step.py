"""One training step: a function of state and batch, without I/O or hidden randomness.

Everything random (which images, latents, augmentation) is in the `Batch`, drawn from counters by
(seed, step); so a resumed run continues exactly, and a data-parallel run can give each process its
rows of the same batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganaug.training import augment, losses
from ganaug.training.config import FitConfig

__all__ = ["Batch", "State", "train_step"]


@dataclass(frozen=True)
class Batch:
    """What one step sees; N rows.

    Attributes:
        real: float32 [N, C, H, W] in 0..1: images of the class (a source's partner).
        source: float32 [N, C, H, W] in 0..1 for the variation kind, else None.
        stranger: float32 [N, C, H, W] in 0..1: images of other classes than their sources, where
            the discriminator learns to match classes, else None.
        labels: int64 [N].
        latent: float32 [N, Z].
        draws: augmentation of the discriminator's and of the generator's half of the step.
    """

    real: Tensor
    source: Tensor | None
    stranger: Tensor | None
    labels: Tensor
    latent: Tensor
    draws: tuple[augment.Draws, augment.Draws]


@dataclass
class State:
    """The networks, their averaged copy and the optimisers."""

    generator: nn.Module
    discriminator: nn.Module
    average: nn.Module
    optimizer_g: torch.optim.Adam
    optimizer_d: torch.optim.Adam
    precision: torch.dtype = torch.float32


def train_step(state: State, batch: Batch, config: FitConfig, step: int) -> dict[str, Tensor]:
    """Update the discriminator, then the generator, then the average; return scalar tensors."""
    _set_learning_rate(state, config, step)
    source = batch.source
    with _autocast(state, batch):
        fake = state.generator(batch.labels if source is None else source, batch.latent)
    fake = fake.float()

    penalise = step % config.penalty_every == 0 and (config.r1 > 0 or config.r2 > 0)
    candidates = (batch.real, fake.detach(), batch.stranger)
    seen = _seen(source, candidates, batch.draws[0])
    metrics = _update_discriminator(state, batch, config, seen, penalise)

    state.discriminator.requires_grad_(False)
    seen = _seen(source, (batch.real, fake), batch.draws[1])
    metrics |= _update_generator(state, batch, config, seen)
    state.discriminator.requires_grad_(True)

    _update_average(state, config, step)
    with torch.no_grad():
        if source is not None:
            metrics["moved"] = (fake - source).abs().mean()  # from the source, in 0..1
            metrics["moved_real"] = (batch.real - source).abs().mean()
    return metrics


def _update_discriminator(
    state: State, batch: Batch, config: FitConfig, seen: list[Tensor], penalise: bool
) -> dict[str, Tensor]:
    real, fake = seen[:2]
    metrics = {}
    if penalise:  # second derivatives are taken in full precision
        real.requires_grad_(config.r1 > 0)
        fake.requires_grad_(config.r2 > 0)
        judged = [state.discriminator(images, batch.labels) for images in seen]
    else:
        judged = _judged(state, batch, seen)
    (logits_real, match_real), (logits_fake, _), *judged_strangers = judged
    loss = losses.discriminator_loss(config.loss, logits_real, logits_fake)
    metrics["loss_d"] = loss.detach()
    for _, match_stranger in judged_strangers:
        match = losses.class_match_loss(match_real, match_stranger)
        loss = loss + match
        metrics["class_match"] = match.detach()
    if penalise:
        pairs = ((config.r1, logits_real, real, "r1"), (config.r2, logits_fake, fake, "r2"))
        for gamma, logits, images, name in pairs:
            if gamma > 0:
                penalty = losses.gradient_penalty(logits, images)
                loss = loss + config.penalty_every * gamma / 2 * penalty
                metrics[name] = penalty.detach()
    state.optimizer_d.zero_grad(set_to_none=True)
    loss.backward()
    state.optimizer_d.step()
    return metrics


def _update_generator(
    state: State, batch: Batch, config: FitConfig, seen: list[Tensor]
) -> dict[str, Tensor]:
    real, fake = seen
    with torch.no_grad():
        ((logits_real, match_real),) = _judged(state, batch, [real])
    ((logits_fake, match_fake),) = _judged(state, batch, [fake])
    loss = losses.generator_loss(config.loss, logits_real, logits_fake)
    metrics = {"loss_g": loss.detach(), "margin": (logits_real - logits_fake).detach().mean()}
    if config.class_match > 0:
        lost = losses.lost_class_loss(match_real, match_fake)
        loss = loss + config.class_match * lost
        metrics["lost_class"] = lost.detach()
    state.optimizer_g.zero_grad(set_to_none=True)
    loss.backward()
    state.optimizer_g.step()
    return metrics


def _judged(state: State, batch: Batch, seen: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """The discriminator's logits and class-match logits for each of `seen`."""
    with _autocast(state, batch):
        judged = state.discriminator(torch.cat(seen), batch.labels.repeat(len(seen)))
    logits, matches = (values.float().chunk(len(seen)) for values in judged)
    return list(zip(logits, matches, strict=True))


def _seen(
    source: Tensor | None, candidates: tuple[Tensor | None, ...], draws: augment.Draws
) -> list[Tensor]:
    """What the discriminator is shown: images or pairs, all augmented alike."""
    shown = [augment.apply(images, draws) for images in candidates if images is not None]
    if source is None:
        return shown
    # Each image by itself: colours of the source must not leak into the candidate.
    source = augment.apply(source, draws)
    return [torch.cat([source, images], 1) for images in shown]


def _set_learning_rate(state: State, config: FitConfig, step: int) -> None:
    """Constant, then from the middle of the run a linear fall to 5%."""
    factor = max(0.05, min(1.0, 2 * (1 - step / config.steps))) if config.decay else 1.0
    for optimizer in (state.optimizer_g, state.optimizer_d):
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * factor


@torch.no_grad()
def _update_average(state: State, config: FitConfig, step: int) -> None:
    """Exponential moving average with a warm-up, so that early weights are soon forgotten."""
    keep = min(config.ema, step / (step + 10))
    for mean, value in zip(state.average.parameters(), state.generator.parameters(), strict=True):
        mean.lerp_(value, 1 - keep)


@contextmanager
def _autocast(state: State, batch: Batch) -> Iterator[None]:
    low = state.precision == torch.bfloat16
    with torch.autocast(batch.real.device.type, torch.bfloat16, enabled=low):
        yield
