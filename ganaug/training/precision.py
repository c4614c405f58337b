"""In which precision a run computes."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable

import torch
from torch import Tensor

from ganaug.devices import native_bfloat16
from ganaug.errors import DeviceError
from ganaug.work import Work

__all__ = ["choose_precision"]

# On a processor made for it (AVX512-BF16) bfloat16 was 1.0 times as fast for `base` at 8 pixels,
# 1.3 at 16, 1.5 at 24 (1.3 GFLOP) and 1.6 at 28; for smaller networks 1.2 to 1.4 at 28 and 32.
LEAST_FLOPS = 1.2e9
# How many times as fast it has to be. On a CPU trials of that much work are far enough on either
# side that the load of the machine does not decide: 1.4 and more where it is computed natively,
# 0.63 and less where it is emulated (0.1 with AVX2).
FASTER = {"cpu": 1.0, "cuda": 1.3}
TRIALS = 5
X86 = ("x86_64", "AMD64")  # elsewhere torch does not say what is native


def choose_precision(wanted: str, device: torch.device, trial: Callable[[], Tensor]) -> torch.dtype:
    """Return the dtype of autocast: float32 (off) or bfloat16.

    "auto" takes bfloat16 only where `trial` (a forward pass that returns a tensor) and its
    backward pass are faster with it, on a GPU at least 1.3 times: some processors compute it
    natively, others emulate it slowly, and what a processor announces does not tell how fast it is.
    On an x86 CPU that does not announce it, and on a CPU where a trial is little work, it is
    float32 without trying, so that one kind of processor always takes the same.

    Raises:
        DeviceError: "bf16" on a GPU that cannot compute it.
    """
    if wanted == "fp32":
        return torch.float32
    if device.type == "cuda" and not _has_bfloat16(device):
        if wanted == "bf16":
            raise DeviceError(
                "precision: this GPU does not compute bfloat16; allowed: a new run with --set"
                " precision=fp32; one that computes in bfloat16 goes on with --device cpu, or on"
                " such a GPU"
            )
        return torch.float32
    if wanted == "bf16":
        return torch.bfloat16
    if device.type == "cpu":
        if platform.machine() in X86 and not native_bfloat16():
            return torch.float32  # one emulated pass at 64 pixels takes seconds
        with Work() as work:
            trial().float().sum().backward()
        if work.flops < LEAST_FLOPS:
            return torch.float32
    ratio = _ratio(device, trial)
    return torch.bfloat16 if ratio > FASTER[device.type] else torch.float32


def _has_bfloat16(gpu: torch.device) -> bool:
    with torch.cuda.device(gpu):  # torch asks the current one
        return torch.cuda.is_bf16_supported(including_emulation=False)


def _ratio(device: torch.device, trial: Callable[[], Tensor]) -> float:
    """How many times as fast bfloat16 is: least times of passes that take turns."""
    dtypes = (torch.float32, torch.bfloat16)
    for dtype in dtypes:  # to warm up
        _seconds(device, dtype, trial)
    times = [[_seconds(device, dtype, trial) for dtype in dtypes] for _ in range(TRIALS)]
    full, half = map(min, zip(*times, strict=True))
    return full / half


def _seconds(device: torch.device, dtype: torch.dtype, trial: Callable[[], Tensor]) -> float:
    """Time of a forward and a backward pass."""
    begin = time.perf_counter()
    with torch.autocast(device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
        trial().float().sum().backward()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begin
