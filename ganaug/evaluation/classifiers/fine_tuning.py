"""Fine-tuning: all of a pretrained network is trained, under a new last layer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from ganaug.evaluation.classifiers.interface import Outcome, Schedule, Task
from ganaug.evaluation.classifiers.network import predict, train_network

__all__ = ["adam_w", "fine_tune", "with_new_layer"]


def fine_tune(
    load: Callable[[], nn.Module],
    normalise: Callable[[Tensor], Tensor],
    task: Task,
    on_step: Callable[[], None] | None = None,
) -> Outcome:
    """Train a network and a new last layer on the batches of `task`, and predict.

    Args:
        load: makes the network without its last layer.
        normalise: uint8 [N, C, H, W] -> float32 [N, 3, H, W].
        task: images, losses and lengths.
        on_step: called before each step; may raise to stop.
    """
    model, seconds = train_network(
        partial(with_new_layer, load, normalise(task.tested[:1]), task.num_classes),
        normalise,
        task,
        on_step,
        make_optimiser=adam_w,
        low_precision=task.device.startswith("cuda"),
    )
    found = predict(model, task.tested, normalise, device=task.device, block=100)
    return Outcome.of(found, seconds)


def with_new_layer(load: Callable[[], nn.Module], shown: Tensor, num_classes: int) -> nn.Module:
    """Return the trunk under a new linear layer; `shown` [1, 3, H, W] tells how wide it is."""
    trunk = load()
    with torch.no_grad():
        features = trunk.eval()(shown).shape[1]
    return nn.Sequential(trunk, nn.Linear(features, num_classes))


def adam_w(model: nn.Module, schedule: Schedule) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter, ICLR 2019); biases and norms do not decay."""
    assert isinstance(model, nn.Sequential)
    groups = []
    for part, scale in ((model[0], schedule.trunk), (model[1], 1.0)):
        for decays in (True, False):
            weights = [each for each in part.parameters() if (each.ndim > 1) == decays]
            decay = schedule.weight_decay if decays else 0.0
            groups.append({"params": weights, "weight_decay": decay, "scale": scale})
    return torch.optim.AdamW(groups, lr=schedule.rate, betas=(schedule.momentum, 0.999))
