"""The protocols of benchmarks/: draws, halves of the test part, images of the pilots."""

from __future__ import annotations

import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from helpers.small_images import bars
from PIL import Image

from benchmarks import gain
from benchmarks._autoencoder import with_latent_interpolation
from benchmarks._environment import environment
from benchmarks._protocols import NAMES, Protocol, half_a, half_b, open_protocol, read_zip
from benchmarks._resnet32 import resnet32
from benchmarks._results import result_text
from benchmarks.table import gain_table
from ganaug.errors import ConfigError, DataError
from ganaug.evaluation.arms import parse_arm
from ganaug.evaluation.trainings.generators import NewGenerator
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


def test_every_protocol_opens_with_its_counts(shared_data: Path) -> None:
    assert {"mnist-lt-r", "mnist-step", "mnist-49", "neu-lt-64", "cifar10-lt", "glyphs-lt"} <= set(
        NAMES
    )
    pair = open_protocol("mnist-49", shared_data)
    assert isinstance(pair, Protocol)
    assert pair.pool.classes == ("4", "9")
    assert pair.draw(0).counts.tolist() == [3000, 30]
    assert pair.test is not None
    assert pair.test.counts.tolist() == [982, 1009]
    assert pair.flips == ()
    cells = open_protocol("elpv", shared_data)
    assert cells.flips == ("flip", "flips")
    assert cells.draw(0).counts.tolist() == [971, 199, 62, 444]


def test_a_zip_is_read_in_place(tmp_path: Path) -> None:
    path = tmp_path / "small.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part, n in (("train", 3), ("test", 2)):
            for label, name in enumerate(("cat", "ship")):
                for number in range(n):
                    held = io.BytesIO()
                    Image.new("RGB", (8, 8), (100 * label, 10 * number, n)).save(held, "PNG")
                    archive.writestr(f"{part}/{name}/{number}.png", held.getvalue())
        archive.writestr("README.txt", "not an image")
    images = read_zip(path)
    assert images.classes == ("cat", "ship")
    assert images.test is not None
    assert images.counts.tolist() == [3, 3]
    assert images.test.counts.tolist() == [2, 2]
    assert images.images[images.labels == 1][0, 0, 0].tolist() == [100, 0, 3]
    (tmp_path / "broken.zip").write_bytes(b"no zip")
    with pytest.raises(DataError, match="train/CLASS/ and"):
        read_zip(tmp_path / "broken.zip")


def test_an_unknown_data_set_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'gtsrb-lt'"):
        open_protocol("gtsrb-tl", Path("nowhere"))


@pytest.mark.parametrize("counts", [(5,), (5, 5)])
def test_counts_are_needed_for_each_class(counts: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match=f"--counts: {len(counts)} numbers; allowed: 10, one for"):
        open_protocol("digits-lt", Path("nowhere"), counts)


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
    assert file.read_text() == result_text(result)


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
    assert len(lines) == 9
    assert lines[-1].endswith("| digits-lt | 1 | plain | a / test |")


def test_readings_of_runs_that_begin_at_once_are_all_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = tmp_path / "test-reads.md"
    monkeypatch.setattr(gain, "READS", reads)
    gain._log_reading("digits-lt", "A", [0], ["plain"], "the first")
    with ThreadPoolExecutor(16) as pool_:
        made = [
            pool_.submit(gain._log_reading, "digits-lt", "A", [seed], ["plain"], "at once")
            for seed in range(1, 65)
        ]
        for each in made:
            each.result()
    seeds = [int(line.split("|")[4]) for line in reads.read_text().splitlines()[7:]]
    assert sorted(seeds) == list(range(65))


def test_half_b_needs_release_and_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = tmp_path / "test-reads.md"
    monkeypatch.setattr(gain, "READS", reads)
    bare = ["digits-lt", "--arms", "plain", "--release"]
    for more in ([], ["--reason", "x", "--final"], ["--reason", "x", "--quick"]):
        refused = CliRunner().invoke(gain.main, [*bare, *more])
        assert refused.exit_code == 2
        assert "one of them, without --quick" in refused.stderr
    assert not reads.exists()


def test_halves_are_all_of_the_test_part() -> None:
    test = pool(groups=True).test
    assert test is not None
    first, second = half_a(test), half_b(test)
    assert len(first) + len(second) == len(test)
    assert not set(first.keys) & set(second.keys)


def test_words_for_arms_are_spelled_out() -> None:
    asked = gain._Request(
        **dict.fromkeys(gain._Request.__dataclass_fields__)
        | {"arms": "free,plain", "baseline": "balanced+affine", "longer": 7}
    )
    free = gain._arms(asked, ("flip",))
    assert free is not None
    assert {"plain", "balanced+elastic", "balanced+trivialaugment", "balanced+flip"} <= set(free)
    best = gain._arms(replace(asked, arms="best"), ("flip",))
    assert best is not None
    assert {"balanced+affine+flip", "balanced+affine+smote", "plain+affine+logits"} <= set(best)
    assert gain._arms(replace(asked, arms="final"), ()) == [
        "ganaug+affine",
        "balanced+affine",
        "balanced+affine+longer-7",
        "warp+affine",
    ]
    assert all(parse_arm(name).name == name for name in (*free, *best))
    with pytest.raises(ConfigError, match="goes with --baseline ARM"):
        gain._arms(replace(asked, arms="final", baseline="auto"), ())


def test_settings_of_fit_are_read_as_json() -> None:
    assert gain._fit_fields(["steps=150", "preset=tiny", "shift=false", "x=[1, 2]"]) == {
        "steps": 150,
        "preset": "tiny",
        "shift": False,
        "x": [1, 2],
    }
    with pytest.raises(ConfigError, match="allowed: KEY=VALUE"):
        gain._fit_fields(["steps"])
    refused = CliRunner().invoke(gain.main, ["digits-lt", "--quick", "--fit", "steps=9"])
    assert refused.exit_code == 2
    assert "--fit, --generator-preset: given with --quick" in refused.stderr


def test_parts_merge_and_a_table_is_made(tmp_path: Path) -> None:
    arguments = ["digits-lt", "--arms", "balanced,plain", "--steps", "3", "--jobs", "1"]
    parts = [str(tmp_path / f"{seed}.npz") for seed in (100, 101)]
    for seed, part in zip(("100", "101"), parts, strict=True):
        command = [*arguments, "--baseline", "plain", "--first-seed", seed, "--part", part]
        found = CliRunner().invoke(gain.main, command)
        assert found.exit_code == 0, found.output
    file = tmp_path / "both.json"
    merged = CliRunner().invoke(gain.main, [*parts, "--merge", "--json", str(file)])
    assert merged.exit_code == 0, merged.output
    result = json.loads(file.read_text())
    assert result["seeds"] == [100, 101]
    assert result["dataset"] == "digits-lt"
    assert len(result["arms"]["plain"]["balanced_accuracy"]) == 2
    assert result["gain"]["balanced"]["mean"] == pytest.approx(
        np.mean(result["arms"]["balanced"]["balanced_accuracy"])
        - np.mean(result["arms"]["plain"]["balanced_accuracy"])
    )
    twice = CliRunner().invoke(gain.main, [parts[0], parts[0], "--merge"])
    assert twice.exit_code == 2
    assert "seed 100 is in both" in twice.stderr
    wrong = CliRunner().invoke(gain.main, [str(file), "--merge"])
    assert wrong.exit_code == 2
    assert "files that --part wrote" in wrong.stderr
    result |= {"chosen": "balanced", "judged_on": "half A of the test part"}
    file.write_text(json.dumps(result))
    row = gain_table([file]).splitlines()[-1]
    assert row.startswith(f"| [8x8 digits (scikit-learn)]({file}) | ")
    assert f"{100 * np.mean(result['arms']['plain']['balanced_accuracy']):.1f} (" in row
    assert f"{100 * result['gain']['balanced']['mean']:+.1f} (" in row
    assert row.count("|") == gain_table([]).splitlines()[0].count("|")
    with pytest.raises(ConfigError, match="no comparison with a generator"):
        gain_table([tmp_path / "none.json"])


def test_interpolated_codes_fill_the_classes_up() -> None:
    images = bars((40, 9, 1))
    filled = with_latent_interpolation(images, seed=0, steps=30)
    assert filled.counts.tolist() == [40, 40, 1]  # one image has no neighbour
    assert np.array_equal(filled.images[:50], images.images)
    again = with_latent_interpolation(images, seed=0, steps=30)
    assert filled.fingerprint == again.fingerprint
    made = filled.images[50:].astype(float)
    assert made.std(axis=(1, 2, 3)).min() > 0  # not blank
    real = images.images[images.labels == 1].astype(float).mean(0)
    other = images.images[images.labels == 0].astype(float).mean(0)
    assert np.abs(made.mean(0) - real).mean() < np.abs(made.mean(0) - other).mean()


def test_an_arm_with_interpolated_images_joins_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def short(images: ImageSet, seed: int) -> ImageSet:
        return with_latent_interpolation(images, seed, steps=5)

    monkeypatch.setattr(gain, "with_latent_interpolation", short)
    arms = "balanced,balanced+affine,autoencoder+affine"
    command = ["digits-lt", "--arms", arms, "--baseline", "balanced", "--steps", "3"]
    found = CliRunner().invoke(gain.main, [*command, "--jobs", "1"])
    assert found.exit_code == 0, found.output
    assert "autoencoder+affine" in found.stdout
    lines = found.stdout.splitlines()
    assert sum(line.startswith("balanced+affine ") for line in lines) == 2  # in both tables


def test_resnet_32_is_that_of_the_paper() -> None:
    network = resnet32(3, 10, (32, 32))
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(convolutions) == 31  # and one linear layer
    assert 460_000 < sum(p.numel() for p in network.parameters()) < 470_000
    assert network.eval()(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    assert network.blocks(torch.zeros(1, 16, 32, 32)).shape == (1, 64, 8, 8)


def test_the_environment_names_versions_and_no_place() -> None:
    found = environment(jobs=2, threads=1)
    assert {"python", "torch", "torchvision", "numpy"} <= set(found["versions"])
    assert found["machine"]["cores"] >= 1
    assert "/" not in json.dumps(found)


def test_the_seconds_of_a_generator_are_those_of_its_run(tmp_path: Path) -> None:
    refit = NewGenerator(0, bars((2, 2)), tmp_path, {}, 1)
    assert refit.seconds is None
    (tmp_path / "run").mkdir()
    rows = "".join(json.dumps({"step": n, "seconds": 2.5 * n}) + "\n" for n in (1, 2))
    (tmp_path / "run" / "metrics.jsonl").write_text(rows)
    assert refit.seconds == 5.0
