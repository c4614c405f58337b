"""Ctrl-C while a generator trains: the step is finished, then it stops."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["interruptible", "interruption"]


def interruption(step: int, steps: int) -> str:
    """Return what a run says that stopped after `step` of `steps`."""
    return f"stopped after step {step} of {steps}; the same command resumes"


@contextmanager
def interruptible(processes: int) -> Iterator[threading.Event]:
    """Turn the first Ctrl-C (or SIGTERM) into an event, so that a step is never torn apart.

    A second Ctrl-C stops at once; the last checkpoint then stands. Not so where torchrun started
    several processes: it hands one Ctrl-C on, and so each hears it twice.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event  # signals reach the main thread only
        return

    def note(number: int, frame: Any) -> None:
        event.set()
        if processes == 1:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {s: signal.signal(s, note) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
