"""Too little memory: one line with the batch that fits, and the checkpoint stays."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.short_runs import SHORT
from helpers.small_images import bars

from ganaug.errors import GanaugError
from ganaug.training import fit, step
from ganaug.training.dry_run import estimate_fit

PROGRAM = """
import resource, sys
from helpers.short_runs import SHORT
from helpers.small_images import bars
from ganaug.errors import GanaugError
from ganaug.training import fit

fit(bars(), sys.argv[1] + "/warm", **SHORT | {"steps": 1})
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 400 * 2**20, -1))
try:
    fit(bars(), sys.argv[1] + "/run", **SHORT | {"batch_size": int(sys.argv[2]), "width": 4})
except GanaugError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on memory is Linux's")
def test_the_batch_that_fits_is_named(tmp_path: Path) -> None:
    tests = Path(__file__).parent.parent

    def run(batch: int) -> str:
        for _ in range(4):  # native code may crash where memory ends, before torch can tell
            done = subprocess.run(
                [sys.executable, "-c", PROGRAM, str(tmp_path / str(batch)), str(batch)],
                capture_output=True,
                text=True,
                env={"PYTHONPATH": f"{tests.parent}:{tests}", "OMP_NUM_THREADS": "1"},
            )
            if done.returncode != -signal.SIGSEGV:
                break
        assert done.returncode == 0, done.stderr
        return done.stdout

    told = run(2**15)
    start, end = "out of memory: a batch of 32768 does not fit; --batch-size ", " fits; use it with"
    assert told.startswith(start), told
    fitting = int(told.removeprefix(start).partition(end)[0])
    assert fitting in {2**n for n in range(15)}
    assert run(fitting) == ""


@pytest.mark.parametrize("penalty", [0.3, 0.0])
@pytest.mark.parametrize("half", ["_update_generator", "_update_discriminator"])
def test_whichever_half_of_a_step_needs_too_much_the_batch_is_named(
    half: str, penalty: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = getattr(step, half)

    def tight(state: Any, batch: Any, config: Any, fake: torch.Tensor, *more: Any) -> Any:
        if len(fake) > 4:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return update(state, batch, config, fake, *more)

    monkeypatch.setattr(step, half, tight)
    options = SHORT | {"batch_size": 32, "r1": penalty, "r2": penalty}
    with pytest.raises(GanaugError, match="a batch of 32 does not fit; --batch-size 4 fits"):
        fit(bars(), tmp_path / "run", **options)
    with pytest.raises(GanaugError, match="a batch of 32 does not fit; --batch-size 4 fits"):
        estimate_fit(bars(), **options)


def test_a_trial_that_needs_too_much_decides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trial(*given: Any) -> torch.dtype:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("ganaug.training.state.choose_precision", trial)
    run = fit(bars(), tmp_path / "run", **SHORT | {"precision": "auto", "steps": 1})
    assert '"precision": "fp32"' in (run / "config.json").read_text()
