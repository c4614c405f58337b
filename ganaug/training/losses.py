"""Adversarial losses and gradient penalties, on logits and images. Nothing here does I/O.

With r = D(real) and f = D(fake) as logits, sigma the logistic function and sp(t) = log(1 + exp(t)):

| name | discriminator minimises | generator minimises | source |
| --- | --- | --- | --- |
| minimax | E sp(-r) + E sp(f) | -E sp(f), which is E log(1 - sigma(f)) | Goodfellow et al. 2014, eq. 1 |
| non_saturating | the same | E sp(-f) | Goodfellow et al. 2014, section 3 |
| least_squares | E (r - 1)^2 / 2 + E f^2 / 2 | E (f - 1)^2 / 2 | Mao et al. 2017, eq. 9 |
| hinge | E max(0, 1 - r) + E max(0, 1 + f) | -E f | Lim and Ye 2017; Miyato et al. 2018 |
| relativistic | E sp(f - r) | E sp(r - f) | relativistic pairing: Jolicoeur-Martineau 2019; Huang et al. 2024 (R3GAN) |
"""  # noqa: E501 - a table

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from ganaug.training.config import Loss

__all__ = [
    "class_match_loss",
    "discriminator_loss",
    "generator_loss",
    "gradient_penalty",
    "lost_class_loss",
]


def discriminator_loss(loss: Loss, real: Tensor, fake: Tensor) -> Tensor:
    """Return the scalar that the discriminator minimises; `real` and `fake` are logits [N]."""
    if loss == "relativistic":
        return softplus(fake - real).mean()
    if loss == "hinge":
        return relu(1 - real).mean() + relu(1 + fake).mean()
    if loss == "least_squares":
        return ((real - 1) ** 2).mean() / 2 + (fake**2).mean() / 2
    return softplus(-real).mean() + softplus(fake).mean()


def generator_loss(loss: Loss, real: Tensor | None, fake: Tensor) -> Tensor:
    """Return the scalar that the generator minimises; only "relativistic" reads `real`."""
    if loss == "relativistic":
        if real is None:
            raise ValueError("the relativistic loss compares with the logits of real images")
        return softplus(real - fake).mean()
    if loss == "hinge":
        return -fake.mean()
    if loss == "least_squares":
        return ((fake - 1) ** 2).mean() / 2
    return (-softplus(fake) if loss == "minimax" else softplus(-fake)).mean()


def class_match_loss(real: Tensor, strangers: Tensor) -> Tensor:
    """Return E sp(-m) over real pairs of one class + E sp(m) over real pairs of two classes.

    `real` and `strangers` are the discriminator's class-match logits m [N]. Real images of a wrong
    class as a third kind of input are the idea of the matching-aware discriminator (Reed et al.
    2016, section 4.2); there they count as generated, and the generator is paid for looking more
    like its class than real images do, which was seen to make all variations of an image one.
    """
    return softplus(-real).mean() + softplus(strangers).mean()


def lost_class_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return E max(0, t - m): how far variations fit their source less than real pairs do.

    `real` [M] and `fake` [N] are class-match logits of real pairs and of (source, variation); t is
    one standard deviation below the mean of `real`. Above t nothing is gained, so that variations
    stay as different as real images of the class are.
    """
    threshold = (real.mean() - real.std(correction=0)).detach()
    return relu(threshold - fake).mean()


def gradient_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """Return E |d D(x) / d x|^2, exactly; `images` [N, ...] must require gradients.

    On real images it is R1 (Mescheder et al. 2018, eq. 9), on generated ones R2.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.square().flatten(1).sum(1).mean()
