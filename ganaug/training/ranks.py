"""The processes of one training under torchrun, and what they tell each other.

A process is called a rank. Each computes its rows of the same batch, and means are taken over the
whole batch: of gradients, metrics, and what a loss needs to know of all rows. So the batch size is
that of all ranks together. Rank 0 alone writes, and says where the run goes on.

With one process nothing here changes a number or waits.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from ganaug.errors import ConfigError, DeviceError, GanaugError, RunError, ToldElsewhereError
from ganaug.launch import place
from ganaug.limits import Limit
from ganaug.wording import one_line

__all__ = ["ALONE", "SILENCE", "Ranks", "joined"]

Result = TypeVar("Result")

# A rank that is killed is noticed at once, as its connections close; one that stands still, or
# whose machine is gone, after this time. torchrun gives such a one 30 seconds more to end.
SILENCE = Limit(
    "GANAUG_MAX_SILENCE_SECONDS", 20, "seconds that a process may keep the others waiting"
)
# Before the first step images are read, which may take as long as it takes.
PATIENCE = timedelta(days=1)


@dataclass(frozen=True)
class Ranks:
    """One of `size` processes: number `rank`.

    Attributes:
        rank, size: 0 and 1 without torchrun.
        numbers: the group of processes that exchanges tensors on the training's device.
        flags: the same on the CPU.
        patient: the same, for what may take long.
        silence: how long one may keep the others waiting, in seconds.
    """

    rank: int = 0
    size: int = 1
    numbers: Any = None
    flags: Any = None
    patient: Any = None
    silence: float = 0.0

    @property
    def is_first(self) -> bool:
        """Whether this one writes."""
        return self.rank == 0

    def rows(self, count: int) -> slice:
        """Return which of the `count` rows of a batch are this rank's."""
        return slice(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def average(self, gradients: Iterable[Tensor | None], count: int) -> None:
        """Turn means over this rank's rows of `count`, in place, into means over all rows."""
        if self.size > 1:
            found = [gradient for gradient in gradients if gradient is not None]
            whole = self._mean(torch.cat([gradient.reshape(-1) for gradient in found]), count)
            parts = whole.split([gradient.numel() for gradient in found])
            for gradient, mean in zip(found, parts, strict=True):
                gradient.copy_(mean.view(gradient.shape))

    def means(self, values: dict[str, Tensor], count: int) -> dict[str, Tensor]:
        """Return scalar means over this rank's rows of `count` as means over all rows."""
        if self.size == 1:
            return values
        whole = self._mean(torch.stack([value.float() for value in values.values()]), count)
        return dict(zip(values, whole.unbind(), strict=True))

    def gathered(self, values: Tensor, count: int) -> Tensor:
        """Return [count] of this rank's rows [n] and all others'; without gradients."""
        if self.size == 1:
            return values
        whole = values.new_zeros(count)
        whole[self.rows(count)] = values.detach()
        return self._sum(whole)

    def any(self, *flags: bool) -> list[bool]:
        """Return of each flag whether it is set in any rank."""
        if self.size == 1:
            return list(flags)
        counts = torch.tensor(flags, dtype=torch.int64)
        with self._answered():
            dist.all_reduce(counts, group=self.flags)
        return [bool(count) for count in counts]

    def first(self, action: Callable[[], Result]) -> Result:
        """Let rank 0 act, and return its result in each rank; its error ends all of them.

        It may take long, and so says now and then that it is alive.
        """
        if self.size == 1:
            return action()
        told: list[Any] = [None, None]
        if self.is_first:
            try:
                with self._alive():
                    told[0] = action()
            except (GanaugError, KeyboardInterrupt) as error:
                told[1] = type(error), str(error), getattr(error, "exit_code", 1)
                self._tell(told)
                raise
        while not self.is_first and self._busy():
            pass
        self._tell(told)
        if told[1] is not None and not self.is_first:
            kind, message, code = told[1]
            if kind is KeyboardInterrupt:
                raise KeyboardInterrupt(message)
            raise ToldElsewhereError(message, code)
        result: Result = told[0]
        return result

    def check_same(self, **values: object) -> None:
        """Refuse a training of which the ranks have different `values`.

        Raises:
            RunError: the message names the first that differs.
        """
        if self.size > 1:
            found: list[Any] = [None] * self.size
            with self._answered():
                dist.all_gather_object(found, values, group=self.patient)
            for name in values:
                if any(each[name] != found[0][name] for each in found):
                    raise RunError(
                        f"{name}: not the same in all {self.size} processes; allowed: one command"
                        " on the same images; give each machine the same files and options"
                    )

    def _mean(self, values: Tensor, count: int) -> Tensor:
        mine = self.rows(count)
        return self._sum(values * ((mine.stop - mine.start) / count))

    def _sum(self, values: Tensor) -> Tensor:
        with self._answered():
            dist.all_reduce(values, group=self.numbers)
        return values

    @contextmanager
    def _alive(self) -> Iterator[None]:
        """Let rank 0 be busy for the block, which the others wait for in `_busy`."""
        ended = threading.Event()

        def beat() -> None:
            with suppress(GanaugError):  # another one is gone, as the end of the block will find
                while not ended.wait(self.silence / 4):
                    self._busy(True)

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self._busy(False)

    def _busy(self, said: bool = False) -> bool:
        """Return what rank 0 says of itself; there, say it."""
        flag = torch.tensor([said], dtype=torch.int64)
        with self._answered():
            dist.broadcast(flag, src=0, group=self.flags)
        return bool(flag)

    def _tell(self, told: list[Any]) -> None:
        with self._answered():
            dist.broadcast_object_list(told, src=0, group=self.flags)

    @contextmanager
    def _answered(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:  # of torch.distributed, which has no narrower one
            raise GanaugError(
                f"process {self.rank} of {self.size}: another one ended or does not answer"
                f" ({one_line(error, 80)}); the last checkpoint stands; the same command resumes"
            ) from error


ALONE = Ranks()


@contextmanager
def joined(device: torch.device, batch_size: int) -> Iterator[tuple[Ranks, torch.device]]:
    """Join the processes that torchrun started, for the block; yield this one and its device.

    Raises:
        ConfigError: `device` names one GPU for several processes, or there are more processes than
            rows in a batch.
        DeviceError: this machine has fewer GPUs than processes.
    """
    here = place()
    if here.size == 1:
        yield ALONE, device
        return
    silence = timedelta(seconds=SILENCE.value)
    if batch_size < here.size:
        raise ConfigError(
            f"batch_size: {batch_size} is less than the {here.size} processes that share it; choose"
            f" {here.size} or more, or start fewer"
        )
    if device.type == "cuda":
        device = _own_gpu(device, here.local)
    if not dist.is_initialized():
        backend = "gloo" if device.type == "cpu" else "cpu:gloo,cuda:nccl"
        dist.init_process_group(backend, timeout=PATIENCE)
        # Not before the end of the process: torchrun lets it join once.
        atexit.register(dist.destroy_process_group)
    flags = dist.new_group(backend="gloo", timeout=silence)
    patient = dist.new_group(backend="gloo", timeout=PATIENCE)
    numbers = flags if device.type == "cpu" else dist.new_group(backend="nccl", timeout=silence)
    place_in = dist.get_rank(), dist.get_world_size()
    yield Ranks(*place_in, numbers, flags, patient, silence.total_seconds()), device


def _own_gpu(device: torch.device, local: int) -> torch.device:
    if ":" in str(device):  # torch's types know no device without an index
        raise ConfigError(
            f"device: '{device}' is one GPU for several processes; choose cuda, which gives each"
            " its own"
        )
    if local >= torch.cuda.device_count():
        raise DeviceError(
            f"device: process {local} of this machine has no GPU (it has"
            f" {torch.cuda.device_count()}); start at most so many with --nproc-per-node"
        )
    torch.cuda.set_device(local)
    return torch.device("cuda", local)
