"""Where a figure was measured: versions and machine, without paths or names of hosts."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

__all__ = ["environment"]

PACKAGES = ("ganaug", "torch", "torchvision", "numpy", "onnxruntime-gpu", "onnxruntime")
FLAGS = ("avx", "avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "asimd", "sve")


def environment(jobs: int, threads: int) -> dict[str, Any]:
    """Return versions and machine as JSON values; `jobs` and `threads` are those that ran."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    affinity = getattr(os, "sched_getaffinity", None)
    return {
        "versions": found,
        "machine": {
            "system": platform.system(),
            "architecture": platform.machine(),
            "cores": len(affinity(0)) if affinity else os.cpu_count(),
            "flags": _processor_flags(),
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        },
        "processes": jobs,
        "threads": threads,
    }


def _processor_flags() -> list[str]:
    """Return which of `FLAGS` the processor has; they decide its speed with float and bfloat16."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() in ("flags", "Features"):
                return [flag for flag in FLAGS if flag in value.split()]
    return []
