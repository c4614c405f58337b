"""What a run trains: the networks, their averaged copy, the optimisers, and the precision."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import torch
from torch import nn

from ganaug.images import ImageSet
from ganaug.randomness import stream_seed
from ganaug.training.config import FitConfig
from ganaug.training.networks import build_discriminator, build_generator
from ganaug.training.precision import choose_precision

__all__ = ["State", "autocast_dtype", "build_state"]


@dataclass
class State:
    """What changes from step to step.

    Attributes:
        generator, discriminator: the networks.
        average: moving average of the generator's weights; this is what is exported.
        optimizer_g, optimizer_d: of the two networks.
        precision: dtype of autocast; float32 means that it is off.
        rollbacks: how often the run went back. Each takes other random streams.
        sums: metrics of the steps since the last row of metrics.jsonl, so that the next one is that
            of a run without a stop.
    """

    generator: nn.Module
    discriminator: nn.Module
    average: nn.Module
    optimizer_g: torch.optim.Adam
    optimizer_d: torch.optim.Adam
    precision: torch.dtype = torch.float32
    rollbacks: int = 0
    sums: dict[str, list[torch.Tensor]] = field(default_factory=dict)

    @property
    def modules(self) -> dict[str, nn.Module]:
        """The networks by the names under which a run's files hold their weights."""
        return {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "average": self.average,
        }

    @property
    def optimizers(self) -> dict[str, torch.optim.Adam]:
        """The optimisers by name, as `modules`."""
        return {"optimizer_g": self.optimizer_g, "optimizer_d": self.optimizer_d}

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.generator.parameters()).device

    @property
    def precision_name(self) -> str:
        """The precision as `FitConfig` calls it."""
        return "bf16" if self.precision == torch.bfloat16 else "fp32"


def build_state(
    config: FitConfig, images: ImageSet, seed: int, device: torch.device, rollbacks: int = 0
) -> State:
    """Return the state before the first step; weights are drawn from `seed` and `rollbacks`."""
    shape = (images.channels, len(images.classes))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(stream_seed(seed, "weights", epoch=rollbacks))
        networks = [build_generator(config, *shape), build_discriminator(config, *shape)]
    # On a CPU a step with the channels last takes about 0.8 of the time.
    generator, discriminator = (
        network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for network in networks
    )
    average = copy.deepcopy(generator).requires_grad_(False)
    betas = (config.beta1, config.beta2)
    optimizer_g = torch.optim.Adam(generator.parameters(), config.learning_rate, betas)
    optimizer_d = torch.optim.Adam(discriminator.parameters(), config.learning_rate, betas)
    optimizers = optimizer_g, optimizer_d
    return State(generator, discriminator, average, *optimizers, rollbacks=rollbacks)


def autocast_dtype(wanted: str, state: State, config: FitConfig, images: ImageSet) -> torch.dtype:
    """Return the dtype of autocast for `wanted`, tried out on the run's own discriminator.

    `wanted` is "auto", "fp32" or "bf16"; see `choose_precision`.
    """
    device = state.device

    def trial() -> torch.Tensor:
        channels = images.channels * (2 if config.kind == "variation" else 1)
        seen = torch.zeros(config.batch_size, channels, *images.size, device=device)
        label = torch.zeros(config.batch_size, dtype=torch.int64, device=device)
        seen = seen.contiguous(memory_format=torch.channels_last)
        logits: torch.Tensor = state.discriminator(seen, label)[0]
        return logits

    precision = choose_precision(wanted, device, trial)
    state.discriminator.zero_grad(set_to_none=True)
    return precision
