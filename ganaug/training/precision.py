"""In which precision a run computes."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from ganaug.errors import DeviceError

__all__ = ["choose_precision"]


def choose_precision(wanted: str, device: torch.device, trial: Callable[[], Tensor]) -> torch.dtype:
    """Return the dtype of autocast: float32 (off) or bfloat16.

    "auto" takes bfloat16 only where `trial` (a forward pass that returns a tensor) and its
    backward pass are at least 1.3 times as fast with it: some processors compute it natively,
    others emulate it slowly, small layers gain nothing, and what a processor announces does not
    tell how fast it is.

    Raises:
        DeviceError: "bf16" on a GPU that cannot compute it.
    """
    if wanted == "fp32":
        return torch.float32
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        if wanted == "bf16":
            raise DeviceError(
                "precision: this GPU does not compute bfloat16; use --set precision=fp32"
            )
        return torch.float32
    if wanted == "bf16":
        return torch.bfloat16
    full, half = (_seconds(device, dtype, trial) for dtype in (torch.float32, torch.bfloat16))
    return torch.bfloat16 if full > 1.3 * half else torch.float32


def _seconds(device: torch.device, dtype: torch.dtype, trial: Callable[[], Tensor]) -> float:
    """Least time of three forward and backward passes, after one to warm up."""
    times = []
    for _ in range(4):
        begin = time.perf_counter()
        with torch.autocast(device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
            trial().float().sum().backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - begin)
    return min(times[1:])
