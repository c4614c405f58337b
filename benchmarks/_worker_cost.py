"""What a DataLoader worker costs, measured in a fresh process: `python -m benchmarks._worker_cost`.

    python -m benchmarks._worker_cost first FILE METHOD     with GANAugment
    python -m benchmarks._worker_cost first - METHOD        without
    python -m benchmarks._worker_cost long FILE BATCHES     resident memory over many batches

Prints one JSON object. A fresh process, because a forked worker finds loaded whatever its parent
had loaded before.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

__all__ = ["Images", "measured", "resident_mb"]

LABELS = 2
WORKERS = 4


class Late:
    """A transform that is unpickled at its first call in a process, as a worker does it earlier.

    Attributes:
        seconds: what that and the first call took: imports, session and all.
    """

    def __init__(self, transform: Callable[..., Any]) -> None:
        self.pickled, self.seconds = pickle.dumps(transform), 0.0
        self.transform: Callable[..., Any] | None = None

    def __call__(self, *sample: Any) -> Any:
        if self.transform is not None:
            return self.transform(*sample)
        start = time.perf_counter()
        self.transform = pickle.loads(self.pickled)
        result = self.transform(*sample)
        self.seconds = time.perf_counter() - start
        return result


class Images(Dataset[Any]):
    """Random uint8 images in memory with labels; `measure` adds the worker's memory to an item."""

    def __init__(
        self, length: int, transform: Callable[..., Any] | None, *, measure: bool = False
    ) -> None:
        self.images = torch.randint(0, 256, (64, 3, 32, 32), dtype=torch.uint8)
        self.length, self.transform, self.measure = length, transform, measure

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        image, label = self.images[index % len(self.images)], index % LABELS
        if self.transform is not None:
            image, label = self.transform(image, label)
        return (image, label, resident_mb()) if self.measure else (image, label)


class Started(Images):
    """`Images` whose items also tell what `late` took in their worker; 0 where it is None."""

    def __init__(self, length: int, late: Late | None) -> None:
        others = [v2.RandomHorizontalFlip(), v2.ToDtype(torch.float32, scale=True)]
        super().__init__(length, v2.Compose([late, *others] if late else others), measure=True)
        self.late = late

    def __getitem__(self, index: int) -> Any:
        item = super().__getitem__(index)
        return (*item, self.late.seconds if self.late else 0.0)


def resident_mb() -> float:
    """Return the resident memory of this process in megabytes; not a number outside of Linux."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return float("nan")
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def first(file: str, method: str) -> dict[str, float]:
    """Return the seconds that GANAugment adds to a worker's first item, and the worker's memory.

    The seconds are taken inside the worker: the imports of torch that it begins with take twenty
    times as long, and differ by more from one process to the next.
    """
    late = None
    if file != "-":
        from ganaug import GANAugment

        late = Late(GANAugment(file, p=1.0))
    loader = DataLoader(Started(20 * 64, late), 64, num_workers=1, multiprocessing_context=method)
    measured = [(float(memory.max()), float(seconds.max())) for *_, memory, seconds in loader]
    memory, seconds = (max(column) for column in zip(*measured, strict=True))
    return {"seconds": seconds, "memory_mb": memory}


def long(file: str, batches: int) -> dict[str, Any]:
    """Return the memory of the workers early on and at the end of `batches` batches of 8."""
    from ganaug import GANAugment

    images = Images(8 * batches, GANAugment(file, p=1.0), measure=True)
    memory = [float(measured.max()) for *_, measured in DataLoader(images, 8, num_workers=WORKERS)]
    part = max(len(memory) // 10, 1)
    early, late = max(memory[part : 2 * part] or memory), max(memory[-part:])
    return {
        "batches": batches,
        "workers": WORKERS,
        "early_mb": early,
        "late_mb": late,
        "ratio": late / early,
    }


def measured(what: str, file: str, last: str) -> dict[str, Any]:
    """Return what the command prints for its arguments."""
    return first(file, last) if what == "first" else long(file, int(last))


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(measured(*sys.argv[1:])))
