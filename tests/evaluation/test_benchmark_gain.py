"""The protocols of benchmarks/: draws, halves of the test part, images of the pilots."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from small_images import bars

from benchmarks import gain
from benchmarks._environment import environment
from benchmarks._protocols import NAMES, Protocol, half_a, open_protocol
from ganaug.errors import ConfigError
from ganaug.images import ImageSet


def pool(*, groups: bool = False) -> ImageSet:
    images = bars((120, 120, 60))
    if groups:
        images = replace(images, groups=np.arange(300) // 10)
    return replace(images, test=bars((20, 21, 9), seed=1))


def test_half_a_is_half_of_each_class_and_the_same_for_any_order() -> None:
    test = pool().test
    assert test is not None
    half = half_a(test)
    assert np.abs(half.counts - test.counts / 2).max() <= 0.5
    turned = half_a(test.take(np.arange(len(test))[::-1]))
    assert turned.fingerprint == half.fingerprint


def test_half_a_takes_whole_groups() -> None:
    test = replace(bars((40, 40)), groups=np.arange(80) // 5)
    inside = np.isin(test.keys, half_a(test).keys).reshape(-1, 5)
    assert (inside.all(1) | ~inside.any(1)).all()
    assert half_a(test).counts.tolist() == [20, 20]


@pytest.mark.parametrize("groups", [False, True])
def test_a_pilot_is_judged_on_training_images_that_it_did_not_draw(groups: bool) -> None:
    images = pool(groups=groups)
    protocol = Protocol("bars", images, (100, 50, 12))
    drawn = protocol.pilot(0)
    assert drawn.test is not None
    assert images.test is not None
    assert drawn.counts.tolist() == [100 if groups else 96, 50, 12]  # a fifth is set aside
    assert drawn.test.counts.max() <= 60
    assert drawn.test.counts.min() > 0
    assert not np.isin(drawn.test.keys, drawn.keys).any()
    assert not np.isin(drawn.test.keys, images.test.keys).any()
    if groups:
        assert not np.isin(
            images.groups[np.isin(images.keys, drawn.test.keys)],
            images.groups[np.isin(images.keys, drawn.keys)],
        ).any()


def test_draws_differ_by_seed_and_never_hold_test_images() -> None:
    protocol = Protocol("bars", pool(), (100, 50, 10))
    draws = [protocol.draw(seed) for seed in (0, 0, 1)]
    assert draws[0].fingerprint == draws[1].fingerprint != draws[2].fingerprint
    assert all(draw.counts.tolist() == [100, 50, 10] for draw in draws)
    assert all(draw.test is None for draw in draws)
    dealt = Protocol("bars", pool(), (60, 20, 5), permuted=True)
    counts = {tuple(dealt.draw(seed).counts.tolist()) for seed in range(8)}
    assert len(counts) > 2
    assert {tuple(sorted(each)) for each in counts} == {(5, 20, 60)}


def test_digits_have_five_images_of_each_odd_digit() -> None:
    protocol = open_protocol("digits-lt", Path("nowhere"))
    counts = protocol.draw(0).counts
    assert counts[1::2].tolist() == [5] * 5
    assert counts[::2].min() > 100
    assert protocol.pilot(0).test is not None


def test_the_counts_of_the_protocols(shared_data: Path) -> None:
    gtsrb = open_protocol("gtsrb-lt", shared_data)
    assert gtsrb.counts is not None
    assert max(gtsrb.counts) == gtsrb.counts[2] == 200
    assert min(gtsrb.counts) == gtsrb.counts[37] == 10
    pilot = gtsrb.pilot(0)
    assert pilot.test is not None
    assert 30 <= pilot.test.counts.min() <= pilot.test.counts.max() == 60
    assert set(NAMES) >= {"mnist-lt", "neu-lt", "x-sdd", "elpv"}


def test_an_unknown_data_set_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'gtsrb-lt'"):
        open_protocol("gtsrb-tl", Path("nowhere"))


def test_a_pilot_runs_and_leaves_the_test_part_alone(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    arguments = ["digits-lt", "--arms", "plain,balanced", "--steps", "3", "--jobs", "1"]
    found = CliRunner().invoke(gain.main, [*arguments, "--json", str(file), "--quick"])
    assert found.exit_code == 0, found.output
    assert "balanced accuracy" in found.stdout
    result = json.loads(file.read_text())
    assert set(result) >= {"dataset", "seeds", "arms", "baseline", "chosen", "gain", "environment"}
    assert result["judged_on"] == "validation images"
    assert set(result["arms"]["plain"]) >= {"balanced_accuracy", "macro_f1", "recall", "seconds"}
    assert str(tmp_path) not in file.read_text()


def test_a_reading_needs_a_reason_and_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = tmp_path / "test-reads.md"
    monkeypatch.setattr(gain, "READS", reads)
    arguments = ["digits-lt", "--arms", "plain", "--steps", "2", "--jobs", "1", "--final"]
    refused = CliRunner().invoke(gain.main, arguments)
    assert refused.exit_code == 2
    assert "with --reason TEXT" in refused.stderr
    assert not reads.exists()
    for seed in ("0", "1"):
        more = ["--first-seed", seed, "--reason", "a | test"]
        assert CliRunner().invoke(gain.main, [*arguments, *more]).exit_code == 0
    lines = reads.read_text().splitlines()
    assert len(lines) == 8
    assert lines[-1].endswith("| digits-lt | 1 | plain | a / test |")


def test_the_environment_names_versions_and_no_place() -> None:
    found = environment(jobs=2, threads=1)
    assert {"python", "torch", "torchvision", "numpy"} <= set(found["versions"])
    assert found["machine"]["cores"] >= 1
    assert "/" not in json.dumps(found)
