"""The verdict on real classifiers in small: equal arms, and a planted gain."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from benchmarks import _aa
from ganaug.images import ImageSet


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> _aa._Bench:
    """The bench on scikit-learn's digits, enlarged to 28 px, with small draws."""
    digits = load_digits()
    pixels = np.kron(np.pad(digits.images, ((0, 0), (3, 3), (3, 3))), np.ones((2, 2)))
    images = (pixels * 15.9).astype(np.uint8)[..., None]
    monkeypatch.setattr(_aa, "COUNTS", (40, 34, 30, 26, 22, 18, 15, 12, 10, 8))
    monkeypatch.setattr(_aa, "TEST_IMAGES", 60)
    monkeypatch.setattr(_aa, "SEEDS", 6)
    return _aa._Bench(ImageSet(images, digits.target, tuple("0123456789"), source="digits"))


def test_equal_arms_give_no_evidence_and_a_planted_gain_helps(bench: _aa._Bench) -> None:
    gains = [bench.compare("equal", index, 0) for index in range(8)]
    assert sum(gain.verdict != "no evidence" for gain in gains) <= 2
    assert len({gain.mean for gain in gains}) == 8  # streams of their own
    assert abs(np.mean([gain.mean for gain in gains])) < 0.02
    planted = bench.compare("planted", 0, 40)
    assert planted.verdict == "helps"
    assert planted.mean > 0.03


def test_a_comparison_is_a_function_of_its_index(bench: _aa._Bench) -> None:
    assert bench.compare("equal", 3, 0) == bench.compare("equal", 3, 0)


def test_the_summary_counts_verdicts(bench: _aa._Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_aa, "load_images", lambda path: bench.images)
    monkeypatch.setattr(_aa, "COMPARISONS", {True: (2, 2)})
    monkeypatch.setattr(_aa, "MORE", 40)
    found = _aa.a_against_a(True)
    assert (found["comparisons"], found["planted"], found["seeds"]) == (2, 2, 6)
    assert 0 <= found["rejections"] <= min(found["t_rejections"], found["bootstrap_rejections"])
    assert found["power_2_points"] == 1
    low, high = found["power_interval"]
    assert 0 < low < high <= 1
    assert found["planted_gain"] > 0.03
