"""The documentation holds: snippets run, every command, option and name is described."""

from __future__ import annotations

import inspect
import re
import runpy
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import click
import pytest
import torch
from helpers.photos import CLASSES, COUNTS, TINY, write_photos, write_pngs, write_table
from helpers.small_images import bars
from helpers.small_models import write_class_model, write_variation_model

import ganaug
from ganaug.artifact.policy import Policy
from ganaug.cli import command, run
from ganaug.evaluation.classifiers.network import default_steps
from ganaug.evaluation.classifiers.pretrained import QUICK_STEPS

ROOT = Path(__file__).parent.parent
DOCS = sorted(ROOT.glob("docs/*.md"))
LOGS = [*sorted(ROOT.glob("benchmarks/*.md")), ROOT / "results" / "README.md"]
ABOUT = [ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG", "SECURITY")]
PAGES = [*ABOUT, *DOCS, *LOGS]
# What makes the documented commands short enough for a test; they stay as they are otherwise.
SHORTER = {
    "check": ["--no-times"],
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
    """A folder with photos/ and made/ in which the README's commands ran, up to `evaluate`."""
    folder = tmp_path_factory.mktemp("docs")
    write_photos(folder / "photos", test=True)
    write_table(folder / "labels.csv", folder / "photos" / "train")
    write_pngs(folder / "made", replace(bars(COUNTS, (24, 24), 3, seed=7), classes=CLASSES))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for snippet in snippets(ROOT / "README.md", "console"):
            run_console(snippet)
    return folder


def test_the_commands_of_the_readme_run(workplace: Path) -> None:
    assert (workplace / "runs" / "photos" / "checkpoint.json").is_file()
    assert (workplace / "photos.onnx").is_file()
    assert (workplace / "photos-quick-look" / "report.html").is_file()


def test_the_python_of_the_readme_runs(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(workplace)
    names: dict[str, Any] = {}
    code = snippets(ROOT / "README.md", "python")
    assert len(code) == 1
    short = code[0].replace("seeds=6", "seeds=1, steps=2, jobs=1")
    assert short != code[0]
    exec(compile(short, "README.md", "exec"), names)
    assert names["images"].shape[1:] == (3, 224, 224)
    assert names["images"].dtype == torch.float32  # as a network takes them
    assert len(names["train"]) == len(names["real"])
    assert "for this generator" in capsys.readouterr().out


@pytest.mark.parametrize(
    "page", [*DOCS, ROOT / "README.md", ROOT / "SECURITY.md"], ids=lambda page: page.name
)
def test_the_rows_of_a_table_have_equally_many_cells(page: Path) -> None:
    width = 0
    for line in page.read_text(encoding="utf-8").splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert width in (0, cells) or not cells, f"{page.name}: {line[:80]}"
        width = cells


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_the_snippets_of_the_documentation_run(
    page: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_ALBUMENTATIONS_UPDATE", "1")  # else it asks the network on import
    extras = r"^(?:from|import) (efficientnet\w+|albumentations|datasets|kornia|skorch)"
    for package in re.findall(extras, page.read_text(encoding="utf-8"), re.M):
        pytest.importorskip(package, reason="an extra is not installed")
        if package == "datasets":
            monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", workplace / "cache")
    monkeypatch.chdir(workplace)
    names: dict[str, Any] = {}
    for language, snippet in re.findall(
        r"^```(console|python)\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S
    ):
        if language == "console":
            run_console(snippet)
            continue
        short = snippet.replace("steps=20", "steps=2")  # of classifiers, of which some are many
        exec(compile(short, page.name, "exec"), names)


def test_a_quick_look_is_as_long_as_it_is_said_to_be() -> None:
    network, tuned = default_steps((32, 32), quick=True), QUICK_STEPS
    page = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    assert f"trains a network for {network} steps, or a fine-tuned one for {tuned}." in page
    assert f"quick: {network} steps, {tuned} of a fine-tuned" in str(ganaug.evaluate_gain.__doc__)


def test_the_policy_is_read_from_a_file_of_either_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (snippet,) = (s for s in snippets(ROOT / "docs" / "tune.md", "python") if "info.policy" in s)
    for write, policy, told in (
        (write_variation_model, Policy.rule((10, 2)), "((2, 0.5),) 0.7 rule\n"),
        (write_class_model, None, ""),
    ):
        write(tmp_path / "photos.onnx", policy=policy)
        exec(compile(snippet, "tune.md", "exec"), {})
        assert capsys.readouterr().out == told


@pytest.mark.parametrize("page", [ROOT / "README.md", *DOCS], ids=lambda page: page.name)
def test_the_commands_that_are_only_shown_are_commands(page: Path) -> None:
    for snippet in snippets(page, "sh"):
        for line in snippet.replace("\\\n", " ").splitlines():
            program, *arguments = shlex.split(line.partition(">")[0], comments=True) or [""]
            if program == "ganaug":
                shown = command.commands[arguments[0]]
                shown.make_context(arguments[0], arguments[1:])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["training_loop.py", "photos", "photos.onnx", "--size", "32"], "balanced accuracy"),
        (["mixed_dataset.py", "photos/train", "photos.onnx"], "crack 12, dent 12, ok 12"),
        pytest.param(
            ["lightning_module.py", "photos/train", "photos.onnx", "--size", "32"],
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


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    found: dict[str, int] = {}
    for heading in re.findall(r"^#+ (.*)", text, re.M):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
    return {f"{slug}-{n}" if n else slug for slug, most in found.items() for n in range(most + 1)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_links_inside_the_documentation_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            continue
        target, _, anchor = link.partition("#")
        there = page.parent / target if target else page
        assert there.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(there), f"{page.name}: {link}"


def test_each_promise_about_files_names_a_test_that_exists() -> None:
    text = (ROOT / "docs" / "how-it-is-checked.md").read_text(encoding="utf-8")
    table = text.partition("\n## Your files\n")[2].partition("##")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line[:2] == "| "][2:]
    assert len(rows) > 40
    for promise, test in rows:
        assert not promise.startswith(("So ", "They ", "One of them ")), "read with no row above it"
        found = re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)`", test)
        assert found, promise
        source = (ROOT / found.group(1)).read_text(encoding="utf-8")
        assert f"def {found.group(2)}(" in source, test


def test_the_readme_is_short() -> None:
    """At most 700 words: what stands between spaces and has a letter or a digit, code included.

    The targets of links do not count.
    """
    text = re.sub(r"\]\([^)]*\)", "]", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert 100 < sum(any(map(str.isalnum, word)) for word in text.split()) <= 700


def test_the_picture_of_the_readme_is_small() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    pictures = re.findall(r"^!\[[^\]]+\]\(([^)]+)\)$", text, re.M)
    assert len(pictures) == 1
    assert (ROOT / pictures[0]).stat().st_size < 400_000


def test_the_make_targets_of_the_readme_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^make (\w+)", readme, re.M)
    assert targets[:2] == ["demo", "test"]
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.M)


def test_help_names_every_preset_and_loss(capsys: pytest.CaptureFixture[str]) -> None:
    from ganaug.training import PRESETS
    from ganaug.training.config import Loss

    assert run(["fit", "--help"]) == 0
    words = capsys.readouterr().out
    assert all(name in words for name in (*PRESETS, *get_args(Loss)))


def test_no_placeholder_is_left() -> None:
    assert [page.name for page in PAGES if "@@" in page.read_text(encoding="utf-8")] == []
