"""Counter-based streams: named by what they are for, never overlapping, the same everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganaug.errors import ConfigError
from ganaug.randomness import checked_seed, stream, stream_seed

WORDS = st.integers(0, 2**64 - 1)


@given(WORDS, st.text(max_size=8), WORDS, WORDS)
def test_a_stream_is_a_function_of_its_name(seed: int, tag: str, epoch: int, index: int) -> None:
    first, second = (stream(seed, tag, epoch, index).random(3) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_each_part_of_the_name_counts() -> None:
    names = [(0, "a", 0, 0), (1, "a", 0, 0), (0, "b", 0, 0), (0, "a", 1, 0), (0, "a", 0, 1)]
    draws = np.array([stream(*name).random(4) for name in names])
    assert len(np.unique(draws)) == draws.size


def test_neighbouring_streams_do_not_overlap() -> None:
    """Epoch and index are high words of the counter: a long draw never reaches the next stream."""
    long = stream(0, "a", 0, 0).integers(0, 2**63, 100_000)
    for index in range(1, 4):
        assert not np.isin(stream(0, "a", 0, index).integers(0, 2**63, 100), long).any()


def test_values_are_those_of_the_published_generator() -> None:
    """Philox is specified word by word, so a stream is the same on every machine."""
    raw = stream(7, "check", 2, 3).bit_generator.random_raw(3)
    assert raw.tolist() == [14332937961474046958, 15765964422834191627, 7994823367214468749]


def test_latents_are_standard_normal() -> None:
    drawn = stream(0, "normal").standard_normal(200_000)
    assert abs(drawn.mean()) < 0.01
    assert abs(drawn.std() - 1) < 0.01


@given(WORDS)
def test_seeds_for_other_libraries_fit_them(seed: int) -> None:
    assert 0 <= stream_seed(seed, "torch") < 2**63


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.array, torch.tensor])
def test_whole_numbers_of_any_type_are_seeds(kind: Any) -> None:
    assert type(checked_seed(kind(3))) is int
    assert stream_seed(kind(3), "a") == stream_seed(3, "a")


def test_negative_and_large_seeds_differ_from_small_ones() -> None:
    assert len({stream_seed(seed, "a") for seed in (-1, 1, np.int64(-2), 2**63)}) == 4


@pytest.mark.parametrize("seed", [None, 1.0, np.float32(1), "1", np.array([1, 2])])
def test_what_is_no_whole_number_is_no_seed(seed: Any) -> None:
    with pytest.raises(
        ConfigError, match=r"^seed: .*; allowed: a whole number of .* bits; "
    ) as caught:
        stream(seed, "a")
    assert "\n" not in str(caught.value)
