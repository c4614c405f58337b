"""Planted failures on scikit-learn's digits: each is named, and honest draws are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks._planted_cases import FAILURES, HONEST, LIMITS, named
from benchmarks._planted_data import POOLS, Pool
from benchmarks._results import result_text
from benchmarks.planted import compare, main, summary
from ganaug.metrics.features import FeatureMap, PixelPCA

CASES = {**HONEST, **FAILURES}
SEED = 900  # no seed of the table or of the search for bounds


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    return POOLS["digits"](tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def features(pool: Pool) -> FeatureMap:
    return PixelPCA(pool.learnt_from)  # what an encoder adds takes seconds to learn


@pytest.mark.parametrize("case", CASES)
def test_each_class_has_a_word(case: str, pool: Pool) -> None:
    """That it is found is tested with the command, which makes run 0 of each case."""
    words = CASES[case](pool.draw(case, 0, SEED)).words
    assert len(words) == (5 if case == "half the modes" else 10)


@pytest.mark.parametrize("run", [1, 2])
def test_the_right_word_stands_at_every_class(run: int, pool: Pool, features: FeatureMap) -> None:
    """Of images that are fixed: 1 in run 0, then 3, and 10 of them."""
    planted = FAILURES["fixed images"](pool.draw("fixed images", run, SEED))
    assert named(planted, compare(planted, features, SEED))


def test_a_draw_has_no_image_twice(pool: Pool) -> None:
    draw = pool.draw("copies", 0, SEED)
    for training, fresh in zip(draw.training, draw.fresh, strict=True):
        seen = {image.tobytes() for image in training}
        assert not seen & {image.tobytes() for image in fresh[:20]}
    again = pool.draw("copies", 0, SEED)
    assert all((a == b).all() for a, b in zip(draw.training, again.training, strict=True))
    assert (pool.draw("copies", 1, SEED).training[0] != draw.training[0]).any()


def test_half_the_clusters_leaves_about_half_of_the_images(pool: Pool) -> None:
    draw = pool.draw("half the clusters", 0, SEED)
    planted = LIMITS["half the clusters"](draw)
    kept = sum(map(len, planted.generated)) / sum(len(each) for each in draw.fresh)
    assert kept == pytest.approx(0.5, abs=0.15)


def test_runs_are_summed_up_by_case() -> None:
    def run(case: str, ok: bool, alarm: bool = False) -> dict[str, object]:
        counts = {"planted_classes": 0 if case in HONEST else 10, "right_classes": 9 + ok}
        wrong = [] if ok else ["OK"]
        return {"set": "x", "case": case, "named": ok, "alarm": alarm, "wrong": wrong} | counts

    rows = [run("copies", True)] * 3 + [run("copies", False), run("half the clusters", False)]
    rows += [run("swapped labels", True), run("held-out", True), run("held-out", False, True)]
    found = summary(rows, {"comparisons": 1}, None)
    assert found["cases"]["x: copies"] == {
        "runs": 4,
        "named": 3,
        "planted_classes": 40,
        "right_classes": 39,
        "missed_as": {"OK": 1},
        "interval": [0.3006, 0.9544],
    }
    assert found["detected"] == 0.75  # half the clusters is a limit, not a case
    assert found["false_alarms"] == 0.5
    assert found["aa"] == {"comparisons": 1}
    assert list(found["limits"]) == ["x: half the clusters"]


def test_few_images_are_compared_as_evaluate_diversity_compares_them(tmp_path: Path) -> None:
    arguments = ["--quick", "--runs", "1", "--first-seed", str(SEED), "--data", str(tmp_path)]
    arguments += ["--of-class", "40", "--json", str(tmp_path / "few.json")]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "few.json").read_text())
    assert found["of_class"] == 40
    assert found["cases"]["digits: fixed images"]["named"] == 1
    assert found["false_alarms"] == 0.0
    assert found["aa"] is found["hidden_modes"] is None


def test_the_command_writes_the_table_and_goes_on(tmp_path: Path) -> None:
    arguments = ["--quick", "--runs", "1", "--first-seed", str(SEED), "--data", str(tmp_path)]
    arguments += ["--out", str(tmp_path / "out"), "--json", str(tmp_path / "planted.json")]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    text = (tmp_path / "planted.json").read_text()
    found = json.loads(text)
    assert text == result_text(found)
    assert set(found["cases"]) == {f"digits: {case}" for case in FAILURES}
    assert found["detected"] == 1.0
    assert found["false_alarms"] == 0.0
    assert found["aa"] is None  # it needs mnist.npz
    modes = found["hidden_modes"]
    assert modes["honest"]["modes"] > 50 > 40 > modes["planted"]["modes"]
    assert "COLLAPSED" in modes["planted"]["words"]
    assert "COLLAPSED" not in modes["honest"]["words"]
    assert "A/A comparisons: not made" in done.output
    lines = (tmp_path / "out" / "runs.jsonl").read_text().splitlines()
    assert len(lines) == len(CASES) + len(LIMITS)
    rows = [json.loads(line) for line in lines]
    assert {row["case"] for row in rows if row["named"]} >= set(CASES)
    again = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert again.output == done.output
    assert (tmp_path / "out" / "runs.jsonl").read_text().splitlines() == lines
    wrong = CliRunner().invoke(main, ["--sets", "mnits"])
    assert wrong.exit_code == 2
    assert "'mnits'; allowed: digits" in wrong.output
