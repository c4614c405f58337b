"""`benchmarks.warm_start`: pairs are trained and kept, and saved steps are counted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from helpers.small_images import bars

from benchmarks import warm_start
from benchmarks._results import result_text
from benchmarks.warm_start import main, summary


def test_a_pair_is_trained_and_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = replace(bars((8, 6), (8, 8)), test=bars((8, 8), (8, 8), seed=1))
    other = replace(images, images=images.images[::-1].copy())
    pair = {"bars from bars": (lambda seed, data: images, lambda seed, data: other)}
    monkeypatch.setattr(warm_start, "PAIRS", pair)
    path, kept = tmp_path / "warm.json", tmp_path / "kept"
    options = ["--lengths", "1,2", "--old-steps", "2", "--out", str(kept), "--json", str(path)]
    done = CliRunner().invoke(main, options, catch_exceptions=False)
    assert done.exit_code == 0
    found = json.loads(path.read_text())
    assert path.read_text() == result_text(found)
    (row,) = found["rows"]
    assert row["found"]["cold"].keys() == row["found"]["warm"].keys() == {"1", "2"}
    assert row["found"]["cold"] != row["found"]["warm"]
    assert found["pairs"]["bars from bars"]["kernel"]["copies"] == row["found"]["copies"]["kernel"]
    before = (kept / "rows.jsonl").read_text()
    CliRunner().invoke(main, options, catch_exceptions=False)
    assert (kept / "rows.jsonl").read_text() == before


def row(seed: int, cold: list[float], warm: list[float]) -> dict[str, Any]:
    def of(values: list[float]) -> dict[str, Any]:
        return {
            str(n): {"kernel": v, "coverage": 1 - v}
            for n, v in zip((100, 200, 400), values, strict=True)
        }

    found = {"copies": {"kernel": 0.5, "coverage": 0.5}, "cold": of(cold), "warm": of(warm)}
    return {"pair": "a", "seed": seed, "lengths": [100, 200, 400], "found": found}


def test_saved_steps_are_those_to_an_equal_distance() -> None:
    rows = [row(0, [0.5, 0.4, 0.2], [0.3, 0.2, 0.1]), row(1, [0.5, 0.4, 0.4], [0.7, 0.7, 0.5])]
    found = summary(rows)["a"]
    assert found["kernel"] == {
        "copies": 0.5,
        "cold": [0.5, 0.4, 0.3],
        "warm": [0.5, 0.45, 0.3],
    }
    assert found["target"] == 0.3
    assert found["steps"] == {"cold": 400, "warm": 400}
    assert found["saved"] == 0
    first, second = found["by_seed"]
    assert (first["steps"], first["saved"]) == ({"cold": 400, "warm": 200}, 200)
    assert (second["steps"], second["saved"]) == ({"cold": 200, "warm": None}, None)


def test_an_unknown_pair_is_refused() -> None:
    done = CliRunner().invoke(main, ["--pairs", "weather"])
    assert done.exit_code == 2
    assert "'weather'; allowed: letters from other letters" in done.output
