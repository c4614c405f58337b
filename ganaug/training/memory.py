"""What is said where a training needs more memory than there is: the batch that would fit."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch

from ganaug.errors import GanaugError
from ganaug.images import ImageSet
from ganaug.training.batches import Batches, Pixels
from ganaug.training.config import FitConfig
from ganaug.training.state import State, autocast_dtype
from ganaug.training.step import train_step

__all__ = ["enough_memory", "precision_of"]

# torch has a type for a GPU's memory alone; its CPU allocator and oneDNN say it in words.
CERTAIN = ("allocate memory", "out of memory", "bad_alloc")
# Of oneDNN, where it is out of memory or something else is wrong: a smaller batch will tell.
PERHAPS = ("could not create a", "could not execute a")


@contextmanager
def enough_memory(state: State, batches: Batches, pixels: Pixels, processes: int) -> Iterator[None]:
    """Say where a step in the block finds too little memory, and which batch size would do.

    Args:
        state: is used up by the trials.
        batches, pixels: of the training.
        processes: that share a batch.

    Raises:
        GanaugError: there was too little.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _is_of_memory(error, CERTAIN + PERHAPS):
            raise
        traceback.clear_frames(error.__traceback__)  # they hold what the step had allocated
        size, fitting = batches.config.batch_size, _fitting(state, batches, pixels, processes)
        if not fitting and not _is_of_memory(error, CERTAIN):
            raise
        advice = "use --size or --preset tiny, whose networks are smaller"
        if fitting:
            advice = f"--batch-size {fitting} fits; use it with another output folder"
        raise GanaugError(f"out of memory: a batch of {size} does not fit; {advice}") from error


def precision_of(state: State, config: FitConfig, images: ImageSet) -> torch.dtype:
    """Return the dtype of autocast of a run; float32 where its trial needs too much memory.

    The first step then says which batch would do.
    """
    try:
        return autocast_dtype(config.precision, state, config, images)
    except (MemoryError, RuntimeError) as error:
        if not _is_of_memory(error, CERTAIN + PERHAPS):
            raise
        traceback.clear_frames(error.__traceback__)
        return torch.float32


def _is_of_memory(error: MemoryError | RuntimeError, words: tuple[str, ...]) -> bool:
    found = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return found or any(each in str(error) for each in words)


def _fitting(state: State, batches: Batches, pixels: Pixels, processes: int) -> int:
    """Return the largest half, quarter, ... of the batch for which a step was seen to fit, or 0."""
    config, size = batches.config, batches.config.batch_size
    fitting = 0
    # From the smallest: what one that fails leaves behind would be missed by the next.
    for halvings in range(size.bit_length() - 1, 0, -1):
        share = (size >> halvings) // processes  # the rows of one process
        if not share:
            continue
        for network in (state.generator, state.discriminator):
            network.zero_grad(set_to_none=True)
        if pixels.device.type == "cuda":
            torch.cuda.empty_cache()
        tried = replace(config, batch_size=share)
        try:
            batch = Batches(batches.images, tried, batches.seed).batch(0, pixels)
            train_step(state, batch, tried, 0)  # step 0 takes the penalties, too
        except (MemoryError, RuntimeError) as error:
            if not _is_of_memory(error, CERTAIN + PERHAPS):
                raise
            break
        fitting = size >> halvings
    return fitting
