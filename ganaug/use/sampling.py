"""`ClassBalancedSampler`: every class equally often, the images of each class in turn."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import cast

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch.utils.data.distributed import DistributedSampler

from ganaug.errors import ConfigError, DataError
from ganaug.images.labels import whole_numbers
from ganaug.randomness import checked_seed, stream
from ganaug.use._checks import checked_epoch
from ganaug.values import is_whole

__all__ = ["ClassBalancedSampler"]


MOST, MOST_PROCESSES = 2**31, 2**20  # draws of an epoch, which are in memory at once; processes
# Turns of all classes in an epoch from which their orders are drawn together, in one array a class;
# each has a stream of its own below, as in results that were kept.
MANY_TURNS = 20_000


# Frameworks that shard (Lightning, Fabric, Ray, Ignite) leave a DistributedSampler as it is.
class ClassBalancedSampler(DistributedSampler[int]):
    """Draw the same number of items of each class in an epoch, in random order.

    Within a class each item comes once, in random order, before any comes again, also across
    epochs. So all images of a class are visited equally often, which independent draws
    (`WeightedRandomSampler`) do not promise. Where `num_samples` cannot be divided by the number of
    classes, the difference is levelled over the epochs.

    What is drawn is a function of (seed, epoch). Each pass takes the next epoch; `set_epoch` says
    which is next.

    Args:
        targets: label of each item, whole numbers from 0 up, [N] or [N, 1]: a list, array or
            tensor, such as `dataset.targets`. Classes without items are left out.
        num_samples: draws of an epoch, over all ranks; None: as many as items. With several ranks
            rounded up, so that each has equally many.
        seed: the same on all ranks.
        rank: of this process, 0 to world_size - 1; each rank gets its own part of the draws.
            None for both: as torch.distributed says at each pass, where it is initialised; else one
            process. Beside an `accelerate.Accelerator` it is one process, too, because that shards
            the batches of every loader that it prepares.
        world_size: number of processes.

    Raises:
        DataError: no targets, or not one whole number of at least 0 each.
        ConfigError: num_samples, seed, rank or world_size is not allowed.

    Examples:
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
        self._given = _checked_place(rank, world_size)
        total = len(labels) if num_samples is None else num_samples
        if not is_whole(total) or not 1 <= total <= MOST:
            raise ConfigError(f"num_samples={total!r}; allowed: a whole number, 1 to {MOST:,}")
        self._wanted = int(total)
        self.seed = checked_seed(seed)
        self.shuffle, self.drop_last = True, False  # what a DistributedSampler says of itself
        self._epoch = 0

    # Asked for at each use: a loader may be made before the processes are joined.

    @property
    def rank(self) -> int:  # type: ignore[override]
        """Of this process."""
        return (self._given or _found_place())[0]

    @property
    def world_size(self) -> int:
        """The number of processes that share the draws."""
        return (self._given or _found_place())[1]

    @property
    def num_replicas(self) -> int:  # type: ignore[override]
        """The same, as a DistributedSampler calls it."""
        return self.world_size

    @property
    def num_samples(self) -> int:  # type: ignore[override]
        """Draws of this process in an epoch."""
        return -(-self._wanted // self.world_size)

    @property
    def total_size(self) -> int:  # type: ignore[override]
        """Draws of all processes in an epoch."""
        return self.num_samples * self.world_size

    @property
    def epoch(self) -> int:  # type: ignore[override]
        """The epoch of the next pass."""
        return self._epoch

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
        total, classes = self.total_size, len(self._members)
        turns = sum(total / classes / len(each) for each in self._members if len(each) > 1)
        # All epochs together deal the classes out like cards, round and round in one fixed order.
        dealing = stream(self.seed, "sampler classes").permutation(classes)
        first = epoch * total
        parts = []
        for seat, label in enumerate(dealing.tolist()):
            before, after = (
                max(0, -((seat - cards) // classes)) for cards in (first, first + total)
            )
            length = len(self._members[label])
            orders = self._orders(
                label, before // length, -(-after // length), together=turns > MANY_TURNS
            )
            skipped = before % length
            parts.append(orders[skipped : skipped + after - before])
        drawn = np.concatenate(parts)
        stream(self.seed, "sampler order", epoch).shuffle(drawn)
        return drawn

    def _orders(self, label: int, start: int, stop: int, *, together: bool) -> NDArray[np.int64]:
        """Return the orders of one class in its turns start..stop-1, one after the other."""
        members, turns = self._members[label], max(0, stop - start)
        if len(members) == 1 or not turns:
            return np.repeat(members[:1], turns)
        tag = f"sampler class {label}"
        if not together:
            streams = (stream(self.seed, tag, 0, turn) for turn in range(start, stop))
            return np.concatenate([each.permutation(members) for each in streams])
        steps = -(-len(members) // 4)  # of the counter, each of four words
        words = cast(np.random.Philox, stream(self.seed, f"{tag}, many").bit_generator)
        words.advance(start * steps)
        keys = words.random_raw(turns * steps * 4).reshape(turns, -1)[:, : len(members)]
        return np.asarray(members[keys.argsort(axis=1)].ravel())


def _labels(targets: ArrayLike | torch.Tensor) -> NDArray[np.int64]:
    labels = whole_numbers(
        targets,
        "targets",
        instead="pass dataset.targets",
        labelled="take the labelled items with torch.utils.data.Subset, and their targets",
    )
    if not len(labels):
        raise DataError("targets are empty; allowed: at least one label; check the data set")
    return labels


def _found_place() -> tuple[int, int]:
    """Return rank and number of processes, as they are now."""
    accelerate = sys.modules.get("accelerate.state")
    if accelerate is not None and accelerate.is_initialized():
        return 0, 1
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def _checked_place(rank: int | None, world_size: int | None) -> tuple[int, int] | None:
    """Return rank and number of processes as given, or None for both."""
    if rank is None and world_size is None:
        return None
    if rank is None or world_size is None:
        missing = "rank" if rank is None else "world_size"
        raise ConfigError(f"{missing} is missing; rank and world_size go together; pass both")
    if not is_whole(world_size) or not 1 <= world_size <= MOST_PROCESSES:
        raise ConfigError(
            f"world_size={world_size!r}; allowed: a whole number, 1 to {MOST_PROCESSES:,}"
        )
    if not is_whole(rank) or not 0 <= rank < world_size:
        raise ConfigError(f"rank={rank!r}; allowed: 0 to {world_size - 1}, one for each process")
    return int(rank), int(world_size)
