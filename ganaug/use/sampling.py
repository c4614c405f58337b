"""`ClassBalancedSampler`: every class equally often, the images of each class in turn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch.utils.data import Sampler

from ganaug.errors import ConfigError, DataError
from ganaug.randomness import checked_seed, stream
from ganaug.use._checks import checked_epoch, is_whole

__all__ = ["ClassBalancedSampler"]


class ClassBalancedSampler(Sampler[int]):
    """Draw the same number of items of each class in an epoch, in random order.

    Within a class, items come in turn: each once, in an order that is shuffled anew, before any
    comes again, and the turn goes on across epochs. So the images of a class are visited evenly,
    which independent draws (`WeightedRandomSampler`) do not promise. Numbers of draws that the
    classes do not divide are levelled over the epochs as well.

    What is drawn is a function of (seed, epoch). Each pass takes the next epoch; `set_epoch` says
    which is next.

    Args:
        targets: label of each item, whole numbers [N]: a list, array or tensor, such as
            `dataset.targets`. Classes without items are left out.
        num_samples: draws of an epoch, over all ranks; None: as many as items. With several ranks
            rounded up, so that each has equally many.
        seed: the same on all ranks.
        rank: of this process, 0 to world_size - 1; each rank gets its own part of the draws.
            None for both: as torch.distributed says where it is initialised, else one process.
        world_size: number of processes.

    Raises:
        DataError: no targets, or not one whole number each.
        ConfigError: num_samples, seed, rank or world_size is not allowed.

    Example:
        >>> sampler = ClassBalancedSampler([0, 0, 0, 0, 1], num_samples=4)
        >>> sorted(sampler).count(4)
        2
    """

    def __init__(
        self,
        targets: ArrayLike | torch.Tensor,
        num_samples: int | None = None,
        seed: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        labels = _labels(targets)
        order = np.argsort(labels, kind="stable")
        _, starts = np.unique(labels[order], return_index=True)
        self._members = np.split(order, starts[1:])
        self.rank, self.world_size = _place(rank, world_size)
        total = len(labels) if num_samples is None else num_samples
        if not is_whole(total) or total < 1:
            raise ConfigError(f"num_samples={total!r}; allowed: a whole number of at least 1")
        self.num_samples = -(-int(total) // self.world_size)
        self.seed = checked_seed(seed)
        self._epoch = 0

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the next pass; those after it count on from there."""
        self._epoch = checked_epoch(epoch)

    def __iter__(self) -> Iterator[int]:
        # The epoch is counted at the first draw: a DataLoader with workers and batch_size=None
        # calls iter() twice for one pass.
        epoch = self._epoch
        self._epoch += 1
        yield from self._draws(epoch)[self.rank :: self.world_size].tolist()

    def _draws(self, epoch: int) -> NDArray[np.int64]:
        """Return the items that all ranks together draw in an epoch, in order."""
        total, classes = self.num_samples * self.world_size, len(self._members)
        # All epochs together deal the classes out like cards, round and round in one fixed order.
        dealing = stream(self.seed, "sampler classes").permutation(classes)
        first = epoch * total
        parts = []
        for seat, label in enumerate(dealing):
            before, after = (
                max(0, -((seat - cards) // classes)) for cards in (first, first + total)
            )
            parts.append(self._turn(int(label), before, after))
        drawn = np.concatenate(parts)
        stream(self.seed, "sampler order", epoch).shuffle(drawn)
        return drawn

    def _turn(self, label: int, before: int, after: int) -> NDArray[np.int64]:
        """Return the draws number before..after-1 of one class, counted over all epochs."""
        members = self._members[label]
        rounds = range(before // len(members), -(-after // len(members)))
        orders = [
            stream(self.seed, f"sampler class {label}", 0, n).permutation(members) for n in rounds
        ]
        skipped = before % len(members)
        everything = np.concatenate(orders) if orders else members[:0]
        return everything[skipped : skipped + after - before]


def _labels(targets: Any) -> NDArray[np.int64]:
    if isinstance(targets, torch.Tensor):
        targets = targets.detach().cpu().numpy()
    try:
        labels = np.asarray(targets)
    except ValueError:
        labels = np.asarray(None)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            f"targets are {labels.dtype} {list(labels.shape)}; allowed: one whole number for each"
            " item; pass dataset.targets"
        )
    if not len(labels):
        raise DataError("targets are empty; allowed: at least one label; check the data set")
    return labels.astype(np.int64)


def _place(rank: int | None, world_size: int | None) -> tuple[int, int]:
    if rank is None and world_size is None:
        distributed = torch.distributed
        if distributed.is_available() and distributed.is_initialized():
            return distributed.get_rank(), distributed.get_world_size()
        return 0, 1
    if rank is None or world_size is None:
        missing = "rank" if rank is None else "world_size"
        raise ConfigError(f"{missing} is missing; rank and world_size go together; pass both")
    if not is_whole(world_size) or world_size < 1:
        raise ConfigError(f"world_size={world_size!r}; allowed: a whole number of at least 1")
    if not is_whole(rank) or not 0 <= rank < world_size:
        raise ConfigError(f"rank={rank!r}; allowed: 0 to {world_size - 1}, one for each process")
    return int(rank), int(world_size)
