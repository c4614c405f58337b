"""Counter-based random streams: a draw depends on where it is used, never on what came before.

A stream is named by (seed, tag, epoch, index). Philox (Salmon et al., "Parallel random numbers: as
easy as 1, 2, 3", SC 2011) maps a key and a counter to random words; the seed and a hash of the tag
are the key, epoch and index the high words of the counter, so that no two streams overlap before
2**128 draws. There is no state to save: a resumed run and a worker process draw what an
uninterrupted single process would have drawn.
"""

from __future__ import annotations

import hashlib
import operator
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ganaug.errors import ConfigError

__all__ = ["checked_seed", "stream", "stream_seed", "undisturbed"]

_WORD = 2**64


def stream(seed: int, tag: str, epoch: int = 0, index: int = 0) -> np.random.Generator:
    """Return the generator of the stream (seed, tag, epoch, index).

    Raises:
        ConfigError: the seed is no whole number.

    Examples:
        >>> a = stream(0, "latent", epoch=1, index=7).standard_normal(2)
        >>> b = stream(0, "latent", epoch=1, index=7).standard_normal(2)
        >>> bool((a == b).all())
        True
    """
    key = np.array([checked_seed(seed) % _WORD, _hash(tag)], dtype=np.uint64)
    counter = np.array([0, 0, index % _WORD, epoch % _WORD], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(counter=counter, key=key))


def stream_seed(seed: int, tag: str, epoch: int = 0, index: int = 0) -> int:
    """Return a seed in 0..2**63-1 for a library with a generator of its own, such as torch."""
    return int(stream(seed, tag, epoch, index).integers(2**63))


def checked_seed(seed: object) -> int:
    """Return a whole number of any type (numpy's, a tensor) as an int, or raise `ConfigError`."""
    try:
        number = operator.index(seed)  # type: ignore[arg-type]
        if abs(number) < _WORD:
            return number
    except TypeError:
        pass
    raise ConfigError(
        f"seed: {seed!r:.60}; allowed: a whole number of up to 64 bits; choose one, such as 0"
    )


def _hash(tag: str) -> int:
    return int.from_bytes(hashlib.blake2b(tag.encode(), digest_size=8).digest(), "little")


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let the block draw from the generators of the process; later draws are as without it."""
    import torch

    ours, numpys = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(ours)
        np.random.set_state(numpys)
