"""`benchmarks.training`: times a training beside the plain loop, which trains the same GAN."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from helpers.here import call_here
from helpers.small_images import bars

from benchmarks import training
from benchmarks._results import result_text
from benchmarks.plain_loop import train_plain
from benchmarks.training import main
from ganaug.training.batches import Batches, Pixels
from ganaug.training.config import make_config
from ganaug.training.state import build_state
from ganaug.training.step import train_step


def test_both_ways_are_timed_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process: those of its own are tested in test_benchmark_timing.py."""
    monkeypatch.setattr(training, "in_a_process", call_here(main))
    path = tmp_path / "cost.json"
    options = ["--preset", "tiny", "--device", "cpu", "--steps", "8", "--processes", "1"]
    options += ["--threads", "1", "--json", str(path)]
    done = CliRunner().invoke(main, options, catch_exceptions=False)
    assert done.exit_code == 0
    found = json.loads(path.read_text())
    assert path.read_text() == result_text(found)
    row = found["devices"]["cpu"]["tiny"]
    rates = row["images_per_s"], row["plain_images_per_s"]
    assert row["ratio"] == pytest.approx(rates[0] / rates[1], abs=0.05)
    assert 0 < row["share_of_matmul_peak"] < 1
    assert min(row["flop_per_image"], row["peak_memory_mb"], row["minutes_of_a_training"]) > 0
    assert found["environment"]["threads"] == 1


@pytest.mark.parametrize("preset", ["base", "tiny", "classic"])
def test_the_plain_loop_trains_the_same_gan(preset: str) -> None:
    """With the penalties at every step, too, `train_step` arrives at the same weights."""
    images = bars((6, 4), (16, 16))
    config = make_config(preset, width=4, latent_dim=4, batch_size=4, penalty_every=1, steps=3)
    images = images if config.conditional else images.merged()
    config, cpu = replace(config, size=images.size), torch.device("cpu")
    plain = train_plain(images, config, 5, cpu)
    state, batches = build_state(config, images, 5, cpu), Batches(images, config, 5)
    pixels = Pixels(images, cpu)
    for step in range(config.steps):
        train_step(state, batches.batch(step, pixels), config, step)
    for ours, theirs in (
        (state.average, plain.average),
        (state.discriminator, plain.discriminator),
    ):
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-5)
