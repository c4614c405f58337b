"""The documentation holds: snippets run, every command, option and name is described."""

from __future__ import annotations

import inspect
import json
import re
import runpy
import shlex
import sys
from pathlib import Path
from statistics import mean
from typing import Any

import click
import pytest
from helpers.photos import TINY, write_photos

import ganaug
from ganaug.cli import command, run

ROOT = Path(__file__).parent.parent
DOCS = sorted(ROOT.glob("docs/*.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *DOCS]
# What makes the documented commands short enough for a test; they stay as they are otherwise.
SHORTER = {
    "fit": ["--steps", "2", *TINY],
    "tune": ["--steps", "2", "--fit-steps", "1", "--jobs", "1"],
    "evaluate": ["--seeds", "1", "--quick", "--steps", "2", "--jobs", "1"],
}


def snippets(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


def run_console(snippet: str) -> None:
    """Run the `ganaug` commands of a snippet in this process, in the current folder."""
    for line in snippet.splitlines():
        program, *arguments = shlex.split(line, comments=True)
        assert program == "ganaug"
        assert run(["-q", *arguments, *SHORTER.get(arguments[0], [])]) == 0


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos/ in which the README's commands were run, up to `evaluate`."""
    folder = tmp_path_factory.mktemp("docs")
    write_photos(folder / "photos", test=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for snippet in snippets(ROOT / "README.md", "console"):
            run_console(snippet)
    return folder


def test_the_commands_of_the_readme_run(workplace: Path) -> None:
    assert (workplace / "runs" / "defects" / "checkpoint.json").is_file()
    assert (workplace / "defects.onnx").is_file()
    assert (workplace / "defects-evaluation" / "report.html").is_file()


def test_the_python_of_the_readme_runs(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(workplace)
    names: dict[str, Any] = {}
    code = snippets(ROOT / "README.md", "python")
    assert len(code) == 3
    for snippet in code:
        short = snippet.replace("seeds=6", "seeds=1, steps=2, jobs=1")
        exec(compile(short, "README.md", "exec"), names)
    assert names["images"].shape[1:] == (3, 64, 64)
    assert len(names["train"]) == 3 * 12  # balanced
    assert "for this generator" in capsys.readouterr().out


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_the_snippets_of_the_documentation_run(
    page: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workplace)
    for snippet in snippets(page, "console"):
        run_console(snippet)
    names: dict[str, Any] = {}
    for snippet in snippets(page, "python"):
        exec(compile(snippet, page.name, "exec"), names)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["training_loop.py", "photos", "defects.onnx", "--size", "32"], "balanced accuracy"),
        (["mixed_dataset.py", "photos/train", "defects.onnx"], "crack 12, dent 12, ok 12"),
        pytest.param(
            ["lightning_module.py", "photos/train", "defects.onnx", "--size", "32"],
            "2 steps, loss ",
            marks=pytest.mark.filterwarnings("ignore"),  # Lightning's advice on small runs
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_the_examples_run(
    arguments: list[str],
    words: str,
    workplace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(workplace)
    monkeypatch.setattr(sys, "argv", [*arguments, "--epochs", "2"])
    runpy.run_path(str(ROOT / "examples" / arguments[0]), run_name="__main__")
    assert words in capsys.readouterr().out


def test_every_example_is_run_and_named() -> None:
    files = {path.name for path in (ROOT / "examples").glob("*.py")}
    assert files == {"training_loop.py", "mixed_dataset.py", "lightning_module.py"}
    api = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert all(f"examples/{name}" in api for name in files)


@pytest.mark.parametrize("name", sorted(command.commands))
def test_every_command_and_option_is_documented(name: str) -> None:
    api = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    part = re.split(r"\n##+ ", api[api.index(f"### ganaug {name}") :])[0]
    for parameter in command.commands[name].params:
        if isinstance(parameter, click.Option) and parameter.name != "help":
            longest = max(parameter.opts, key=len)
            assert longest in part, f"ganaug {name} {longest} is not in docs/api.md"
    assert command.commands[name].help


def test_the_options_of_the_group_are_documented() -> None:
    api = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for parameter in command.params:
        assert max(parameter.opts, key=len) in api


@pytest.mark.parametrize("name", ganaug.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    api = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    found = re.search(rf"^\| `{name}(?:\((.*?)\))?`", api, re.M)
    assert found, f"{name} is not in the table of names of docs/api.md"
    value = getattr(ganaug, name)
    if name.startswith("__"):
        return
    assert value.__doc__
    if found.group(1):
        parameters = inspect.signature(value).parameters
        for word in found.group(1).split(", "):
            assert word == "..." or word.rstrip("=") in parameters


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_inside_the_documentation_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_make_targets_of_the_readme_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^make (\w+)", readme, re.M)
    assert targets[:2] == ["demo", "test"]
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.M)


def test_help_names_every_preset_and_loss(capsys: pytest.CaptureFixture[str]) -> None:
    from ganaug.training import PRESETS
    from ganaug.training.losses import LOSSES

    assert run(["fit", "--help"]) == 0
    words = capsys.readouterr().out
    assert all(name in words for name in (*PRESETS, *LOSSES))


def test_the_figures_of_the_readme_are_those_of_the_result_files() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if "](results/" in line]
    assert rows
    for row in rows:
        file = re.search(r"\]\((results/[^)]+\.json)\)", row)
        assert file is not None
        result = json.loads((ROOT / file[1]).read_text(encoding="utf-8"))
        for arm in (result["baseline"], result["chosen"]):
            scores = result["arms"][arm]
            shown = [100 * mean(scores[key]) for key in ("balanced_accuracy", "rarer_half")]
            assert f"{shown[0]:.1f} ({shown[1]:.1f})" in row


def test_every_result_of_a_test_part_stands_in_the_log_of_readings() -> None:
    """Each arm of each seed that was judged on half A, for every result file."""
    results = ROOT / "results"
    read: set[tuple[str, str, str]] = set()
    for line in (results / "test-reads.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 8 and cells[1][:2] == "20":
            read |= {(cells[3], s, arm) for s in cells[4].split() for arm in cells[5].split(", ")}
    judged = 0
    for file in results.glob("gain-*.json"):
        result = json.loads(file.read_text(encoding="utf-8"))
        assert result["judged_on"] == "half A of the test part"
        for seed in result["seeds"]:
            for arm in result["arms"]:
                assert (result["dataset"], str(seed), arm) in read, file.name
                judged += 1
    assert judged > 500


def test_no_placeholder_is_left() -> None:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
    assert [page.name for page in pages if "@@" in page.read_text(encoding="utf-8")] == []
