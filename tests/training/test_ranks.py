"""Several processes train as one does: the same gradients, one writer, one end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.photos import TINY, write_photos
from helpers.rank_cases import CONFIGS, IMAGES, steps
from helpers.ranks import ended, start
from helpers.short_runs import SHORT, weights

from ganaug.launch import Place, alone, place
from ganaug.training import checkpoint, fit
from ganaug.training.ranks import Ranks

ROOT = Path(__file__).parent.parent.parent
COUNT = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where two processes ran all cases; `begun` is a run of which one process did 4 steps."""
    folder = tmp_path_factory.mktemp("ranks")

    def interrupt(step: int, total: int, row: dict[str, Any]) -> None:
        if step == 4:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit(IMAGES, folder / "begun", progress=interrupt, **SHORT)
    for code, told in ended(start(COUNT, ["-m", "helpers.rank_cases", str(folder)])):
        assert code == 0, told
    return folder


@pytest.fixture(scope="module")
def found(folder: Path) -> list[dict[str, Any]]:
    return [torch.load(folder / f"rank-{rank}.pt") for rank in range(COUNT)]


@pytest.mark.parametrize("name", CONFIGS)
def test_two_halves_of_a_batch_give_the_gradients_of_the_whole(
    found: list[dict[str, Any]], name: str
) -> None:
    alone = steps(CONFIGS[name], 1)[0]
    mine, other = (each[name] for each in found)
    assert alone.keys() == mine[0].keys()
    for key, value in alone.items():
        torch.testing.assert_close(mine[0][key], value, rtol=1e-4, atol=1e-6, msg=key)
    for step in range(2):  # and every process makes the same update, to the bit
        for key, value in mine[step].items():
            assert torch.equal(value, other[step][key]), key


def test_any_number_of_processes_goes_on_with_any_checkpoint(
    folder: Path, found: list[dict[str, Any]]
) -> None:
    record = checkpoint.read(folder / "begun")
    assert record is not None
    assert record.step == SHORT["steps"]
    assert [each["part"] for each in found] == [
        ("KeyboardInterrupt", "stopped after step 4 of 6; the same command resumes")
    ] * COUNT
    record = checkpoint.read(folder / "part")
    assert record is not None
    assert record.step == 4  # rank 0 was told to stop, and no other
    fit(IMAGES, folder / "part", **SHORT)
    whole = weights(fit(IMAGES, folder / "whole", **SHORT))
    for name in ("begun", "part"):
        log = (folder / name / "metrics.jsonl").read_text(encoding="utf-8")
        rows = [json.loads(row) for row in log.splitlines()]
        assert [row["step"] for row in rows] == [2, 4, 6]
        for key, value in weights(folder / name).items():
            # Adam's first steps are as long for a small gradient as for a large one.
            torch.testing.assert_close(value, whole[key], rtol=0, atol=0.02, msg=key)


def test_the_first_process_may_be_busy_for_longer_than_it_may_be_silent(
    found: list[dict[str, Any]],
) -> None:
    assert [each["busy"] for each in found] == ["done"] * COUNT


def test_what_goes_wrong_ends_all_and_is_told_once(
    folder: Path, found: list[dict[str, Any]]
) -> None:
    first, second = found
    assert first["file"] == (
        "RunError",
        f"{folder}/file: cannot be created (Not a directory); choose another output folder",
    )
    kind, line = first["diverged"]
    assert kind == "GanaugError"
    assert line.startswith("training stopped at step 1 after 3 rollbacks: the gradient of")
    assert second["diverged"] == ("ToldElsewhereError", line)
    for each in found:
        assert each["other"][0] == "RunError"
        assert each["other"][1].startswith("images: not the same in all 2 processes")
        assert each["groups"][1].startswith("groups: not the same in all 2 processes")
        assert each["few"] == (
            "ConfigError",
            "batch_size: 1 is less than the 2 processes that share it; choose 2 or more, or start"
            " fewer",
        )
    assert not (folder / "other").exists()


def long_training(run: Path) -> list[subprocess.Popen[str]]:
    """Start a training that never ends by itself; return when it has a checkpoint."""
    long = ["--steps", "100000", "--set", "checkpoint_every=1", "--set", "log_every=2"]
    small = ["--preset", "tiny", "--batch-size", "4", "--set", "width=8"]
    photos = write_photos(run.parent / "photos", test=True)
    given = ["fit", str(photos), "--out", str(run), "--device", "cpu", *small, *long]
    processes = start(COUNT, ["-m", "ganaug", *given])
    assert processes[0].stderr is not None
    told = next(line for line in processes[0].stderr if "training the generator " in line)
    assert told.startswith("training the generator 2/100000")
    return processes


def check_the_end(run: Path, rank: int, told: str) -> None:
    line = told.splitlines()[-1]
    assert line.startswith(f"ganaug: error: process {rank} of 2: another one ended or does not")
    assert line.endswith("the last checkpoint stands; the same command resumes")
    record = checkpoint.read(run)
    assert record is not None
    assert record.step >= 1


def test_a_killed_process_ends_the_others_and_leaves_the_checkpoint(tmp_path: Path) -> None:
    processes = long_training(tmp_path / "run")
    processes[1].kill()
    (code, told), (killed, _) = ended(processes)
    assert (code, killed) == (1, -signal.SIGKILL)
    check_the_end(tmp_path / "run", 0, told)


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be made to stand still")
@pytest.mark.parametrize("still", range(COUNT))
def test_a_process_that_stands_still_ends_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, still: int
) -> None:
    monkeypatch.setenv("GANAUG_MAX_SILENCE_SECONDS", "4")
    processes = long_training(tmp_path / "run")
    processes[still].send_signal(signal.SIGSTOP)
    other = 1 - still
    try:
        ((code, told),) = ended([processes[other]])
    finally:
        processes[still].kill()
        processes[still].communicate()
    assert code == 1, told
    check_the_end(tmp_path / "run", other, told)


def test_the_command_of_the_documentation_trains_and_rank_0_alone_speaks(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "large.md").read_text(encoding="utf-8")
    program, *words = page.partition("```sh\n")[2].partition("\n```")[0].split()
    assert program == "torchrun"
    write_photos(tmp_path / "photos", test=True)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", *words, *TINY),
            *("--steps", "2", "--device", "cpu", "--cache", "cache"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    kinds = ("ganaug:", "training the generator ", "reading")
    lines = [line for line in done.stderr.splitlines() if line.startswith(kinds)]
    assert lines[-4].startswith("ganaug: 22 images to train on, 3 classes, 24x24 RGB")
    assert lines[-3].startswith("training the generator 2/2, ")
    assert lines[-2].startswith("ganaug: 2 steps: the preset tiny takes 1,200; ")
    assert lines[-1] == "ganaug: trained; next: ganaug export runs/photos photos.onnx"
    assert len((tmp_path / "runs" / "photos" / "metrics.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize("count", [1, 7, 32])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_rows_are_shared_out_once(count: int, size: int) -> None:
    parts = [np.arange(count)[Ranks(rank, size).rows(count)] for rank in range(size)]
    assert np.concatenate(parts).tolist() == list(range(count))
    lengths = [len(part) for part in parts]
    assert max(lengths) - min(lengths) <= 1


def test_only_what_torchrun_started_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")  # as clusters set it for programs of their own
    monkeypatch.delenv("RANK", raising=False)
    assert place() == Place(0, 1, 0)
    for name, value in (("RANK", "3"), ("LOCAL_RANK", "1"), ("MASTER_ADDR", "a")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_PORT", "1")
    assert place() == Place(3, 4, 1)
    with alone():
        assert place() == Place(0, 1, 0)
    assert place() == Place(3, 4, 1)
