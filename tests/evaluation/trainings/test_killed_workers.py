"""Worker processes that end early, or fail: what had ended is kept, and the same call goes on."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.small_comparisons import files, linear, run

from ganaug import TrainingLoop
from ganaug.errors import GanaugError
from ganaug.evaluation.trainings import workers
from ganaug.evaluation.trainings.batches import ArmImages
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


class TwoParts(Exception):  # noqa: N818 # as a user might
    """An error that is pickled with one argument, and made with two."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first}\n{second}")


class Locked(Exception):  # noqa: N818
    """An error that cannot be pickled at all."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock = threading.Lock()


def two_parts(images: ArmImages, seed: int) -> None:
    raise TwoParts("no weights", "for seed 0")


def locked(images: ArmImages, seed: int) -> None:
    raise Locked("no weights for seed 0")


def plain_error(images: ArmImages, seed: int) -> None:
    raise KeyError("no weights for seed 0")


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


@pytest.mark.parametrize("loop", [two_parts, locked])
def test_an_error_that_cannot_leave_its_process_is_told_by_type_and_text(
    images: ImageSet, loop: Any
) -> None:
    asked = {"classifier": TrainingLoop(loop), "baseline": "plain", "jobs": 2}
    with pytest.raises(GanaugError, match=r"(TwoParts|Locked): no weights for seed 0") as caught:
        run(None, images, **asked)
    assert "try jobs=1" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_any_other_error_of_a_loop_leaves_its_process_as_it_is(images: ImageSet) -> None:
    with pytest.raises(KeyError, match="no weights for seed 0"):
        run(None, images, classifier=TrainingLoop(plain_error), baseline="plain", jobs=2)


def test_ctrl_c_ends_the_workers_and_what_had_ended_is_kept(
    images: ImageSet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ganaug")

    def press(done: int, total: int, left: float | None) -> None:
        if files(tmp_path):
            signal.raise_signal(signal.SIGINT)

    asked = {"out": tmp_path, "baseline": "plain", "seeds": 12}
    with pytest.raises(KeyboardInterrupt):
        run(None, images, jobs=2, progress=press, **asked)
    assert multiprocessing.active_children() == []
    assert "stopping: waiting for the worker processes to end" in caplog.text
    kept = files(tmp_path)
    assert 0 < len(kept) < 24
    run(None, images, jobs=1, **asked)
    after = files(tmp_path)
    assert len(after) == 24
    assert kept.items() <= after.items()
