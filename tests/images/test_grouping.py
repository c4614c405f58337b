"""Groups as numbers, and numbers that pairs join."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ganaug.images.grouping import Joined, group_numbers


def test_groups_are_numbered_in_their_order_as_text() -> None:
    numbers = group_numbers(["b", "10", "b", "9"])
    assert numbers is not None
    assert (numbers.dtype, numbers.tolist()) == (np.int64, [2, 0, 2, 1])
    assert group_numbers(["b", None, "b"]) is None
    assert group_numbers([]) is None


@pytest.mark.parametrize("pairs_at_once", [1, 7, 200])
def test_numbers_are_joined_as_a_search_joins_them(pairs_at_once: int) -> None:
    rng = np.random.default_rng(3)
    pairs = rng.integers(0, 90, (60, 2))
    joined = Joined(90)
    for start in range(0, len(pairs), pairs_at_once):
        some = pairs[start : start + pairs_at_once]
        joined.join(some[:, 0], some[:, 1])
    graph = coo_array((np.ones(60), (pairs[:, 0], pairs[:, 1])), shape=(90, 90))
    number = connected_components(graph, directed=False)[1]
    groups = [np.flatnonzero(number == each).tolist() for each in range(number.max() + 1)]
    assert joined.groups() == sorted(group for group in groups if len(group) > 1)
