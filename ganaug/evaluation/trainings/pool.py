"""Jobs side by side: worker processes, kept results, the time left, a clean Ctrl-C."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from multiprocessing import connection
from pathlib import Path
from typing import Any, Protocol

import torch

from ganaug.artifact.reader import read_artifact
from ganaug.errors import ConfigError, GanaugError
from ganaug.evaluation.classifiers.estimator import UserLoop
from ganaug.evaluation.classifiers.network import classifier_name
from ganaug.evaluation.trainings.generators import Refit, Tick
from ganaug.evaluation.trainings.run import (
    Job,
    Outcome,
    load_outcome,
    result_path,
    run_job,
    save_outcome,
)
from ganaug.files import make_folder

__all__ = ["Meter", "Progress", "run_all", "worker_count"]

Progress = Callable[[int, int, float | None], None]
ON_A_GPU = 4  # worker processes


class Meter:
    """Counts the steps of all trainings and calls back with (done, total, seconds left)."""

    def __init__(self, total: int, callback: Progress | None) -> None:
        self.total, self.callback = total, callback
        self.done = self.timed = 0
        self.started = self.shown = time.monotonic()

    def advance(self, steps: int, *, timed: bool = True) -> None:
        """Count `steps`; those of kept results are not `timed`."""
        self.done += steps
        self.timed += steps if timed else 0
        now = time.monotonic()
        if now - self.shown > 0.2:
            self.shown = now
            self.show()

    def finish(self) -> None:
        """Say that all is done."""
        self.done = self.total
        self.show()

    def show(self) -> None:
        """Call back with what is known."""
        if self.callback is None:
            return
        left = None
        if self.timed:
            elapsed = time.monotonic() - self.started
            left = elapsed / self.timed * max(0, self.total - self.done)
        self.callback(min(self.done, self.total), self.total, left)


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


def run_all(
    jobs: Iterable[Job],
    refits: dict[int, Refit],
    *,
    workers: int,
    folder: Path,
    meter: Meter,
    threads: int = 1,
) -> dict[tuple[int, str], Outcome]:
    """Run every job and return its outcome by (seed, arm); outcomes in `folder` are not recomputed.

    Arms that come to the same training, see `Job.effective`, share one.

    Args:
        jobs: what to train and judge.
        refits: by seed, the generator that the seed's jobs with a generator wait for.
        workers: processes; with 1, or with a single thing to do, all runs in this process.
        folder: keeps each outcome as it ends.
        meter: told of every step.
        threads: of torch in each process.

    Raises:
        KeyboardInterrupt: interrupted; what had ended is kept, and the same call goes on.
        GanaugError: a worker process was killed.
    """
    make_folder(folder)
    jobs = list(jobs)
    wanted: dict[tuple[int, str], str] = {}  # -> identity of the job
    outcomes: dict[str, Outcome] = {}  # by identity
    queued: set[str] = set()
    queue: deque[Job | Refit] = deque()
    waiting: dict[int, list[Job]] = {seed: [] for seed in refits}

    def enter(asked: Job) -> None:
        job = asked.effective()
        identity = wanted[asked.seed, asked.arm.name] = job.identity()
        kept = outcomes.get(identity) or load_outcome(result_path(folder, job), job)
        if kept is not None:
            outcomes[identity] = kept
        elif identity not in queued:
            queued.add(identity)
            queue.append(job)
            return
        meter.advance(job.schedule.steps, timed=False)

    for job in jobs:
        if job.arm.free or job.seed not in refits:
            enter(job)
        else:
            waiting[job.seed].append(job)
    # Generators take longest, and others wait for them: they start first.
    queue.extendleft(refit for seed, refit in reversed(refits.items()) if waiting[seed])

    single = workers == 1 or len(queue) + sum(map(len, waiting.values())) <= 1
    classifiers = [
        *(job.classifier for job in jobs),
        *(each.classifier for each in refits.values()),
    ]
    pool = _inline(meter, threads) if single else _pool(workers, meter, threads, classifiers)
    with pool as submit:
        running: dict[Future[Any], Job | Refit] = {}
        while queue or running:
            while queue and len(running) < (1 if single else workers):
                item = queue.popleft()
                running[submit(item, folder)] = item
            ended, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            submit.update()
            for future in ended:
                item, result = running.pop(future), future.result()
                if isinstance(item, Job):
                    outcomes[item.identity()] = result
                else:
                    digest = read_artifact(result)[2]
                    for job in waiting[item.seed]:
                        enter(replace(job, artifact=result, artifact_hash=digest))
    return {key: outcomes[identity] for key, identity in wanted.items()}


def _execute(item: Job | Refit, folder: Path, tick: Tick) -> Outcome | Path:
    if isinstance(item, Refit):
        return item.run(tick)
    outcome = run_job(item, lambda: tick(1))
    if isinstance(item.classifier, UserLoop):  # its own steps are not seen: all count at its end
        tick(item.schedule.steps)
    save_outcome(result_path(folder, item), item, outcome)
    return outcome


class _Submit(Protocol):
    def __call__(self, item: Job | Refit, folder: Path) -> Future[Any]: ...

    def update(self) -> None: ...


class _InlineSubmit:
    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def __call__(self, item: Job | Refit, folder: Path) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(_execute(item, folder, self.meter.advance))
        return future

    def update(self) -> None:
        pass


@contextmanager
def _inline(meter: Meter, threads: int) -> Iterator[_Submit]:
    """Run each item at once, in this process."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield _InlineSubmit(meter)
    finally:
        torch.set_num_threads(before)


class _PoolSubmit:
    def __init__(
        self, pool: ProcessPoolExecutor, counter: Any, meter: Meter, main_needed: bool
    ) -> None:
        self.pool, self.counter, self.meter = pool, counter, meter
        self.main_needed, self.seen = main_needed, 0

    def __call__(self, item: Job | Refit, folder: Path) -> Future[Any]:
        with nullcontext() if self.main_needed else _hidden_main():
            return self.pool.submit(_in_worker, item, folder)

    def update(self) -> None:
        now = self.counter.value
        self.meter.advance(now - self.seen)
        self.seen = now


@contextmanager
def _pool(
    workers: int, meter: Meter, threads: int, classifiers: Iterable[Any]
) -> Iterator[_Submit]:
    """Run items in spawned processes; leaving the block, also by Ctrl-C, ends them.

    A process is there for all items, so that one classifier of the user's script decides for all.
    """
    main_needed = any(map(_is_of_main, classifiers))
    context = multiprocessing.get_context("spawn")
    stop, counter = context.Event(), context.Value("q", 0)
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=_start_worker, initargs=(stop, counter, threads)
    )
    try:
        yield _PoolSubmit(pool, counter, meter, main_needed)
    except BrokenProcessPool as error:
        raise GanaugError(
            "a worker process ended before its job did; allowed: enough memory for all workers, and"
            " a script that starts its work under `if __name__ == '__main__':`; try jobs=1"
        ) from error
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _is_of_main(classifier: Any) -> bool:
    """Return whether a classifier is defined in the user's script, which a worker then imports."""
    if classifier is None or isinstance(classifier, str):
        return False
    made_of = classifier.train_fn if isinstance(classifier, UserLoop) else classifier
    try:
        return b"__main__" in pickle.dumps(made_of)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ConfigError(
            f"classifier {classifier_name(classifier)}: a worker process cannot import it;"
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
    counter: Any = None


def _start_worker(stop: Any, counter: Any, threads: int) -> None:
    _Worker.stop, _Worker.counter = stop, counter
    torch.set_num_threads(threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when to stop
    parent = multiprocessing.parent_process()
    if parent is not None:
        sentinel = parent.sentinel

        def follow_parent() -> None:
            connection.wait([sentinel])
            os._exit(1)

        threading.Thread(target=follow_parent, daemon=True).start()


def _in_worker(item: Job | Refit, folder: Path) -> Outcome | Path:
    return _execute(item, folder, _tick)


def _tick(steps: int) -> None:
    if _Worker.stop.is_set():
        raise KeyboardInterrupt("stopped; what had ended is kept, and the same call goes on")
    with _Worker.counter.get_lock():
        _Worker.counter.value += steps
