"""One training step: a function of state and batch, without I/O or hidden randomness.

With the networks G and D, a real image x of label y, its source s (variation kind) and a latent z:

    fake = G(s, z), or G(y, z) for the class kind
    D minimises  L_D(D(x), D(fake)) + r1/2 E|dD(x)/dx|^2 + r2/2 E|dD(fake)/dfake|^2 + class match
    G minimises  L_G(D(x), D(fake)) + class_match * lost class
    the average of G's weights, which is exported, moves towards them

Everything is augmented before D sees it; for the variation kind D sees pairs (s, x) and (s, fake).
The terms are in `losses.py`. What is random is in the `Batch`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ganaug.training import augment, losses
from ganaug.training.batches import Batch
from ganaug.training.config import FitConfig
from ganaug.training.ranks import ALONE, Ranks
from ganaug.training.state import State

__all__ = ["average_decay", "discriminator_inputs", "learning_rate", "train_step"]


def train_step(
    state: State, batch: Batch, config: FitConfig, step: int, ranks: Ranks = ALONE
) -> dict[str, Tensor]:
    """Update the discriminator, then the generator, then the average; return scalar tensors.

    Of several `ranks` each has its rows of the batch, and all make the same update.
    """
    for optimizer in (state.optimizer_g, state.optimizer_d):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config, step)
    source = batch.source
    with _autocast(state, batch):
        fake = state.generator(batch.labels if source is None else source, batch.latent)
    fake = fake.float()

    metrics = _update_discriminator(state, batch, config, fake.detach(), step, ranks)
    state.discriminator.requires_grad_(False)
    try:
        metrics |= _update_generator(state, batch, config, fake, ranks)
    finally:  # where memory ran out, a smaller batch is tried
        state.discriminator.requires_grad_(True)

    with torch.no_grad():
        decay = average_decay(config, step)
        weights = state.average.parameters(), state.generator.parameters()
        for mean, value in zip(*weights, strict=True):
            mean.lerp_(value, 1 - decay)
        if source is not None:
            metrics["moved"] = (fake - source).abs().mean()  # from the source, in 0..1
            metrics["moved_real"] = (batch.real - source).abs().mean()
    return ranks.means(metrics, config.batch_size)


def _update_discriminator(
    state: State, batch: Batch, config: FitConfig, fake: Tensor, step: int, ranks: Ranks
) -> dict[str, Tensor]:
    images = (batch.real, fake, batch.stranger)
    seen = discriminator_inputs(batch.source, images, batch.draws[0])
    real, fake = seen[:2]
    # Lazy regularisation (Karras et al. 2020, StyleGAN2, section 3.1): every few steps, times that.
    penalise = step % config.penalty_every == 0 and (config.r1 > 0 or config.r2 > 0)
    if penalise:  # second derivatives are taken in full precision
        real.requires_grad_(config.r1 > 0)
        fake.requires_grad_(config.r2 > 0)
        judged = [state.discriminator(shown, batch.labels) for shown in seen]
    else:
        judged = _judged(state, batch, seen)
    (real_logits, real_match), (fake_logits, _), *strangers = judged

    loss = losses.discriminator_loss(config.loss, real_logits, fake_logits)
    metrics = {"loss_d": loss.detach()}
    for _, match in strangers:  # one, or none
        class_match = losses.class_match_loss(real_match, match)
        loss = loss + class_match
        metrics["class_match"] = class_match.detach()
    if penalise:
        terms = (("r1", config.r1, real_logits, real), ("r2", config.r2, fake_logits, fake))
        for name, gamma, logits, shown in terms:
            if gamma > 0:
                penalty = losses.gradient_penalty(logits, shown)
                loss = loss + config.penalty_every * gamma / 2 * penalty
                metrics[name] = penalty.detach()
    _descend(state.optimizer_d, loss, config, ranks)
    return metrics


def _update_generator(
    state: State, batch: Batch, config: FitConfig, fake: Tensor, ranks: Ranks
) -> dict[str, Tensor]:
    real, fake = discriminator_inputs(batch.source, (batch.real, fake), batch.draws[1])
    with torch.no_grad():
        ((real_logits, real_match),) = _judged(state, batch, [real])
    ((fake_logits, fake_match),) = _judged(state, batch, [fake])

    loss = losses.generator_loss(config.loss, real_logits, fake_logits)
    metrics = {"loss_g": loss.detach(), "margin": (real_logits - fake_logits).detach().mean()}
    if config.class_match > 0:
        of_all = ranks.gathered(real_match, config.batch_size)
        lost_class = losses.lost_class_loss(of_all, fake_match)
        loss = loss + config.class_match * lost_class
        metrics["lost_class"] = lost_class.detach()
    _descend(state.optimizer_g, loss, config, ranks)
    return metrics


def discriminator_inputs(
    source: Tensor | None, candidates: tuple[Tensor | None, ...], draws: augment.Draws
) -> list[Tensor]:
    """Return what the discriminator is shown: images or pairs, all augmented alike.

    Each of `candidates` (float [N, C, H, W], None left out) is paired with `source` to
    [N, 2C, H, W] where there is one.
    """
    shown = [augment.apply(images, draws) for images in candidates if images is not None]
    if source is None:
        return shown
    # Each image by itself: colours of the source must not leak into the candidate.
    source = augment.apply(source, draws)
    return [torch.cat([source, images], 1) for images in shown]


def learning_rate(config: FitConfig, step: int) -> float:
    """Return Adam's rate: constant, then from the middle of the run a linear fall to 5%."""
    factor = max(0.05, min(1.0, 2 * (1 - step / config.steps))) if config.decay else 1.0
    return config.learning_rate * factor


def average_decay(config: FitConfig, step: int) -> float:
    """Return how much the average keeps: little at first, so that early weights are forgotten."""
    return min(config.ema, step / (step + 10))


def _judged(state: State, batch: Batch, seen: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """The discriminator's logits and class-match logits for each of `seen`."""
    with _autocast(state, batch):
        judged = state.discriminator(torch.cat(seen), batch.labels.repeat(len(seen)))
    logits, matches = (values.float().chunk(len(seen)) for values in judged)
    return list(zip(logits, matches, strict=True))


def _descend(
    optimizer: torch.optim.Optimizer, loss: Tensor, config: FitConfig, ranks: Ranks
) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    weights = (weight for group in optimizer.param_groups for weight in group["params"])
    ranks.average((weight.grad for weight in weights), config.batch_size)
    optimizer.step()


def _autocast(state: State, batch: Batch) -> torch.autocast:
    low = state.precision == torch.bfloat16
    return torch.autocast(batch.real.device.type, torch.bfloat16, enabled=low)
