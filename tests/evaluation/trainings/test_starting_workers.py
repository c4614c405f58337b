"""Ctrl-C while worker processes start: they do not hear it, and this process does."""

from __future__ import annotations

import os
import signal

import pytest

from ganaug.evaluation.trainings.meter import Meter
from ganaug.evaluation.trainings.workers import Processes

pytestmark = [
    pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no masks on this system"),
    pytest.mark.usefixtures("ctrl_c_is_heard"),
]


def test_a_worker_that_starts_does_not_hear_ctrl_c(capfd: pytest.CaptureFixture[str]) -> None:
    """It would end with a traceback, from within the import of torch."""
    with Processes(1, 1, ()) as submit:
        future = submit(callable, "", Meter([], None))
        for process in submit.pool._processes.values():
            os.kill(int(process.pid or 0), signal.SIGINT)
        assert future.result() is True
    assert capfd.readouterr().err == ""
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
