"""Forked workers that try cases one by one, so that a crash or a hang is counted and not suffered.

A worker tries up to 500 cases and tells of each. Where it falls silent or dies, the case that it
was at is counted, and another worker goes on behind it.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

__all__ = ["Result", "forked", "tried"]

MOST_CASES = 500  # of one worker
MOST_SECONDS = 20.0  # of work on one case
PATIENCE = 6  # times as long on the clock
MOST_MEMORY = 2 * 2**20  # KiB


@dataclass(frozen=True)
class Result:
    """What came of a case.

    Attributes:
        case: its number.
        outcome: "success", "refused", "traceback", "crash", "hang" or "memory".
        past: whether it came past the first check.
        stray: a file that was written where none may be, or nothing.
        detail: the last lines of the traceback, or the signal.
    """

    case: int
    outcome: str
    past: bool = False
    stray: str = ""
    detail: str = ""


Attempt = Callable[[int], Result]


def tried(attempt: Attempt, cases: range) -> Iterator[Result]:
    """Yield the result of each case."""
    at = cases.start
    while at < cases.stop:
        part = range(at, min(at + MOST_CASES, cases.stop))
        for result in _worker(attempt, part):
            yield result
            at = result.case + 1


def _worker(attempt: Attempt, cases: range) -> Iterator[Result]:
    """Yield results until the cases are done, or one of them ended the worker."""
    reading, writing = os.pipe()
    child = forked(lambda: _work(attempt, cases, writing))
    os.close(writing)
    done = cases.start
    rest = b""
    ended = False
    while done < cases.stop and not ended:
        if not _heard(child, reading):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(reading)
            yield Result(done, "hang")
            return
        chunk = os.read(reading, 2**16)
        ended = not chunk
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            result = Result(**json.loads(line))
            done = result.case + 1
            yield result
    os.close(reading)
    status = os.waitpid(child, 0)[1]
    if status:
        yield Result(done, "crash", detail=f"status {status}")


def _heard(child: int, reading: int) -> bool:
    """Wait for a word of the worker; False where it worked, or slept, for too long without one.

    Too long is `MOST_SECONDS` of its own work: on a machine that does other work, a case waits for
    its turn. One that waits for what never comes does no work, and has `PATIENCE` times as long.
    """
    before = _worked(child)
    for _ in range(PATIENCE):
        if select.select([reading], [], [], MOST_SECONDS)[0]:
            return True
        if _worked(child) - before >= 0.9 * MOST_SECONDS:
            return False
    return False


def _worked(child: int) -> float:
    """Seconds of processor time that a process has taken."""
    with open(f"/proc/{child}/stat", encoding="ascii", errors="replace") as stream:
        fields = stream.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def forked(work: Callable[[], None]) -> int:
    """Run `work` in a fork of this process, which says nothing; return its number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads in this process, which do nothing
        child = os.fork()
    if child:
        return child
    code = 1
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        work()
        code = 0
    finally:
        os._exit(code)


def _work(attempt: Attempt, cases: range, writing: int) -> None:
    first = _peak()
    for case in cases:
        try:
            result = attempt(case)
        except BaseException:
            lines = traceback.format_exc().strip().splitlines()
            result = Result(case, "traceback", detail=" | ".join(lines[-5:])[-600:])
        peak = _peak()
        if peak > first + MOST_MEMORY:
            result = Result(case, "memory", detail=f"{peak} KiB")
        os.write(writing, json.dumps(result.__dict__).encode() + b"\n")
        if result.outcome == "memory":
            break  # its peak would hide those of later cases


def _peak() -> int:
    """KiB of memory that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
