"""The other processes that torchrun started: the first one runs a command, and hands them work.

Each of them does one piece of work at a time, in a worker process of its own as `workers.py` starts
them, and sends back how far it is and what came of it. So nothing that is trained sees torchrun,
and its numbers are those of any other worker.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, NamedTuple

import torch
import torch.distributed as dist

from ganaug.errors import GanaugError
from ganaug.evaluation.trainings.meter import Meter, Spent, Tick
from ganaug.evaluation.trainings.workers import Processes, Submit
from ganaug.launch import Place
from ganaug.wording import one_line

__all__ = ["Shared", "found_others", "shared_work"]

PATIENCE = timedelta(days=7)  # for a piece of work
POLL = 0.2  # seconds
Work = Callable[[Tick], Any]


class _Task(NamedTuple):
    """A piece of work for another process; None in its place: there is no more."""

    threads: int
    work: Work


class _Steps(NamedTuple):
    """What a piece of work has done since it last said so."""

    spent: Spent


class _Done(NamedTuple):
    """What came of a piece of work."""

    result: Any


class _Failed(NamedTuple):
    """Why nothing came of it."""

    error: BaseException


class _Link:
    """What this process and process `rank` tell each other."""

    def __init__(self, rank: int, group: Any) -> None:
        self.rank, self.group = rank, group

    def send(self, word: _Task | _Steps | _Done | _Failed | None) -> None:
        with self._answered():
            dist.send_object_list([word], self.rank, self.group)

    def receive(self) -> Any:
        told: list[Any] = [None]
        with self._answered():
            dist.recv_object_list(told, self.rank, self.group)
        return told[0]

    @contextmanager
    def _answered(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:  # of torch.distributed, which has no narrower one
            raise GanaugError(
                f"process {self.rank} ended ({one_line(error, 80)}); what had ended is kept, and"
                " the same command goes on"
            ) from error


class _Other:
    """Another process, as the first one sees it."""

    def __init__(self, link: _Link) -> None:
        self.link, self.busy = link, False
        self.steps: queue.SimpleQueue[tuple[Meter, Spent, str]] = queue.SimpleQueue()

    def start(self, work: Work, kind: str, meter: Meter, threads: int) -> Future[Any]:
        future: Future[Any] = Future()
        self.busy = True
        threading.Thread(
            target=self._follow, args=(future, work, kind, meter, threads), daemon=True
        ).start()
        return future

    def _follow(
        self, future: Future[Any], work: Work, kind: str, meter: Meter, threads: int
    ) -> None:
        try:
            self.link.send(_Task(threads, work))
            while isinstance(told := self.link.receive(), _Steps):
                self.steps.put((meter, told.spent, kind))
        except Exception as error:  # as a future does: told where its result is asked for
            told = _Failed(error)
        self.busy = False
        if isinstance(told, _Failed):
            future.set_exception(told.error)
        else:
            future.set_result(told.result)


class Shared:
    """Starts work in one of the `others` that is free, else near.

    Args:
        near: the worker processes of this one.
        others, threads: of the command.
    """

    def __init__(self, near: Submit, others: Sequence[_Other], threads: int) -> None:
        self.near, self.others, self.threads = near, others, threads

    def __call__(self, work: Work, kind: str, meter: Meter) -> Future[Any]:
        """As `Submit` says."""
        free = next((other for other in self.others if not other.busy), None)
        if free is None:
            return self.near(work, kind, meter)
        return free.start(work, kind, meter, self.threads)

    def update(self) -> None:
        """As `Submit` says."""
        self.near.update()
        for other in self.others:
            with suppress(queue.Empty):
                while True:
                    meter, spent, kind = other.steps.get_nowait()
                    meter.advance(spent, kind)


_others: list[_Other] = []


def found_others() -> Sequence[_Other]:
    """Return the other processes that wait for work; none without torchrun."""
    return _others


@contextmanager
def shared_work(here: Place) -> Iterator[bool]:
    """Join the processes that torchrun started; yield whether this one is to run the command.

    In the others the block begins when the first one has left it.
    """
    dist.init_process_group("gloo", timeout=PATIENCE)
    groups = [dist.new_group([0, rank], timeout=PATIENCE) for rank in range(1, here.size)]
    links = [_Link(rank, group) for rank, group in enumerate(groups, 1)]
    try:
        if here.rank > 0:
            _take_gpu(here.local)
            _serve(_Link(0, groups[here.rank - 1]))
            yield False
            return
        _others[:] = map(_Other, links)
        try:
            yield True
        finally:
            for link in links:
                with suppress(GanaugError):
                    link.send(None)
    finally:
        _others.clear()
        dist.destroy_process_group()


def _take_gpu(local: int) -> None:
    """Let worker processes of this one see one GPU: its own, where there are as many."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    found = named.split(",") if named else [str(i) for i in range(torch.cuda.device_count())]
    if found:
        os.environ["CUDA_VISIBLE_DEVICES"] = found[local % len(found)]


class _Sent(Meter):
    """Tells the first process what a worker did."""

    def __init__(self, link: _Link) -> None:
        super().__init__([], None)
        self.link = link

    def advance(self, spent: Spent, kind: str) -> None:
        """Send it on."""
        if any(spent):
            self.link.send(_Steps(spent))


def _serve(link: _Link) -> None:
    """Do the work that the first process hands out, until it says that there is no more."""
    task = link.receive()
    if task is None:
        return
    with Processes(1, task.threads, ()) as submit:
        while task is not None:
            future = submit(task.work, "", _Sent(link))
            while not future.done():
                with suppress(TimeoutError):
                    future.exception(POLL)
                submit.update()
            error = future.exception()
            link.send(_Done(future.result()) if error is None else _Failed(error))
            task = link.receive()
