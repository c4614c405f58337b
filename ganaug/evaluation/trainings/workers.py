"""Where trainings run: in this process, or in spawned ones; a clean Ctrl-C in both."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from multiprocessing import connection
from typing import Any, Protocol

import torch

from ganaug.errors import ConfigError, GanaugError
from ganaug.evaluation.classifiers import Classifier
from ganaug.evaluation.trainings.meter import Meter, Spent, Tick, Timed

__all__ = ["Submit", "in_processes", "in_this_process", "worker_count"]

ON_A_GPU = 4  # worker processes
WIDTH = len(Spent._fields)


def worker_count(jobs: int | None, device: str = "cpu") -> int:
    """Return the number of worker processes: `jobs`, or one for each core.

    On a GPU there are no more than four by default: each takes memory for a context of its own, and
    they share one chip.

    Raises:
        ConfigError: `jobs` is below 1.
    """
    if jobs is None:
        affinity = getattr(os, "sched_getaffinity", None)
        cores = len(affinity(0)) if affinity else os.cpu_count() or 1
        return cores if device == "cpu" else min(cores, ON_A_GPU)
    if jobs < 1:
        raise ConfigError(f"jobs: {jobs}; allowed: 1 or more; leave it out for one for each core")
    return jobs


class Submit(Protocol):
    """Starts work; `update` tells the meter what was done since the last call."""

    def __call__(self, work: Callable[[Tick], Any], kind: str) -> Future[Any]:
        """Start `work`, a picklable function of a tick, whose steps are of `kind`."""

    def update(self) -> None:
        """Call now and then."""


@contextmanager
def in_this_process(meter: Meter, threads: int) -> Iterator[Submit]:
    """Run each piece of work at once, in this process, with `threads` threads of torch."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield _Inline(meter)
    finally:
        torch.set_num_threads(before)


class _Inline:
    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def __call__(self, work: Callable[[Tick], Any], kind: str) -> Future[Any]:
        future: Future[Any] = Future()
        tick = Timed(lambda spent: self.meter.advance(spent, kind))
        future.set_result(work(tick))
        tick(0)  # what came after the last step
        return future

    def update(self) -> None:
        pass


@contextmanager
def in_processes(
    workers: int,
    meter: Meter,
    threads: int,
    classifiers: Iterable[Classifier],
    kinds: Sequence[str],
) -> Iterator[Submit]:
    """Run work of these `kinds` in spawned processes; leaving the block, also by Ctrl-C, ends them.

    A process is there for all work, so that one classifier of the user's script decides for all.

    Raises:
        ConfigError: a worker process cannot import a classifier.
        GanaugError: a worker process was killed.
    """
    main_needed = any(map(_is_of_main, classifiers))
    context = multiprocessing.get_context("spawn")
    stop, counts = context.Event(), context.Array("d", WIDTH * len(kinds))  # `Spent` of each
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=_start_worker, initargs=(stop, counts, threads)
    )
    try:
        yield _Processes(pool, counts, kinds, meter, main_needed)
    except BrokenProcessPool as error:
        raise GanaugError(
            "a worker process ended before its job did; allowed: enough memory for all workers, and"
            " a script that starts its work under `if __name__ == '__main__':`; try jobs=1"
        ) from error
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


class _Processes:
    def __init__(
        self,
        pool: ProcessPoolExecutor,
        counts: Any,
        kinds: Sequence[str],
        meter: Meter,
        main_needed: bool,
    ) -> None:
        self.pool, self.counts, self.kinds, self.meter = pool, counts, kinds, meter
        self.main_needed, self.seen = main_needed, [0.0] * WIDTH * len(kinds)

    def __call__(self, work: Callable[[Tick], Any], kind: str) -> Future[Any]:
        with nullcontext() if self.main_needed else _hidden_main():
            return self.pool.submit(_in_worker, work, self.kinds.index(kind))

    def update(self) -> None:
        with self.counts.get_lock():
            now = list(self.counts)
        new = [after - before for before, after in zip(self.seen, now, strict=True)]
        for at, kind in enumerate(self.kinds):
            self.meter.advance(Spent(*new[WIDTH * at : WIDTH * (at + 1)]), kind)
        self.seen = now


def _is_of_main(classifier: Classifier) -> bool:
    """Return whether a classifier is defined in the user's script, which a worker then imports."""
    if classifier.source is None:
        return False
    try:
        return b"__main__" in pickle.dumps(classifier.source)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ConfigError(
            f"classifier {classifier.name}: a worker process cannot import it;"
            " allowed: a function or class at the top of a module; define it there, or use"
            " jobs=1"
        ) from error


@contextmanager
def _hidden_main() -> Iterator[None]:
    """Keep new processes from running the user's script again, guarded or not.

    A spawned process imports the main module first.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


class _Worker:
    """What a worker process was started with."""

    stop: Any = None
    counts: Any = None


def _start_worker(stop: Any, counts: Any, threads: int) -> None:
    _Worker.stop, _Worker.counts = stop, counts
    torch.set_num_threads(threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when to stop
    parent = multiprocessing.parent_process()
    if parent is not None:
        sentinel = parent.sentinel

        def follow_parent() -> None:
            connection.wait([sentinel])
            os._exit(1)

        threading.Thread(target=follow_parent, daemon=True).start()


def _in_worker(work: Callable[[Tick], Any], kind: int) -> Any:
    def report(spent: Spent) -> None:
        if _Worker.stop.is_set():
            raise KeyboardInterrupt("stopped; what had ended is kept, and the same call goes on")
        with _Worker.counts.get_lock():
            for at, value in enumerate(spent, WIDTH * kind):
                _Worker.counts[at] += value

    tick = Timed(report)
    found = work(tick)
    tick(0)  # what came after the last step
    return found
