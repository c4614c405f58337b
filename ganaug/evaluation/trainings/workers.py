"""Where trainings run: in this process, or in spawned ones; a clean Ctrl-C in both."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import connection
from typing import Any, Protocol

import torch

from ganaug.errors import ConfigError, GanaugError, checked_count
from ganaug.evaluation.classifiers import Classifier
from ganaug.evaluation.trainings.meter import Meter, Spent, Tick, Timed
from ganaug.launch import cores
from ganaug.wording import one_line

__all__ = ["Processes", "Submit", "in_this_process", "torch_threads", "worker_count"]

_log = logging.getLogger(__name__)
ON_A_GPU, MOST_JOBS = 4, 1024  # worker processes
WIDTH = len(Spent._fields)


def worker_count(jobs: int | None, device: str = "cpu") -> int:
    """Return the number of worker processes: `jobs`, or one for each core.

    On a GPU there are no more than four by default: each takes memory for a context of its own, and
    they share one chip.

    Raises:
        ConfigError: `jobs` is no whole number from 1 to 1,024.
    """
    if jobs is None:
        return cores() if device == "cpu" else min(cores(), ON_A_GPU)
    return checked_count("jobs", jobs, "leave it out for one for each core", MOST_JOBS)


class Submit(Protocol):
    """Starts work, and tells a meter what is done."""

    def __call__(self, work: Callable[[Tick], Any], kind: str, meter: Meter) -> Future[Any]:
        """Start `work`, a picklable function of a tick, whose steps are of `kind`."""

    def update(self) -> None:
        """Tell the meters what was done since the last call. Call now and then."""


@contextmanager
def torch_threads(threads: int) -> Iterator[int]:
    """Let torch have so many threads in the block; yield how many it had."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield before
    finally:
        torch.set_num_threads(before)


@contextmanager
def in_this_process(threads: int) -> Iterator[Submit]:
    """Run each piece of work at once, in this process, with `threads` threads of torch."""
    with torch_threads(threads):
        yield _Inline()


class _Inline:
    def __call__(self, work: Callable[[Tick], Any], kind: str, meter: Meter) -> Future[Any]:
        future: Future[Any] = Future()
        tick = Timed(lambda spent: meter.advance(spent, kind))
        future.set_result(work(tick))
        tick(0)  # what came after the last step
        return future

    def update(self) -> None:
        pass


@dataclass
class _Place:
    """What one of the worker processes does: of which kind, who is told, and what was told."""

    future: Future[Any]
    kind: str
    meter: Meter
    told: Spent


class Processes:
    """Spawned worker processes, which start as work comes and stay for more.

    Leaving the block, also by Ctrl-C, ends them. One classifier of the user's script decides for
    all work whether they import the script.

    Args:
        workers: how many at most. No more pieces of work are at work at once.
        threads: of torch in each.
        classifiers: that are trained there.

    Raises:
        ConfigError: where work is started: a worker process cannot import a classifier.
        GanaugError: on leaving: a worker process was killed.
    """

    def __init__(self, workers: int, threads: int, classifiers: Iterable[Classifier]) -> None:
        self.classifiers = tuple(classifiers)
        context = multiprocessing.get_context("spawn")
        self.stop = context.Event()
        # `Spent` at each place, ever growing
        self.counts: Any = context.Array("d", WIDTH * workers)
        self.places: list[_Place | None] = [None] * workers
        self.pool = ProcessPoolExecutor(
            workers,
            mp_context=context,
            initializer=_start_worker,
            initargs=(self.stop, self.counts, threads),
        )

    @cached_property
    def main_needed(self) -> bool:
        """Whether a classifier is defined in the user's script; asked for with the first work."""
        return any(map(_is_of_main, self.classifiers))

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self.stop.set()
        if isinstance(error, KeyboardInterrupt) and any(self.places):
            _log.info("stopping: waiting for the worker processes to end")
        self.pool.shutdown(wait=True, cancel_futures=True)
        if isinstance(error, BrokenProcessPool):
            raise GanaugError(
                "a worker process ended before its job did; allowed: enough memory for all workers,"
                " and a script that starts its work under `if __name__ == '__main__':`; try jobs=1"
            ) from error

    def __call__(self, work: Callable[[Tick], Any], kind: str, meter: Meter) -> Future[Any]:
        """As `Submit` says."""
        at = next(i for i, place in enumerate(self.places) if place is None or place.future.done())
        self.update()  # with the last steps of what was there
        with _interrupts_later(), nullcontext() if self.main_needed else _hidden_main():
            future = self.pool.submit(_in_worker, work, at)
        self.places[at] = _Place(future, kind, meter, self._counted()[at])
        return future

    def update(self) -> None:
        """As `Submit` says."""
        for place, spent in zip(self.places, self._counted(), strict=True):
            if place is not None and spent != place.told:
                place.meter.advance(spent.minus(place.told), place.kind)
                place.told = spent

    def _counted(self) -> list[Spent]:
        with self.counts.get_lock():
            values = list(self.counts)
        return [Spent(*values[at : at + WIDTH]) for at in range(0, len(values), WIDTH)]


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


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Let Ctrl-C wait until the block is left; processes that start in it do not hear it.

    Ctrl-C reaches all processes of a terminal. One that still imports torch, and has not come to
    `_start_worker`, would end with a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Worker:
    """What a worker process was started with."""

    stop: Any = None
    counts: Any = None


def _start_worker(stop: Any, counts: Any, threads: int) -> None:
    _Worker.stop, _Worker.counts = stop, counts
    torch.set_num_threads(threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when to stop
    if hasattr(signal, "pthread_sigmask"):  # what waited is forgotten
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    parent = multiprocessing.parent_process()
    if parent is not None:
        sentinel = parent.sentinel

        def follow_parent() -> None:
            connection.wait([sentinel])
            os._exit(1)

        threading.Thread(target=follow_parent, daemon=True).start()


def _in_worker(work: Callable[[Tick], Any], place: int) -> Any:
    def go_on() -> None:
        if _Worker.stop.is_set():
            raise KeyboardInterrupt("stopped; what had ended is kept, and the same call goes on")

    def report(spent: Spent) -> None:
        go_on()
        with _Worker.counts.get_lock():
            for at, value in enumerate(spent, WIDTH * place):
                _Worker.counts[at] += value

    go_on()  # a process may take long to start
    tick = Timed(report)
    try:
        found = work(tick)
    except Exception as error:
        if not _can_be_sent(error):
            raise GanaugError(
                f"{type(error).__name__}: {one_line(str(error))} (in a worker process, which"
                " cannot send the error itself; allowed: one that can be pickled; try jobs=1)"
            ) from error
        raise
    tick(0)  # what came after the last step
    return found


def _can_be_sent(error: Exception) -> bool:
    """Whether another process can read it; one that it cannot read would end all work."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return False
    return True
