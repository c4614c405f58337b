"""Losses, gradients and weights that are not finite: noticed at their step, and named."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from ganaug.training.state import State

__all__ = ["FiniteCheck"]


class FiniteCheck:
    """Looks at each step's numbers, which tell of the rest.

    What is not finite in a weight of the discriminator reaches the generator's loss in the same
    step. What is not finite in a gradient of the generator flows back to its first layer. On a GPU,
    where looking means waiting, the numbers of several steps are looked at together.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        first = next(state.generator.parameters())
        # numpy shares the memory, and costs a tenth of a torch operation.
        self.first = first.detach().numpy() if first.device.type == "cpu" else None
        self.waiting: list[tuple[int, dict[str, Tensor]]] = []

    def step(self, step: int, metrics: dict[str, Tensor], *, due: bool) -> tuple[int, str] | None:
        """Return the step and the name of what is not finite, or None.

        Args:
            step: the number of steps done.
            metrics: of the last of them.
            due: steps whose numbers wait are looked at now.
        """
        if self.first is not None:
            numbers = [float(value.numpy()) for value in metrics.values()]
            if all(map(math.isfinite, [*numbers, float(self.first.sum())])):
                return None
            name = self.everything(metrics)
            return None if name is None else (step, name)
        self.waiting.append((step, metrics))
        if due:
            waiting, self.waiting = self.waiting, []
            for at, seen in waiting:
                if not bool(torch.isfinite(torch.stack(list(seen.values()))).all()):
                    return at, next(_infinite(seen.items()))
        return None

    def everything(self, metrics: dict[str, Tensor]) -> str | None:
        """Return what went wrong first, in the order in which a step computes it, or None."""
        names = list(metrics)
        middle = names.index("loss_g")
        for network, losses in (("discriminator", names[:middle]), ("generator", names[middle:])):
            module: nn.Module = getattr(self.state, network)
            found = [
                *_infinite((name, metrics[name]) for name in losses),
                *_infinite(
                    (f"the gradient of {network}.{name}", weight.grad)
                    for name, weight in module.named_parameters()
                    if weight.grad is not None
                ),
            ]
            if found:
                return found[0]
        return _infinite_weight(self.state)


def _infinite_weight(state: State) -> str | None:
    """Return the name of a weight, or a number of an optimiser, that is not finite; or None."""
    for part in ("discriminator", "generator", "average"):
        module: nn.Module = getattr(state, part)
        for name in _infinite((f"{part}.{name}", v) for name, v in module.state_dict().items()):
            return name
    for part in ("optimizer_d", "optimizer_g"):
        for index, values in getattr(state, part).state_dict()["state"].items():
            for name in _infinite((f"{part}.{index}.{key}", v) for key, v in values.items()):
                return name
    return None


def _infinite(tensors: Iterable[tuple[str, Tensor]]) -> Iterator[str]:
    return (name for name, tensor in tensors if not bool(torch.isfinite(tensor).all()))
