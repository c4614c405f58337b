"""results/: each file has its place in the index, and pages show the figures of the files."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from benchmarks import gain
from benchmarks._results import result_text
from benchmarks.table import gain_table

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "results"
PAGES = ROOT / "README.md", ROOT / "docs" / "results.md"
FILES = sorted(RESULTS.glob("*.json"))


def read(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def linking_lines(page: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Each line of a page that links result files, with what these hold."""
    for line in page.read_text(encoding="utf-8").splitlines():
        links = re.findall(r"\]\(((?:\.\./)?results/[^)]+\.json)\)", line)
        if links:
            yield line, [read(page.parent / link) for link in links]


def accuracy(arm: dict[str, Any]) -> str:
    shown = [100 * mean(arm[key]) for key in ("balanced_accuracy", "rarer_half")]
    return f"{shown[0]:.1f} ({shown[1]:.1f})"


def gains(result: dict[str, Any]) -> Iterator[str]:
    for found in result["gain"].values():
        gained, low, high = (100 * found[key] for key in ("mean", "low", "high"))
        yield f"{found['verdict']}, {gained:+.1f} ({low:+.1f} to {high:+.1f})"


def shares(result: dict[str, Any]) -> Iterator[str]:
    for found in result["gain"].values():
        both = found["error_reduction"], found["rare_error_reduction"]
        if None not in both:
            yield "{:.0f}% ({:.0f}%)".format(*(100 * share for share in both))


def test_the_figures_of_the_readme_are_those_of_the_result_files() -> None:
    linked = list(linking_lines(ROOT / "README.md"))
    rows = [
        (row, files) for row, files in linked if re.search(r"\| (helps|hurts|no evidence),", row)
    ]
    assert len(rows) >= 4
    for row, files in rows:
        for result in files:
            for arm in (result["baseline"], result["chosen"]):
                assert accuracy(result["arms"][arm]) in row


def test_the_table_of_the_readme_is_that_of_the_benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names = [
        "gtsrb-lt",
        "asl-lt-48",
        "mnist-lt",
        "flowers-lt-48",
        "seedlings-lt-48-logits",
        "trash-lt-48",
        "glyphs-lt",
        "digits-lt",
    ]
    table = gain_table([Path(f"results/gain-{name}.json") for name in names])
    assert table in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_figures_of_a_line_are_those_of_the_files_that_it_links(page: Path) -> None:
    """Accuracies `NN.N (NN.N)`, gains with their verdicts, and shares of the error gone."""
    interval = r"[+-]\d+\.\d \([+-]\d+\.\d to [+-]\d+\.\d\)"
    patterns = {
        r"(?<![\d.+-])\d+\.\d \(\d+\.\d\)": lambda r: map(accuracy, r["arms"].values()),
        rf"(?:helps|hurts|no evidence|no change), {interval}": gains,
        r"-?\d+% \(-?\d+%\)": shares,
    }
    shown = 0
    for line, files in linking_lines(page):
        results = [result for result in files if "arms" in result and "gain" in result]
        for pattern, figures in patterns.items():
            known = {text for result in results for text in figures(result)}
            found = re.findall(pattern, line)
            assert set(found) <= known, line
            shown += len(found)
        assert len(re.findall(interval, line)) == len(re.findall(rf", {interval}", line)), line
    assert shown >= (12 if page.name == "README.md" else 50)


@pytest.mark.parametrize("page", ["results.md", "recipes.md", "when-not.md", "pretrained.md"])
def test_every_table_says_of_steel_that_there_is_no_evidence(page: str) -> None:
    """A page that has an answer of its own leaves the reader with two."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if re.match(r"\|.*\bsteel\b", line)]
    verdicts = [row for row in rows if "no evidence" in row]
    assert verdicts
    for row in {row for row in rows if re.search(r"helps|hurts|verdict|alone", row)}:
        assert "no evidence" in row, row


def test_the_page_of_results_is_short_and_its_tables_are_narrow() -> None:
    lines = (ROOT / "docs" / "results.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150
    assert max(line.count("|") - 1 for line in lines if line.startswith("|")) <= 5


def index() -> dict[str, tuple[str, str]]:
    """What results/README.md says of each file: what it stands for, and its command."""
    rows = {}
    for line in (RESULTS / "README.md").read_text(encoding="utf-8").splitlines():
        found = re.fullmatch(r"\| \[([^]]+)\]\(\1\) \| (.+?) \| (.+?) \|", line)
        if found:
            assert found[1] not in rows, found[1]
            rows[found[1]] = found[2], found[3]
    return rows


def test_every_file_is_in_the_index() -> None:
    assert set(index()) == {path.name for path in RESULTS.iterdir()} - {"README.md"}


def test_the_commands_of_the_index_are_those_of_the_files() -> None:
    checked = 0
    for name, (_, told) in index().items():
        found = re.match(r"`(gain [^`]+)`", told)
        if not found:
            assert told.startswith(("none", "`python -m ", "`make ", "the four commands")), name
            continue
        options = gain.main.make_context("gain", shlex.split(found[1])[1:], resilient_parsing=True)
        asked, result = options.params, read(RESULTS / name)
        assert asked["dataset"] == (result["dataset"],), name
        first = asked["first_seed"]
        assert list(range(first, first + asked["seeds"])) == result["seeds"], name
        assert set(asked["arms"].split(",")) == set(result["arms"]), name
        assert asked["baseline"] == result["baseline"], name
        assert asked["tuned"] == result["tuned"], name
        usual = 900 if result["dataset"] == "digits-lt" else 3000
        if not asked["classifier"] or asked["steps"]:  # others go by the number of images
            assert (asked["steps"] or usual) == result["settings"]["steps"], name
        assert asked["final"] == (result["judged_on"] != "validation images"), name
        checked += 1
    assert checked >= 30


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_key_is_a_line(file: Path) -> None:
    assert file.read_text(encoding="utf-8") == result_text(read(file))


def test_every_result_of_a_test_part_stands_in_the_log_of_readings() -> None:
    """Each arm of each seed that was judged on half A, for every result file."""
    logged: set[tuple[str, str, str]] = set()
    for line in (RESULTS / "test-reads.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 8 and cells[1][:2] == "20":
            logged |= {(cells[3], s, arm) for s in cells[4].split() for arm in cells[5].split(", ")}
    judged = 0
    for file in RESULTS.glob("gain-*.json"):
        result = read(file)
        assert result["judged_on"] == "half A of the test part"
        for seed in result["seeds"]:
            for arm in result["arms"]:
                assert (result["dataset"], str(seed), arm) in logged, file.name
                judged += 1
    assert judged > 500
