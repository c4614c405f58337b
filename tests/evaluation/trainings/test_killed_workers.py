"""Worker processes that end early: what had ended is kept, and the same call goes on."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest
import torch
from helpers.small_comparisons import files, linear, run

from ganaug.errors import GanaugError
from ganaug.evaluation.trainings import workers
from ganaug.images import ImageSet

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system"),
    pytest.mark.usefixtures("ctrl_c_is_heard"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork"),
]


class Killed:
    """A factory of networks whose process is killed where it has seen a result, as by the system.

    Only in a worker: the same call goes on in this process.
    """

    def __init__(self, out: Path) -> None:
        self.out = out

    def __repr__(self) -> str:  # results are kept by name; an address is none
        return "Killed()"

    def __call__(self, channels: int, classes: int, size: tuple[int, int]) -> torch.nn.Module:
        if multiprocessing.parent_process() is not None and any(self.out.rglob("*.npz")):
            os.kill(os.getpid(), signal.SIGKILL)
        return linear(channels, classes, size)


@pytest.fixture(autouse=True)
def _forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are forked here, which starts them in no time."""
    forked = multiprocessing.get_context("fork")
    monkeypatch.setattr(workers.multiprocessing, "get_context", lambda method: forked)


def test_a_killed_worker_is_told_and_what_had_ended_is_kept(
    images: ImageSet, tmp_path: Path
) -> None:
    asked = {"classifier": Killed(tmp_path), "out": tmp_path, "baseline": "plain", "seeds": 3}
    with pytest.raises(GanaugError, match="a worker process ended before its job did") as caught:
        run(None, images, jobs=2, **asked)
    assert "try jobs=1" in str(caught.value)
    kept = files(tmp_path)
    assert 0 < len(kept) < 6
    report = run(None, images, jobs=1, **asked)
    assert report.seeds == (0, 1, 2)
    after = files(tmp_path)
    assert len(after) == 6
    assert kept.items() <= after.items()


def test_ctrl_c_ends_the_workers_and_what_had_ended_is_kept(
    images: ImageSet, tmp_path: Path
) -> None:
    def press(done: int, total: int, left: float | None) -> None:
        if files(tmp_path):
            signal.raise_signal(signal.SIGINT)

    asked = {"out": tmp_path, "baseline": "plain", "seeds": 12}
    with pytest.raises(KeyboardInterrupt):
        run(None, images, jobs=2, progress=press, **asked)
    assert multiprocessing.active_children() == []
    kept = files(tmp_path)
    assert 0 < len(kept) < 24
    run(None, images, jobs=1, **asked)
    after = files(tmp_path)
    assert len(after) == 24
    assert kept.items() <= after.items()
