"""The protocols at 144 px: their counts, groups and flips, on the real folders; other sizes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import _protocol_table, gain
from benchmarks._protocol_table import ROWS, steps_down
from benchmarks._protocols import Protocol, open_protocol
from ganaug.errors import ConfigError
from ganaug.images import units

LARGE = {
    "trash-lt": (6, ("flip",)),
    "seedlings-lt": (8, ("flip", "flips")),
    "asl-lt": (10, ()),
    "flowers-lt": (5, ("flip",)),
    "aerial-lt": (7, ("flip", "flips")),
    "neu-lt-144": (6, ("flip", "flips")),
}


@pytest.fixture(scope="module", params=LARGE)  # of the module, so that one is held at a time
def large(request: pytest.FixtureRequest, shared_data: Path) -> Protocol:
    folder = shared_data / ROWS[request.param].file
    if not folder.is_dir():
        pytest.skip(f"{ROWS[request.param].file} is not among the real data sets")
    protocol = open_protocol(request.param, shared_data)
    assert isinstance(protocol, Protocol)
    return protocol


def test_counts_step_down_from_200_to_8() -> None:
    assert steps_down("trash-lt", 6) == (200, 105, 55, 29, 15, 8)
    assert steps_down("flowers-lt", 5) == (200, 89, 40, 18, 8)
    halved = {"neu-lt-144": (50, 26, 14, 7, 4, 4), "asl-lt": (100, 70, 49, 34, 24, 16, 12, 8, 6, 4)}
    for name, (num_classes, flips) in LARGE.items():
        row = ROWS[name]
        assert row.counts == steps_down(name, num_classes)
        assert (row.size, row.permuted, row.flips) == (144, True, flips)
        if name in halved:
            assert row.counts == halved[name]
            continue
        assert (row.counts[0], row.counts[-1]) == (200, 8)
        ratios = np.array(row.counts[1:]) / row.counts[:-1]
        assert np.ptp(ratios) < 0.08  # rounded


def test_counts_are_halved_where_the_table_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_protocol_table, "HALVINGS", {"trash-lt": 1, "asl-lt": 2})
    assert steps_down("trash-lt", 6) == (100, 52, 28, 14, 8, 4)
    assert steps_down("asl-lt", 6) == (50, 26, 14, 7, 4, 4)
    assert steps_down("flowers-lt", 5)[-1] == 8
    assert min(steps_down("trash-lt", 40)) == 4


def test_a_protocol_at_144_px(large: Protocol) -> None:
    num_classes, flips = LARGE[large.name]
    assert large.pool.size == (144, 144)
    assert large.pool.channels == (1 if large.name == "neu-lt-144" else 3)
    assert len(large.pool.classes) == num_classes
    assert large.flips == flips
    assert large.test is not None
    assert large.test.size == (144, 144)
    assert large.counts is not None
    first, again, other = (large.draw(seed) for seed in (0, 0, 1))
    assert first.test is None
    assert first.ordered_fingerprint == again.ordered_fingerprint
    assert first.fingerprint != other.fingerprint
    dealt = {tuple(large.draw(seed).counts.tolist()) for seed in range(4)}
    assert len(dealt) > 1
    for counts in dealt:
        # Each class has its count, or all that is there.
        there = large.pool.counts.tolist()
        missing = Counter(large.counts) - Counter(counts)
        whole = [n for n, most in zip(counts, there, strict=True) if n == most]
        assert sum((Counter(counts) - Counter(large.counts)).values()) <= len(whole)
        assert all(n > min(there) for n in missing)


def test_the_groups_of_a_draw_are_spread(large: Protocol) -> None:
    drawn = large.draw(0)
    assert drawn.groups is not None
    assert large.pool.groups is not None
    for label, count in enumerate(drawn.counts):
        there = len(np.unique(large.pool.groups[large.pool.labels == label]))
        found = len(np.unique(drawn.groups[drawn.labels == label]))
        assert found == min(count, there)


def test_a_pilot_at_144_px_is_judged_on_other_groups(large: Protocol) -> None:
    pilot = large.pilot(0)
    assert pilot.test is not None
    assert large.test is not None
    assert pilot.test.size == (144, 144)
    assert 5 <= pilot.test.counts.min() <= pilot.test.counts.max() <= 60
    assert not np.isin(pilot.test.keys, large.test.keys).any()
    unit = units(large.pool.keys, large.pool.groups)
    trained, judged = (
        set(unit[np.isin(large.pool.keys, part.keys)]) for part in (pilot, pilot.test)
    )
    assert not trained & judged
    assert large.counts is not None
    assert pilot.counts.min() >= min(large.counts)
    again = large.pilot(0)
    assert again.test is not None
    assert again.ordered_fingerprint == pilot.ordered_fingerprint
    assert again.test.ordered_fingerprint == pilot.test.ordered_fingerprint


@pytest.mark.parametrize("large", ["asl-lt", "neu-lt-144"], indirect=True)  # in colour, in grey
def test_another_size_has_the_same_draws(large: Protocol, shared_data: Path) -> None:
    small = open_protocol(large.name, shared_data, size=32)
    assert isinstance(small, Protocol)
    assert small.pool.size == (32, 32)
    assert small.name == large.name
    assert small.draw(3).ordered_fingerprint == large.draw(3).ordered_fingerprint
    one, other = small.pilot(3).test, large.pilot(3).test
    assert one is not None
    assert other is not None
    assert one.ordered_fingerprint == other.ordered_fingerprint


def test_a_zip_and_a_folder_are_resized_too(shared_data: Path) -> None:
    cifar = open_protocol("cifar10-lt", shared_data, size=16)
    assert isinstance(cifar, Protocol)
    assert cifar.pool.size == (16, 16)
    assert cifar.test is not None
    assert cifar.test.size == (16, 16)
    folder = open_protocol(str(shared_data / "photos-144" / "aerial"), shared_data, size=24)
    assert isinstance(folder, Protocol)
    assert folder.pool.size == (24, 24)
    assert folder.counts is None


def test_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="--size: given with glyphs-lt, which makes its own"):
        open_protocol("glyphs-lt", Path("nowhere"), size=32)
    refused = CliRunner().invoke(gain.main, ["digits-lt", "--size", "7"])
    assert refused.exit_code == 2
    assert "size: 7; allowed: a side" in refused.stderr


def test_a_small_generator_at_a_larger_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, file = tmp_path / "test-reads.md", tmp_path / "result.json"
    monkeypatch.setattr(gain, "READS", reads)
    command = ["digits-lt", "--size", "16", "--seeds", "1", "--steps", "2", "--jobs", "1"]
    command += ["--arms", "balanced,ganaug", "--baseline", "balanced", "--json", str(file)]
    command += ["--generator-preset", "tiny", "--fit", "steps=2", "--fit", "size=8"]
    found = CliRunner().invoke(gain.main, [*command, "--final", "--reason", "a test"])
    assert found.exit_code == 0, found.output
    result = json.loads(file.read_text())
    assert (result["dataset"], result["size"]) == ("digits-lt", 16)
    assert result["settings"]["refit"]["size"] == [8, 8]
    assert "| at 16 px: a test |" in reads.read_text().splitlines()[-1]
