"""In which precision a run computes: what a trial shows, not what a processor announces."""

from __future__ import annotations

import platform
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch

from ganaug.training import precision
from ganaug.training.networks import _Convolutions

BUSY = torch.ones(4, 64, 8, 8)  # 64 filters of 3x3: 0.02 GFLOP forward, as much backward


@pytest.fixture(autouse=True)
def _native(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a processor with bfloat16; and 256 filters are enough to try it."""
    monkeypatch.setattr(precision, "native_bfloat16", lambda: True)
    monkeypatch.setattr(precision, "LEAST_FLOPS", precision.LEAST_FLOPS / 16)


@pytest.mark.parametrize("size", [(8, 8), (32, 8), (8, 16), (10, 6)])
def test_gradients_of_the_narrowest_maps_are_right_in_bfloat16(size: tuple[int, int]) -> None:
    """torch 2.12 leaves some unwritten on AVX512-BF16, so that what lay in memory is trained on."""
    torch.default_generator.manual_seed(0)
    trunk = _Convolutions(1, size, 16, strided=True, kernel=5)
    trunk = trunk.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.rand(8, 1, *size).contiguous(memory_format=torch.channels_last)

    def gradients(dtype: torch.dtype) -> list[torch.Tensor]:
        trunk.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            trunk(images).float().square().sum().backward()
        return [layer.weight.grad.clone() for layer in trunk.layers]

    for _ in range(3):
        for low, full in zip(gradients(torch.bfloat16), gradients(torch.float32), strict=True):
            assert torch.linalg.norm(low - full) < 0.1 * torch.linalg.norm(full)
        junk = [torch.full((64 * 128 * 25,), 1e20, dtype=torch.bfloat16) for _ in range(4)]
        del junk


def trial_of(filters: int, seen: list[torch.dtype]) -> Callable[[], torch.Tensor]:
    layer = torch.nn.Conv2d(64, filters, 3, padding=1)

    def trial() -> torch.Tensor:
        result: torch.Tensor = layer(BUSY)
        seen.append(result.dtype)
        return result

    return trial


@pytest.mark.parametrize(
    ("seconds", "chosen"), [((1.0, 0.5), torch.bfloat16), ((1.0, 1.1), torch.float32)]
)
def test_auto_takes_what_a_trial_shows_to_be_faster(
    monkeypatch: pytest.MonkeyPatch, seconds: tuple[float, float], chosen: torch.dtype
) -> None:
    taken = dict(zip((torch.float32, torch.bfloat16), seconds, strict=True))
    run = trial_of(256, [])
    now = 0.0

    def trial() -> torch.Tensor:
        nonlocal now
        result = run()
        now += taken[result.dtype]
        return result

    monkeypatch.setattr(precision, "time", SimpleNamespace(perf_counter=lambda: now))
    cpu = torch.device("cpu")
    assert precision.choose_precision("auto", cpu, trial) == chosen


def test_a_trial_really_runs_both_ways() -> None:
    seen: list[torch.dtype] = []
    chosen = precision.choose_precision("auto", torch.device("cpu"), trial_of(256, seen))
    assert chosen in set(seen)
    assert {torch.float32, torch.bfloat16} == set(seen)


def test_a_processor_without_bfloat16_tries_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "native_bfloat16", lambda: False)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    seen: list[torch.dtype] = []
    cpu = torch.device("cpu")
    assert precision.choose_precision("auto", cpu, trial_of(256, seen)) == torch.float32
    assert seen == []
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    precision.choose_precision("auto", cpu, trial_of(256, seen))
    assert torch.bfloat16 in seen


def test_little_work_is_done_in_float32_whatever_the_machine_does() -> None:
    """Once, and not timed: there another moment would give another answer."""
    seen: list[torch.dtype] = []
    cpu = torch.device("cpu")
    assert precision.choose_precision("auto", cpu, trial_of(64, seen)) == torch.float32
    assert seen == [torch.float32]
